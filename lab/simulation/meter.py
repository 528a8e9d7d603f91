"""What each server is asked, and who waits for how long: counted by the minute, and added up over shards."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from telegraf_plugin.stream.units import MINUTE


class Load:
    """What one server is asked: `requests` and `points` read, in all and in the fullest interval of `every` ns."""

    __slots__ = ("_points", "_requests", "_slot", "every", "peak_points", "peak_requests", "points", "requests")

    def __init__(self, every: int) -> None:
        self.every = every
        self.requests = self.points = self.peak_requests = self.peak_points = 0
        self._slot = self._requests = self._points = 0

    def ask(self, now: int, points: int) -> None:
        """Count a question that reads so many points."""
        self._count(now, 1, points)

    def read(self, now: int, points: int) -> None:
        """Count points that were read by a question that was counted."""
        self._count(now, 0, points)

    def _count(self, now: int, requests: int, points: int) -> None:
        slot = now // self.every
        if slot != self._slot:
            self._slot, self._requests, self._points = slot, 0, 0
        self._requests += requests
        self._points += points
        self.requests += requests
        self.points += points
        self.peak_requests = max(self.peak_requests, self._requests)
        self.peak_points = max(self.peak_points, self._points)

    def plus(self, other: Load) -> None:
        """Add what somebody else asks: the fullest intervals count as if they were the same one."""
        self.requests += other.requests
        self.points += other.points
        self.peak_requests += other.peak_requests
        self.peak_points += other.peak_points


class Series:
    """Sums by the minute from `begin` (Unix ns) on."""

    def __init__(self, begin: int, minutes: int) -> None:
        self._begin = begin
        self.values = array("q", bytes(8 * (minutes + 1)))

    def add(self, now: int, value: int) -> None:
        """Add to the minute of `now`."""
        minute = (now - self._begin) // MINUTE
        if 0 <= minute < len(self.values):
            self.values[minute] += value

    def plus(self, other: Series) -> None:
        """Add another one of the same time."""
        for minute, value in enumerate(other.values):
            self.values[minute] += value


class Peaks(Series):
    """The largest of each minute."""

    def add(self, now: int, value: int) -> None:
        """Note a value of the minute of `now`."""
        minute = (now - self._begin) // MINUTE
        if 0 <= minute < len(self.values):
            self.values[minute] = max(self.values[minute], value)

    def plus(self, other: Series) -> None:
        """Note another one's of the same time."""
        for minute, value in enumerate(other.values):
            self.values[minute] = max(self.values[minute], value)


@dataclass
class Wait:
    """The longest of many waits (ns), whose it was, and when it ended (Unix ns); how many there were, and their sum.

    `of_each`: the longest (ns) of each one who has waited.
    """

    longest: int = 0
    whose: str = ""
    when: int = 0
    count: int = 0
    total: int = 0
    of_each: dict[str, int] = field(default_factory=dict)

    def add(self, waited: int, whose: str, now: int) -> None:
        """Record a wait that is over."""
        self.count += 1
        self.total += waited
        self.still(waited, whose, now)

    def still(self, waited: int, whose: str, now: int) -> None:
        """Record one that goes on."""
        if waited > self.of_each.get(whose, -1):
            self.of_each[whose] = waited
        if waited > self.longest:
            self.longest, self.whose, self.when = waited, whose, now

    def plus(self, other: Wait) -> None:
        """Add another one's."""
        self.count += other.count
        self.total += other.total
        self.of_each.update(other.of_each)  # each waits at one shard
        self.still(other.longest, other.whose, other.when)

    @property
    def mean(self) -> float:
        """The mean wait, in ns."""
        return self.total / self.count if self.count else 0.0


SERIES = ("asked_sources", "asked_central", "read_sources", "read_central", "written", "lacking", "streams")
"""What is counted by the minute."""
PEAKS = ("stale", "waited")
"""Of what the largest of each minute is kept."""


@dataclass
class Meters:
    """What one world measures. The series are by the minute.

    `live`: how long, after its tick, a stream waits until its newest points are begun to be read; `history`: how long
    one that has a backlog waits from one of its turns to the next. Both while its source and central answer. `vain`:
    how often a core wanted to be asked and had nothing to say. `stale`: how old (s) the newest point in central is,
    of the stream of which it is oldest, where the site can be reached; `waited`: the longest wait (s) of live data
    that ended. `core_seconds`: real time while a world runs, processor time when it is over (`World.run`).
    """

    # those of SERIES
    asked_sources: Series
    asked_central: Series
    read_sources: Series
    read_central: Series
    written: Series
    lacking: Series
    streams: Series
    stale: Peaks
    waited: Peaks
    live: Wait = field(default_factory=Wait)
    history: Wait = field(default_factory=Wait)
    core_seconds: float = 0.0
    core_events: int = 0
    vain: int = 0
    ticks: int = 0
    stream_ticks: int = 0

    @classmethod
    def of(cls, begin: int, minutes: int) -> Meters:
        """Return meters that stand at nothing, from `begin` (Unix ns) on."""
        series: dict[str, Series] = {name: Series(begin, minutes) for name in SERIES}
        return cls(**series, **{name: Peaks(begin, minutes) for name in PEAKS})  # type: ignore[arg-type]

    def plus(self, other: Meters) -> None:
        """Add another world's."""
        for name in (*SERIES, *PEAKS):
            getattr(self, name).plus(getattr(other, name))
        self.live.plus(other.live)
        self.history.plus(other.history)
        self.core_seconds += other.core_seconds
        self.core_events += other.core_events
        self.vain += other.vain
        self.ticks += other.ticks
        self.stream_ticks += other.stream_ticks
