"""The points of one span of one stream that can pass, read from its source, a chunk in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from telegraf_plugin.errors import PermanentError, SourceError
from telegraf_plugin.influxdb.annotated_csv import Decoder
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.flux import (
    Query,
    carriage_return_query,
    lossy_names_query,
    series_query,
    stream_query,
)
from telegraf_plugin.stream.block import Block, SeriesKey, pick
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.drops import DropReason, Drops, series_text
from telegraf_plugin.stream.mapping import TagMapper
from telegraf_plugin.stream.overwrites import OverwriteWatch
from telegraf_plugin.stream.own import is_own
from telegraf_plugin.stream.spans import Span
from telegraf_plugin.telegraf.line_protocol import LineMapper

MAX_OVERWRITTEN_SERIES = 200
"""Pairs of series in one span that are looked at for overwriting, a query each: more is a stream to be corrected."""
MAX_PUT_OFF_POINTS = 100_000
"""Their points that are held in memory meanwhile, some 20 MB."""


@dataclass(slots=True)
class Tally:
    """What was read: `points`, of which `drops` cannot pass. `unwatched`: too many series to notice overwriting."""

    points: int = 0
    drops: Drops = field(default_factory=Drops)
    unwatched: bool = False


class Passage:
    """Reads one span, within one shard group, of one stream; `tally` counts. Raises SourceError, also half way."""

    def __init__(self, client: QueryClient, stream: StreamDefinition, span: Span, tally: Tally) -> None:
        self._client, self._stream, self._span, self._tally = client, stream, span, tally
        self._mapper = TagMapper(stream.source, stream.bucket, stream.metadata_tags)
        self._looked_at: set[bytes] = set()  # columns whose names were asked about
        self._lossy: set[SeriesKey] = set()  # series whose name, as it came, is not the whole one

    def blocks(self) -> Iterator[tuple[list[Block], bool]]:
        """Yield what can pass, with the tags that it has in central, chunk by chunk, and whether it is exact.

        Strings that may have a carriage return come twice, at first without it, then as they are (exact): the later
        line wins.
        """
        decoder, lines = Decoder(), LineMapper(self._mapper)
        guard = _OverwriteGuard(self._client, self._stream, self._mapper, self._span)
        try:
            for blocks in self._read(stream_query(self._stream, *self._span), decoder):
                fit = self._fit(blocks, decoder)
                self._tally.points += sum(map(len, blocks))
                yield [mapped for b in fit if (kept := guard.passed(b)) and (mapped := lines.mapped(kept))], False
            for blocks in guard.rest():
                yield [mapped for block in blocks if (mapped := lines.mapped(block))], False
        finally:
            self._tally.unwatched = self._tally.unwatched or guard.overfull
            self._tally.points += decoder.drops.points
            for drops in (decoder.drops, guard.drops, lines.drops):
                self._tally.drops.merge(drops)
        if decoder.quoted and self._stream.flux is None:
            # What was said and counted of these points the first time is not said again.
            lines = LineMapper(self._mapper)
            again = carriage_return_query(self._stream, *self._span, decoder.quoted)
            for blocks in self._read(again, Decoder(escaped=True)):  # it asks for none of the collector's own
                whole = [kept for b in blocks if b.key not in self._lossy and (kept := guard.passed(b))]
                yield [mapped for block in whole if (mapped := lines.mapped(block))], True
            for blocks in guard.rest():
                yield [mapped for block in blocks if (mapped := lines.mapped(block))], True

    def _fit(self, blocks: list[Block], decoder: Decoder) -> list[Block]:
        """Return `blocks` without what must not be sent under the name that it has here."""
        for block in blocks:
            if is_own(block.measurement):
                self._tally.drops.add(DropReason.OWN_MEASUREMENT, len(block), series_text(block.measurement, (), b""))
        blocks = [block for block in blocks if not is_own(block.measurement)]
        if self._stream.flux is not None:
            for block in blocks:
                self._check_times(block)
            return blocks
        for column in decoder.quoted_names - self._looked_at:
            self._looked_at.add(column)
            query = lossy_names_query(self._stream, *self._span, column)
            # InfluxDB panics at it where a series has a tag called _start: then such names pass as they came.
            with suppress(SourceError):
                for found in self._read(query, Decoder()):
                    self._lossy.update(block.key for block in found)
        for block in blocks:
            if block.key in self._lossy:
                self._tally.drops.add(DropReason.UNWRITABLE_NAME, len(block), series_text(*block.key))
        return [block for block in blocks if block.key not in self._lossy]

    def _check_times(self, block: Block) -> None:
        """Refuse rows outside of the span that was asked for: the next span would bring them again, or never."""
        start, stop = self._span
        if int(min(block.times, key=int)) < start or int(max(block.times, key=int)) >= stop:
            name = series_text(*block.key)
            hint = "a stream's flux must yield rows with start <= _time and _time < stop: see its range, and timeSrc"
            raise PermanentError(f"the stream's flux yields rows outside of [start, stop): of {name}", hint)

    def _read(self, query: Query, decoder: Decoder) -> Iterator[list[Block]]:
        """Yield the reply to `query` as the blocks of each of its chunks."""
        for chunk in self._client.query(query):
            yield list(decoder.feed(chunk))
        decoder.finish()


class _OverwriteGuard:
    """Holds back points that would overwrite another series' in central; `drops` counts them and names both.

    Blocks that might overwrite are put off until the reply that brought them has ended: to know, the source must be
    asked when the other series has points, and it is asked one thing at a time. There is a bound to that: of what is
    beyond it nothing passes.
    """

    def __init__(self, client: QueryClient, stream: StreamDefinition, mapper: TagMapper, span: Span) -> None:
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
        kept = [place for place, time in enumerate(block.times) if time not in times]
        self._drop(first, block, len(block) - len(kept))
        return pick(block, kept) if kept else None

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
