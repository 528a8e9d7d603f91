"""Notices when the mapping makes two series of a source one, so that one's points would overwrite the other's. Pure.

It happens where a series without `host` stands beside one whose host is the source's name, and where an own tag
stands beside one that is already called `exported_` like it.
"""

from __future__ import annotations

from itertools import product

from telegraf_plugin.stream.block import Block, Tags
from telegraf_plugin.stream.mapping import EXPORTED, TagMapper

MAX_SERIES = 100_000
"""Series and fields of one window that are remembered, some 20 MB; beyond that none is noticed any more."""


class OverwriteWatch:
    """Watches the series of one window of one stream; `overfull` says that there were more than it remembers."""

    def __init__(self, mapper: TagMapper) -> None:
        self._mapper = mapper
        self._first: dict[int, int] = {}
        self.overfull = False

    def other(self, block: Block) -> Tags | None:
        """Return the own tags of an earlier series that has this block's tags in central, None where there is none."""
        if not self._mapper.may_collide(block.tags):
            return None
        mapped = self._mapper.map(block.tags, block.field)
        place = hash((block.measurement, mapped, block.field))
        own = hash(block.tags)
        first = self._first.get(place)
        if first is None:
            self.overfull = self.overfull or len(self._first) >= MAX_SERIES
            if not self.overfull:
                self._first[place] = own
            return None
        if first == own:
            return None
        return next((tags for tags in self._candidates(mapped, block.field) if hash(tags) == first), None)

    def _candidates(self, mapped: Tags, field: bytes) -> list[Tags]:
        """Return every set of own tags that maps to `mapped`."""
        choices: list[list[tuple[bytes, bytes | None]]] = []  # for each added tag: the key it came from, if any
        tags = dict(mapped)
        for key in self._mapper.added_keys:
            own: list[tuple[bytes, bytes | None]] = [(key, None)]
            if key == b"host":
                own.append((key, key))
            exported = EXPORTED + key
            while exported in tags:
                own.append((key, exported))
                exported = EXPORTED + exported
            choices.append(own)
        found = []
        for choice in product(*choices):
            candidate = dict(tags)
            for key, came_from in choice:
                value = candidate.pop(came_from, None) if came_from is not None else None
                candidate.pop(key, None)
                if value is not None:
                    candidate[key] = value
            own_tags = tuple(sorted(candidate.items()))
            if self._mapper.map(own_tags, field) == mapped:
                found.append(own_tags)
        return found
