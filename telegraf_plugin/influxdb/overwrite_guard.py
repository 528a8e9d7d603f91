"""Keeps a span's points from overwriting each other in central, where the mapping makes two series of a source one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from telegraf_plugin.influxdb.annotated_csv import Decoder
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.flux import Query, series_query, stream_query
from telegraf_plugin.stream.block import Block, SeriesKey, pick
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.drops import DropReason, Drops, series_bytes, series_text
from telegraf_plugin.stream.mapping import TagMapper
from telegraf_plugin.stream.overwrites import MAX_EARLIER, OverwriteWatch
from telegraf_plugin.stream.spans import Span

MAX_OVERWRITTEN_SERIES = 200
"""Pairs of series in one span that are looked at for overwriting, a query each: more is a stream to be corrected."""
MAX_PUT_OFF_BYTES = 768 * 1024
"""What their points, held in memory meanwhile, may take: some 10,000 numbers."""
MOST_NAMES = 2000
"""Names of series that are mapped and printed at a time. A chunk has some 1,000, of a source that means harm 20,000."""
_POINT_BYTES, _TAG_BYTES = 150, 150
"""What one of them, and a tag of a series, take beside their bytes."""


def read_blocks(client: QueryClient, query: Query, decoder: Decoder) -> Iterator[list[Block]]:
    """Yield the reply to `query` as the blocks of each of its chunks. Raises SourceError."""
    return blocks_of(client.query(query), decoder)


def blocks_of(reply: Iterable[bytes], decoder: Decoder) -> Iterator[list[Block]]:
    """Yield a reply as the blocks of each of its chunks. Raises BadReply, and what `reply` does."""
    for chunk in reply:
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


def size_of(key: SeriesKey) -> int:
    """Return what the names of a series take (bytes), more or less."""
    return len(series_bytes(key)) + _TAG_BYTES * (2 + len(key[1]))


class OverwriteGuard:
    """Holds back points that would overwrite another series' in central; `drops` counts them and names both.

    Blocks that might overwrite are put off until the reply that brought them has ended: to know, the source must be
    asked when the other series has points, and it is asked one thing at a time. There is a bound to that: of what is
    beyond it nothing passes.
    """

    def __init__(
        self,
        client: QueryClient,
        stream: StreamDefinition,
        mapper: TagMapper,
        span: Span,
        read: Callable[[SeriesKey], Iterator[list[Block]]] | None = None,
    ) -> None:
        """`read` asks for the points of one series, those of others may be among them; by Flux unless given."""
        self.drops = Drops()
        self._client, self._stream, self._span = client, stream, span
        self._read = read or self._by_flux
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
        size = sum(map(size_of, (*before, block.key))) + len(block) * _POINT_BYTES + sum(map(len, block.values))
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
        for blocks in self._read(series):
            for block in blocks:
                if block.key == series:
                    times.update(wanted.intersection(block.times))
        return times

    def _by_flux(self, series: SeriesKey) -> Iterator[list[Block]]:
        # The operator's own Flux may compute its series: all of it is asked again.
        ask = stream_query if self._stream.flux is not None else partial(series_query, series=series)
        return read_blocks(self._client, ask(self._stream, *self._span), Decoder())
