"""Lines in flight: printed, and not known to have left Telegraf's buffer. Pure.

`inputs.execd` cannot slow its plugin down, and an output whose buffer overflows drops the oldest metrics. So what is
in flight towards one central bucket stays under a limit well below `metric_buffer_limit`, and what does not fit waits
where it is safe: at the source.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

BACKLOG_SHARE = 0.5
"""What of the limit a backlog may take; the rest is for live data."""
MARKS_A_LIMIT = 4
"""How often a mark is printed inside of a window: each time a quarter of the limit is behind the last one."""


@dataclass(slots=True)
class _Flight:
    """One stream's lines: behind its last mark, and before each mark that is not back."""

    open: int = 0
    marked: deque[tuple[int, int]] = field(default_factory=deque)

    @property
    def lines(self) -> int:
        return self.open + sum(lines for _, lines in self.marked)


class Flow:
    """Counts the lines in flight towards one central bucket, by stream; `limit` is how many there may be."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._streams: dict[str, _Flight] = {}

    def lines(self, stream: str | None = None) -> int:
        """Return how many lines are in flight, of `stream` (its label) or of all."""
        if stream is not None:
            return self._streams[stream].lines if stream in self._streams else 0
        return sum(flight.lines for flight in self._streams.values())

    def has_room(self, lines: int, live: bool) -> bool:
        """Say whether `lines` more may be printed now; more than the limit at once only when nothing is in flight."""
        there = self.lines()
        return not there or there + lines <= (self.limit if live else int(self.limit * BACKLOG_SHARE))

    def needs_mark(self, stream: str) -> bool:
        """Say whether so much was printed since the stream's last mark that one is due inside of the window."""
        return stream in self._streams and self._streams[stream].open >= self.limit // MARKS_A_LIMIT

    def unmarked(self, stream: str) -> bool:
        """Say whether lines of `stream` have no mark behind them."""
        return stream in self._streams and self._streams[stream].open > 0

    def printed(self, stream: str, lines: int) -> None:
        """Count `lines` that are about to be printed."""
        self._streams.setdefault(stream, _Flight()).open += lines

    def marked(self, stream: str, mark: int) -> None:
        """Take note that the mark of time `mark` was printed behind the stream's lines so far."""
        flight = self._streams.setdefault(stream, _Flight())
        flight.marked.append((mark, flight.open + 1))
        flight.open = 0

    def back(self, stream: str, mark: int) -> None:
        """Take note that the mark of time `mark` is back: what was printed before it has left the buffer."""
        flight = self._streams.get(stream)
        while flight is not None and flight.marked and flight.marked[0][0] <= mark:
            flight.marked.popleft()
