"""What there is to do for one stream, from what is proved and what is on its way. Pure; decides nothing by itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.holds import Holds
from telegraf_plugin.stream.jobs import Check, Compare, Copy, Prove, Recheck
from telegraf_plugin.stream.legs import Leg, Legs
from telegraf_plugin.stream.markbook import MarkBook
from telegraf_plugin.stream.spans import BEGINNING, Span, Spans, span
from telegraf_plugin.stream.sweep import Sweep
from telegraf_plugin.stream.windows import HOUR, cut, newest

MAX_PIECES = 20
"""Pieces of time that one Check counts."""


@dataclass(frozen=True, slots=True)
class Instant:
    """One reading of three clocks, in ns: the source's and the collector's (Unix), and one that never jumps."""

    source: int
    clock: int
    steady: int

    @property
    def safe(self) -> int:
        """The earlier of the two Unix clocks: what proves must not run ahead with either."""
        return min(self.source, self.clock)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the two buckets set, all in ns.

    `groups`: the durations of their shard groups. `oldest`: the oldest time that central takes. `expires`: what the
    source is about to lose is older than this; what is older than `lost` it does not keep.
    """

    groups: frozenset[int] = frozenset((HOUR,))
    oldest: int = BEGINNING
    expires: int = BEGINNING
    lost: int = BEGINNING


class Plan:
    """The state of one stream's course, and what follows from it.

    `sweep` is the part of the time for comparing again what is proved.
    """

    def __init__(self, stream: StreamDefinition, book: MarkBook, sweep: float = 0.0) -> None:
        self.stream = stream
        self.book = book
        self.holds = Holds()
        self.legs = Legs()
        self.proved = Spans()
        self.bounds = Bounds()
        self.sweep = Sweep(sweep)
        self.origin = 0
        self.requested = Spans()  # what is copied though it is older than the origin
        self.longest = HOUR  # how much of a backlog one query reads, ns
        self.every = stream.aggregate.every if stream.aggregate is not None else 1
        self._arrived = Spans()  # what nothing speaks against, of what is being copied again

    def work(self, at: Instant) -> Spans:
        """Return what is neither proved nor on its way."""
        now = self._ends(at)[0]
        work = span(max(self.origin, self._floor), now) + self.requested.clip(self._floor, now)
        return work - self.proved - self.legs.spans()

    def lacking(self, at: Instant) -> Spans:
        """Return where central lacks something, as far as is known."""
        there = self.legs.spans() - Spans.of(leg.span for leg in self.legs if not self._is_here(leg))
        return self.work(at) + self.legs.spans() - there - self._arrived

    @property
    def _floor(self) -> int:
        """The oldest time that central takes, in whole windows of an aggregate."""
        return self.bounds.oldest + -self.bounds.oldest % self.every

    def _settled(self, at: Instant) -> int:
        """Return what can be proved at most, in whole windows of an aggregate: up to the lookback."""
        settled = at.safe - self.stream.lookback
        return settled - settled % self.every

    def _is_here(self, leg: Leg) -> bool:
        return self.book.is_back(leg.mark) and not leg.suspect and not leg.missed

    def pieces(self, whole: Span) -> Iterable[Span]:
        """Cut `whole` so that no part crosses the end of a shard group on either side."""
        return cut(*whole, self.bounds.groups, self.every)

    def _ends(self, at: Instant) -> Span:
        """Return where work ends, and where what is live begins."""
        live = at.source - self.stream.lookback
        return at.source - at.source % self.every, live - live % self.every

    def _live(self, at: Instant) -> Copy | None:
        parts = (self.work(at).clip(start=self._ends(at)[1]) - self.book.claimed).parts
        return Copy(newest(*parts[-1], self.bounds.groups, self.every), True) if parts else None

    def _backlog(self, at: Instant) -> Copy | None:
        parts = (self.work(at).clip(stop=self._ends(at)[1]) - self.book.claimed).parts
        if not parts:
            return None
        if parts[0][0] < self.bounds.expires:  # that first, oldest first
            start, stop = next(iter(self.pieces(parts[0])))
            return Copy((start, min(stop, start + max(self.longest // self.every, 1) * self.every)), False)
        return Copy(newest(*parts[-1], self.bounds.groups, self.every, self.longest), False)

    def _check(self, at: Instant) -> Check | None:
        """Count what is back: where late points may come, and where nobody has looked yet. Newest first."""
        live = self._ends(at)[1]
        pieces: list[list[Span]] = []
        for leg in reversed(list(self.legs)):
            soon_proved = leg.stop <= live and leg.digest is not None and leg.settles <= at.safe
            if not self.book.is_back(leg.mark) or (leg.stop <= live and leg.landed) or soon_proved:
                continue
            if leg.suspect or leg.missed:  # it is compared point by point
                continue
            if pieces and pieces[-1][0][0] == leg.stop:
                whole = (leg.start, pieces[-1][-1][1])
                if len(list(self.pieces(whole))) == 1:
                    pieces[-1].insert(0, leg.span)
                    continue
            pieces.append([leg.span])
        return Check(tuple(map(tuple, pieces[:MAX_PIECES]))) if pieces else None

    def _compare(self) -> Compare | None:
        claimed = self.book.claimed
        for leg in self.legs:
            if leg.suspect and self.book.is_back(leg.mark) and not claimed & span(*leg.span):
                return Compare(leg.span)
        return None

    def _prove(self, at: Instant) -> Prove | None:
        ready = [leg for leg in self.legs if leg.settles <= at.safe and self.book.is_back(leg.mark) and not leg.suspect]
        for leg in ready:
            if leg.digest is not None:
                return Prove(leg.span, leg.digest)
        stride = max(self.stream.lookback, self.every)
        for part in Spans.of(leg.span for leg in ready):
            start, end = next(iter(self.pieces(part)))
            boundary = start - start % stride + stride
            boundary += -boundary % self.every
            end = min(end, boundary)
            whole = end == boundary or end < part[1] or end % HOUR == 0
            if whole or end + self.stream.lookback + stride <= at.safe:  # a stride that still grows is waited for
                return Prove((start, end), None)
        return None

    def _sweep(self, at: Instant) -> Recheck | None:
        piece = self.sweep.next(self.proved, self.bounds.oldest, self.bounds.groups, self.every, at.steady)
        return Recheck(piece, self.sweep.by_hash) if piece is not None else None
