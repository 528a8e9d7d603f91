"""The second way to read a source: what InfluxQL reads as Flux does, it reads, far more cheaply for the server."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import replace

from telegraf_plugin.errors import BadReply, PermanentError, SourceError, TransientError
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.influxql import UnspeakableName, rows_statement
from telegraf_plugin.influxdb.layouts import Layout, Layouts, Unmapped, Whereabouts
from telegraf_plugin.influxdb.wide_passage import Unfit, WidePassage
from telegraf_plugin.stream.block import Block
from telegraf_plugin.stream.definition import ReadWay, StreamDefinition
from telegraf_plugin.stream.spans import Span
from telegraf_plugin.stream.tally import Tally

log = logging.getLogger(__name__)

MAX_BY_FLUX = 50
"""Measurements of a stream that Flux reads beside InfluxQL: where there are more it reads all."""
SECONDS_BY_FLUX = 600.0
"""For how long a bucket is read by Flux alone when InfluxQL failed there."""
MAX_FAILURES = 3
"""Replies in a row that may break off half way before that counts as failing."""
MAX_SAID = 10_000

Reading = Generator[tuple[list[Block], bool], None, StreamDefinition | None]


class InfluxqlReader:
    """Reads one source by InfluxQL, as far as that gives the same points as Flux. Safe to use from several threads."""

    def __init__(self, client: QueryClient, way: ReadWay, steady: Callable[[], float] = time.monotonic) -> None:
        """`steady` gives seconds of a clock that never jumps."""
        self._client, self._way, self._steady = client, way, steady
        self._layouts = Layouts(client, steady)
        self._lock = threading.Lock()
        self._unfit: set[tuple[str, str]] = set()  # of a stream, by its label: measurements, found when they were read
        self._failures: dict[str, int] = {}
        self._resting: dict[str, float] = {}
        self._said: set[tuple[str, ...]] = set()

    def blocks(self, stream: StreamDefinition, span: Span, tally: Tally) -> Reading:
        """Yield what InfluxQL reads of `span`, as `Passage.blocks` does; `tally` counts.

        Returns what of the stream is left to Flux, None for nothing. Raises SourceError.
        """
        if self._way is ReadWay.FLUX or stream.computed or self._rests(stream.bucket):
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
                if self._way is ReadWay.INFLUXQL:
                    if isinstance(unmapped.__cause__, SourceError) and unmapped.__cause__.status in _NOT_THE_LANGUAGE:
                        raise unmapped.__cause__ from None
                    raise PermanentError(f"InfluxQL cannot read {stream.bucket}: {unmapped}", _MAPPED) from None
                self._say(stream, stream.bucket, str(unmapped))
                return stream
            except (PermanentError, BadReply) as error:
                if error.status in _NOT_THE_LANGUAGE or not self._gives_up(stream, error, begun):
                    raise
                return stream
            self._failures.pop(stream.bucket, None)
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
            rows_statement(where.place, "m", stream.tags, span)
        except (UnicodeDecodeError, UnspeakableName):
            self._say(stream, stream.bucket, "InfluxQL cannot name a measurement, or a tag that the stream selects")
            return None
        found = self._layouts.of(where, stream.bucket, tuple(dict.fromkeys(names)), span)
        with self._lock:
            met = {name for label, name in self._unfit if label == stream.label}
        for name, layout in found.items():
            if layout.unfit:
                self._say(stream, name, layout.unfit)
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
        self._say(stream, unfit.measurement, unfit.reason)

    def _rests(self, bucket: str) -> bool:
        return self._steady() < self._resting.get(bucket, 0.0)

    def _gives_up(self, stream: StreamDefinition, error: PermanentError | BadReply, begun: bool) -> bool:
        """Note that InfluxQL failed; returns whether Flux is to read all of it now."""
        with self._lock:
            failures = self._failures[stream.bucket] = self._failures.get(stream.bucket, 0) + 1
            if begun and failures < MAX_FAILURES:
                return False
            self._resting[stream.bucket] = self._steady() + SECONDS_BY_FLUX
            self._failures.pop(stream.bucket)
        self._say(stream, stream.bucket, error.summary)
        return not begun

    def _say(self, stream: StreamDefinition, what: str, reason: str) -> None:
        """Say once in the log that `what` is read by Flux."""
        said = (stream.label, what, reason)
        with self._lock:
            if said in self._said or len(self._said) >= MAX_SAID:
                return
            self._said.add(said)
        log.info("%s: %s is read by Flux, not by InfluxQL: %s", stream.label, what, self._client.redact(reason))


_NOT_THE_LANGUAGE = (401, 407)
"""A token, or a proxy's user, that is refused: Flux would be refused as well."""
_MAPPED = "map the bucket (influx v1 dbrp create), or set read: auto for the server"
