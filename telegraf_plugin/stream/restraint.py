"""What holds a source's history back: a pause, quiet hours, and so many points a second. Live data never is. Pure.

History is a backlog, what a backfill asks for, and the sweep. What the source is about to delete is read in spite of
quiet hours and of the pace, as it could not be read afterwards; not in spite of a pause.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from telegraf_plugin.stream.clocks import Instant
from telegraf_plugin.stream.definition import StreamId
from telegraf_plugin.stream.pause import Paused
from telegraf_plugin.stream.progress import Progress
from telegraf_plugin.stream.quiet_hours import QuietHours
from telegraf_plugin.stream.spans import Span
from telegraf_plugin.stream.units import HOUR, MINUTE, SECOND

PIECE_SECONDS = 10
"""How much of a pace one query may take: what it reads at once is paid for by rest."""
FIRST_PIECE = MINUTE
"""What (ns) is read at first at a pace: how dense the points are is not known yet."""


class Leave(Enum):
    """What a stream may read now."""

    ALL = "all"
    EXPIRING = "expiring"
    """Live data, and what the source is about to delete."""
    LIVE = "live"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Restraint:
    """What a source's history is held back by: `points_per_second` at the most, None for any; `quiet` hours."""

    points_per_second: int | None = None
    quiet: QuietHours | None = None


UNRESTRAINED = Restraint()


class Allowance:
    """What of one source's history may be read now; all of its streams share the pace."""

    def __init__(self, restraint: Restraint = UNRESTRAINED) -> None:
        self._restraint = restraint
        self._not_before = 0  # ns of the steady clock: by then what was read is paid for
        self._pieces: dict[StreamId, int] = {}
        self._quiet: tuple[int, int | None] = (-1, None)  # in which minute, and until when

    @property
    def rate(self) -> int | None:
        """How many points a second may be read; None for any number."""
        return self._restraint.points_per_second

    def leave(self, paused: Paused, at: Instant) -> Leave:
        """Return what a stream of which that is `paused` may read."""
        if paused is not Paused.NOTHING:
            return Leave.NOTHING if paused is Paused.STREAM else Leave.LIVE
        if self.quiet_until(at) is not None or at.steady < self._not_before:
            return Leave.EXPIRING
        return Leave.ALL

    def quiet_until(self, at: Instant) -> int | None:
        """Return until when (Unix ns) it is quiet by the collector's clock; None when it is not."""
        if self._restraint.quiet is not None and self._quiet[0] != at.clock // MINUTE:
            self._quiet = (at.clock // MINUTE, self._restraint.quiet.until(at.clock))
        return self._quiet[1]

    def longest(self, name: StreamId) -> int:
        """Return how much time (ns) one query of history may cover at the most."""
        return self._pieces.get(name, FIRST_PIECE) if self.rate is not None else HOUR

    def read(self, name: StreamId, span: Span, points: int, took: int, steady: int) -> None:
        """Note that `points` of history were read, of `span`, in so many ns, until `steady` (ns).

        The next piece is as long as fits the pace by what there was in this one, twice as long at the most.
        """
        if self.rate is None:
            return
        self._not_before = max(self._not_before, steady - took) + points * SECOND // self.rate
        length = span[1] - span[0]
        fits = length * self.rate * PIECE_SECONDS // points if points else HOUR
        longest = self._pieces.get(name, FIRST_PIECE)
        self._pieces[name] = max(min(fits, 2 * longest, HOUR), SECOND)

    def paced(self, progress: Progress) -> Progress:
        """Return `progress` with how fast a backlog is copied at the pace, and how long that takes."""
        rate, speed = self.rate, progress.points_per_second
        if rate is None or speed <= rate:
            return progress
        to_go = int(progress.to_go * speed / rate) if progress.to_go is not None else None
        return replace(progress, points_per_second=float(rate), to_go=to_go)

    def wakes_at(self, at: Instant) -> int | None:
        """Return when (ns of the steady clock) more may be read though nothing happens; None: it may be now."""
        until = self.quiet_until(at)
        quiet = at.steady + until - at.clock if until is not None else at.steady
        wakes = max(quiet, self._not_before)
        return wakes if wakes > at.steady else None
