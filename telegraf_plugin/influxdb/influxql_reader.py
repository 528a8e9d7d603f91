"""The second way to read points: what InfluxQL reads as Flux does, it reads, far more cheaply for the server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import replace

from telegraf_plugin.errors import BadReply, PermanentError, TransientError
from telegraf_plugin.influxdb.influxql import (
    Place,
    Selection,
    UnspeakableName,
    at_source,
    measurements_statement,
    rows_statement,
)
from telegraf_plugin.influxdb.influxql_way import InfluxqlWay
from telegraf_plugin.influxdb.layouts import Layout, Unmapped, Whereabouts
from telegraf_plugin.influxdb.statements import Foreseen
from telegraf_plugin.influxdb.wide_blocks import ALIKE, Unfit, WideBlocks
from telegraf_plugin.influxdb.wide_passage import WidePassage
from telegraf_plugin.stream.block import Block
from telegraf_plugin.stream.definition import Aggregate, StreamDefinition
from telegraf_plugin.stream.names import is_own
from telegraf_plugin.stream.spans import Span
from telegraf_plugin.stream.tally import Tally

MAX_BY_FLUX = 50
"""Measurements of a stream that Flux reads beside InfluxQL: where there are more it reads all."""

Reading = Generator[tuple[list[Block], bool], None, StreamDefinition | None]
Left = Generator[tuple[list[Block], bool], None, tuple[str, ...] | None]
Make = Callable[[Place, Mapping[str, Layout], Callable[[str], Layout]], WideBlocks]


class InfluxqlReader:
    """Reads one server by InfluxQL, as far as that gives the same points as Flux. Safe to use from several threads."""

    def __init__(self, way: InfluxqlWay) -> None:
        self._way = way
        self._client, self._layouts = way.client, way.layouts
        self._lock = threading.Lock()
        self._unfit: set[tuple[str, str]] = set()  # of a stream, by its label: measurements, found when they were read

    def blocks(self, stream: StreamDefinition, span: Span, tally: Tally) -> Reading:
        """Yield what InfluxQL reads of the source's `span`, as `Passage.blocks` does; `tally` counts.

        Returns what of the stream is left to Flux, None for nothing. Raises SourceError.
        """
        if stream.flux is not None:
            return stream
        if stream.aggregate is not None and stream.aggregate.fn not in ALIKE and self._client.speaks_flux:
            return stream

        def make(place: Place, layouts: Mapping[str, Layout], renewed: Callable[[str], Layout]) -> WideBlocks:
            return WidePassage(self._client, place, stream, span, layouts, renewed, tally)

        names = yield from self._blocks(at_source(stream), span, make)
        return stream if names is None else replace(stream, measurements=names) if names else None

    def foreseen(
        self, chosen: Selection, spans: Iterable[Span], own: bool, aggregate: Aggregate | None = None
    ) -> Iterator[Foreseen]:
        """Yield what is about to be asked for the points of each of `spans`, as far as is known what there is.

        `own`: the collector's own are asked for as well. Raises SourceError, and what makes it Flux's.
        """
        if not self._way.open(chosen.bucket):
            return
        where = self._layouts.place(chosen.bucket)
        names = chosen.measurements or tuple(name.decode() for name in self._layouts.last_names(where.place))
        asked = [name for name in dict.fromkeys(names) if own or not is_own(name.encode())]
        for span in spans:
            if not chosen.measurements:
                yield Foreseen(where.place, measurements_statement(where.place))
            layouts, about = self._layouts.last(where, chosen.bucket, asked, span)
            if about:
                yield Foreseen(where.place, about)
            for name, layout in layouts.items():
                if not layout.unfit:
                    yield Foreseen(where.place, rows_statement(where.place, name, chosen.conditions, span, aggregate))

    def raw(self, chosen: Selection, span: Span) -> Left:
        """Yield what InfluxQL reads of `chosen`, as it is there, and not the collector's own.

        Returns the measurements that are left to Flux, None for all of them. Raises SourceError.
        """

        def make(place: Place, layouts: Mapping[str, Layout], renewed: Callable[[str], Layout]) -> WideBlocks:
            return WideBlocks(self._client, place, chosen, span, layouts, renewed)

        return (yield from self._blocks(chosen, span, make, own=False))

    def _blocks(self, chosen: Selection, span: Span, make: Make, own: bool = True) -> Left:
        if not self._way.open(chosen.bucket):
            return None
        while True:
            begun = False
            try:
                plan = self._plan(chosen, span, own)
                if plan is None:
                    return None
                where, layouts, rest = plan
                reading = make(where.place, layouts, self._renewed(where, chosen.bucket))
                for found in reading.blocks():
                    begun = True
                    yield found
            except Unfit as unfit:
                self._remember(chosen, unfit)
                if begun:
                    raise TransientError(f"{unfit} (InfluxQL)", "it is read again, by Flux") from None
                continue
            except Unmapped as unmapped:
                self._way.unmapped(chosen.label, chosen.bucket, unmapped)
                return None
            except (PermanentError, BadReply) as error:
                if not self._way.gives_up(chosen.label, chosen.bucket, error, begun):
                    raise
                return None
            self._way.works(chosen.bucket)
            for name, reason in reading.unfit.items():
                self._remember(chosen, Unfit(name, reason))
            return (*rest, *reading.unfit)

    def _plan(
        self, chosen: Selection, span: Span, own: bool
    ) -> tuple[Whereabouts, dict[str, Layout], tuple[str, ...]] | None:
        """Return what InfluxQL reads, and the measurements that Flux does; None where Flux reads all of it."""
        where = self._layouts.place(chosen.bucket)
        try:
            names = chosen.measurements or [name.decode() for name in self._layouts.names(where.place)]
            rows_statement(where.place, "m", chosen.conditions, span)
        except (UnicodeDecodeError, UnspeakableName):
            reason = "InfluxQL cannot name a measurement, or a tag that the stream selects"
            self._way.leaves(chosen.label, chosen.bucket, reason)
            return None
        asked = tuple(name for name in dict.fromkeys(names) if own or not is_own(name.encode()))
        found = self._layouts.of(where, chosen.bucket, asked, span)
        with self._lock:
            met = {name for label, name in self._unfit if label == chosen.label}
        for name, layout in found.items():
            if layout.unfit:
                self._way.leaves(chosen.label, name, layout.unfit)
        by_flux = [name for name, layout in found.items() if layout.unfit or name in met]
        if len(by_flux) > MAX_BY_FLUX or not set(found).difference(by_flux):
            return None if by_flux else (where, {}, ())
        return where, {name: layout for name, layout in found.items() if name not in by_flux}, tuple(by_flux)

    def _renewed(self, where: Whereabouts, bucket: str) -> Callable[[str], Layout]:
        return lambda name: self._layouts.renewed(where, bucket, [name])[name]

    def _remember(self, chosen: Selection, unfit: Unfit) -> None:
        with self._lock:
            self._unfit.add((chosen.label, unfit.measurement))
        self._way.leaves(chosen.label, unfit.measurement, unfit.reason)
