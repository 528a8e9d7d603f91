"""When what has settled of many small streams is proved, and what is proved is gone over again: all of it at once,
behind what a tick has asked for. Pure.

Each stream's spans settle in their own time, and each source is done with a tick in its own. Proved as soon as may be
they would ask central some ten times a tick, each time for a few; and gone over, each of them alone. All
times are ns of the steady clock.
"""

from __future__ import annotations

from enum import Enum

from telegraf_plugin.stream.units import SECOND

PATIENCE = 4 * SECOND
"""How long behind a tick proofs wait for sources that are not done: one that hangs holds up nobody's."""


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
        self._opens_at = 0

    def tick(self, steady: int) -> None:
        """Have proofs wait: there is a tick."""
        if self._many:
            self.proofs, self._opens_at = Proofs.NOT_YET, steady + PATIENCE

    def begins(self, done: bool, steady: int) -> bool:
        """Say whether proofs begin just now; `done`: all sources have done what the tick asked for."""
        if self.proofs is not Proofs.NOT_YET or not (done or steady >= self._opens_at):
            return False
        self.proofs = Proofs.NOW
        return True

    def wakes_at(self) -> int | None:
        """Return when they begin at the latest; None when they have, or need not wait."""
        return self._opens_at if self.proofs is Proofs.NOT_YET else None
