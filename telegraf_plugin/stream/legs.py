"""Legs: the spans of one stream that were copied and are not proved, disjoint and in order. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from telegraf_plugin.stream.digest import Digest, Group
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.spans import Span, Spans, span


@dataclass(slots=True)
class Leg:
    """A span [start, stop) that was copied: `mark` is behind its lines, it `settles` at that time of the safe clock.

    `repeated`: other lines for it may be under way, so that it settles a lookback after its mark is back.
    `digest`: the source's, if it was read settled and whole. `resent`: it was printed because counts differed.
    `landed`: both sides counted alike, or were found to differ in nothing that can pass; `seen` is what the source
    had then, -1 if that is not known for just this span. `suspect`: to be compared point by point. `missed`: what the
    last such comparison found missing, and printed.
    """

    start: int
    stop: int
    mark: MarkId | None
    settles: int
    digest: Digest | None = None
    resent: bool = False
    landed: bool = False
    seen: int = -1
    suspect: bool = False
    missed: frozenset[Group] = frozenset()
    repeated: bool = False

    @property
    def span(self) -> Span:
        """From when to when, in Unix ns."""
        return self.start, self.stop


class Legs:
    """All legs of a stream."""

    def __init__(self) -> None:
        self._legs: list[Leg] = []

    def __iter__(self) -> Iterator[Leg]:
        return iter(self._legs)

    def clear(self) -> None:
        """Forget them all."""
        self._legs = []

    def put(self, leg: Leg) -> None:
        """Add `leg`; it takes the place of what was known of its span."""
        self.cut_away(span(*leg.span))
        self._legs.append(leg)
        self._legs.sort(key=lambda each: each.start)

    def cut_away(self, gone: Spans) -> None:
        """Take `gone` out of all legs; what is left of one is not known as exactly as the whole was."""
        kept = []
        for leg in self._legs:
            for start, stop in span(*leg.span) - gone:
                whole = (start, stop) == leg.span
                kept.append(leg if whole else replace(leg, start=start, stop=stop, digest=None, seen=-1))
        self._legs = kept

    def within(self, whole: Span) -> list[Leg]:
        """Return the legs that touch `whole`."""
        return [leg for leg in self._legs if leg.start < whole[1] and whole[0] < leg.stop]

    def spans(self) -> Spans:
        """Return the time that they cover."""
        return Spans.of(leg.span for leg in self._legs)
