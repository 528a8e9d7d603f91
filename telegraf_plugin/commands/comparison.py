"""Compares one stream's two sides: by count, then by hash, and what differs point by point, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from telegraf_plugin.commands.session import Sides
from telegraf_plugin.compare import Comparer
from telegraf_plugin.errors import SourceError
from telegraf_plugin.stream.block import Block
from telegraf_plugin.stream.difference import Difference, Differing, Kind
from telegraf_plugin.stream.ledger import Mark
from telegraf_plugin.stream.spans import NOTHING, Span, Spans, span
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.stream.units import DAY, HOUR, MINUTE
from telegraf_plugin.stream.windows import cut

MAX_SHOWN = 1000
"""Differing points that are kept by name; all are counted."""


@dataclass(slots=True)
class Findings:
    """What was compared and found: `points` of the source, how many differ by kind, the first MAX_SHOWN of them.

    `held` are missing or different, and known so: central refuses their field. `dropped` cannot pass at all. `lacking`:
    where points are missing or different and not held, by minutes.
    """

    points: int = 0
    kinds: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(Kind, 0))
    held: int = 0
    dropped: int = 0
    shown: list[tuple[Differing, bool]] = field(default_factory=list)
    lacking: Spans = NOTHING

    @property
    def equal(self) -> bool:
        """Whether both sides have the same."""
        return not any(self.kinds.values()) and not self.held

    @property
    def nothing(self) -> bool:
        """Whether neither side has a point, so that nothing was compared."""
        return self.equal and not self.points


class Comparison:
    """Compares spans of one stream; `found` adds up. `mark` tells what is held."""

    def __init__(self, sides: Sides, mark: Mark | None) -> None:
        self.sides = sides
        self.found = Findings()
        self._held = mark.held if mark is not None else {}
        stream = sides.stream
        self._comparer = Comparer(
            stream,
            lambda span, tally: sides.source.blocks(stream, span, tally),
            lambda span: sides.central.blocks(stream, span),
            lambda span: [span],  # `pieces` has cut it
        )
        self._difference = Difference(self._comparer.rewritten)

    @property
    def countable(self) -> bool:
        """Whether the source can count what central should have: not what is computed."""
        return not self.sides.stream.computed

    def pieces(self, whole: Span) -> list[Span]:
        """Cut `whole` so that no part crosses a shard group's end on either side, without long empty time.

        Raises CentralError.
        """
        every, groups = self._every, self.sides.groups
        parts = occupied(whole, every, self._exists) if self.sides.stream.flux is None else [whole]
        return [piece for part in parts for piece in cut(*part, groups, every)]

    @property
    def _every(self) -> int:
        aggregate = self.sides.stream.aggregate
        return aggregate.every if aggregate is not None else 1

    def _exists(self, whole: Span) -> bool:
        """Say whether either side may have a point in `whole`; what cannot be answered is left to the comparison."""
        try:
            if self.sides.source.exists(self.sides.stream, whole):
                return True
        except SourceError:
            return True
        return self.sides.central.exists(self.sides.stream, whole)

    def counts(self, piece: Span) -> tuple[int, int]:
        """Return how many points the source and central have of a piece. Raises SourceError, CentralError."""
        stream = self.sides.stream
        return self.sides.source.count(stream, piece), self.sides.central.count(stream, piece)

    def compare(self, piece: Span) -> None:
        """Compare a piece by hash, and what is not equal point by point. Raises SourceError, CentralError."""
        tally = Tally()
        self.found.points += self._comparer.compare(piece, self, tally=tally).points
        self.found.dropped += tally.drops.points

    # As the sink of the comparison

    wants_extras = True

    def lacking(self, block: Block, there: Block, exact: bool) -> None:
        """Record points of the source that central lacks, or has otherwise."""
        self._difference.source(there, exact)

    def besides(self, block: Block, exact: bool) -> None:
        """Record points that only central has, or has otherwise."""
        self._difference.central(block, exact)

    def done(self) -> None:
        """Find out what was told: of two points that differ by value alone one is different."""
        self._take(self._difference.found())
        self._difference = Difference(self._comparer.rewritten)

    def _take(self, differing: Sequence[Differing]) -> None:
        found, minutes = self.found, set()
        for each in differing:
            if each.kind is Kind.EXTRA and self.sides.stream.flux is not None:
                continue  # others may write what it computes as well
            held = each.kind is not Kind.EXTRA and bool(
                self._held.get(each.field_key, NOTHING) & span(each.time, each.time + 1)
            )
            if held:
                found.held += 1
            else:
                found.kinds[each.kind] += 1
                if each.kind is not Kind.EXTRA:
                    minutes.add(each.time - each.time % MINUTE)
            if len(found.shown) < MAX_SHOWN:
                found.shown.append((each, held))
        found.lacking += Spans.of((minute, minute + MINUTE) for minute in minutes)


EMPTY = DAY
"""How much time (ns) without a point is found at the least; less of it is compared like other time."""


def occupied(whole: Span, every: int, exists: Callable[[Span], bool]) -> Iterator[Span]:
    """Yield the parts of `whole`, in order and cut at multiples of `every`, in which there may be points.

    `exists` is asked whether a span may have any, of halves of halves, so that years without any are a few questions.
    """
    start, stop = whole
    if not exists(whole):
        return
    middle = (start + stop) // 2
    middle -= middle % HOUR
    middle -= middle % every
    if stop - start <= EMPTY or not start < middle < stop:
        yield whole
        return
    yield from occupied((start, middle), every, exists)
    yield from occupied((middle, stop), every, exists)


def coarser(spans: Spans, most: int) -> Spans:
    """Return `spans` rounded to ever longer units until there are `most` at the most: a request has to be short."""
    for unit in (1, HOUR, DAY):
        rounded = Spans.of((start - start % unit, stop + -stop % unit) for start, stop in spans)
        if len(rounded.parts) <= most:
            return rounded
    hull = spans.hull
    return span(*hull) if hull is not None else spans
