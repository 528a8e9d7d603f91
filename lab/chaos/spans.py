"""Spans of time as a mark lists them: `start/stop`, half open, ns since 1970 UTC. Pure, and not the plugin's."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable


class SpanList:
    """Disjoint spans in order, to be asked whether a time lies in one."""

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        """`spans` may overlap and come in any order."""
        self.parts: list[tuple[int, int]] = []
        for start, stop in sorted(spans):
            if self.parts and start <= self.parts[-1][1]:
                self.parts[-1] = (self.parts[-1][0], max(self.parts[-1][1], stop))
            elif start < stop:
                self.parts.append((start, stop))
        self._starts = [start for start, _ in self.parts]

    @classmethod
    def parse(cls, text: str) -> SpanList:
        """What stands in a mark's `proved`. Raises ValueError."""
        pairs = (part.partition("/") for part in text.split())
        return cls((int(start), int(stop)) for start, _, stop in pairs)

    def __contains__(self, time_ns: int) -> bool:
        place = bisect_right(self._starts, time_ns) - 1
        return place >= 0 and time_ns < self.parts[place][1]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SpanList) and self.parts == other.parts

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        return bool(self.parts)

    @property
    def stop(self) -> int:
        """Where the last one ends; 0 without any."""
        return self.parts[-1][1] if self.parts else 0
