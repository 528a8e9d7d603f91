"""One stream's window, from the source's reply to Telegraf's lines, never more of it in memory than a chunk."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from telegraf_plugin.errors import BadReply, OutputClosed, PermanentError, SourceError
from telegraf_plugin.influxdb.annotated_csv import Decoder
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.failures import explain
from telegraf_plugin.influxdb.flux import Query, carriage_return_query, series_query, stream_query
from telegraf_plugin.stream.block import Block
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

    def __init__(self, client: QueryClient, writer: LineWriter, stream: StreamDefinition) -> None:
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
        decoder, encoder = Decoder(), LineEncoder(self._mapper)
        guard = _OverwriteGuard(self._client, self._stream, self._mapper, (start, stop))
        try:
            for blocks in self._blocks(stream_query(self._stream, start, stop), decoder):
                for block in blocks:
                    self.types.setdefault((block.measurement, block.field, block.type), (start, stop))
                self.read += sum(map(len, blocks))
                self.sent += self._send(blocks, encoder, guard)
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
                self._send(blocks, LineEncoder(self._mapper), guard)

    def _blocks(self, query: Query, decoder: Decoder) -> Iterator[list[Block]]:
        """Yield the reply to `query` as the blocks of each of its chunks."""
        for chunk in self._client.query(query):
            yield list(decoder.feed(chunk))
        decoder.finish()

    def _send(self, blocks: list[Block], encoder: LineEncoder, guard: _OverwriteGuard) -> int:
        """Write `blocks` as lines and return how many points that was."""
        kept = [passed for block in blocks if (passed := guard.passed(block)) is not None]
        dropped = encoder.drops.points
        self._writer.write(b"".join(map(encoder.encode, kept)))
        return sum(map(len, kept)) - (encoder.drops.points - dropped)


class _OverwriteGuard:
    """Holds back points that would overwrite another series' in central; `drops` counts them and names both."""

    def __init__(self, client: QueryClient, stream: StreamDefinition, mapper: TagMapper, span: tuple[int, int]) -> None:
        self.drops = Drops()
        self._client, self._stream, self._span = client, stream, span
        self._watch = OverwriteWatch(mapper)
        # The times of the series that the last blocks would have overwritten: a series' blocks follow each other.
        self._taken: tuple[Block, frozenset[bytes]] | None = None

    @property
    def overfull(self) -> bool:
        """Whether there were more series than are watched."""
        return self._watch.overfull

    def passed(self, block: Block) -> Block | None:
        """Return `block` without the points that another series has already; None when none is left."""
        other = self._watch.other(block)
        if other is None:
            return block
        series = Block(block.measurement, other, block.field, block.type, [], [])
        if self._taken is None or self._taken[0] != series:
            self._taken = (series, self._times(series))
        times = self._taken[1]
        kept = [pair for pair in zip(block.times, block.values, strict=True) if pair[0] not in times]
        if len(kept) < len(block):
            both = [series_text(s.measurement, s.tags, s.field) for s in (series, block)]
            self.drops.add(DropReason.OVERWRITTEN, len(block) - len(kept), " and ".join(both))
        return replace(block, times=[time for time, _ in kept], values=[value for _, value in kept]) if kept else None

    def _times(self, series: Block) -> frozenset[bytes]:
        """Ask the source at which times (decimal ns) of the span that `series` has a point."""
        decoder = Decoder()
        times: set[bytes] = set()
        # The operator's own Flux may compute its series: all of it is asked again.
        ask = stream_query if self._stream.flux is not None else partial(series_query, series=series)
        for chunk in self._client.query(ask(self._stream, *self._span)):
            for block in decoder.feed(chunk):
                if (block.measurement, block.tags, block.field) == (series.measurement, series.tags, series.field):
                    times.update(block.times)
        decoder.finish()
        return frozenset(times)
