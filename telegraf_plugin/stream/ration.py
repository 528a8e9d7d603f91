"""How much of what central lacks is sent again at a time: less each time, until one bad line is alone. Pure.

Telegraf drops a whole batch for one line that central refuses by its form (400). What is sent again together is
dropped together again: so a try that did not land is followed by one of half as many points, behind the mark of the one
before, in the same order. A single point that does not land is skipped from then on, and a try that landed is followed
by one of twice as many. With b bad ones among n points that takes some 2 b log n tries, and all others land.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ALL = 1 << 62
"""More points than any span has."""


@dataclass(frozen=True, slots=True)
class Ration:
    """Of the points that central lacks, in the source's order, the first `skip` are bad; the next `most` are sent."""

    skip: int = 0
    most: int = ALL

    def after(self, missing: int, still: int) -> Ration:
        """Return the next ration when so many points were `missing` before this one was sent, and `still` are now.

        `still` is counted when the mark behind what was sent is back.
        """
        sent = min(self.most, max(missing - self.skip, 0))
        if still <= missing - sent:
            return Ration(self.skip, min(2 * self.most, ALL))
        if sent > 1:
            return Ration(self.skip, sent // 2)
        return Ration(self.skip + 1, 1)

    def nothing_left(self, missing: int) -> bool:
        """Say whether all that is `missing` is bad: then it is to be held."""
        return missing <= self.skip


EVERYTHING = Ration()
NOTHING_SENT = Ration(most=0)
"""For a look at what has landed."""


class Portion:
    """Takes a ration out of what is found missing, block by block."""

    def __init__(self, ration: Ration) -> None:
        self._skip, self._left = ration.skip, ration.most

    def of(self, places: Sequence[int]) -> list[int]:
        """Return those of the next block's missing `places` that are to be sent."""
        skipped = min(self._skip, len(places))
        taken = list(places[skipped : skipped + self._left])
        self._skip -= skipped
        self._left -= len(taken)
        return taken
