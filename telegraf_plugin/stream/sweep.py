"""The sweep: everything that is proved is compared again and again, at a small part of the time. Pure.

It finds what changed at the source after its span was proved, and what central lost since. Newest first; by counts, and
every tenth time by hash. A piece that fails keeps its turn, and is gone over in smaller ones, until it is set aside.
"""

from __future__ import annotations

from collections.abc import Collection

from telegraf_plugin.stream.spans import BEGINNING, END, Span, Spans, instant
from telegraf_plugin.stream.units import HOUR, SECOND
from telegraf_plugin.stream.windows import newest

FULL = 4
"""Streams of a collector up to which each has all of the sweep's part of the time; more have as much together."""
HASH_EVERY = 10
"""Each so many passes the points are compared, not only counted."""
SHORTEST_PASS = 60 * SECOND
"""How often (ns) even a short history is gone over at most."""
LONGEST_EMPTY = 366 * 24 * HOUR
"""How much time (ns) in which neither side has a point is gone over at once."""
LEAST_PIECE = SECOND // 100
"""What a piece counts for at least (ns) that is asked for with others': it costs more than its part of that."""
HASHED_PIECE = 600 * SECOND
"""How much time (ns) is compared at once: to read it takes longer than to count it, and live data may be due."""


class Sweep:
    """Where the sweep of one stream is; `duty` is the part of the time that it may take, 0 for none.

    `since`: of many streams, which go on together behind a tick, when (ns of the steady clock) the time began of which
    that is the part; None where the stream goes on by itself.
    `passes`: how often all of it was compared. `found`: pieces in which something was missing. `period`: how long (ns)
    the last pass took, None before the first is over.
    """

    def __init__(self, duty: float) -> None:
        self.passes = self.found = 0
        self.period: int | None = None
        self.since: int | None = None
        self._duty = duty
        self._shortest_pass = SHORTEST_PASS
        self._before = END
        self._not_before = 0
        self._pass_began: int | None = None
        self._reach = HOUR  # ns; longer where there is nothing

    def share(self, streams: int) -> None:
        """Take a part of the time only, as one of so many streams: together they take no more than FULL."""
        if streams > FULL:
            self._duty = self._duty * FULL / streams
            self._shortest_pass = SHORTEST_PASS * streams // FULL

    @property
    def place(self) -> str:
        """Where it is, as it stands in a mark: the passes that are done, and before what (Unix ns) it goes on."""
        return f"{self.passes}/{self._before}"

    def go_on(self, place: str) -> None:
        """Go on where an earlier run's mark says; what is no place, of 64 bits each, is the beginning."""
        passes, _, before = place.partition("/")
        try:
            read = instant(passes), instant(before)
        except ValueError:
            return
        if read[0] >= 0:
            self.passes, self._before = read

    def may(self, steady: int) -> bool:
        """Say whether it is its time, `steady`: ns of a clock that never jumps."""
        return bool(self._duty) and steady >= self._not_before

    def has_nothing(self, steady: int) -> None:
        """Note that nothing is proved at `steady`: what is proved later is not overdue."""
        self._not_before = steady

    def wakes_at(self) -> list[int]:
        """Return when (ns of the steady clock) it goes on; nothing where there is no sweep, or a tick says when."""
        return [self._not_before] if self._duty and self.since is None else []

    def next(
        self, proved: Spans, oldest: int, groups: Collection[int], every: int, steady: int, longest: int = HOUR
    ) -> Span | None:
        """Return the next piece of what is `proved` and not older than `oldest`; None when it is not its time.

        `steady`: as of `may`. A piece crosses no shard group's end of `groups`, and is at most `longest` (ns) long, but
        where there is nothing.
        """
        if not self.may(steady) or not proved:
            return None
        if self._pass_began is None:
            self._pass_began = steady
        left = proved.clip(start=max(oldest, BEGINNING), stop=self._before).parts
        if not left:
            self.passes += 1
            self.period = steady - self._pass_began
            self._before, self._pass_began = END, None
            self._not_before = steady + self._shortest_pass
            return None
        start, stop = left[-1]
        if self._reach > HOUR and stop - start > HOUR:
            return max(start, (stop - self._reach) // every * every), stop
        return newest(start, stop, groups, every, min(longest, HASHED_PIECE if self.by_hash else HOUR))

    @property
    def by_hash(self) -> bool:
        """Whether this pass compares points and not only numbers."""
        return self.passes % HASH_EVERY == HASH_EVERY - 1

    def done(self, piece: Span, equal: bool, took: int, steady: int, points: int | None = None) -> None:
        """Record the outcome for `piece`, which took so long (ns) until `steady`.

        `points`: how many the source has in it, None where that is not known. A piece longer than an hour that turns
        out not to be empty is gone over again in shorter ones.
        """
        long, nothing = piece[1] - piece[0] > HOUR, points == 0 and equal
        if nothing or not long:
            self.found += not equal
            self._before = piece[0]
        self._reach = min(self._reach * 4, LONGEST_EMPTY) if nothing else HOUR
        self.rest(took, steady)

    def looked_again(self, equal: bool, took: int, steady: int) -> None:
        """Record the outcome for what had been set aside, as of `done`: the sweep's place is elsewhere."""
        self.found += not equal
        self.rest(took, steady)

    def failed(self) -> None:
        """Go on with what is no longer than an hour: a piece could not be compared, and keeps its turn."""
        self._reach = HOUR

    def rest(self, took: int, steady: int) -> None:
        """Wait until `took` (ns) is the sweep's part of the time since, also when it was in vain."""
        if not self._duty:
            return
        if self.since is not None:  # from when it might have gone on: what a tick has time for is done at once
            steady, took = max(self._not_before, self.since), max(took, LEAST_PIECE)
        self._not_before = steady + int(took * (1 - self._duty) / self._duty)
