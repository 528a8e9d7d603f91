"""The second way to read a source: what InfluxQL reads as Flux does, it reads, far more cheaply for the server."""

from __future__ import annotations

import threading
from collections.abc import Generator
from dataclasses import replace

from telegraf_plugin.errors import BadReply, PermanentError, TransientError
from telegraf_plugin.influxdb.influxql import UnspeakableName, at_source, rows_statement
from telegraf_plugin.influxdb.influxql_way import InfluxqlWay
from telegraf_plugin.influxdb.layouts import Layout, Unmapped, Whereabouts
from telegraf_plugin.influxdb.wide_passage import Unfit, WidePassage
from telegraf_plugin.stream.block import Block
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.spans import Span
from telegraf_plugin.stream.tally import Tally

MAX_BY_FLUX = 50
"""Measurements of a stream that Flux reads beside InfluxQL: where there are more it reads all."""

Reading = Generator[tuple[list[Block], bool], None, StreamDefinition | None]


class InfluxqlReader:
    """Reads one source by InfluxQL, as far as that gives the same points as Flux. Safe to use from several threads."""

    def __init__(self, way: InfluxqlWay) -> None:
        self._way = way
        self._client, self._layouts = way.client, way.layouts
        self._lock = threading.Lock()
        self._unfit: set[tuple[str, str]] = set()  # of a stream, by its label: measurements, found when they were read

    def blocks(self, stream: StreamDefinition, span: Span, tally: Tally) -> Reading:
        """Yield what InfluxQL reads of `span`, as `Passage.blocks` does; `tally` counts.

        Returns what of the stream is left to Flux, None for nothing. Raises SourceError.
        """
        if stream.computed or not self._way.open(stream.bucket):
            return stream
        while True:
            begun = False
            try:
                plan = self._plan(stream, span)
                if plan is None:
                    return stream
                where, layouts, rest = plan
                passage = self._passage(where, stream, span, layouts, tally)
                for found in passage.blocks():
                    begun = True
                    yield found
            except Unfit as unfit:
                self._remember(stream, unfit)
                if begun:
                    raise TransientError(f"{unfit} (InfluxQL)", "it is read again, by Flux") from None
                continue
            except Unmapped as unmapped:
                self._way.unmapped(stream.label, stream.bucket, unmapped)
                return stream
            except (PermanentError, BadReply) as error:
                if not self._way.gives_up(stream.label, stream.bucket, error, begun):
                    raise
                return stream
            self._way.works(stream.bucket)
            for name, reason in passage.unfit.items():
                self._remember(stream, Unfit(name, reason))
            names = (*(rest.measurements if rest is not None else ()), *passage.unfit)
            return replace(stream, measurements=names) if names else None

    def _plan(
        self, stream: StreamDefinition, span: Span
    ) -> tuple[Whereabouts, dict[str, Layout], StreamDefinition | None] | None:
        """Return what InfluxQL reads, and what of the stream Flux does; None where Flux reads all of it."""
        where = self._layouts.place(stream.bucket)
        try:
            names = stream.measurements or [name.decode() for name in self._layouts.names(where.place)]
            rows_statement(where.place, "m", at_source(stream).conditions, span)
        except (UnicodeDecodeError, UnspeakableName):
            reason = "InfluxQL cannot name a measurement, or a tag that the stream selects"
            self._way.leaves(stream.label, stream.bucket, reason)
            return None
        found = self._layouts.of(where, stream.bucket, tuple(dict.fromkeys(names)), span)
        with self._lock:
            met = {name for label, name in self._unfit if label == stream.label}
        for name, layout in found.items():
            if layout.unfit:
                self._way.leaves(stream.label, name, layout.unfit)
        by_flux = [name for name, layout in found.items() if layout.unfit or name in met]
        if len(by_flux) > MAX_BY_FLUX or not set(found).difference(by_flux):
            return None if by_flux else (where, {}, None)
        rest = replace(stream, measurements=tuple(by_flux)) if by_flux else None
        return where, {name: layout for name, layout in found.items() if name not in by_flux}, rest

    def _passage(
        self,
        where: Whereabouts,
        stream: StreamDefinition,
        span: Span,
        layouts: dict[str, Layout],
        tally: Tally,
    ) -> WidePassage:
        def renewed(name: str) -> Layout:
            return self._layouts.renewed(where, stream.bucket, [name])[name]

        return WidePassage(self._client, where.place, stream, span, layouts, renewed, tally)

    def _remember(self, stream: StreamDefinition, unfit: Unfit) -> None:
        with self._lock:
            self._unfit.add((stream.label, unfit.measurement))
        self._way.leaves(stream.label, unfit.measurement, unfit.reason)
