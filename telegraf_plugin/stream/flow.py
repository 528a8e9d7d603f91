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
OTHERS_SHARE = 0.125
"""What of the limit a stream leaves to its neighbours: its own marks may never come back."""
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
        self._newest_back = 0  # the time of the newest mark of any stream that is back

    def lines(self, stream: str | None = None) -> int:
        """Return how many lines are in flight, of `stream` (its label) or of all."""
        if stream is not None:
            return self._streams[stream].lines if stream in self._streams else 0
        return sum(flight.lines for flight in self._streams.values())

    def has_room(self, lines: int, live: bool, stream: str | None = None) -> bool:
        """Say whether `lines` more, of `stream`, may be printed; more than the limit only when nothing is in flight.

        What its neighbours' marks have overtaken is no neighbour's to wait for, and a stream that is not alone leaves
        them OTHERS_SHARE, so that there is a mark that can overtake.
        """
        limit = self.limit if live else int(self.limit * BACKLOG_SHARE)
        there = self._shared(stream)
        own = self.lines(stream) if stream is not None else 0
        alone = stream is None or not self._streams.keys() - {stream}
        most = limit if alone else limit - int(limit * OTHERS_SHARE)
        return not there or (there + lines <= limit and (not own or own + lines <= most))

    def _shared(self, stream: str | None) -> int:
        """Return the lines in flight that count for `stream`: all of its own, and those that are not overtaken."""
        return sum(
            flight.lines for label, flight in self._streams.items() if label == stream or not self._overtaken(label)
        )

    def _overtaken(self, stream: str) -> bool:
        """Say whether a neighbour's later mark came back before this stream's: first in, first out, what was printed
        before it has left their buffer, or never was in it.
        """
        marked = self._streams[stream].marked
        return bool(marked) and marked[0][0] < self._newest_back

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
        self._newest_back = max(self._newest_back, mark)
        while flight is not None and flight.marked and flight.marked[0][0] <= mark:
            flight.marked.popleft()
