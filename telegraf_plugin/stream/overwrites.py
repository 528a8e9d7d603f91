"""Notices when series of a source become one in central, so that one's points would overwrite the other's. Pure.

The mapping does it where a series without `host` stands beside one whose host is the source's name, and where an own
tag stands beside one that is already called `exported_` like it. Telegraf's renames do it where two hosts get one name.
"""

from __future__ import annotations

from collections.abc import Sequence

from telegraf_plugin.stream.block import Block, Tags
from telegraf_plugin.stream.mapping import TagMapper
from telegraf_plugin.stream.renames import TagRule, changed, touched

MAX_SERIES = 100_000
MAX_BYTES = 12 * 1024 * 1024
"""Series and fields of one window that are remembered, and the bytes of their tags, some 30 MB in all; beyond that none
is noticed any more."""
MAX_EARLIER = 8
"""Series that became one with a series before it was read: of a further one all is taken to overwrite."""


class OverwriteWatch:
    """Watches the series of one window of one stream; `overfull` says that there were more than it remembers."""

    def __init__(self, mapper: TagMapper, renames: Sequence[TagRule] = ()) -> None:
        self._mapper, self._renames = mapper, renames
        self._touched = touched(renames)
        self._series: dict[int, bytes | list[bytes]] = {}  # by their hash in central: one, or all
        self._bytes = 0
        self.overfull = False

    def others(self, block: Block) -> list[Tags]:
        """Return the own tags of each earlier series that has this block's tags in central, the first one first."""
        mapped = self._mapper.map(block.tags, block.field)
        if not self._mapper.may_collide(block.tags) and self._touched.isdisjoint(key for key, _ in mapped):
            return []
        own = _packed(block.tags)
        place = hash((block.measurement, changed(self._renames, mapped), block.field))
        earlier = self._series.get(place)
        if earlier is None or earlier == own:
            if earlier is None:
                self._remember(place, own)
            return []
        known = [earlier] if isinstance(earlier, bytes) else earlier
        if own in known:
            known = known[: known.index(own)]
        elif len(known) <= MAX_EARLIER:
            self._remember(place, [*known, own])
        return [_unpacked(each) for each in known]

    def _remember(self, place: int, series: bytes | list[bytes]) -> None:
        size = len(series if isinstance(series, bytes) else series[-1])
        if len(self._series) >= MAX_SERIES or self._bytes + size > MAX_BYTES:
            self.overfull = True
            return
        self._bytes += size
        self._series[place] = series


def _packed(tags: Tags) -> bytes:
    """Return `tags` as one text, which takes a third of the memory; a NUL in a name is told from one between two."""
    return b"\0\0".join(part.replace(b"\0", b"\0\1") for tag in tags for part in tag)


def _unpacked(packed: bytes) -> Tags:
    parts = [part.replace(b"\0\1", b"\0") for part in packed.split(b"\0\0")] if packed else []
    return tuple(zip(parts[::2], parts[1::2], strict=True))
