"""Marks of other runs that are no news to a stream, eight bytes each: a day of them may be many. Pure."""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator

from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.spans import BEGINNING
from telegraf_plugin.stream.units import HOUR

KEPT = 26 * HOUR
"""How long (ns) before the newest one marks are kept when there are many; what is older is no news either."""
MANY = 10_000


class Known:
    """The marks that were there when the ledger was read, and those that were told since.

    What is older than `since` (Unix ns) is no news: so far back nobody looked.
    """

    def __init__(self, marks: Iterable[MarkId] = (), since: int = BEGINNING) -> None:
        self.since = since
        self._times: dict[str, array[int]] = {}
        self._checked = MANY
        self.add(marks, since)

    def __contains__(self, mark: MarkId) -> bool:
        times = self._times.get(mark.incarnation, ())
        place = bisect_left(times, mark.time)
        return mark.time < self.since or (place < len(times) and times[place] == mark.time)

    def __iter__(self) -> Iterator[MarkId]:
        return (MarkId(time, incarnation) for incarnation, times in self._times.items() for time in times)

    def __len__(self) -> int:
        return sum(map(len, self._times.values()))

    def add(self, marks: Iterable[MarkId], since: int = BEGINNING) -> None:
        """Note `marks`, and that nobody looked before `since` (Unix ns)."""
        self.since = max(self.since, since)
        for mark in marks:
            times = self._times.setdefault(mark.incarnation, array("q"))
            if not times or times[-1] < mark.time:
                times.append(mark.time)
            elif mark not in self:
                insort(times, mark.time)
        if len(self) > self._checked:
            newest = max(times[-1] for times in self._times.values() if times)
            self.since = max(self.since, newest - KEPT)
            for incarnation, times in list(self._times.items()):
                self._times[incarnation] = times[bisect_left(times, self.since) :]
                if not self._times[incarnation]:
                    del self._times[incarnation]
            self._checked = max(MANY, 2 * len(self))
