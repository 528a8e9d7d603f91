"""Pending spans: what of one stream was copied and is not proved, in order, and what each may become. Pure.

`TRANSITIONS` is all that can happen to one; the diagram in docs/architecture.md is held against it by a test.

Finding, adding and taking away cost the logarithm of their number and what is touched; neighbours that differ in
nothing any more become one (`merge`), so that a long lookback or a long outage of central is few.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from telegraf_plugin.stream.block import FieldKey
from telegraf_plugin.stream.digest import Digest
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.spans import Span, Spans, span


class PendingState(Enum):
    """What is known of a pending span."""

    SENT = "sent"
    """Printed; central has not been counted since."""
    SENT_AGAIN = "sent again"
    """The same, printed because counts differed."""
    INHERITED = "inherited"
    """An earlier run printed it, and nobody has looked yet what of it is there."""
    LANDED = "landed"
    """Both sides counted alike, or were found to differ in nothing that can pass."""
    EMPTY = "empty"
    """The source said that it has nothing in it; such a span may be years."""
    SUSPECT = "suspect"
    """To be compared point by point."""
    MENDED = "mended"
    """The last such comparison found points missing, and printed them."""


class Gone(Enum):
    """What a span becomes that is pending no more."""

    WORK = "work"
    """It is copied again."""
    PROVED = "proved"


class Event(Enum):
    """What happens to a span."""

    COPIED = "copied"
    COPIED_AGAIN = "copied again"
    """Since counts differed."""
    COPIED_NOTHING = "copied, nothing there"
    FOUND_EMPTY = "the source has nothing"
    ADOPTED = "an earlier run has sent it"
    INVALIDATED = "invalidated"
    """Somebody else's lines have landed, or a clock was wrong."""
    COUNTS_EQUAL = "counts are equal"
    """Both sides count alike, or central has as many points as were printed."""
    COUNTS_DIFFER = "counts differ"
    COUNTS_DIFFER_FOR_GOOD = "counts differ for good"
    """They differ where they are known to: something cannot pass, or central has more."""
    EQUAL = "hashes are equal"
    DIFFERENT = "hashes differ"
    """Or the sweep has found a difference."""
    NOT_EMPTY = "not empty"
    """One side has something in it after all, or may have."""
    NOTHING_MISSING = "nothing is missing"
    NOTHING_MISSING_YET = "nothing is missing yet"
    """It has not settled."""
    MISSING = "points are missing"
    MISSING_LIVE = "points of live data are missing"
    """What is live is never held; it is looked at once more."""
    MISSING_AGAIN = "all that is missing is held"
    """It was missing before."""


_COUNTED: Mapping[Event, PendingState | Gone] = {
    Event.COUNTS_EQUAL: PendingState.LANDED,
    Event.COUNTS_DIFFER: Gone.WORK,
    Event.COUNTS_DIFFER_FOR_GOOD: PendingState.SUSPECT,
}
_HASHED: Mapping[Event, PendingState | Gone] = {Event.EQUAL: Gone.PROVED, Event.DIFFERENT: PendingState.SUSPECT}

TRANSITIONS: Mapping[PendingState | Gone, Mapping[Event, PendingState | Gone]] = {
    Gone.WORK: {
        Event.COPIED: PendingState.SENT,
        Event.COPIED_AGAIN: PendingState.SENT_AGAIN,
        Event.COPIED_NOTHING: PendingState.LANDED,
        Event.FOUND_EMPTY: PendingState.EMPTY,
        Event.ADOPTED: PendingState.INHERITED,
    },
    PendingState.SENT: {**_COUNTED, **_HASHED},
    PendingState.SENT_AGAIN: {**_COUNTED, **_HASHED, Event.COUNTS_DIFFER: PendingState.SUSPECT},
    PendingState.INHERITED: {**_COUNTED, **_HASHED},
    PendingState.LANDED: {**_HASHED, Event.COUNTS_DIFFER: Gone.WORK},
    PendingState.EMPTY: {**_HASHED, Event.COUNTS_DIFFER: Gone.WORK, Event.NOT_EMPTY: PendingState.LANDED},
    PendingState.SUSPECT: {
        Event.NOTHING_MISSING: Gone.PROVED,
        Event.NOTHING_MISSING_YET: PendingState.LANDED,
        Event.MISSING: PendingState.MENDED,
        Event.MISSING_LIVE: PendingState.SUSPECT,
        Event.MISSING_AGAIN: PendingState.LANDED,
    },
    PendingState.MENDED: {**_HASHED},
    Gone.PROVED: {Event.INVALIDATED: PendingState.LANDED, Event.DIFFERENT: PendingState.SUSPECT},
}
"""What each event makes of a span; what is not listed changes nothing."""
_PRINTED = {PendingState.SENT, PendingState.SENT_AGAIN}


def after(state: PendingState | Gone, event: Event) -> PendingState | Gone:
    """Return what `event` makes of a span in `state`."""
    return TRANSITIONS[state].get(event, state)


def pending_after(state: PendingState | Gone, event: Event) -> PendingState:
    """Return the same of an event after which it is pending. Raises KeyError for one after which it is not."""
    result = TRANSITIONS[state][event]
    if isinstance(result, Gone):
        raise KeyError(event)
    return result


@dataclass(slots=True)
class PendingSpan:
    """A span [start, stop) in a `state`: `mark` is behind its lines, it `settles` at that time of the safe clock.

    `points`: how many were printed for just this span, None where that is not known (any more); central's count is
    held against it once; `read`: how many the source had then, those among them that cannot pass. `digest`: the
    source's, if it was read settled and whole. `seen`: what the source had when both sides were counted last, -1 if
    that is not known for just this span. `uneven`: counts differ and nothing is missing: something cannot pass, or
    central has more. `missed`: what the last comparison found missing, and printed. `repeated`: other lines for it may
    be under way, so that it settles a lookback after its mark is back.
    """

    start: int
    stop: int
    mark: MarkId | None
    settles: int
    state: PendingState = PendingState.SENT
    digest: Digest | None = None
    points: int | None = None
    read: int = -1
    seen: int = -1
    uneven: bool = False
    missed: frozenset[FieldKey] = frozenset()
    repeated: bool = False

    @property
    def span(self) -> Span:
        """From when to when, in Unix ns."""
        return self.start, self.stop

    @property
    def landed(self) -> bool:
        """Whether nothing speaks against its being in central, as far as was looked."""
        return self.state in (PendingState.LANDED, PendingState.EMPTY)

    @property
    def held_back(self) -> bool:
        """Whether of what was read for just this span some could not pass; central has yet to be counted."""
        return self.points is not None and self.read > self.points

    @property
    def uncounted(self) -> bool:
        """Whether it waits for nothing but to be counted."""
        return self.state in (PendingState.SENT, PendingState.SENT_AGAIN, PendingState.INHERITED)

    def joins(self, later: PendingSpan) -> bool:
        """Say whether it and `later`, which follows it, differ in nothing that matters any more."""
        plain = PendingState.SUSPECT not in (self.state, later.state) and not (self.missed or later.missed)
        return (
            plain
            and not (self.repeated or later.repeated)
            and self.stop == later.start
            and self.digest is None
            and later.digest is None
            and (self.state is later.state or {self.state, later.state} == _PRINTED)
        )


class Pending:
    """All pending spans of a stream."""

    def __init__(self) -> None:
        self._parts: list[PendingSpan] = []
        self._spans: Spans | None = Spans()  # what they cover, None when that has changed

    def __iter__(self) -> Iterator[PendingSpan]:
        return iter(self._parts)

    def __reversed__(self) -> Iterator[PendingSpan]:
        return reversed(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def clear(self) -> None:
        """Forget them all."""
        self._parts, self._spans = [], Spans()

    def put(self, part: PendingSpan) -> None:
        """Add `part`; it takes the place of what was known of its span."""
        self.cut_away(span(*part.span))
        self._parts.insert(self._touching(part.span)[0], part)
        self._spans = None

    def happen(self, part: PendingSpan, event: Event) -> None:
        """Have `event` happen to one of them: it changes its state, or is pending no more."""
        result = after(part.state, event)
        if isinstance(result, Gone):
            self.cut_away(span(*part.span))
        else:
            part.state = result

    def cut_away(self, gone: Spans) -> None:
        """Take `gone` out of all of them; what is left of one is not known as exactly as the whole was."""
        for hole in gone:
            first, last = self._touching(hole)
            if first == last:
                continue
            cut = self._parts[first:last]
            kept = [_piece(part, *left) for part in cut for left in span(*part.span) - span(*hole)]
            self._parts[first:last] = kept
            self._spans = None

    def within(self, whole: Span) -> list[PendingSpan]:
        """Return those that touch `whole`."""
        first, last = self._touching(whole)
        return self._parts[first:last]

    def carve(self, whole: Span) -> list[PendingSpan]:
        """Return those in `whole`, after cutting those that reach out of it at its ends."""
        first, last = self._touching(whole)
        pieces = []
        for part in self._parts[first:last]:
            edges = [part.start, *(edge for edge in whole if part.start < edge < part.stop), part.stop]
            pieces += [_piece(part, *edges[at : at + 2]) for at in range(len(edges) - 1)]
        self._parts[first:last] = pieces
        return self.within(whole)

    def merge(self, belong: Callable[[PendingSpan, PendingSpan], bool]) -> None:
        """Make one of neighbours that differ in nothing any more, where `belong` says that they may become one."""
        merged: list[PendingSpan] = []
        for part in self._parts:
            last = merged[-1] if merged else None
            if last is not None and last.joins(part) and belong(last, part):
                merged[-1] = _joined(last, part)
            else:
                merged.append(part)
        self._parts = merged

    def spans(self) -> Spans:
        """Return the time that they cover."""
        if self._spans is None:
            self._spans = Spans.of(part.span for part in self._parts)
        return self._spans

    def _touching(self, whole: Span) -> tuple[int, int]:
        """Return from which to before which place they touch `whole`."""
        first = bisect_right(self._parts, whole[0], key=lambda part: part.stop)
        return first, max(first, bisect_left(self._parts, whole[1], key=lambda part: part.start))


def _piece(part: PendingSpan, start: int, stop: int) -> PendingSpan:
    """Return what is left of `part` in [start, stop)."""
    if (start, stop) == part.span:
        return part
    return replace(part, start=start, stop=stop, digest=None, points=None, read=-1, seen=-1)


def _joined(first: PendingSpan, later: PendingSpan) -> PendingSpan:
    marks = [part.mark for part in (first, later) if part.mark is not None]
    return replace(
        first,
        stop=later.stop,
        state=first.state if first.state is later.state else PendingState.SENT_AGAIN,
        mark=max(marks, default=None),
        settles=max(first.settles, later.settles),
        points=None if first.points is None or later.points is None else first.points + later.points,
        read=first.read + later.read if min(first.read, later.read) >= 0 else -1,
        seen=first.seen + later.seen if min(first.seen, later.seen) >= 0 else -1,
        uneven=first.uneven or later.uneven,
    )
