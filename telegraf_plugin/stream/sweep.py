"""The sweep: everything that is proved is compared again and again, at a small part of the time. Pure.

It finds what changed at the source after its span was proved, and what central lost since. Newest first; by counts, and
every tenth time by hash.
"""

from __future__ import annotations

from collections.abc import Collection

from telegraf_plugin.stream.spans import BEGINNING, END, Span, Spans
from telegraf_plugin.stream.windows import HOUR, newest

HASH_EVERY = 10
"""Each so many passes the points are compared, not only counted."""
SECOND = 1_000_000_000
SHORTEST_PASS = 60 * SECOND
"""How often (ns) even a short history is gone over at most."""
HASHED_PIECE = 600 * SECOND
"""How much time (ns) is compared at once: to read it takes longer than to count it, and live data may be due."""


class Sweep:
    """Where the sweep of one stream is; `duty` is the part of the time that it may take, 0 for none.

    `passes`: how often all of it was compared. `found`: pieces in which something was missing. `period`: how long (ns)
    the last pass took, None before the first is over.
    """

    def __init__(self, duty: float) -> None:
        self.passes = self.found = 0
        self.period: int | None = None
        self._duty = duty
        self._before = END
        self._not_before = 0
        self._pass_began: int | None = None

    def next(self, proved: Spans, oldest: int, groups: Collection[int], every: int, steady: int) -> Span | None:
        """Return the next piece of what is `proved` and not older than `oldest`; None when it is not its time.

        `steady`: now, in ns of a clock that never jumps. A piece crosses no shard group's end of `groups`.
        """
        if not self._duty or steady < self._not_before or not proved:
            return None
        if self._pass_began is None:
            self._pass_began = steady
        left = proved.clip(start=max(oldest, BEGINNING), stop=self._before).parts
        if not left:
            self.passes += 1
            self.period = steady - self._pass_began
            self._before, self._pass_began = END, None
            self._not_before = steady + SHORTEST_PASS
            return None
        return newest(*left[-1], groups, every, HASHED_PIECE if self.by_hash else HOUR)

    @property
    def by_hash(self) -> bool:
        """Whether this pass compares points and not only numbers."""
        return self.passes % HASH_EVERY == HASH_EVERY - 1

    def done(self, piece: Span, equal: bool, took: int, steady: int) -> None:
        """Take the outcome for `piece`, which took so long (ns) until `steady`."""
        self.found += not equal
        self._before = piece[0]
        self.rest(took, steady)

    def rest(self, took: int, steady: int) -> None:
        """Wait until `took` (ns) is the sweep's part of the time since, also when it was in vain."""
        if self._duty:
            self._not_before = steady + int(took * (1 - self._duty) / self._duty)
