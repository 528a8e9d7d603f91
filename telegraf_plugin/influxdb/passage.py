"""The points of one span of one stream that can pass, read from its source, a chunk in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
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
from telegraf_plugin.influxdb.table import quoted_for_nothing
from telegraf_plugin.stream.block import Block, SeriesKey, pick
from telegraf_plugin.stream.circle import gone_round
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.drops import DropReason, Drops, series_bytes, series_text
from telegraf_plugin.stream.mapping import TagMapper
from telegraf_plugin.stream.names import is_own
from telegraf_plugin.stream.overwrites import MAX_EARLIER, OverwriteWatch
from telegraf_plugin.stream.spans import Span
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.telegraf.line_protocol import LineMapper

MAX_OVERWRITTEN_SERIES = 200
"""Pairs of series in one span that are looked at for overwriting, a query each: more is a stream to be corrected."""
MAX_PUT_OFF_BYTES = 768 * 1024
"""What their points, held in memory meanwhile, may take: some 10,000 numbers."""
MOST_NAMES = 2000
"""Names of series that are mapped and printed at a time. A chunk has some 1,000, of a source that means harm 20,000."""
_POINT_BYTES, _TAG_BYTES = 150, 150
"""What one of them, and a tag of a series, take beside their bytes."""
MAX_LOSSY_COLUMNS = 20
"""Columns of names that the source is asked about for one span, a query each."""
MAX_LOSSY_BYTES = 1024 * 1024
"""What the series with a carriage return in a name may take, of all columns."""


class Passage:
    """Reads one span, within one shard group, of one stream; `tally` counts. Raises SourceError, also half way."""

    def __init__(self, client: QueryClient, stream: StreamDefinition, span: Span, tally: Tally) -> None:
        self._client, self._stream, self._span, self._tally = client, stream, span, tally
        self._mapper = TagMapper(stream.source, stream.bucket, stream.metadata_tags)
        self._names = _LossyNames(client, stream, span)

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
            for blocks in self._read(again, Decoder(escaped=True)):
                sound = [block for block in blocks if not (self._names.may_be_lossy(block) or self._goes_round(block))]
                whole = [kept for block in sound if (kept := guard.passed(block))]
                yield [mapped for block in whole if (mapped := lines.mapped(block))], True
            for blocks in guard.rest():
                yield [mapped for block in blocks if (mapped := lines.mapped(block))], True

    def _fit(self, blocks: list[Block], decoder: Decoder) -> list[Block]:
        """Return `blocks` without what must not be sent under the name that it has here."""
        for block in blocks:
            if is_own(block.measurement):
                self._tally.drops.add(DropReason.OWN_MEASUREMENT, len(block), series_text(block.measurement, (), b""))
        blocks = [block for block in blocks if not is_own(block.measurement)]
        blocks = [block for block in blocks if not self._is_circular(block)]
        if self._stream.flux is not None:
            for block in blocks:
                self._check_times(block)
            return blocks
        self._names.look(decoder.quoted_names)
        fit = []
        for block in blocks:
            if self._names.may_be_lossy(block):
                self._tally.drops.add(DropReason.UNWRITABLE_NAME, len(block), series_text(*block.key))
            else:
                fit.append(block)
        return fit

    def _goes_round(self, block: Block) -> bool:
        return gone_round(block.tags, self._stream.bucket.encode())

    def _is_circular(self, block: Block) -> bool:
        """Say whether the points of `block` have gone round, and count them: nothing else would end that."""
        if not self._goes_round(block):
            return False
        self._tally.drops.add(DropReason.CIRCULAR, len(block), series_text(*block.key))
        return True

    def _check_times(self, block: Block) -> None:
        """Refuse rows outside of the span that was asked for: the next span would bring them again, or never."""
        start, stop = self._span
        if int(min(block.times, key=int)) < start or int(max(block.times, key=int)) >= stop:
            name = series_text(*block.key)
            hint = "a stream's flux must yield rows with start <= _time and _time < stop: see its range, and timeSrc"
            raise PermanentError(f"the stream's flux yields rows outside of [start, stop): of {name}", hint)

    def _read(self, query: Query, decoder: Decoder) -> Iterator[list[Block]]:
        """Yield the reply to `query` as the blocks of each of its chunks."""
        return _read(self._client, query, decoder)


def _read(client: QueryClient, query: Query, decoder: Decoder) -> Iterator[list[Block]]:
    for chunk in client.query(query):
        blocks: list[Block] = []
        names = 0
        for block in decoder.feed(chunk):
            blocks.append(block)
            names += 2 + len(block.tags)
            if names >= MOST_NAMES:
                yield blocks
                blocks, names = [], 0
        yield blocks
    decoder.finish()


def _size(key: SeriesKey) -> int:
    """Return what the names of a series take, more or less."""
    return len(series_bytes(key)) + _TAG_BYTES * (2 + len(key[1]))


class _LossyNames:
    """Knows the series of one span whose name, as it came, is not the whole one: it had a carriage return.

    The source is asked, a column at a time. Where there are too many of them, or of columns, all names that stood in
    quotes there count as such: what has thousands of them is broken.
    """

    def __init__(self, client: QueryClient, stream: StreamDefinition, span: Span) -> None:
        self._client, self._stream, self._span = client, stream, span
        self._looked_at: set[bytes] = set()
        self._lossy: set[SeriesKey] = set()
        self._room = MAX_LOSSY_BYTES
        self._distrusted: set[bytes] = set()
        self._distrusts_all = False

    def look(self, columns: set[bytes]) -> None:
        """Ask about those of `columns` that were not asked about yet: names in them stood in quotes."""
        new = columns - self._looked_at
        if len(self._looked_at) + len(new) > MAX_LOSSY_COLUMNS:
            self._distrusts_all = True
            return
        for column in new:
            self._looked_at.add(column)
            # InfluxDB panics at it where a series has a tag called _start: then such names pass as they came.
            with suppress(SourceError):
                for found in _read(self._client, lossy_names_query(self._stream, *self._span, column), Decoder()):
                    if not self._remember(found):
                        self._distrusted.add(column)
                        break

    def _remember(self, blocks: list[Block]) -> bool:
        """Take note of the series of `blocks`; says whether there was room for all of them."""
        for block in blocks:
            if block.key not in self._lossy:
                self._room -= _size(block.key)
                if self._room < 0:
                    return False
                self._lossy.add(block.key)
        return True

    def may_be_lossy(self, block: Block) -> bool:
        """Say whether a name of `block` had a carriage return, or cannot be known to have had none."""
        if block.key in self._lossy:
            return True
        if not self._distrusted and not self._distrusts_all:
            return False
        named = [(b"_measurement", block.measurement), (b"_field", block.field), *block.tags]
        return any(
            (self._distrusts_all or column in self._distrusted) and not quoted_for_nothing(name)
            for column, name in named
        )


class _OverwriteGuard:
    """Holds back points that would overwrite another series' in central; `drops` counts them and names both.

    Blocks that might overwrite are put off until the reply that brought them has ended: to know, the source must be
    asked when the other series has points, and it is asked one thing at a time. There is a bound to that: of what is
    beyond it nothing passes.
    """

    def __init__(self, client: QueryClient, stream: StreamDefinition, mapper: TagMapper, span: Span) -> None:
        self.drops = Drops()
        self._client, self._stream, self._span = client, stream, span
        self._watch = OverwriteWatch(mapper, stream.renames)
        self._put_off: dict[tuple[SeriesKey, ...], list[Block]] = {}  # by the series that were there before
        self._room = MAX_PUT_OFF_BYTES

    @property
    def overfull(self) -> bool:
        """Whether there were more series than are watched."""
        return self._watch.overfull

    def passed(self, block: Block) -> Block | None:
        """Return `block` if it can overwrite nothing; None when it is put off, or dropped."""
        others = self._watch.others(block)
        if not others:
            return block
        before = tuple((block.measurement, tags, block.field) for tags in others)
        too_many = before not in self._put_off and sum(map(len, self._put_off)) >= MAX_OVERWRITTEN_SERIES
        size = sum(map(_size, (*before, block.key))) + len(block) * _POINT_BYTES + sum(map(len, block.values))
        if too_many or len(before) > MAX_EARLIER or size > self._room:
            self._drop(before[0], block, len(block))
        else:
            self._room -= size
            self._put_off.setdefault(before, []).append(block)
        return None

    def rest(self) -> Iterator[list[Block]]:
        """Yield what of the blocks put off overwrites nothing, series by series."""
        for before, blocks in self._put_off.items():
            wanted = {time for block in blocks for time in block.times}
            times = self._times(before[0], wanted)
            for series in before[1:]:
                times |= self._times(series, wanted)
            yield [kept for block in blocks if (kept := self._without(block, times, before[0])) is not None]
        self._put_off.clear()
        self._room = MAX_PUT_OFF_BYTES

    def _without(self, block: Block, times: set[bytes], first: SeriesKey) -> Block | None:
        kept = [place for place, time in enumerate(block.times) if time not in times]
        self._drop(first, block, len(block) - len(kept))
        return pick(block, kept) if kept else None

    def _drop(self, first: SeriesKey, block: Block, points: int) -> None:
        if points:
            both = f"{series_text(*first)} and {series_text(*block.key)}"
            self.drops.add(DropReason.OVERWRITTEN, points, both)

    def _times(self, series: SeriesKey, wanted: set[bytes]) -> set[bytes]:
        """Ask the source at which of the times `wanted` (decimal ns) `series` has a point; it may have millions."""
        times: set[bytes] = set()
        # The operator's own Flux may compute its series: all of it is asked again.
        ask = stream_query if self._stream.flux is not None else partial(series_query, series=series)
        for blocks in _read(self._client, ask(self._stream, *self._span), Decoder()):
            for block in blocks:
                if block.key == series:
                    times.update(wanted.intersection(block.times))
        return times
