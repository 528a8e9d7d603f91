"""How fast a backlog is copied, and how long the rest of it takes by that. Pure."""

from __future__ import annotations

from telegraf_plugin.stream.spans import BEGINNING, Span
from telegraf_plugin.stream.units import MINUTE, SECOND

TOGETHER = MINUTE
"""How soon (ns) a backlog's next read ends after the last one's where they are one piece of work."""
NEWEST = 0.2
"""What the newest read counts for in the mean."""


class CopySpeed:
    """Two means over the reads of one stream's backlog; 0 before the first.

    `points`: points a second. `time`: how much time (ns) is copied a second.
    """

    def __init__(self) -> None:
        self.points = self.time = 0.0
        self._copied_at = BEGINNING  # when the last read ended, by the steady clock

    def copied(self, whole: Span, points: int, seconds: float, steady: int) -> None:
        """Note a read that took so many seconds, and ended at `steady` (ns).

        What lies between two reads counts as well: other reads, marks that are waited for, the threads' turns.
        """
        between, self._copied_at = steady - self._copied_at, steady
        if between <= TOGETHER:
            seconds = max(seconds, between / SECOND)
        if seconds > 0:
            weight = NEWEST if self.time else 1.0
            self.points += weight * (points / seconds - self.points)
            self.time += weight * ((whole[1] - whole[0]) / seconds - self.time)

    def to_go(self, left: int) -> int | None:
        """Return how long (ns) it takes to copy `left` (ns of time); None where that is nothing, or not known."""
        return int(left / self.time * SECOND) if left and self.time else None
