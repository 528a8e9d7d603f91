"""One stream's window, from the source's reply to Telegraf's lines, never more of it in memory than a chunk."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial

from telegraf_plugin.errors import BadReply, OutputClosed, PermanentError, SourceError
from telegraf_plugin.influxdb.annotated_csv import Decoder
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.failures import explain
from telegraf_plugin.influxdb.flux import (
    Query,
    carriage_return_query,
    lossy_names_query,
    probe_query,
    series_query,
    stream_query,
)
from telegraf_plugin.stream.block import Block, SeriesKey
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.drops import DropReason, Drops, series_text
from telegraf_plugin.stream.mapping import TagMapper
from telegraf_plugin.stream.overwrites import OverwriteWatch
from telegraf_plugin.stream.status import Attempt, FieldTypes
from telegraf_plugin.stream.windows import HOUR
from telegraf_plugin.telegraf.line_protocol import LineEncoder
from telegraf_plugin.telegraf.writer import LineWriter

MAX_OVERWRITTEN_SERIES = 200
"""Pairs of series in one span that are looked at for overwriting, a query each: more is a stream to be corrected."""
MAX_PUT_OFF_POINTS = 100_000
"""Their points that are held in memory meanwhile, some 20 MB."""


class StreamReader:
    """Reads the streams of one source. Safe to use from several threads."""

    def __init__(self, client: QueryClient, writer: LineWriter, oldest: Callable[[StreamDefinition, int], int]) -> None:
        """Read by `client`, write to `writer`; `oldest` says what central takes of a stream (ns) at a time (ns)."""
        self._oldest = oldest
        self._client = client
        self._writer = writer
        self._shard_groups: dict[str, int] = {}

    def read(self, stream: StreamDefinition, now: int) -> Attempt:
        """Read what `stream` selects at `now` (Unix ns, whole seconds) and write it as lines.

        Raises OutputClosed; whatever else goes wrong is in the attempt.
        """
        began = time.monotonic()
        oldest = self._oldest(stream, now)
        start, stop = stream.window(now, oldest)
        passage = _Passage(self._client, self._writer, stream, oldest)
        error: SourceError | None = None
        try:
            for span in stream.windows(now, oldest, self._shard_group(stream.bucket)):
                passage.copy(*span)
            if start == stop:  # no window of an aggregate is complete: the source must answer all the same
                for _ in self._client.query(probe_query(stream, now)):
                    pass
        except OutputClosed:
            raise
        except Exception as failure:  # one stream's trouble, whatever it is, stays that stream's
            error = explain(failure, self._client.url)
            error.summary, error.hint = self._client.redact(error.summary), self._client.redact(error.hint)
            if error is not failure:
                error.__cause__ = failure
        return Attempt(
            stream,
            start,
            stop,
            points_read=passage.read,
            points_sent=passage.sent,
            drops=passage.drops,
            seconds=time.monotonic() - began,
            error=error,
            clock_skew=self._client.clock_skew,
            types=passage.types,
            unwatched=passage.unwatched,
        )

    def _shard_group(self, bucket: str) -> int:
        """Return how long (ns) the bucket's shard groups last, asked for once; an hour where nobody says."""
        if bucket not in self._shard_groups:
            try:
                found = self._client.bucket(bucket)
            except (PermanentError, BadReply):
                return HOUR  # the query says what is wrong, if it concerns that as well
            self._shard_groups[bucket] = found.shard_group if found is not None else HOUR
        return self._shard_groups[bucket]


class _Passage:
    """The points of one attempt on their way, and the counts of them."""

    def __init__(self, client: QueryClient, writer: LineWriter, stream: StreamDefinition, oldest: int) -> None:
        self._oldest = oldest
        self._looked_at: set[bytes] = set()  # columns whose names were asked about, in this span
        self._lossy: set[SeriesKey] = set()  # series whose name, as it came, is not the whole one
        self.read = self.sent = 0
        self.drops = Drops()
        self.types: FieldTypes = {}
        self.unwatched = False
        self._client, self._writer, self._stream = client, writer, stream
        self._mapper = TagMapper(stream.source, stream.bucket, stream.metadata_tags)

    def copy(self, start: int, stop: int) -> None:
        """Copy the points in [start, stop), a span within one shard group, where there are any."""
        if start >= stop:
            return
        self._looked_at, self._lossy = set(), set()
        decoder, encoder = Decoder(), LineEncoder(self._mapper)
        guard = _OverwriteGuard(self._client, self._stream, self._mapper, (start, stop))
        try:
            for blocks in self._blocks(stream_query(self._stream, start, stop), decoder):
                blocks = self._fit(blocks, decoder, (start, stop))
                for block in blocks:
                    self.types.setdefault((block.measurement, block.field, block.type), (start, stop))
                self.read += sum(map(len, blocks))
                self.sent += self._send(map(guard.passed, blocks), encoder)
            for blocks in guard.rest():
                self.sent += self._send(blocks, encoder)
        finally:
            self.unwatched = self.unwatched or guard.overfull
            self.read += decoder.drops.points
            for drops in (decoder.drops, guard.drops, encoder.drops):
                self.drops.merge(drops)
        if decoder.quoted and self._stream.flux is None:
            # Some of the same points again, this time with their carriage returns: the later line wins. What was said
            # and counted of them the first time is not said again.
            again = carriage_return_query(self._stream, start, stop, decoder.quoted)
            for blocks in self._blocks(again, Decoder(escaped=True)):
                whole = [b for b in blocks if b.key not in self._lossy]
                self._send(map(guard.passed, whole), LineEncoder(self._mapper))
            for blocks in guard.rest():
                self._send(blocks, LineEncoder(self._mapper))

    def _fit(self, blocks: list[Block], decoder: Decoder, span: tuple[int, int]) -> list[Block]:
        """Return `blocks` without what must not be sent under the name or at the time that it has here."""
        if self._stream.flux is not None:  # its own range may reach further back than central takes
            return [recent for block in blocks if (recent := self._recent(block)) is not None]
        for column in decoder.quoted_names - self._looked_at:
            self._looked_at.add(column)
            query = lossy_names_query(self._stream, *span, column)
            # InfluxDB panics at it where a series has a tag called _start: then such names pass as they came.
            with suppress(SourceError):
                for found in self._blocks(query, Decoder()):
                    self._lossy.update(block.key for block in found)
        kept = []
        for block in blocks:
            if block.key in self._lossy:
                self._drop(DropReason.UNWRITABLE_NAME, block, len(block))
            else:
                kept.append(block)
        return kept

    def _recent(self, block: Block) -> Block | None:
        """Return `block` without the points that are older than central takes; None when none is left."""
        kept = [pair for pair in zip(block.times, block.values, strict=True) if int(pair[0]) >= self._oldest]
        self._drop(DropReason.OUTSIDE_RETENTION, block, len(block) - len(kept))
        return replace(block, times=[time for time, _ in kept], values=[value for _, value in kept]) if kept else None

    def _drop(self, reason: DropReason, block: Block, points: int) -> None:
        self.read += points
        if points:
            self.drops.add(reason, points, series_text(*block.key))

    def _blocks(self, query: Query, decoder: Decoder) -> Iterator[list[Block]]:
        """Yield the reply to `query` as the blocks of each of its chunks."""
        for chunk in self._client.query(query):
            yield list(decoder.feed(chunk))
        decoder.finish()

    def _send(self, blocks: Iterable[Block | None], encoder: LineEncoder) -> int:
        """Write `blocks` as lines and return how many points that was."""
        kept = [block for block in blocks if block is not None]
        dropped = encoder.drops.points
        self._writer.write(b"".join(map(encoder.encode, kept)))
        return sum(map(len, kept)) - (encoder.drops.points - dropped)


class _OverwriteGuard:
    """Holds back points that would overwrite another series' in central; `drops` counts them and names both.

    Blocks that might overwrite are put off until the reply that brought them has ended: to know, the source must be
    asked when the other series has points, and it is asked one thing at a time. There is a bound to that: of what is
    beyond it nothing passes.
    """

    def __init__(self, client: QueryClient, stream: StreamDefinition, mapper: TagMapper, span: tuple[int, int]) -> None:
        self.drops = Drops()
        self._client, self._stream, self._span = client, stream, span
        self._watch = OverwriteWatch(mapper)
        self._put_off: dict[SeriesKey, list[Block]] = {}  # by the series that was there first
        self._points = 0

    @property
    def overfull(self) -> bool:
        """Whether there were more series than are watched."""
        return self._watch.overfull

    def passed(self, block: Block) -> Block | None:
        """Return `block` if it can overwrite nothing; None when it is put off, or dropped."""
        other = self._watch.other(block)
        if other is None:
            return block
        first = (block.measurement, other, block.field)
        too_many = first not in self._put_off and len(self._put_off) >= MAX_OVERWRITTEN_SERIES
        if too_many or self._points + len(block) > MAX_PUT_OFF_POINTS:
            self._drop(first, block, len(block))
        else:
            self._points += len(block)
            self._put_off.setdefault(first, []).append(block)
        return None

    def rest(self) -> Iterator[list[Block]]:
        """Yield what of the blocks put off overwrites nothing, series by series."""
        for first, blocks in self._put_off.items():
            times = self._times(first)
            yield [kept for block in blocks if (kept := self._without(block, times, first)) is not None]
        self._put_off.clear()
        self._points = 0

    def _without(self, block: Block, times: frozenset[bytes], first: SeriesKey) -> Block | None:
        kept = [pair for pair in zip(block.times, block.values, strict=True) if pair[0] not in times]
        self._drop(first, block, len(block) - len(kept))
        return replace(block, times=[time for time, _ in kept], values=[value for _, value in kept]) if kept else None

    def _drop(self, first: SeriesKey, block: Block, points: int) -> None:
        if points:
            both = f"{series_text(*first)} and {series_text(*block.key)}"
            self.drops.add(DropReason.OVERWRITTEN, points, both)

    def _times(self, series: SeriesKey) -> frozenset[bytes]:
        """Ask the source at which times (decimal ns) of the span that `series` has a point."""
        decoder = Decoder()
        times: set[bytes] = set()
        # The operator's own Flux may compute its series: all of it is asked again.
        ask = stream_query if self._stream.flux is not None else partial(series_query, series=series)
        for chunk in self._client.query(ask(self._stream, *self._span)):
            for block in decoder.feed(chunk):
                if block.key == series:
                    times.update(block.times)
        decoder.finish()
        return frozenset(times)
