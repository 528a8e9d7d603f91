"""The search for the mark that is believed: from the newest one backwards, a bounded step at a time. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from telegraf_plugin.stream.ledger import Believed, Mark, MarkId, newest_believable
from telegraf_plugin.stream.spans import BEGINNING, NOTHING, Spans
from telegraf_plugin.stream.units import SECOND

FIRST_STEP = 3600 * SECOND
"""How much of the ledger (ns) is read at first; twice as much each time nothing in it is believed."""
LONGEST_STEP = 32 * 24 * FIRST_STEP
MAX_BASES = 50
"""Marks that are looked for, in one step, because others stand on them; those on others are not believed."""
MAX_DOUBTS = 200
"""Spans that are to be compared again; where there are more the gaps between some are compared as well."""


@dataclass(slots=True)
class Search:
    """Where one stream's ledger is read next: [stop - step, stop), Unix ns.

    `kept`: marks that are older may be gone because the bucket keeps nothing longer; that one stands on such a one
    speaks not against it. `refused` are marks that turned out to be damaged.
    """

    stop: int
    kept: int = BEGINNING
    step: int = FIRST_STEP
    doubts: Spans = NOTHING
    refused: set[MarkId] = field(default_factory=set)

    @property
    def start(self) -> int:
        """Where the step begins."""
        return max(self.stop - self.step, BEGINNING)

    def shorten(self) -> bool:
        """Have less read: there is too much in the step. Returns whether it can be shorter."""
        self.step = max(self.step // 2, SECOND)
        return self.step > SECOND

    def believed(self, marks: Iterable[Mark], is_there: Callable[[MarkId], bool]) -> Believed | None:
        """Return the mark that is believed, of the `marks` of this step. None: go on with `passed`.

        `is_there` says whether a mark older than the step is in central. What the marks beside the chain of the one
        that is believed, and those of earlier steps, say was printed is to be compared again.
        """
        candidates = [mark for mark in marks if mark.id not in self.refused]
        looked_for: dict[MarkId, bool] = {}

        def there(base: MarkId) -> bool:
            if base.time < self.kept:
                return True
            if base not in looked_for and len(looked_for) < MAX_BASES:
                looked_for[base] = is_there(base)
            return looked_for.get(base, False)

        found = newest_believable(candidates, there)
        if found is not None:
            return Believed(found.mark, (self.doubts + found.doubts).coarse(MAX_DOUBTS))
        return None

    def passed(self, marks: Iterable[Mark], newest: int | None) -> None:
        """Go on: nothing of `marks` is believed, and `newest` (Unix ns) is the newest one before the step."""
        strange = Spans.of(part for mark in marks for part in mark.printed)
        self.doubts = (self.doubts + strange).coarse(MAX_DOUBTS)
        self.stop = min(self.start, newest + 1) if newest is not None else BEGINNING
        self.step = min(self.step * 2, LONGEST_STEP)
        self.refused.clear()
