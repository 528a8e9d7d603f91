"""All questions to one source. A series that breaks them is found and left out; empty time costs next to nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeVar

from telegraf_plugin.errors import BadReply, PermanentError, SourceError
from telegraf_plugin.influxdb import flux
from telegraf_plugin.influxdb.answers import FieldTypes, count_of, first_time, types_of
from telegraf_plugin.influxdb.bundle import reply_of
from telegraf_plugin.influxdb.central_flux import measurement_counts_query, newest_types_query
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.failures import explain
from telegraf_plugin.influxdb.flux import Query
from telegraf_plugin.influxdb.flux_replies import ForeseenReply
from telegraf_plugin.influxdb.flux_together import FluxTogether
from telegraf_plugin.influxdb.influxql import at_source
from telegraf_plugin.influxdb.influxql_questions import Questions
from telegraf_plugin.influxdb.influxql_reader import InfluxqlReader
from telegraf_plugin.influxdb.influxql_way import InfluxqlWay
from telegraf_plugin.influxdb.passage import Passage
from telegraf_plugin.influxdb.rows import read_rows, whole_number
from telegraf_plugin.influxdb.statements import Foreseen
from telegraf_plugin.influxdb.unreadable import Unreadables, count_statement, counted, is_panic
from telegraf_plugin.stream.block import Block
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.definition import ReadWay, StreamDefinition, UnreadableSeries
from telegraf_plugin.stream.drops import DropReason, series_text
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.spans import Span
from telegraf_plugin.stream.status import Effort
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.stream.units import HOUR, MINUTE

Answer = TypeVar("Answer")


class SourceReader:
    """Reads one source. Safe to use from several threads. Everything raises SourceError."""

    def __init__(self, client: QueryClient, way: ReadWay = ReadWay.FLUX) -> None:
        """`way`: the language in which it is asked."""
        self.client = client
        self._way = InfluxqlWay(client, way)
        self._influxql = InfluxqlReader(self._way)
        self._together = FluxTogether(self._way, way)
        self.values = 0  # points read, for whatever reason; threads do not wait for each other to count
        self._unreadables = Unreadables(lambda bucket, statement: client.influxql(bucket, statement))

    @property
    def effort(self) -> Effort:
        """What was asked of it since the start."""
        return Effort(self.client.requests, self.values)

    @property
    def clock_skew(self) -> float | None:
        """By how many seconds its clock was ahead of this machine's at the last reply; None when it did not say."""
        return self.client.clock_skew

    def explained(self, failure: Exception) -> SourceError:
        """Return what has failed in words for people, without a secret."""
        error = explain(failure, self.client.url)
        error.summary, error.hint = self.client.redact(error.summary), self.client.redact(error.hint)
        if error is not failure:
            error.__cause__ = failure
        return error

    def bucket(self, stream: StreamDefinition) -> Bucket | None:
        """Return how the source keeps the stream's bucket, None when it does not say."""
        try:
            return self.client.bucket(stream.bucket)
        except (PermanentError, BadReply):
            return None  # the query says what is wrong, if it concerns that as well

    def readable(self, stream: StreamDefinition) -> StreamDefinition:
        """Return `stream` without the series that are known to break questions."""
        return self._unreadables.without(stream)

    def blocks(self, stream: StreamDefinition, span: Span, tally: Tally) -> Iterator[tuple[list[Block], bool]]:
        """Yield what of `span` can pass, as `Passage.blocks` does; `tally` counts, what is unreadable as well."""
        before = tally.points
        try:
            reply = self._told(flux.stream_query, stream, span)
            if reply is not None:
                yield from self._by_flux(stream, span, tally, reply)
            else:
                rest = yield from self._influxql.blocks(stream, span, tally)
                if rest is not None:
                    yield from self._by_flux(rest, span, tally)
        finally:
            self.values += tally.points - before
            self._together.brought(stream, tally.points - before)

    def _told(
        self, ask: Callable[[StreamDefinition, int, int], Query], stream: StreamDefinition, span: Span
    ) -> bytes | None:
        """Return the reply by Flux about `span` that came together with others'; None where it is asked for now."""
        if not self._together.takes(stream):
            return None
        return reply_of(self.client, ask(self.readable(stream), *span))

    def _by_flux(
        self, stream: StreamDefinition, span: Span, tally: Tally, reply: bytes | None = None
    ) -> Iterator[tuple[list[Block], bool]]:
        """`reply`: what has come already of the points; what it makes necessary beside it is asked for."""
        before, begun = tally.points, False
        chosen = self.readable(stream)
        try:
            for blocks in Passage(self.client, chosen, span, tally, reply).blocks():
                begun = True
                yield blocks
        except SourceError as error:
            # What has been yielded cannot be taken back: then the next try goes without the series.
            if not is_panic(error) or not self._unreadables.learned(stream) or begun:
                raise
            chosen = self.readable(stream)
            tally.points = before
            yield from Passage(self.client, chosen, span, tally).blocks()
        self._count_unreadable(chosen, span, tally)

    def _count_unreadable(self, stream: StreamDefinition, span: Span, tally: Tally) -> None:
        if stream.unreadable:
            reply = self.client.influxql(stream.bucket, count_statement(*span))
            for series, points in counted(reply, stream):
                tally.drops.add(DropReason.SHADOWED_TAG, points, series_text(*series))

    def count(self, stream: StreamDefinition, span: Span) -> int:
        """Return how many points `stream` selects in `span` that can be read, before any aggregate."""
        reply = self._told(flux.count_query, stream, span)
        if reply is not None:
            return count_of(read_rows([reply]))
        return self.ask(
            stream,
            lambda questions: questions.count(span),
            lambda chosen: self._number(flux.count_query(chosen, *span)),
        )

    def foreseen_counts(self, stream: StreamDefinition, spans: Iterable[Span]) -> Iterator[Foreseen | ForeseenReply]:
        """Yield what `count` of `spans` is about to ask, as far as that can be told (`bundle`)."""
        if self._together.takes(stream):
            yield from self._foreseen(flux.count_query, stream, spans)
            return
        questions = self._way.about(at_source(stream)) if stream.flux is None else None
        yield from questions.foreseen_counts(spans) if questions is not None else ()

    def foreseen_points(self, stream: StreamDefinition, spans: Iterable[Span]) -> Iterator[Foreseen | ForeseenReply]:
        """Yield what `blocks` of `spans` is about to ask, likewise."""
        if self._together.takes(stream):
            yield from self._foreseen(flux.stream_query, stream, spans)
        elif stream.flux is None:
            yield from self._influxql.foreseen(at_source(stream), spans, True, stream.aggregate)

    def _foreseen(
        self, ask: Callable[[StreamDefinition, int, int], Query], stream: StreamDefinition, spans: Iterable[Span]
    ) -> Iterator[ForeseenReply]:
        for span in spans:
            yield ForeseenReply(ask(self.readable(stream), *span), partial(self._together.in_vain, stream))

    def exists(self, stream: StreamDefinition, span: Span) -> bool:
        """Say whether `stream` may have a point in `span`, which may be years, before any aggregate.

        What the operator's own Flux finds nobody knows but by asking it: there it is always so.
        """
        if stream.flux is not None:
            return True
        return self.ask(
            stream,
            lambda questions: questions.exists(span),
            lambda chosen: self._time(flux.exists_query(chosen, *span)) is not None,
        )

    def newest(self, stream: StreamDefinition, start: int, stop: int) -> int | None:
        """Return the time (Unix ns) of the newest point in [start, stop), None when there is none.

        It may be later than that point, by less than an hour, when the point cannot be told. It is looked for in
        windows that grow, and then halved: a query over several shard groups may leave out some of a field's points
        (docs/engines.md), never all of them.
        """
        low, high, width = stop, stop, HOUR
        while True:
            if low <= start:
                return None
            low = max(start, low - width)
            if self.exists(stream, (low, high)):
                break
            high, width = low, width * 4
        while high - low > HOUR:
            middle = (low + high) // 2
            middle -= middle % HOUR if middle - middle % HOUR > low else 0
            if self.exists(stream, (middle, high)):
                low = middle
            else:
                high = middle
        return high - 1

    def first(self, stream: StreamDefinition, stop: int) -> int | None:
        """Return where (Unix ns) the first window of `stream` before `stop` begins, None when it has no point.

        That is its first point's time; an aggregate's window, or a Flux query's whole microsecond, begins at or before.
        """
        found = self.ask(
            stream,
            lambda questions: questions.first((flux.EARLIEST, stop)),
            lambda chosen: self._time(flux.first_query(chosen, stop)),
        )
        return found - found % stream.unit if found is not None else None

    def measurements(self, stream: StreamDefinition, span: Span) -> dict[str, int]:
        """Return how many points of each measurement `stream` selects in `span`, before any aggregate."""

        def read(chosen: StreamDefinition) -> dict[str, int]:
            predicates = flux.predicates(chosen) if chosen.flux is None else []
            query = measurement_counts_query(stream.bucket, *span, predicates)
            counts: dict[str, int] = {}
            for row in read_rows(self.client.query(query)):
                counts[row["_measurement"]] = counts.get(row["_measurement"], 0) + whole_number(row)
            return counts

        return self.ask(stream, lambda questions: questions.counts(span), read)

    def types(self, stream: StreamDefinition, span: Span) -> FieldTypes:
        """Return the type of each field that `stream` has in `span`, which crosses no shard group's end."""

        def read(chosen: StreamDefinition) -> FieldTypes:
            query = newest_types_query(stream.bucket, *span, flux.predicates(chosen))
            return types_of(self.client.query(query))

        return self.ask(stream, lambda questions: questions.types(span), read)

    def ahead(self, stream: StreamDefinition, now: int) -> int:
        """Return how many points `stream` has that are more than a minute later than `now` (Unix ns)."""
        return self.count(stream, ahead_of(now))

    def has_mark(self, stream: StreamDefinition, mark: MarkId) -> bool:
        """Say whether the stream's own bucket at the source holds `mark`, which was written to central's."""
        return self.ask(
            stream,
            lambda questions: questions.has_mark(stream, mark),
            lambda _: self._number(flux.marks_query(stream, mark.incarnation, mark.time, mark.time + 1)) > 0,
        )

    def probe(self, stream: StreamDefinition, now: int) -> None:
        """Have the source answer for the stream's bucket at `now` (Unix ns), where there is nothing to be read."""

        def probe(_chosen: StreamDefinition) -> None:
            try:
                for _ in self.client.query(flux.probe_query(stream, now)):
                    pass
            except SourceError as error:
                if not is_panic(error):  # it has read the bucket, to its own dismay
                    raise

        self.ask(stream, Questions.probe, probe)

    def ask(
        self,
        stream: StreamDefinition,
        by_influxql: Callable[[Questions], Answer],
        by_flux: Callable[[StreamDefinition], Answer],
    ) -> Answer:
        """Return the answer about what of `stream` can be read, by one language or the other.

        Flux is asked twice where a series breaks it. What the operator's own Flux selects, InfluxQL does not know.
        """

        def ask() -> Answer:
            try:
                return by_flux(self.readable(stream))
            except SourceError as error:
                if not is_panic(error) or not self._unreadables.learned(stream):
                    raise
                return by_flux(self.readable(stream))

        return self._way.ask(at_source(stream), by_influxql, ask) if stream.flux is None else ask()

    def unreadable(self, stream: StreamDefinition) -> tuple[UnreadableSeries, ...]:
        """Return the series of `stream` that break its questions, as far as the source tells."""
        self._unreadables.learned(stream)
        return self.readable(stream).unreadable

    def left_out(self, stream: StreamDefinition, span: Span) -> dict[str, tuple[str, str]]:
        """Return the measurements of `stream` that are not read in `span`, each with the reason and what to do."""
        return {}

    def _number(self, query: Query) -> int:
        return count_of(read_rows(self.client.query(query)))

    def _time(self, query: Query) -> int | None:
        return first_time(read_rows(self.client.query(query)))


def ahead_of(now: int) -> Span:
    """Return the time whose points have not come yet, at `now` (Unix ns), to a minute."""
    return now + MINUTE, flux.LATEST
