"""Legs: the spans of one stream that were copied and are not proved, disjoint and in order. Pure.

Finding, adding and taking away cost the logarithm of their number and what is touched; neighbours that differ in
nothing any more become one (`merge`), so that a long lookback or a long outage of central is few legs.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from telegraf_plugin.stream.digest import Digest, Group
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.spans import Span, Spans, span


@dataclass(slots=True)
class Leg:
    """A span [start, stop) that was copied: `mark` is behind its lines, it `settles` at that time of the safe clock.

    `points`: how many were printed for just this span, None where that is not known (any more); central's count is
    held against it once. `digest`: the source's, if it was read settled and whole. `resent`: it was printed because
    counts differed. `landed`: both sides counted alike, or were found to differ in nothing that can pass; `seen` is
    what the source had then, -1 if that is not known for just this span. `suspect`: to be compared point by point.
    `missed`: what the last such comparison found missing, and printed. `repeated`: other lines for it may be under way,
    so that it settles a lookback after its mark is back. `inherited`: an earlier run printed it, and nobody has looked
    yet what of it is there. `empty`: the source said that it has nothing in it; such a one may be years.
    """

    start: int
    stop: int
    mark: MarkId | None
    settles: int
    digest: Digest | None = None
    points: int | None = None
    resent: bool = False
    landed: bool = False
    seen: int = -1
    suspect: bool = False
    missed: frozenset[Group] = frozenset()
    repeated: bool = False
    inherited: bool = False
    empty: bool = False

    @property
    def span(self) -> Span:
        """From when to when, in Unix ns."""
        return self.start, self.stop

    def joins(self, later: Leg) -> bool:
        """Say whether it and `later`, which follows it, differ in nothing that matters any more."""
        plain = not (self.suspect or later.suspect or self.missed or later.missed or self.repeated or later.repeated)
        return (
            plain
            and self.stop == later.start
            and self.digest is None
            and later.digest is None
            and self.landed == later.landed
            and self.inherited == later.inherited
        )


class Legs:
    """All legs of a stream."""

    def __init__(self) -> None:
        self._legs: list[Leg] = []
        self._spans: Spans | None = Spans()  # what they cover, None when that has changed

    def __iter__(self) -> Iterator[Leg]:
        return iter(self._legs)

    def __reversed__(self) -> Iterator[Leg]:
        return reversed(self._legs)

    def __len__(self) -> int:
        return len(self._legs)

    def clear(self) -> None:
        """Forget them all."""
        self._legs, self._spans = [], Spans()

    def put(self, leg: Leg) -> None:
        """Add `leg`; it takes the place of what was known of its span."""
        self.cut_away(span(*leg.span))
        self._legs.insert(self._touching(leg.span)[0], leg)
        self._spans = None

    def cut_away(self, gone: Spans) -> None:
        """Take `gone` out of all legs; what is left of one is not known as exactly as the whole was."""
        for part in gone:
            first, last = self._touching(part)
            if first == last:
                continue
            cut = self._legs[first:last]
            kept = [_part(leg, *left) for leg in cut for left in span(*leg.span) - span(*part)]
            self._legs[first:last] = kept
            self._spans = None

    def within(self, whole: Span) -> list[Leg]:
        """Return the legs that touch `whole`."""
        first, last = self._touching(whole)
        return self._legs[first:last]

    def carve(self, whole: Span) -> list[Leg]:
        """Return the legs in `whole`, after cutting those that reach out of it at its ends."""
        first, last = self._touching(whole)
        pieces = []
        for leg in self._legs[first:last]:
            edges = [leg.start, *(edge for edge in whole if leg.start < edge < leg.stop), leg.stop]
            pieces += [_part(leg, *edges[at : at + 2]) for at in range(len(edges) - 1)]
        self._legs[first:last] = pieces
        return self.within(whole)

    def merge(self, belong: Callable[[Leg, Leg], bool]) -> None:
        """Make one of neighbours that differ in nothing any more, where `belong` says that they may become one."""
        merged: list[Leg] = []
        for leg in self._legs:
            last = merged[-1] if merged else None
            if last is not None and last.joins(leg) and belong(last, leg):
                merged[-1] = _joined(last, leg)
            else:
                merged.append(leg)
        self._legs = merged

    def spans(self) -> Spans:
        """Return the time that they cover."""
        if self._spans is None:
            self._spans = Spans.of(leg.span for leg in self._legs)
        return self._spans

    def _touching(self, whole: Span) -> tuple[int, int]:
        """Return from which to before which place the legs touch `whole`."""
        first = bisect_right(self._legs, whole[0], key=lambda leg: leg.stop)
        return first, max(first, bisect_left(self._legs, whole[1], key=lambda leg: leg.start))


def _part(leg: Leg, start: int, stop: int) -> Leg:
    """Return what is left of `leg` in [start, stop)."""
    if (start, stop) == leg.span:
        return leg
    return replace(leg, start=start, stop=stop, digest=None, points=None, seen=-1)


def _joined(first: Leg, later: Leg) -> Leg:
    marks = [leg.mark for leg in (first, later) if leg.mark is not None]
    return replace(
        first,
        stop=later.stop,
        mark=max(marks, default=None),
        settles=max(first.settles, later.settles),
        points=None if first.points is None or later.points is None else first.points + later.points,
        resent=first.resent or later.resent,
        seen=first.seen + later.seen if min(first.seen, later.seen) >= 0 else -1,
    )
