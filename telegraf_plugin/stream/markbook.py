"""The marks of one stream: which were printed, which are back, and what they claim. Pure.

Rules kept here:
- after a start nothing is printed until a mark of this run is back (lines of an earlier run may fill the buffer);
- a mark is believed only while its base is in central: a base that is gone means that central went back in time;
- what the newest mark in central, or one on its way, calls proved is not printed again before a mark without it is
  back: else a crash in the midst of a repair would leave it called proved.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Collection
from dataclasses import dataclass, field

from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.spans import BEGINNING, END, NOTHING, Spans
from telegraf_plugin.stream.units import SECOND

FIRST_ASK = 5 * SECOND
"""How long (ns) a mark may take before another one is printed; each further time takes twice as long."""
MAX_HAD = 1000
"""Marks that are remembered to have been in central, eight bytes each, or up to twice as many."""
LONGEST_ASK = 60 * SECOND


@dataclass(slots=True)
class MarkBook:
    """Book of one stream's marks, for one run of the plugin (`incarnation`).

    `base` is the newest mark that is known to be in central, with what it `claims` to be proved. `on_their_way` are
    those printed after it, `had` the times (Unix ns) of some that came back. `started`: a mark of this run is back.
    """

    incarnation: str
    base: MarkId | None = None
    base_claims: Spans = NOTHING
    on_their_way: dict[MarkId, Spans] = field(default_factory=dict)
    had: array[int] = field(default_factory=lambda: array("q"))
    started: bool = False
    last_time: int = 0
    _ask_at: int = 0
    _ask_after: int = FIRST_ASK

    def adopt(self, base: MarkId | None, claims: Spans) -> None:
        """Begin anew from the mark `base` of the ledger, which claims `claims`; None: there is no ledger."""
        self.base, self.base_claims = base, claims
        self.on_their_way.clear()
        del self.had[:]
        self.started = False
        self._ask_at, self._ask_after = 0, FIRST_ASK

    @property
    def newest_time(self) -> int:
        """After which time (Unix ns) the next mark is made: later than all before it."""
        return max(self.last_time, self.base.time if self.base is not None else 0)

    def printed(self, mark: MarkId, steady: int, proved: Spans) -> None:
        """Record a mark that is about to be printed, claiming `proved`; `steady`: ns of a clock that never jumps."""
        self.last_time = max(self.last_time, mark.time)
        if self.on_their_way and steady >= self._ask_at:  # it is asked for again
            self._ask_after = min(self._ask_after * 2, LONGEST_ASK)
        self.on_their_way[mark] = proved
        self._ask_at = steady + self._ask_after

    def back(self, present: Collection[MarkId]) -> MarkId | None:
        """Note the marks that are `present` in central; return the newest that is newly back, if any."""
        found = max((mark for mark in self.on_their_way if mark in present), default=None)
        if found is None:
            return None
        self.base, self.base_claims = found, self.on_their_way[found]
        self.had.append(found.time)
        if len(self.had) > 2 * MAX_HAD:
            del self.had[:MAX_HAD]
        # First in, first out: what was printed before it has left the buffer as well, wherever it went.
        self.on_their_way = {mark: proved for mark, proved in self.on_their_way.items() if mark > found}
        self.started = True
        self._ask_after = FIRST_ASK
        return found

    def gone(self, present: Collection[MarkId], since: int = BEGINNING, until: int = END) -> bool:
        """Say whether central has lost one of the marks that it had, of those made in [since, until): it went back.

        The newest alone does not tell: a request whose reply was lost may bring it a second time.
        """
        times = self.had[bisect_left(self.had, since) : bisect_left(self.had, until)]
        had = [MarkId(time, self.incarnation) for time in times]
        if self.base is not None and since <= self.base.time < until:
            had.append(self.base)
        return any(mark not in present for mark in had)

    def is_back(self, mark: MarkId | None) -> bool:
        """Say whether everything printed before `mark` has left the buffer; None stands for nothing printed."""
        return mark is None or (self.base is not None and self.started and mark <= self.base)

    def should_ask(self, steady: int) -> bool:
        """Say whether a mark should be printed because one that is waited for takes too long (or is the first)."""
        if not self.on_their_way:
            return not self.started
        return steady >= self._ask_at

    @property
    def first_on_its_way(self) -> MarkId | None:
        """The oldest of the marks that are waited for."""
        return min(self.on_their_way, default=None)

    def asks_at(self) -> int | None:
        """Return when (ns of the steady clock) a mark is asked for again; None while none is waited for."""
        return self._ask_at if self.on_their_way else None

    @property
    def newest_claims(self) -> Spans:
        """What the newest mark that was printed calls proved."""
        return self.on_their_way[max(self.on_their_way)] if self.on_their_way else self.base_claims

    @property
    def claimed(self) -> Spans:
        """What some mark that may be the newest one after a crash calls proved."""
        claims = self.base_claims
        for proved in self.on_their_way.values():
            claims += proved
        return claims
