"""Sets of time: disjoint half-open spans [start, stop) in Unix ns, sorted, never two that touch. Pure."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

Span = tuple[int, int]
"""[start, stop) in Unix ns."""

BEGINNING = -(2**63)
"""Before every time that InfluxDB can hold."""
END = 2**63 - 1
MAX_READ_SPANS = 10_000
"""A text of more spans is damage."""
_INSTANT = re.compile("-?[0-9]{1,19}")


def instant(text: str) -> int:
    """Read a time, Unix ns as decimal text. Raises ValueError when it is none, or not one of 64 bits."""
    if not _INSTANT.fullmatch(text) or not BEGINNING <= int(text) <= END:
        raise ValueError(f"not a time of 64 bits: {text[:40]!r}")
    return int(text)


@dataclass(frozen=True, slots=True)
class Spans:
    """An immutable set of instants. `+` unites, `-` takes away, `&` intersects."""

    parts: tuple[Span, ...] = ()

    @classmethod
    def of(cls, spans: Iterable[Span]) -> Spans:
        """Unite `spans`, which may overlap, be empty and come in any order."""
        parts: list[Span] = []
        for start, stop in sorted(span for span in spans if span[0] < span[1]):
            if parts and start <= parts[-1][1]:
                parts[-1] = (parts[-1][0], max(parts[-1][1], stop))
            else:
                parts.append((start, stop))
        return cls(tuple(parts))

    def __add__(self, other: Spans) -> Spans:
        if not other.parts or not self.parts:
            return self if self.parts else other
        if len(other.parts) == 1:  # what almost always is added: one span, to a place found by bisection
            ((start, stop),) = other.parts
            first = bisect_left(self.parts, start, key=_stop)
            last = bisect_right(self.parts, stop, key=_start)
            if first < last:
                start, stop = min(start, self.parts[first][0]), max(stop, self.parts[last - 1][1])
            return Spans((*self.parts[:first], (start, stop), *self.parts[max(first, last) :]))
        return Spans.of((*self.parts, *other.parts))

    def __sub__(self, other: Spans) -> Spans:
        if not other.parts or not self.parts:
            return self
        if other.parts is self.parts:
            return NOTHING
        if len(other.parts) == 1:
            ((begin, end),) = other.parts
            if end <= self.parts[0][0] or self.parts[-1][1] <= begin:
                return self
            first = bisect_right(self.parts, begin, key=_stop)
            last = max(first, bisect_left(self.parts, end, key=_start))
            kept = [
                cut for part in self.parts[first:last] for cut in ((part[0], begin), (end, part[1])) if cut[0] < cut[1]
            ]
            return Spans((*self.parts[:first], *kept, *self.parts[last:]))
        left: list[Span] = []
        cuts = other.parts
        first = 0
        for start, stop in self.parts:
            while first < len(cuts) and cuts[first][1] <= start:
                first += 1
            at = first
            while at < len(cuts) and cuts[at][0] < stop:
                if cuts[at][0] > start:
                    left.append((start, cuts[at][0]))
                start = max(start, cuts[at][1])
                at += 1
            if start < stop:
                left.append((start, stop))
        return Spans(tuple(left))

    def __and__(self, other: Spans) -> Spans:
        return self - (self - other)

    def __iter__(self) -> Iterator[Span]:
        return iter(self.parts)

    def __bool__(self) -> bool:
        return bool(self.parts)

    def clip(self, start: int = BEGINNING, stop: int = END) -> Spans:
        """Return what of it lies in [start, stop)."""
        if not self.parts or (start <= self.parts[0][0] and self.parts[-1][1] <= stop):
            return self
        around = self.around(start, stop) if start < stop else ()
        return Spans(tuple((max(part[0], start), min(part[1], stop)) for part in around))

    def covers(self, span: Span) -> bool:
        """Say whether all of `span` is in it."""
        around = self.around(*span)
        return span[0] >= span[1] or (len(around) == 1 and around[0][0] <= span[0] and span[1] <= around[0][1])

    def touches(self, span: Span) -> bool:
        """Say whether any of `span` is in it."""
        return bool(self.around(*span))

    def around(self, start: int, stop: int) -> tuple[Span, ...]:
        """Return its parts that touch [start, stop), whole; found by bisection."""
        first = bisect_right(self.parts, start, key=_stop)
        return self.parts[first : max(first, bisect_left(self.parts, stop, key=_start))]

    @property
    def length(self) -> int:
        """All of it together, in ns."""
        return sum(stop - start for start, stop in self.parts)

    def largest(self, count: int) -> Spans:
        """Return its `count` longest parts."""
        return self if len(self.parts) <= count else Spans(tuple(sorted(sorted(self.parts, key=_length)[-count:])))

    def coarse(self, count: int) -> Spans:
        """Return a set of at most `count` parts (one at least) that covers it: the narrowest gaps are closed."""
        gaps = sorted((after[0] - before[1], place) for place, (before, after) in enumerate(pairwise(self.parts)))
        kept = sorted(place for _, place in gaps[max(len(self.parts) - max(count, 1), 0) :])
        ends = [*kept, len(self.parts) - 1]
        starts = [0, *(place + 1 for place in kept)]
        whole = zip(starts, ends, strict=True) if self.parts else ()
        return Spans(tuple((self.parts[first][0], self.parts[last][1]) for first, last in whole))

    @property
    def hull(self) -> Span | None:
        """Return the one span from its beginning to its end; None when it is empty."""
        return (self.parts[0][0], self.parts[-1][1]) if self.parts else None

    def text(self) -> str:
        """Return it as it stands in the ledger: `start/stop`, separated by spaces."""
        return " ".join(f"{start}/{stop}" for start, stop in self.parts)

    @classmethod
    def parse(cls, text: str) -> Spans:
        """Read what `text` gave. Raises ValueError when it is not of that form, or of more than MAX_READ_SPANS."""
        parts = text.split(maxsplit=MAX_READ_SPANS)
        if len(parts) > MAX_READ_SPANS:
            raise ValueError(f"more than {MAX_READ_SPANS} spans")
        spans = []
        for part in parts:
            start, _, stop = part.partition("/")
            spans.append((instant(start), instant(stop)))
        return cls.of(spans)


NOTHING = Spans()


def span(start: int, stop: int) -> Spans:
    """Return the set of one span, empty when `start` is not before `stop`."""
    return Spans(((start, stop),)) if start < stop else NOTHING


def _length(part: Span) -> int:
    return part[1] - part[0]


def _start(part: Span) -> int:
    return part[0]


def _stop(part: Span) -> int:
    return part[1]
