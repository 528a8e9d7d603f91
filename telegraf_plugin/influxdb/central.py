"""What the plugin reads in central: its ledger, and what has landed. That, and nothing else, is proof."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar, cast

from telegraf_plugin.config import Server
from telegraf_plugin.influxdb import central_flux as flux
from telegraf_plugin.influxdb.annotated_csv import Decoder
from telegraf_plugin.influxdb.answers import FieldTypes, types_of
from telegraf_plugin.influxdb.bundle import Bundle, Foresee, count_by_flux, points_by_flux
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.flux import Query, series_predicates
from telegraf_plugin.influxdb.flux_counts import ForeseenCount
from telegraf_plugin.influxdb.flux_points import ForeseenPoints
from telegraf_plugin.influxdb.influxql import in_central
from telegraf_plugin.influxdb.influxql_questions import ADDED, Questions, added
from telegraf_plugin.influxdb.influxql_reader import InfluxqlReader, Left
from telegraf_plugin.influxdb.influxql_way import InfluxqlWay
from telegraf_plugin.influxdb.ledger_reader import LedgerReader
from telegraf_plugin.influxdb.resting import Resting
from telegraf_plugin.influxdb.statements import Foreseen
from telegraf_plugin.influxdb.timestamps import parse_time
from telegraf_plugin.stream.block import Block, FieldKey
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.definition import ReadWay, StreamDefinition, StreamId
from telegraf_plugin.stream.names import HEALTH
from telegraf_plugin.stream.selection import named_in_central
from telegraf_plugin.stream.spans import Span
from telegraf_plugin.stream.units import SECOND

Answer = TypeVar("Answer")

ALONE_SECONDS = 600.0
"""For how long each stream asks for its own points where those of all were too many for one answer."""
MAX_BYTES = 1024 * 1024
"""What is kept of the answers about one bucket, which has the streams of all sources."""
_OF_FLUX = ("", "result", "table")
"""Columns of each reply that are no tags."""


class CentralReader(LedgerReader):
    """Reads in central. Safe to use from several threads; whatever fails is a CentralError."""

    def __init__(
        self,
        central: Server,
        metrics_bucket: str,
        client: QueryClient | None = None,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """As `LedgerReader`; points are asked for in the language that `central` says.

        `steady` gives seconds of a clock that never jumps.
        """
        super().__init__(central, metrics_bucket, client)
        self._way = InfluxqlWay(self._client, central.read)
        self._always_influxql = central.read is ReadWay.INFLUXQL
        self._influxql = InfluxqlReader(self._way)
        self._alone = Resting(ALONE_SECONDS, steady)  # buckets where points of many are not asked for together
        self._open: dict[str, Bundle] = {}
        self._turns: dict[str, threading.Lock] = {}

    # What has landed

    def count(self, stream: StreamDefinition, span: Span) -> int:
        """Return how many points central has of `stream` in `span`, which crosses no shard group's end."""

        def by_flux() -> int:
            return count_by_flux(self._client, flux.count_query(stream, *span))

        with self._explained():
            return self._either(stream, lambda questions: questions.count(span), by_flux)

    def bundle(self, bucket: str, foreseen: Sequence[Foresee]) -> Bundle:
        """Return one request for what several questions are about to ask of `bucket`, also those that come later.

        One at a time is asked of a bucket: who comes meanwhile is asked for by the next one. One thread's; never waits.
        """
        open_ = self._open.get(bucket)
        if open_ is None or not open_.join(foreseen):
            turn = self._turns.setdefault(bucket, threading.Lock())
            open_ = self._open[bucket] = Bundle(self._client, foreseen, turn, MAX_BYTES)
        return open_

    def foreseen_counts(self, stream: StreamDefinition, spans: Iterable[Span]) -> Iterator[Foreseen | ForeseenCount]:
        """Yield what `count` of `spans` is about to ask, as far as that can be told (`bundle`)."""
        if not self._suits_influxql(stream):
            tags = tuple((key.decode(), value.decode()) for key, value in added(in_central(stream).conditions))
            for span in spans:
                whole = flux.counts_query(stream, *span, ADDED) if tags else None
                yield ForeseenCount(flux.count_query(stream, *span), whole, tags)
            return
        questions = self._way.about(in_central(stream))
        yield from questions.foreseen_counts(spans) if questions is not None else ()

    def foreseen_points(self, stream: StreamDefinition, spans: Iterable[Span]) -> Iterator[Foreseen | ForeseenPoints]:
        """Yield what `blocks` of `spans` is about to ask, likewise."""
        if self._suits_influxql(stream):
            yield from self._influxql.foreseen(in_central(stream), spans, False)
            return
        bucket, tags = stream.central_bucket, added(in_central(stream).conditions)
        if tags and bucket not in self._alone:
            for span in spans:
                query, whole = flux.points_query(stream, *span), flux.all_points_query(stream, *span)
                yield ForeseenPoints(query, whole, tags, partial(self._alone.add, bucket))

    def exists(self, stream: StreamDefinition, span: Span) -> bool:
        """Say whether central has any point of `stream` in `span`, which may be years."""

        def by_flux() -> bool:
            return next(iter(self._rows(flux.exists_query(stream, *span))), None) is not None

        with self._explained():
            return self._either(stream, lambda questions: questions.exists(span), by_flux)

    def blocks(self, stream: StreamDefinition, span: Span) -> Iterator[tuple[list[Block], bool]]:
        """Yield what central has of `stream` in `span`, as `Passage.blocks` does for the source."""
        with self._explained():
            rest = stream
            if self._suits_influxql(stream):
                names = yield from self._counted(self._influxql.raw(in_central(stream), span))
                if names == ():
                    return
                rest = stream if names is None else replace(named_in_central(stream), measurements=names)
            decoder, query = Decoder(), flux.points_query(rest, *span)
            foreseen = points_by_flux(self._client, query)
            if foreseen is not None:
                self.values += sum(map(len, foreseen))
                yield foreseen, False
                return
            for blocks in self._read(query, decoder):
                self.values += sum(map(len, blocks))
                yield blocks, False
            if decoder.quoted and stream.flux is None:
                again = flux.carriage_return_query(rest, *span, decoder.quoted)
                yield from ((blocks, True) for blocks in self._read(again, Decoder(escaped=True)))

    def _counted(self, reading: Left) -> Left:
        """Yield what `reading` does, and count the points."""
        while True:
            try:
                blocks, exact = next(reading)
            except StopIteration as end:
                return cast("tuple[str, ...] | None", end.value)
            self.values += 0 if exact else sum(map(len, blocks))
            yield blocks, exact

    def types(self, bucket: str, span: Span, field_key: FieldKey) -> set[str]:
        """Return the types that central has of the field key's field in `span`."""
        with self._explained():
            query = flux.field_types_query(bucket, *span, field_key[0], field_key[1])
            return {block.type.value for blocks in self._read(query, Decoder()) for block in blocks}

    def newest_types(self, stream: StreamDefinition, span: Span) -> FieldTypes:
        """Return the type of each field that may be the stream's in `span`, which crosses no shard group's end."""
        chosen = replace(in_central(stream), conditions=())

        def by_flux() -> FieldTypes:
            query = flux.newest_types_query(stream.central_bucket, *span, series_predicates(named_in_central(stream)))
            return types_of(self._client.query(query))

        with self._explained():
            if not self._suits_influxql(stream):
                return by_flux()
            return self._way.ask(chosen, lambda questions: questions.types(span), by_flux)

    def probe(self, bucket: str, now: int) -> None:
        """Have central answer for `bucket` at `now` (Unix ns): whether it is there, and may be read."""
        with self._explained():
            for _ in self._rows(flux.bucket_query(bucket, now - SECOND, now)):
                pass

    def stream_metrics(self, span: Span) -> list[tuple[StreamId, int, str, str]]:
        """Return what the plugin said of its streams in `span`: whose, when (Unix ns), and each field with its text."""
        with self._explained():
            return [
                (
                    StreamId(row["source"], row["stream"]),
                    _time_of(row),
                    row["_field"],
                    row["_value"],
                )
                for row in self._rows(flux.stream_metrics_query(self._metrics_bucket, *span))
            ]

    def stream_history(
        self, span: Span, fields: Collection[str], every: int, highest: bool = True
    ) -> list[tuple[StreamId, int, str, float]]:
        """Return what the plugin said of its streams in `span`, in windows of `every` (ns).

        Of whom, when the window begins (Unix ns), which of the `fields`, and the highest value in it, or their sum.
        """
        with self._explained():
            query = flux.stream_history_query(self._metrics_bucket, *span, fields, every, highest)
            return [
                (StreamId(row["source"], row["stream"]), _time_of(row), row["_field"], float(row["_value"]))
                for row in self._rows(query)
            ]

    def newest_points(self, measurement: str, span: Span) -> list[tuple[dict[str, str], int, str, str]]:
        """Return the newest point in `span` of each series of `measurement` in the bucket of metrics.

        Its tags, when (Unix ns), and each field with its text.
        """
        with self._explained():
            query = flux.newest_points_query(self._metrics_bucket, *span, measurement)
            return [
                (
                    {key: value for key, value in row.items() if key[:1] != "_" and key not in _OF_FLUX},
                    _time_of(row),
                    row["_field"],
                    row["_value"],
                )
                for row in self._rows(query)
            ]

    def running_version(self, span: Span) -> str | None:
        """Return the version of the collector that spoke last in `span`; None when none told it."""
        told = [(at, value) for _, at, field, value in self.newest_points(HEALTH, span) if field == "version"]
        return max(told)[1] if told else None

    def bucket(self, name: str) -> Bucket | None:
        """Return how long central keeps the bucket `name`; None when it does not say."""
        with self._explained():
            return self._client.bucket(name)

    def _either(
        self, stream: StreamDefinition, by_influxql: Callable[[Questions], Answer], by_flux: Callable[[], Answer]
    ) -> Answer:
        return self._way.ask(in_central(stream), by_influxql, by_flux) if self._suits_influxql(stream) else by_flux()

    def _suits_influxql(self, stream: StreamDefinition) -> bool:
        """Say whether InfluxQL reads what has landed of the stream for less than Flux.

        Where the tag `field` makes a series of each field, InfluxQL looks for each of a measurement's fields in each
        series: as much more as there are fields (decision 0078).
        """
        return stream.flux is None and (stream.wide or self._always_influxql)

    def _read(self, query: Query, decoder: Decoder) -> Iterator[list[Block]]:
        for chunk in self._client.query(query):
            yield list(decoder.feed(chunk))
        decoder.finish()


def _time_of(row: dict[str, str]) -> int:
    return parse_time(row["_time"].encode())
