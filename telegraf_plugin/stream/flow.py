"""Lines in flight: printed, and not known to have left Telegraf's buffer. Pure.

`inputs.execd` cannot slow its plugin down, and an output whose buffer overflows drops the oldest metrics. So what is
in flight towards one central bucket stays under a limit well below `metric_buffer_limit`, and what does not fit waits
where it is safe: at the source. Telegraf counts metrics, its memory does not: so there is a limit of bytes as well.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

BACKLOG_SHARE = 0.5
"""What of the limit a backlog may take; the rest is for live data."""
OTHERS_SHARE = 0.125
"""What of the limit a stream leaves to its neighbours: its own marks may never come back."""
MARKS_A_LIMIT = 4
"""How often a mark is printed inside of a window: each time a quarter of the limit is behind the last one."""
DEFAULT_MAX_BYTES = 64 * 1024 * 1024
"""Bytes of lines in flight towards one bucket: some 640 bytes a line at the default limit of lines."""


class Load(NamedTuple):
    """Lines, and how many bytes they take."""

    lines: int
    bytes: int

    def plus(self, other: Load) -> Load:
        """Return both together."""
        return Load(self.lines + other.lines, self.bytes + other.bytes)


NOTHING = Load(0, 0)


class Window(Protocol):
    """The lines in flight towards a stream's bucket in central."""

    def has_room(self, live: bool, stream: str | None = None) -> bool:
        """Say whether live data, or a backlog, of `stream` (its label) may begin to be read."""

    def back(self, stream: str, mark: int) -> None:
        """Take a mark (its time) that is back."""

    def lines(self, stream: str | None = None) -> int:
        """Return how many lines are in flight, of `stream` or of all."""


@dataclass(slots=True)
class _Flight:
    """One stream's lines: behind its last mark, and before each mark that is not back."""

    open: Load = NOTHING
    marked: deque[tuple[int, Load]] = field(default_factory=deque)

    @property
    def load(self) -> Load:
        return _sum([self.open, *(load for _, load in self.marked)])


class Flow:
    """Counts the lines in flight towards one central bucket, by stream.

    `limit` is how many there may be, `max_bytes` how many bytes they may take.
    """

    def __init__(self, limit: int, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self.limit, self.max_bytes = limit, max_bytes
        self._streams: dict[str, _Flight] = {}
        self._newest_back = 0  # the time of the newest mark of any stream that is back

    def lines(self, stream: str | None = None) -> int:
        """Return how many lines are in flight, of `stream` (its label) or of all."""
        return self.load(stream).lines

    def load(self, stream: str | None = None) -> Load:
        """Return how many lines and bytes are in flight, of `stream` (its label) or of all."""
        if stream is not None:
            return self._streams[stream].load if stream in self._streams else NOTHING
        return _sum([flight.load for flight in self._streams.values()])

    def has_room(self, load: Load, live: bool, stream: str | None = None) -> bool:
        """Say whether `load` more, of `stream`, may be printed; more than the limits only when nothing is in flight.

        What its neighbours' marks have overtaken is no neighbour's to wait for, and a stream that is not alone leaves
        them OTHERS_SHARE, so that there is a mark that can overtake.
        """
        share = 1.0 if live else BACKLOG_SHARE
        there = self._shared(stream)
        if not there.lines:
            return True
        own = self.load(stream) if stream is not None else NOTHING
        alone = stream is None or not self._streams.keys() - {stream}
        most = share if alone else share * (1 - OTHERS_SHARE)
        return self._fits(there.plus(load), share) and (not own.lines or self._fits(own.plus(load), most))

    def _fits(self, load: Load, share: float) -> bool:
        """Say whether `load` is within that share of both limits."""
        return load.lines <= int(self.limit * share) and load.bytes <= int(self.max_bytes * share)

    def _shared(self, stream: str | None) -> Load:
        """Return what in flight counts for `stream`: all of its own, and what of the others' is not overtaken."""
        flights = self._streams.items()
        return _sum([flight.load for label, flight in flights if label == stream or not self._overtaken(label)])

    def _overtaken(self, stream: str) -> bool:
        """Say whether a neighbour's later mark came back before this stream's: first in, first out, what was printed
        before it has left their buffer, or never was in it.
        """
        marked = self._streams[stream].marked
        return bool(marked) and marked[0][0] < self._newest_back

    def needs_mark(self, stream: str) -> bool:
        """Say whether so much was printed since the stream's last mark that one is due inside of the window."""
        if stream not in self._streams:
            return False
        behind = self._streams[stream].open
        return behind.lines >= self.limit // MARKS_A_LIMIT or behind.bytes >= self.max_bytes // MARKS_A_LIMIT

    def unmarked(self, stream: str) -> bool:
        """Say whether lines of `stream` have no mark behind them."""
        return stream in self._streams and self._streams[stream].open.lines > 0

    def printed(self, stream: str, load: Load) -> None:
        """Count lines that are about to be printed."""
        flight = self._streams.setdefault(stream, _Flight())
        flight.open = flight.open.plus(load)

    def marked(self, stream: str, mark: int) -> None:
        """Take note that the mark of time `mark` was printed behind the stream's lines so far: one line more."""
        flight = self._streams.setdefault(stream, _Flight())
        flight.marked.append((mark, flight.open.plus(Load(1, 0))))
        flight.open = NOTHING

    def back(self, stream: str, mark: int) -> None:
        """Take note that the mark of time `mark` is back: what was printed before it has left the buffer."""
        flight = self._streams.get(stream)
        self._newest_back = max(self._newest_back, mark)
        while flight is not None and flight.marked and flight.marked[0][0] <= mark:
            flight.marked.popleft()


def _sum(loads: list[Load]) -> Load:
    return Load(sum(load.lines for load in loads), sum(load.bytes for load in loads))
