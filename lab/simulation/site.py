"""A site: its streams' points as spans, its clock, its line, and when it cannot be reached."""

from __future__ import annotations

from dataclasses import dataclass, field

from lab.simulation.meter import Load
from telegraf_plugin.stream.definition import StreamDefinition, StreamId
from telegraf_plugin.stream.spans import NOTHING, Spans, span
from telegraf_plugin.stream.units import DAY, SECOND

STEP = 10 * SECOND
"""How often a site's agents take their points: at whole multiples of it."""
KEPT = 30 * DAY
SHARD_GROUP = DAY


@dataclass(frozen=True, slots=True)
class Line:
    """How a site is reached: an answer takes `latency` (ns) and so many points come in a second."""

    latency: int
    points_per_second: int

    def takes(self, points: int) -> int:
        """Return how long (ns) a question takes that reads so many points."""
        return self.latency + points * SECOND // self.points_per_second


@dataclass
class Site:
    """One source. Times are true ones (Unix ns) but for those of points, which are by its own clock.

    `points`: by stream, how many there are each STEP, `fields` of them to a line. `ahead`: how far its clock is. Its
    agents hand a point in `late` (ns) after its time; during `stalls` they hand in nothing, and all of it afterwards.
    `away`: when it cannot be reached; its agents write on. `joins`: since when the collector is to read it.
    """

    name: str
    streams: list[StreamDefinition]
    points: dict[StreamId, int]
    line: Line
    load: Load
    fields: int = 10
    ahead: int = 0
    late: int = 2 * SECOND
    away: Spans = NOTHING
    stalls: Spans = NOTHING
    joins: int = 0
    since: int = 0
    _closed: Spans = field(default=NOTHING, init=False)
    _newest: int = field(default=-1, init=False)
    _there: Spans = field(default=NOTHING, init=False)

    def answers(self, now: int) -> bool:
        """Say whether it can be reached."""
        return not self.away or not self.away.covers((now, now + 1))

    def answered(self, start: int, stop: int) -> bool:
        """Say whether it could be reached all the time from `start` to `stop`."""
        return not self.away or not self.away.touches((start, stop + 1))

    def clock(self, now: int) -> int:
        """Return what its clock says."""
        return now + self.ahead

    def jump(self, now: int, ahead: int) -> None:
        """Have its clock set: from now on it is so far ahead (ns). What has a time is kept."""
        self._closed = self.there(now)
        self.ahead = ahead
        self.since = self._frontier(now)
        self._newest = -1

    def there(self, now: int) -> Spans:
        """Return of which times it has points by now."""
        frontier = self._frontier(now)
        if frontier != self._newest:
            self._newest = frontier
            self._there = self._closed + span(self.since, frontier)
        return self._there

    def _frontier(self, now: int) -> int:
        """Return before which time it has the points that its agents have handed in, a multiple of STEP."""
        stalled = self.stalls.around(now, now + 1) if self.stalls else ()
        time = self.clock(stalled[0][0] if stalled else now) - self.late
        return time + -time % STEP


def count(spans: Spans, points: int) -> int:
    """Return how many points there are in `spans` of a stream that has so many each STEP."""
    return points * sum((stop + STEP - 1) // STEP - (start + STEP - 1) // STEP for start, stop in spans.parts)
