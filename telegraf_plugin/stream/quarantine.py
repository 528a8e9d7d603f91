"""What could not be done: spans at which reading or comparing failed, so that what lies behind them goes on. Pure.

The one rule of progress: any failure makes the span smaller, success larger. A span that failed is left alone for a
moment, and tried again in smaller pieces; a piece that goes on failing at the smallest is set aside, visibly, and
tried again ever less.
"""

from __future__ import annotations

from dataclasses import dataclass

from telegraf_plugin.stream.backoff import Backoff
from telegraf_plugin.stream.spans import NOTHING, Span, Spans, span
from telegraf_plugin.stream.units import SECOND

FIRST_WAIT = 2 * SECOND
"""How long (ns) a span that failed is left alone at first."""
ASIDE = Backoff(64 * SECOND, 3600 * SECOND)
"""How long (ns) what is set aside is left alone."""
SMALLEST = 60 * SECOND
"""What (ns) is not cut any further because it failed."""
TRIES = 3
"""How often the smallest piece may fail before it counts as set aside."""
MAX_OBSTACLES = 1000
"""Above it those that lie closest become one: what is kept is bounded whatever happens."""


@dataclass(slots=True)
class Obstacle:
    """A span that failed: its pieces are tried at most `size` (ns) long, after `look_at` (ns of the steady clock).

    `tries`: how often it failed at its smallest. `reason`: what was said of it the last time.
    """

    start: int
    stop: int
    size: int
    look_at: int
    reason: str
    tries: int = 0

    @property
    def aside(self) -> bool:
        """Whether it is set aside: smaller does not help."""
        return self.tries >= TRIES


class Quarantine:
    """The obstacles of one stream, for one kind of work; disjoint and in order."""

    def __init__(self, every: int = 1) -> None:
        """`every`: pieces are whole multiples of it (ns): an aggregate's window."""
        self._obstacles: list[Obstacle] = []
        self._every = every
        self._smallest = SMALLEST + -SMALLEST % every

    def __bool__(self) -> bool:
        return bool(self._obstacles)

    def clear(self) -> None:
        """Forget them all."""
        self._obstacles = []

    def closed(self, steady: int) -> Spans:
        """Return what is left alone at `steady` (ns of a clock that never jumps)."""
        if not self._obstacles:
            return NOTHING
        return Spans.of((each.start, each.stop) for each in self._obstacles if each.look_at > steady)

    def opens_at(self) -> list[int]:
        """Return until when (ns of the steady clock) each of them is left alone."""
        return [each.look_at for each in self._obstacles]

    @property
    def aside(self) -> Spans:
        """What is set aside."""
        if not self._obstacles:
            return NOTHING
        return Spans.of((each.start, each.stop) for each in self._obstacles if each.aside)

    @property
    def reason(self) -> str:
        """What was said of the newest of what is set aside; empty when nothing is."""
        return next((each.reason for each in reversed(self._obstacles) if each.aside), "")

    def fit(self, whole: Span, newest: bool = True) -> Span:
        """Return the newest part of `whole` (or its oldest) that may be tried at once: no more than failed before."""
        touched = [each for each in self._obstacles if each.start < whole[1] and whole[0] < each.stop]
        if not touched:
            return whole
        if newest:
            last = touched[-1]
            if last.stop < whole[1]:
                return last.stop, whole[1]
            return max(whole[0], last.start, whole[1] - last.size), whole[1]
        first = touched[0]
        if first.start > whole[0]:
            return whole[0], first.start
        return whole[0], min(whole[1], first.stop, whole[0] + first.size)

    def knows(self, whole: Span) -> bool:
        """Say whether some of `whole` has failed before."""
        return any(each.start < whole[1] and whole[0] < each.stop for each in self._obstacles)

    def cuts(self, whole: Span) -> bool:
        """Say whether `whole` is tried in smaller pieces when it fails."""
        return whole[1] - whole[0] > self._smallest

    def failed(self, whole: Span, reason: str, steady: int, lasting: bool, smaller: bool = True) -> bool:
        """Record that `whole` failed; returns whether it is set aside from now on, and was not before.

        `lasting`: other work went well meanwhile, so it is this span that fails. `smaller`: it is tried in halves.
        """
        tries = max((o.tries for o in self._obstacles if o.start <= whole[0] and whole[1] <= o.stop), default=0)
        self._take_out(whole)
        length = whole[1] - whole[0]
        small = not self.cuts(whole)
        size = max(length // (1 + smaller) // self._every * self._every, self._smallest)
        tries += small and lasting
        wait = FIRST_WAIT if tries < TRIES else int(ASIDE.after(tries - TRIES + 1))
        self._obstacles.append(Obstacle(*whole, size, steady + wait, reason, tries))
        self._obstacles.sort(key=lambda each: each.start)
        self._bound()
        return tries == TRIES and small and lasting

    def passed(self, whole: Span) -> None:
        """Record that `whole` went well; what is left of an obstacle is tried in larger pieces."""
        for each in self._take_out(whole):
            each.size *= 2

    def keep(self, wanted: Spans) -> None:
        """Forget what is not in `wanted` any more."""
        if self._obstacles:
            for part in Spans.of((each.start, each.stop) for each in self._obstacles) - wanted:
                self._take_out(part)

    def _take_out(self, whole: Span) -> list[Obstacle]:
        """Take `whole` out of all obstacles; returns what is left of those that it touched."""
        kept, left = [], []
        for each in self._obstacles:
            parts = (span(each.start, each.stop) - span(*whole)).parts
            if parts == ((each.start, each.stop),):
                kept.append(each)
            else:
                left += [Obstacle(*part, each.size, each.look_at, each.reason, each.tries) for part in parts]
        self._obstacles = sorted(kept + left, key=lambda each: each.start)
        return left

    def _bound(self) -> None:
        while len(self._obstacles) > MAX_OBSTACLES:
            gaps = [
                (b.start - a.stop, at)
                for at, (a, b) in enumerate(zip(self._obstacles, self._obstacles[1:], strict=False))
            ]
            at = min(gaps)[1]
            first, later = self._obstacles[at : at + 2]
            tries = min(first.tries, later.tries)
            joined = Obstacle(first.start, later.stop, min(first.size, later.size), later.look_at, later.reason, tries)
            self._obstacles[at : at + 2] = [joined]
