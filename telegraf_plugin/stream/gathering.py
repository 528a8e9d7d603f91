"""When what has settled of many small streams is proved, and what is proved is gone over again: all of it at once,
behind what a tick has asked for. Pure.

Each stream's spans settle in their own time, and each source is done with a tick in its own. Proved as soon as may be
they would ask central some ten times a tick, each time for a few; and gone over, each of them alone.

The marks of a tick come back at about the time at which it is done. So what has landed is waited for as well: a stream
that is just proving would count that by itself. All times are ns of the steady clock.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from telegraf_plugin.stream.units import SECOND

PATIENCE = 4 * SECOND
"""How long behind a tick proofs wait for sources that are not done: one that hangs holds up nobody's."""
MARKS_PATIENCE = 8 * SECOND
"""How long they wait for what is on its way to central, but no longer than half of the time between two ticks."""


class Proofs(Enum):
    """When a stream that brings little may prove what has just settled, and go over what is proved."""

    ANY_TIME = "any time"
    NOT_YET = "not yet"
    """The tick's own questions are under way."""
    NOW = "now"
    """What had settled, and was due, by the tick."""


class Gathering:
    """Says when it is time, for all streams of a collector; few of them prove at any time."""

    def __init__(self, many: bool) -> None:
        self.proofs = Proofs.ANY_TIME
        self._many = many
        self._opens_at = self._landed_at = self._wakes_at = 0
        self._tick: int | None = None

    def tick(self, steady: int) -> None:
        """Have proofs wait: there is a tick."""
        if self._many:
            self.proofs = Proofs.NOT_YET
            self._opens_at = self._wakes_at = steady + PATIENCE
            half = (steady - self._tick) // 2 if self._tick is not None else MARKS_PATIENCE
            self._landed_at = max(self._opens_at, steady + min(MARKS_PATIENCE, half))
            self._tick = steady

    def begins(self, done: bool, landed: Callable[[], bool], steady: int) -> bool:
        """Say whether proofs begin just now.

        `done`: all sources have done what the tick asked for; `landed` says whether that was counted in central.
        """
        if self.proofs is not Proofs.NOT_YET or not (done or steady >= self._opens_at):
            return False
        if steady < self._landed_at and not landed():
            self._wakes_at = self._landed_at
            return False
        self.proofs = Proofs.NOW
        return True

    def wakes_at(self) -> int | None:
        """Return when they may begin though nothing happens; None when they have, or need not wait."""
        return self._wakes_at if self.proofs is Proofs.NOT_YET else None
