"""Simulated time: what happens next, by a heap."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush

Do = Callable[[], object]


class Loop:
    """Events in the order of their times (Unix ns, the true time); those of one time in the order they were made."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.events = 0
        self._heap: list[tuple[int, int, Do]] = []

    def at(self, time: int, do: Do) -> None:
        """Have `do` called at `time`; at once after what is under way if that has passed."""
        self.events += 1
        heappush(self._heap, (max(time, self.now), self.events, do))

    def run(self, until: int) -> None:
        """Have everything happen that is due before `until`, where time stands afterwards."""
        heap = self._heap
        while heap and heap[0][0] < until:
            self.now, _, do = heappop(heap)
            do()
        self.now = until
