"""Lines in flight: printed, and not known to have left Telegraf's buffer. Pure.

`inputs.execd` cannot slow its plugin down, and an output whose buffer overflows drops the oldest metrics. So what is
in flight towards one central bucket stays under a limit well below `metric_buffer_limit`, and what does not fit waits
where it is safe: at the source. Telegraf counts metrics, its memory does not: so there is a limit of bytes as well.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import NamedTuple, Protocol

BACKLOG_SHARE = 0.75
"""What of the limit a backlog may take; the rest is for live data."""
OTHERS_SHARE = 0.125
"""What of the limit a stream leaves to its neighbours: its own marks may never come back."""
MARKS_A_LIMIT = 8
"""How often a mark is printed inside of a window: each time an eighth of the limit is behind the last one."""
PIECES_A_LIMIT = 2 * MARKS_A_LIMIT
"""What part of the limits enters at a time at the most, so that marks are printed as often as they should be."""
CROWDED_SHARE = 0.25
"""What of the limit is much: then how soon marks are seen decides how fast a backlog is."""
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
        """Return what is left without `other`."""
        return Load(self.lines - other.lines, self.bytes - other.bytes)


NOTHING = Load(0, 0)
MARK = Load(1, 0)


class Window(Protocol):
    """The lines in flight towards a stream's bucket in central."""

    def has_room(self, live: bool, stream: str | None = None) -> bool:
        """Say whether live data, or a backlog, of `stream` (its label) may begin to be read."""

    def waits(self, stream: str, waiting: bool) -> None:
        """Note whether live data of `stream` (its label) waits for room: who has waited for longer comes first."""

    def back(self, stream: str, mark: int) -> None:
        """Record a mark (its time) that is back."""

    def lines(self, stream: str | None = None) -> int:
        """Return how many lines are in flight, of `stream` or of all."""

    def permit(self, until: int) -> None:
        """Let lines pass until then (ns of the steady clock), and none afterwards."""

    @property
    def crowded(self) -> bool:
        """Whether so much is in flight that a backlog waits for marks, or soon will."""


@dataclass(slots=True)
class _Flight:
    """One stream's lines: behind its last mark (`open`), before each mark that is not back, and the `load` of them all.

    `overtaken`: a neighbour's later mark came back before its first one: first in, first out, what was printed before
    that has left their buffer, or never was in it.
    """

    open: Load = NOTHING
    marked: deque[tuple[int, Load]] = field(default_factory=deque)
    load: Load = NOTHING
    overtaken: bool = False

    def add(self, load: Load) -> None:
        """Count lines behind the last mark."""
        self.open, self.load = self.open.plus(load), self.load.plus(load)

    def mark(self, mark: int) -> None:
        """Count a mark of that time behind them: one line more."""
        self.load = self.load.plus(MARK)
        self.marked.append((mark, self.open.plus(MARK)))
        self.open = NOTHING

    def arrive(self, mark: int) -> None:
        """Record what was printed up to the mark of that time as gone."""
        while self.marked and self.marked[0][0] <= mark:
            self.load = self.load.minus(self.marked.popleft()[1])


class Flow:
    """Counts the lines in flight towards one central bucket, by stream, at the same cost for any number of them.

    `limit` is how many there may be, `max_bytes` how many bytes they may take.
    """

    def __init__(self, limit: int, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self.limit, self.max_bytes = limit, max_bytes
        self._streams: dict[str, _Flight] = {}
        self._load = self._overtaken = NOTHING  # of all streams, and of those that are overtaken
        self._newest_back = 0  # the time of the newest mark of any stream that is back
        self._waiting: dict[str, None] = {}  # whose live data waits for room, the first one first
        self._first_marks: list[tuple[int, str]] = []  # of streams that are not overtaken, some of them long back

    def lines(self, stream: str | None = None) -> int:
        """Return how many lines are in flight, of `stream` (its label) or of all."""
        return self.load(stream).lines

    def load(self, stream: str | None = None) -> Load:
        """Return how many lines and bytes are in flight, of `stream` (its label) or of all."""
        if stream is None:
            return self._load
        return self._streams[stream].load if stream in self._streams else NOTHING

    def has_room(self, load: Load, live: bool, stream: str | None = None) -> bool:
        """Say whether `load` more, of `stream`, may be printed; more than the limits only when nothing is in flight.

        What its neighbours' marks have overtaken is no neighbour's to wait for, and a stream that is not alone leaves
        them OTHERS_SHARE, so that there is a mark that can overtake.
        """
        share = 1.0 if live else BACKLOG_SHARE
        own = self._streams.get(stream, _NONE) if stream is not None else _NONE
        there = self._load.minus(self._overtaken).plus(own.load if own.overtaken else NOTHING)
        if not there.lines:
            return True
        alone = stream is None or len(self._streams) == (own is not _NONE)
        most = share if alone else share * (1 - OTHERS_SHARE)
        return self._fits(there.plus(load), share) and (not own.load.lines or self._fits(own.load.plus(load), most))

    def may_begin(self, piece: Load, live: bool, stream: str | None = None) -> bool:
        """Say whether live data, or a backlog, of `stream` may begin to be read: there is room for a `piece` of it, and
        for as much of each that waits for longer, live data before a backlog.

        Else a stream whose source is busy each time that there is room would never have any.
        """
        before = 0
        for name in self._waiting:
            if (live and name == stream) or before == PIECES_A_LIMIT:
                break
            before += 1
        return self.has_room(Load(piece.lines * (1 + before), piece.bytes * (1 + before)), live, stream)

    def waits(self, stream: str, waiting: bool) -> None:
        """Note whether live data of `stream` waits for room."""
        if waiting:
            self._waiting.setdefault(stream)
        else:
            self._waiting.pop(stream, None)

    def _fits(self, load: Load, share: float) -> bool:
        """Say whether `load` is within that share of both limits."""
        return load.lines <= int(self.limit * share) and load.bytes <= int(self.max_bytes * share)

    @property
    def crowded(self) -> bool:
        """Whether so much is in flight that a backlog waits for marks, or soon will."""
        return not self._fits(self._load, CROWDED_SHARE)

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
        with self._counting(stream) as flight:
            flight.add(load)

    def marked(self, stream: str, mark: int) -> None:
        """Note that the mark of time `mark` was printed behind the stream's lines so far: one line more."""
        with self._counting(stream) as flight:
            flight.mark(mark)

    def back(self, stream: str, mark: int) -> None:
        """Note that the mark of time `mark` is back: what was printed before it has left the buffer."""
        self._newest_back = max(self._newest_back, mark)
        if stream in self._streams:
            with self._counting(stream) as flight:
                flight.arrive(mark)
        while self._first_marks and self._first_marks[0][0] < self._newest_back:
            _, overtaken = heappop(self._first_marks)
            with self._counting(overtaken):
                """It is seen that it is overtaken, if it still is."""

    @contextmanager
    def _counting(self, stream: str) -> Iterator[_Flight]:
        """Keep the sums right while a stream's flight changes."""
        flight = self._streams.setdefault(stream, _Flight())
        first = flight.marked[0][0] if flight.marked else None
        self._load = self._load.minus(flight.load)
        self._overtaken = self._overtaken.minus(flight.load if flight.overtaken else NOTHING)
        yield flight
        flight.overtaken = bool(flight.marked) and flight.marked[0][0] < self._newest_back
        self._load = self._load.plus(flight.load)
        self._overtaken = self._overtaken.plus(flight.load if flight.overtaken else NOTHING)
        if flight.marked and not flight.overtaken and flight.marked[0][0] != first:
            heappush(self._first_marks, (flight.marked[0][0], stream))


_NONE = _Flight()
"""Of a stream that has printed nothing."""
