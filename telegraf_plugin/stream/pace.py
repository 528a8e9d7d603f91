"""How much one query reads: smaller after any failure, larger after success. Pure."""

from __future__ import annotations

from telegraf_plugin.stream.units import HOUR, MINUTE, SECOND

SMALLEST = SECOND
"""What (ns) is read at least."""
LONG = 15.0
"""Seconds above which what was done is tried in smaller pieces: what is live waits meanwhile."""
SHORT = 5.0
"""Seconds below which a larger piece may be tried."""
BETWEEN = (LONG + SHORT) / 2
"""Seconds that the next piece is to take."""


FIRST = MINUTE
"""What (ns) of a backlog is read first where much is in flight: how long more of it takes nobody knows yet."""


class Pace:
    """The length (ns) that one job of a kind covers, at most `longest`."""

    def __init__(self, longest: int = HOUR) -> None:
        self.length = longest
        self._longest = longest
        self._known = False  # how long it takes, since there was nothing to do last

    def restart(self) -> None:
        """Note that there is nothing to do: how fast it will go the next time nobody knows."""
        self._known = False

    def crowded(self) -> None:
        """Have little tried first, since others wait for the same room, and what is live waits behind this."""
        if not self._known:
            self.length = min(self.length, FIRST)

    def smaller(self, least: int = SMALLEST) -> None:
        """Record that it was too much; no less than `least` (ns) is tried for it."""
        self.length = min(self.length, max(self.length // 2, least))

    def done(self, length: int, seconds: float) -> None:
        """Record that a piece of that length (ns) was done, and in how many seconds."""
        self._known = True
        if seconds > LONG:
            self.length = max(int(min(self.length, length) * min(0.5, BETWEEN / seconds)), SMALLEST)
        elif seconds < SHORT and length >= self.length:
            self.length = min(self.length * 2, self._longest)
