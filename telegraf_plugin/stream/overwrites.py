"""Notices when the mapping makes two series of a source one, so that one's points would overwrite the other's. Pure.

It happens where a series without `host` stands beside one whose host is the source's name, and where an own tag
stands beside one that is already called `exported_` like it.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from telegraf_plugin.stream.block import Block, Tags
from telegraf_plugin.stream.mapping import TagMapper, Trace
from telegraf_plugin.stream.renames import TagRule, changed, touched

MAX_SERIES = 20_000
"""Series and fields of one window that are remembered, some 1 MB; beyond that none is noticed any more."""
MAX_WAYS = 5_000
"""Ways in which own tags make tags of central: a handful by the mapping, and as many as there are values that Telegraf
renames."""
MAX_WAY_BYTES = 1024 * 1024
"""What the values that Telegraf renames may take in memory."""
MAX_EARLIER = 8
"""Series that became one with a series before it was read: of a further one all is taken to overwrite."""

_Way = tuple[Trace, Tags, tuple[bytes, ...]]
"""How own tags make tags of central: the mapping's trace, and what the renames took away and which keys they added."""


class OverwriteWatch:
    """Watches the series of one window of one stream; `overfull` says that there were more than it remembers."""

    def __init__(self, mapper: TagMapper, renames: Sequence[TagRule] = ()) -> None:
        self._mapper, self._renames = mapper, renames
        self._touched = touched(renames)
        self._ways: dict[_Way, int] = {}
        self._known: list[_Way] = []
        self._way_bytes = 0
        self._places = _Places()
        self.overfull = False

    def others(self, block: Block) -> list[Tags]:
        """Return the own tags of each earlier series that has this block's tags in central, the first one first."""
        mapped, trace = self._mapper.trace(block.tags, block.field)
        if not self._mapper.may_collide(block.tags) and self._touched.isdisjoint(key for key, _ in mapped):
            return []
        there = changed(self._renames, mapped)
        way = trace, *_undone(mapped, there)
        earlier: list[Tags] = []
        for turn in range(MAX_EARLIER + 1):
            place = hash((block.measurement, there, block.field, turn))
            number = self._places.get(place)
            if number is None:
                self._remember(place, way)
                break
            # The same tags in central that were made in the same way are the same own tags.
            if self._known[number] == way:
                break
            earlier.append(self._own(there, self._known[number]))
        return earlier

    def _own(self, there: Tags, way: _Way) -> Tags:
        """Return the own tags that `way` makes these of."""
        trace, taken, added = way
        mapped = tuple(sorted([*(tag for tag in there if tag[0] not in added), *taken]))
        return self._mapper.undo(mapped, trace)

    def _remember(self, place: int, way: _Way) -> None:
        number = self._ways.get(way)
        size = sum(len(key) + len(value) for key, value in way[1])
        self.overfull = self.overfull or len(self._places) >= MAX_SERIES
        if number is None and (len(self._known) >= MAX_WAYS or self._way_bytes + size > MAX_WAY_BYTES):
            self.overfull = True
        if self.overfull:
            return
        if number is None:
            number = self._ways[way] = len(self._known)
            self._known.append(way)
            self._way_bytes += size
        self._places.put(place, number)


def _undone(mapped: Tags, there: Tags) -> tuple[Tags, tuple[bytes, ...]]:
    """Return what of `mapped` is not `there` any more, and the keys of what is there and was not before."""
    if mapped is there:
        return (), ()
    before, after = set(mapped), set(there)
    return tuple(tag for tag in mapped if tag not in after), tuple(tag[0] for tag in there if tag not in before)


class _Places:
    """A number from 0 to 65,534 for each of many hashes, in a fifth of what a dict takes: open addressing."""

    def __init__(self) -> None:
        self._count = 0
        self._make(1024)

    def __len__(self) -> int:
        return self._count

    def get(self, place: int) -> int | None:
        """Return the number of `place`, None when it has none."""
        number = self._numbers[self._slot(place)]
        return number - 1 if number else None

    def put(self, place: int, number: int) -> None:
        """Give `place`, which has none, its `number`."""
        if self._count * 2 >= len(self._numbers):
            places, numbers = self._places, self._numbers
            self._make(2 * len(numbers))
            for each, kept in zip(places, numbers, strict=True):
                if kept:
                    slot = self._slot(each)
                    self._places[slot], self._numbers[slot] = each, kept
        slot = self._slot(place)
        self._places[slot], self._numbers[slot] = place, number + 1
        self._count += 1

    def _make(self, slots: int) -> None:
        self._places = array("q", (0,)) * slots
        self._numbers = array("H", (0,)) * slots

    def _slot(self, place: int) -> int:
        """Return where `place` is, or would be."""
        mask = len(self._numbers) - 1
        slot = place & mask
        while self._numbers[slot] and self._places[slot] != place:
            slot = (slot + 1) & mask
        return slot
