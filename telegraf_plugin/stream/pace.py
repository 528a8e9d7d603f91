"""How much one query reads: smaller after any failure, larger after success. Pure."""

from __future__ import annotations

from telegraf_plugin.stream.units import HOUR, SECOND

SMALLEST = SECOND
"""What (ns) is read at least."""
LONG = 15.0
"""Seconds above which what was done is tried in smaller pieces: what is live waits meanwhile."""
SHORT = 5.0
"""Seconds below which a larger piece may be tried."""


class Pace:
    """The length (ns) that one job of a kind covers, at most `longest`."""

    def __init__(self, longest: int = HOUR) -> None:
        self.length = longest
        self._longest = longest

    def smaller(self, least: int = SMALLEST) -> None:
        """Record that it was too much; no less than `least` (ns) is tried for it."""
        self.length = min(self.length, max(self.length // 2, least))

    def done(self, length: int, seconds: float) -> None:
        """Record that a piece of that length (ns) was done, and in how many seconds."""
        if seconds > LONG:
            self.length = max(min(self.length, length) // 2, SMALLEST)
        elif seconds < SHORT and length >= self.length:
            self.length = min(self.length * 2, self._longest)
