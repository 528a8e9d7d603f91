"""Puts the fields that a series has at one time together, from blocks in any order within bounded memory. Pure.

Only where the tag `field` is not added: it would make each field a series of its own
(docs/decisions/0050-all-fields-of-a-time-in-one-line.md).

What is merged are columns (`wide_lines`). The source's order of tables decides how much can be merged, never what
arrives: a field stands once in a line, and what came later goes out later.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from operator import lt

from telegraf_plugin.stream.block import Block, FieldKey, Tags
from telegraf_plugin.stream.drops import series_bytes
from telegraf_plugin.telegraf.wide_lines import Columns

HELD_BYTES = 4 * 1024 * 1024
"""What the blocks that wait for other fields of their series may take in memory, more or less: some 30,000 numbers."""
_POINT_BYTES, _BLOCK_BYTES, _TAG_BYTES = 120, 800, 150
"""What a point, a block and a tag take in memory beside the bytes of their values and names."""


@dataclass(slots=True)
class _Series:
    """What is held of one series: `parts` by field, the newest added field `last`; `size` in bytes."""

    parts: dict[bytes, list[Block]]
    last: bytes
    size: int


class LineMerger:
    """Holds blocks back until what shares lines with them is there; `add` and `rest` yield what is to be written.

    A series goes out when it would hold a field twice at one time, or when all that is held takes more than `most`
    bytes: the one that came first, first. A series that is longer than that is so cut in time.
    """

    def __init__(self, wide: bool = True, apart: Collection[FieldKey] = (), most: int = HELD_BYTES) -> None:
        """Without `wide` each block goes out by itself, at once. So do those of the keys in `apart`: central refuses
        them, and with them would refuse what shares a line with them.
        """
        self._wide, self._apart, self._most = wide, frozenset(apart), most
        self._held: dict[tuple[bytes, Tags], _Series] = {}
        self._ordered: list[bytes] = []  # the times that were seen to ascend last
        self.size = 0

    def add(self, blocks: Iterable[Block]) -> Iterator[Columns]:
        """Take `blocks`, with the tags that they have in central; yield what goes out, in the order in which it must.

        The iterator must be run to its end.
        """
        if not self._wide:
            for block in blocks:
                yield (block,)
            return
        for block in blocks:
            key = block.measurement, block.tags
            series = self._held.get(key)
            alone = self._apart and block.field_key in self._apart
            if series is not None and block.field in series.parts:
                newest, last = series.parts[block.field][-1], series.parts[series.last][-1]
                goes_on = newest.type is block.type and newest.times[-1] < block.times[0]  # as text, as it is checked
                # The next times of a field, behind others that came as far as it: what is held is complete.
                complete = series.last != block.field and newest.times[-1] == last.times[-1]
                if alone or complete or not goes_on:
                    yield from self._taken(key)
                    series = None
            if alone:
                yield (block,)
                continue
            size = _size(block)
            self.size += size
            if series is None:
                self._held[key] = _Series({block.field: [block]}, block.field, size)
            else:
                series.parts.setdefault(block.field, []).append(block)
                series.last = block.field
                series.size += size
            while self.size > self._most:
                yield from self._taken(next(iter(self._held)))

    def rest(self) -> Iterator[Columns]:
        """Yield all that is held."""
        while self._held:
            yield from self._taken(next(iter(self._held)))

    def clear(self) -> None:
        """Forget all that is held: it will not be written."""
        self._held.clear()
        self.size = 0

    def _taken(self, key: tuple[bytes, Tags]) -> Iterator[Columns]:
        """Yield what is held of a series: what can share lines together, and by itself what may hold a time twice."""
        series = self._held.pop(key)
        self.size -= series.size
        columns = [_joined(parts) for parts in series.parts.values()]
        shared = [column for column in columns if self._ascends(column.times)]
        if len(shared) < len(columns):
            yield from ((column,) for column in columns if not self._ascends(column.times))
        if shared:
            yield shared

    def _ascends(self, times: list[bytes]) -> bool:
        """Say whether each of `times`, as text, is greater than the one before it: then none is there twice.

        Fields of a series, and series of a host, mostly have the same ones: they are looked at once.
        """
        if len(times) == 1 or times is self._ordered or times == self._ordered:
            return True
        if all(map(lt, times, islice(times, 1, None))):
            self._ordered = times
            return True
        return False


def _joined(parts: list[Block]) -> Block:
    """Return the points of `parts`, which are of one series, field and type, as one block."""
    if len(parts) == 1:
        return parts[0]
    times, values = parts[0].times.copy(), parts[0].values.copy()
    for part in parts[1:]:
        times += part.times
        values += part.values
    return replace(parts[0], times=times, values=values)


def _size(block: Block) -> int:
    """Return what `block` takes in memory, more or less."""
    names = len(series_bytes(block.key)) + _TAG_BYTES * len(block.tags)
    return len(block) * _POINT_BYTES + len(b"".join(block.values)) + names + _BLOCK_BYTES
