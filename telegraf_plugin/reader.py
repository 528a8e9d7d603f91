"""One stream's window, from the source's reply to Telegraf's lines, never more of it in memory than a chunk."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from telegraf_plugin.errors import BadReply, OutputClosed, PermanentError, SourceError
from telegraf_plugin.influxdb.annotated_csv import Decoder
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.failures import explain
from telegraf_plugin.influxdb.flux import Query, carriage_return_query, series_query, stream_query
from telegraf_plugin.stream.block import Block, Tags
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.drops import DropReason, Drops, series_text
from telegraf_plugin.stream.mapping import TagMapper
from telegraf_plugin.stream.overwrites import OverwriteWatch
from telegraf_plugin.stream.status import Attempt, FieldTypes
from telegraf_plugin.stream.windows import HOUR
from telegraf_plugin.telegraf.line_protocol import LineEncoder
from telegraf_plugin.telegraf.writer import LineWriter


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
        passage = _Passage(self._client, self._writer, stream)
        error: SourceError | None = None
        try:
            for span in stream.windows(now, oldest, self._shard_group(stream.bucket)):
                passage.copy(*span)
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

    def __init__(self, client: QueryClient, writer: LineWriter, stream: StreamDefinition) -> None:
        self.read = self.sent = 0
        self.drops = Drops()
        self.types: FieldTypes = {}
        self._client, self._writer, self._stream = client, writer, stream
        self._mapper = TagMapper(stream.source, stream.bucket, stream.metadata_tags)

    def copy(self, start: int, stop: int) -> None:
        """Copy the points in [start, stop), a span within one shard group, where there are any."""
        if start >= stop:
            return
        decoder = Decoder()
        watch = OverwriteWatch(self._mapper)
        self._pass(stream_query(self._stream, start, stop), decoder, watch, (start, stop))
        if decoder.quoted and self._stream.flux is None:
            # The same points again, with their carriage returns: the later line wins.
            again = carriage_return_query(self._stream, start, stop, decoder.quoted)
            self._pass(again, Decoder(escaped=True), None, (start, stop))

    def _pass(self, query: Query, decoder: Decoder, watch: OverwriteWatch | None, span: tuple[int, int]) -> None:
        """Copy the reply to `query`. Points that are asked for again (no `watch`) are not counted a second time."""
        encoder = LineEncoder(self._mapper)
        overwritten: dict[tuple[bytes, Tags, bytes], frozenset[bytes]] = {}
        try:
            for chunk in self._client.query(query):
                lines = []
                points = 0
                for block in decoder.feed(chunk):
                    kept: Block | None = block
                    if watch is not None:
                        self.read += len(block)
                        self.types.setdefault((block.measurement, block.field, block.type), span)
                        kept = self._without_overwriting(block, watch, span, overwritten)
                    if kept is not None:
                        before = encoder.drops.points
                        lines.append(encoder.encode(kept))
                        points += len(kept) - (encoder.drops.points - before)
                self._writer.write(b"".join(lines))
                self.sent += points if watch is not None else 0
            decoder.finish()
        finally:
            if watch is not None:
                self.drops.merge(encoder.drops)
                self.drops.merge(decoder.drops)
                self.read += decoder.drops.points

    def _without_overwriting(
        self,
        block: Block,
        watch: OverwriteWatch,
        span: tuple[int, int],
        taken: dict[tuple[bytes, Tags, bytes], frozenset[bytes]],
    ) -> Block | None:
        """Return `block` without the points that would overwrite another series' in central; None if none is left."""
        other = watch.other(block)
        if other is None:
            return block
        series = (block.measurement, other, block.field)
        if series not in taken:
            taken.clear()  # a series' blocks follow each other: only the last one's is of use
            taken[series] = self._times(Block(block.measurement, other, block.field, block.type, [], []), span)
        times = taken[series]
        kept = [(time, value) for time, value in zip(block.times, block.values, strict=True) if time not in times]
        if len(kept) < len(block):
            both = f"{series_text(*series)} and {series_text(block.measurement, block.tags, block.field)}"
            self.drops.add(DropReason.OVERWRITTEN, len(block) - len(kept), both)
        if not kept:
            return None
        return Block(
            block.measurement,
            block.tags,
            block.field,
            block.type,
            [time for time, _ in kept],
            [value for _, value in kept],
        )

    def _times(self, series: Block, span: tuple[int, int]) -> frozenset[bytes]:
        """Ask the source at which times (decimal ns) in `span` that one series has a point."""
        decoder = Decoder()
        blocks: Iterable[Block] = (
            block
            for chunk in self._client.query(series_query(self._stream, *span, series))
            for block in decoder.feed(chunk)
        )
        times = frozenset(time for block in blocks if block.tags == series.tags for time in block.times)
        decoder.finish()
        return times
