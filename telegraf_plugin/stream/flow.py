"""Lines in flight: printed, and not known to have left Telegraf's buffer. Pure.

`inputs.execd` cannot slow its plugin down, and an output whose buffer overflows drops the oldest metrics. So what is
in flight towards one central bucket stays under a limit well below `metric_buffer_limit`, and what does not fit waits
where it is safe: at the source. Telegraf counts metrics, its memory does not: so there is a limit of bytes as well.

Streams ask for room several times a tick: an answer costs the same however many streams a bucket has.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import NamedTuple

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

    def minus(self, other: Load) -> Load:
        """Return this without `other`, which is a part of it."""
        return Load(self.lines - other.lines, self.bytes - other.bytes)


NOTHING = Load(0, 0)


@dataclass(slots=True)
class _Flight:
    """One stream's lines: behind its last mark, and before each mark that is not back; `load` is their sum.

    `overtaken`: a neighbour's later mark came back before its first. First in, first out: what was printed before that
    has left their buffer, or never was in it.
    """

    open: Load = NOTHING
    marked: deque[tuple[int, Load]] = field(default_factory=deque)
    load: Load = NOTHING
    overtaken: bool = False


class Flow:
    """Counts the lines in flight towards one central bucket, by stream.

    `limit` is how many there may be, `max_bytes` how many bytes they may take.
    """

    def __init__(self, limit: int, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self.limit, self.max_bytes = limit, max_bytes
        self._streams: dict[str, _Flight] = {}
        self._newest_back = 0  # the time of the newest mark of any stream that is back
        self._load = NOTHING  # of all streams
        self._overtaken = NOTHING  # of those that are overtaken
        self._first: list[tuple[int, str]] = []  # a heap: when streams made the first mark that is not back

    def lines(self, stream: str | None = None) -> int:
        """Return how many lines are in flight, of `stream` (its label) or of all."""
        return self.load(stream).lines

    def load(self, stream: str | None = None) -> Load:
        """Return how many lines and bytes are in flight, of `stream` (its label) or of all."""
        if stream is not None:
            return self._streams[stream].load if stream in self._streams else NOTHING
        return self._load

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
        alone = stream is None or len(self._streams) == (stream in self._streams)
        most = share if alone else share * (1 - OTHERS_SHARE)
        return self._fits(there.plus(load), share) and (not own.lines or self._fits(own.plus(load), most))

    def _fits(self, load: Load, share: float) -> bool:
        """Say whether `load` is within that share of both limits."""
        return load.lines <= int(self.limit * share) and load.bytes <= int(self.max_bytes * share)

    def _shared(self, stream: str | None) -> Load:
        """Return what in flight counts for `stream`: all of its own, and what of the others' is not overtaken."""
        shared = self._load.minus(self._overtaken)
        flight = self._streams.get(stream) if stream is not None else None
        return shared.plus(flight.load) if flight is not None and flight.overtaken else shared

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
        self._grow(flight, load)

    def marked(self, stream: str, mark: int) -> None:
        """Take note that the mark of time `mark` was printed behind the stream's lines so far: one line more."""
        flight = self._streams.setdefault(stream, _Flight())
        flight.marked.append((mark, flight.open.plus(Load(1, 0))))
        flight.open = NOTHING
        self._grow(flight, Load(1, 0))
        if len(flight.marked) == 1:
            self._expect(stream, flight)

    def back(self, stream: str, mark: int) -> None:
        """Take note that the mark of time `mark` is back: what was printed before it has left the buffer."""
        flight = self._streams.get(stream)
        self._newest_back = max(self._newest_back, mark)
        if flight is not None and flight.marked and flight.marked[0][0] <= mark:
            self._overtake(flight, False)
            while flight.marked and flight.marked[0][0] <= mark:
                _, load = flight.marked.popleft()
                flight.load, self._load = flight.load.minus(load), self._load.minus(load)
            self._expect(stream, flight)
        while self._first and self._first[0][0] < self._newest_back:
            first, label = heappop(self._first)
            other = self._streams[label]
            if other.marked and other.marked[0][0] == first:
                self._overtake(other, True)

    def _expect(self, stream: str, flight: _Flight) -> None:
        """Watch for the first mark of a stream that is not back, which may be overtaken."""
        if flight.marked:
            heappush(self._first, (flight.marked[0][0], stream))
            if flight.marked[0][0] < self._newest_back:
                self._overtake(flight, True)

    def _overtake(self, flight: _Flight, overtaken: bool) -> None:
        if flight.overtaken != overtaken:
            flight.overtaken = overtaken
            change = self._overtaken.plus if overtaken else self._overtaken.minus
            self._overtaken = change(flight.load)

    def _grow(self, flight: _Flight, load: Load) -> None:
        """Count `load` more of a stream."""
        flight.load, self._load = flight.load.plus(load), self._load.plus(load)
        if flight.overtaken:
            self._overtaken = self._overtaken.plus(load)
