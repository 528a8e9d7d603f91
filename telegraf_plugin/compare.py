"""The one comparison of a stream's two sides: by digest, and what differs as sets, in bounded memory.

Both sides are given as what is read of a span: the source's points with the tags that they are printed with, central's
as they are there. The source's are renamed as Telegraf renames them before they are compared. What differs goes to a
sink: the plugin's prints it (`runner`), a command's records it (`commands.comparison`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from telegraf_plugin.passage import Tally
from telegraf_plugin.stream.block import Block, FieldType, pick
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.digest import Digest, Group, PointSet, keys
from telegraf_plugin.stream.renames import in_central
from telegraf_plugin.stream.spans import Span

SET_POINTS = 50_000
"""Points that are compared as a set at a time, some 5 MB: what is more is narrowed by time, then by parts."""

Read = Iterator[tuple[list[Block], bool]]
"""Blocks, and whether they are of the second, exact reading of strings (`Passage.blocks`)."""
NONE: frozenset[Group] = frozenset()


class Sink(Protocol):
    """Takes what differs. `wants_extras`: also what only central has, or has otherwise, point by point."""

    wants_extras: bool

    def lacking(self, block: Block, there: Block, exact: bool) -> None:
        """Take points that central lacks, or has otherwise: as they are printed, and with the tags of `there`."""

    def besides(self, block: Block, exact: bool) -> None:
        """Take points that only central has, or has otherwise."""

    def done(self) -> None:
        """Take note that all that differs in a part was told: readings of the same point are always in one."""


@dataclass(slots=True)
class Outcome:
    """What was compared, and found: `points` of the source; `missing` of them, by group, are not in central, or
    otherwise there; `where`: from the first to behind the last of those, by group. `extras`: points that only central
    has. `left_out` were not compared, by group.
    """

    points: int = 0
    missing: dict[Group, int] = field(default_factory=dict)
    extras: int = 0
    left_out: dict[Group, int] = field(default_factory=dict)
    where: dict[Group, Span] = field(default_factory=dict)

    def lacks(self, block: Block) -> None:
        """Take points that central lacks, or has otherwise."""
        self.missing[block.group] = self.missing.get(block.group, 0) + len(block)
        times = [int(time) for time in block.times]
        first, last = self.where.get(block.group, (times[0], times[0]))
        self.where[block.group] = min(first, *times), max(last, *(time + 1 for time in times))


class Comparer:
    """Compares spans of one stream; whatever the reading raises goes through."""

    def __init__(
        self,
        stream: StreamDefinition,
        source: Callable[[Span, Tally], Read],
        central: Callable[[Span], Read],
        pieces: Callable[[Span], Iterable[Span]],
    ) -> None:
        """`source` and `central` read a span; `pieces` cuts one at both sides' shard groups."""
        self._stream = stream
        self._source, self._central, self._cut = source, central, pieces
        self.rewritten = tuple(tag.encode() for tag in stream.rewritten_tags)

    def empty(self, without: frozenset[Group] = NONE) -> Digest:
        """Return a digest of no points, to which the points of the groups in `without` cannot be added."""
        return Digest(self.rewritten, without)

    def seen(self, block: Block) -> Block:
        """Return a block of the source as it is in central."""
        return in_central(self._stream.renames, block)

    def source_digest(self, span: Span, without: frozenset[Group] = NONE, tally: Tally | None = None) -> Digest:
        """Read the source's side of `span`."""
        digest = self.empty(without)
        for piece in self.pieces(span):
            for blocks, exact in self._source(piece, tally or Tally()):
                for block in blocks:
                    digest.add(self.seen(block), exact)
        return digest

    def central_digest(self, span: Span, without: frozenset[Group] = NONE) -> Digest:
        """Read central's side of `span`."""
        digest = self.empty(without)
        for piece in self._cut(span):
            for blocks, exact in self._central(piece):
                for block in blocks:
                    digest.add(block, exact)
        return digest

    def compare(
        self,
        span: Span,
        sink: Sink,
        without: frozenset[Group] = NONE,
        group: Group | None = None,
        tally: Tally | None = None,
    ) -> Outcome:
        """Compare `span` but for the groups in `without`, and tell `sink` what differs; with `group` only of that."""
        outcome = Outcome()
        for piece in self.pieces(span):
            source, central = self.source_digest(piece, without, tally), self.central_digest(piece, without)
            outcome.points += source.points
            for each, points in source.left_out.items():
                outcome.left_out[each] = outcome.left_out.get(each, 0) + points
            if source.equals(central):
                continue
            for narrow in narrowed(self._stream, piece, max(source.points, central.points)):
                if narrow != piece:
                    source, central = self.source_digest(narrow, without), self.central_digest(narrow, without)
                if not source.equals(central):
                    parts = -(-max(source.points, central.points, 1) // SET_POINTS)
                    for part in range(parts):
                        _Sets(self, narrow, sink, without, group, outcome, part, parts).compare()
        return outcome

    def pieces(self, span: Span) -> Iterable[Span]:
        """Cut a span; what the operator's own Flux computes over it is not ours to cut."""
        return [span] if self._stream.flux is not None else self._cut(span)

    def read_source(self, span: Span, without: frozenset[Group]) -> Iterator[tuple[Block, bool]]:
        """Yield the source's blocks of `span` but for those of the groups in `without`."""
        for blocks, exact in self._source(span, Tally()):
            yield from ((block, exact) for block in blocks if block.group not in without)

    def read_central(self, span: Span, without: frozenset[Group]) -> Iterator[tuple[Block, bool]]:
        """Yield central's, likewise."""
        for blocks, exact in self._central(span):
            yield from ((block, exact) for block in blocks if block.group not in without)


@dataclass(slots=True)
class _Sets:
    """One part of one span, whose two sides differ."""

    comparer: Comparer
    span: Span
    sink: Sink
    without: frozenset[Group]
    group: Group | None
    outcome: Outcome
    part: int
    parts: int
    told: set[int] = field(default_factory=set)  # keys of strings that were found to be missing

    def compare(self) -> None:
        rewritten = self.comparer.rewritten
        there = PointSet(rewritten, self.part, self.parts)
        for block, exact in self.comparer.read_central(self.span, self.without):
            there.add(block, exact)
        found = 0
        for block, exact in self.comparer.read_source(self.span, self.without):
            seen = self.comparer.seen(block)
            found += self._lacking(block, seen, there.missing(seen, exact, self.group), exact)
        if not found and self.group is None:
            self.outcome.extras += there.left()
        if there.left(exact=True) or (self.sink.wants_extras and there.left()):
            overlong = self._extras(there, rewritten)
            if overlong and not self.sink.wants_extras:
                self._without_returns(overlong, rewritten)
        self.sink.done()

    def _lacking(self, block: Block, seen: Block, places: list[int], exact: bool) -> int:
        if places:
            lacking = pick(seen, places)
            self.outcome.lacks(lacking)
            self.sink.lacking(pick(block, places), lacking, exact)
            if block.type is FieldType.STRING:
                self.told.update(keys(lacking, self.comparer.rewritten))
        return len(places)

    def _extras(self, there: PointSet, rewritten: Collection[bytes]) -> set[int]:
        """Tell what is left of central, and return the keys of strings that have carriage returns there alone."""
        overlong: set[int] = set()
        for block, exact in self.comparer.read_central(self.span, self.without):
            left = pick(block, places) if (places := there.found(block, exact)) else None
            if left is not None:
                self.sink.besides(left, exact)
                if exact:
                    overlong.update(keys(left, rewritten))
        return overlong

    def _without_returns(self, overlong: set[int], rewritten: Collection[bytes]) -> None:
        """Send again what has a carriage return in central and none at the source.

        Read without carriage returns both sides are the same, so that nothing was found to be missing.
        """
        wanted = overlong - self.told
        for block, exact in self.comparer.read_source(self.span, self.without):
            if not exact and block.type is FieldType.STRING and self.group in (None, block.group):
                seen = self.comparer.seen(block)
                places = [place for place, key in enumerate(keys(seen, rewritten)) if key in wanted]
                self._lacking(block, seen, places, exact=False)


def narrowed(stream: StreamDefinition, span: Span, points: int) -> list[Span]:
    """Cut `span` into as many parts of equal length as make SET_POINTS each, if its points are spread evenly."""
    every = stream.aggregate.every if stream.aggregate is not None else 1
    parts = 1 if stream.flux is not None else -(-points // SET_POINTS)
    step = -(-(span[1] - span[0]) // max(parts, 1))
    step += -step % every
    return [(start, min(start + step, span[1])) for start in range(span[0], span[1], step)]
