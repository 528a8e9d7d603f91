"""Notices when the mapping makes two series of a source one, so that one's points would overwrite the other's. Pure.

It happens where a series without `host` stands beside one whose host is the source's name, and where an own tag
stands beside one that is already called `exported_` like it.
"""

from __future__ import annotations

from array import array

from telegraf_plugin.stream.block import Block, Tags
from telegraf_plugin.stream.mapping import TagMapper, Trace

MAX_SERIES = 100_000
"""Series and fields of one window that are remembered, some 3 MB; beyond that none is noticed any more."""
MAX_TRACES = 250
"""Ways in which own tags make tags of central; a site has a handful of them."""


class OverwriteWatch:
    """Watches the series of one window of one stream; `overfull` says that there were more than it remembers."""

    def __init__(self, mapper: TagMapper) -> None:
        self._mapper = mapper
        self._first = _Places()
        self._traces: list[Trace] = []
        self.overfull = False

    def other(self, block: Block) -> Tags | None:
        """Return the own tags of an earlier series that has this block's tags in central, None where there is none."""
        if not self._mapper.may_collide(block.tags):
            return None
        mapped, trace = self._mapper.trace(block.tags, block.field)
        place = hash((block.measurement, mapped, block.field))
        first = self._first.get(place)
        if first is not None:
            # The same tags in central that were made in the same way are the same own tags.
            return self._mapper.undo(mapped, self._traces[first]) if self._traces[first] != trace else None
        known = trace in self._traces
        self.overfull = (
            self.overfull or len(self._first) >= MAX_SERIES or (not known and len(self._traces) >= MAX_TRACES)
        )
        if not self.overfull:
            if not known:
                self._traces.append(trace)
            self._first.put(place, self._traces.index(trace))
        return None


class _Places:
    """A number from 0 to 254 for each of many hashes, in a sixth of what a dict takes: open addressing."""

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
        self._numbers = bytearray(slots)

    def _slot(self, place: int) -> int:
        """Return where `place` is, or would be."""
        mask = len(self._numbers) - 1
        slot = place & mask
        while self._numbers[slot] and self._places[slot] != place:
            slot = (slot + 1) & mask
        return slot
