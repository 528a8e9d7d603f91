"""The one comparison of a stream's two sides: by digest, and what differs as sets, in bounded memory.

Both sides are given as what is read of a span: the source's points with the tags that they are printed with, central's
as they are there. The source's are renamed as Telegraf renames them before they are compared. What differs goes to a
sink: the plugin's prints it (`runner`), a command's records it (`commands.comparison`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from telegraf_plugin.stream.block import Block, FieldKey, FieldType, pick
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.digest import ClassDigest, Digest, PointSet, keys
from telegraf_plugin.stream.multiset import HashMultiset
from telegraf_plugin.stream.renames import in_central
from telegraf_plugin.stream.spans import Span
from telegraf_plugin.stream.tally import Tally

SET_POINTS = 250_000
"""Points that are compared as a set at a time, some 3 MB: what is more is narrowed by time, then by classes."""
TOLD_POINTS = 50_000
"""The same for a sink that keeps each point that differs."""

Read = Iterator[tuple[list[Block], bool]]
"""Blocks, and whether they are of the second, exact reading of strings (`Passage.blocks`)."""
NONE: frozenset[FieldKey] = frozenset()


class Sink(Protocol):
    """Takes what differs. `wants_extras`: also what only central has, or has otherwise, point by point."""

    wants_extras: bool

    def lacking(self, block: Block, there: Block, exact: bool) -> None:
        """Record points that central lacks, or has otherwise: as they are printed, and with the tags of `there`."""

    def besides(self, block: Block, exact: bool) -> None:
        """Record points that only central has, or has otherwise."""

    def done(self) -> None:
        """Note that all that differs in a part was told: readings of the same point are always in one."""


@dataclass(slots=True)
class Outcome:
    """What was compared, and found: `points` of the source; `missing` of them, by field key, are not in central, or
    otherwise there; `where`: from the first to behind the last of those, by field key. `extras`: points that only
    central has. `left_out` were not compared, by field key.
    """

    points: int = 0
    missing: dict[FieldKey, int] = field(default_factory=dict)
    extras: int = 0
    left_out: dict[FieldKey, int] = field(default_factory=dict)
    where: dict[FieldKey, Span] = field(default_factory=dict)

    def lacks(self, block: Block) -> None:
        """Record points that central lacks, or has otherwise."""
        self.missing[block.field_key] = self.missing.get(block.field_key, 0) + len(block)
        times = [int(time) for time in block.times]
        first, last = self.where.get(block.field_key, (times[0], times[0]))
        self.where[block.field_key] = min(first, *times), max(last, *(time + 1 for time in times))


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

    def empty(self, without: frozenset[FieldKey] = NONE) -> Digest:
        """Return a digest of no points, to which the points of the field keys in `without` cannot be added."""
        return Digest(self.rewritten, without)

    def seen(self, block: Block) -> Block:
        """Return a block of the source as it is in central."""
        return in_central(self._stream.renames, block)

    def source_digest(self, span: Span, without: frozenset[FieldKey] = NONE, tally: Tally | None = None) -> Digest:
        """Read the source's side of `span`."""
        digest = self.empty(without)
        for piece in self.pieces(span):
            for blocks, exact in self._source(piece, tally or Tally()):
                for block in blocks:
                    digest.add(self.seen(block), exact)
        return digest

    def central_digest(self, span: Span, without: frozenset[FieldKey] = NONE) -> Digest:
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
        without: frozenset[FieldKey] = NONE,
        field_key: FieldKey | None = None,
        tally: Tally | None = None,
    ) -> Outcome:
        """Compare `span` but for the field keys in `without`, or `field_key` alone, and tell `sink` what differs."""
        outcome = Outcome()
        for piece in self.pieces(span):
            source, central = self.source_digest(piece, without, tally), self.central_digest(piece, without)
            outcome.points += source.points
            for each, points in source.left_out.items():
                outcome.left_out[each] = outcome.left_out.get(each, 0) + points
            if source.equals(central):
                continue
            most = TOLD_POINTS if sink.wants_extras else SET_POINTS
            for narrow in narrowed(self._stream, piece, max(source.points, central.points), most):
                if narrow != piece:
                    source, central = self.source_digest(narrow, without), self.central_digest(narrow, without)
                if source.equals(central):
                    continue
                if max(source.points, central.points) <= most:
                    _Sets(self, narrow, sink, without, field_key, outcome).compare()
                    continue
                for classes in self._parts(narrow, without, most, sink.wants_extras):
                    _Sets(self, narrow, sink, without, field_key, outcome, classes).compare()
        return outcome

    def _parts(self, span: Span, without: frozenset[FieldKey], most: int, both: bool) -> Iterator[frozenset[int]]:
        """Yield the classes that differ, as many at a time as have `most` points in central; of `both` sides."""
        source, central = ClassDigest(self.rewritten), ClassDigest(self.rewritten)
        for block, exact in self.read_source(span, without):
            source.add(self.seen(block), exact)
        for block, exact in self.read_central(span, without):
            central.add(block, exact)
        part: set[int] = set()
        points = 0
        for each in source.differing(central):
            its = max(central.points(each), source.points(each) if both else 0)
            if part and points + its > most:
                yield frozenset(part)
                part, points = set(), 0
            part.add(each)
            points += its
        if part:
            yield frozenset(part)

    def pieces(self, span: Span) -> Iterable[Span]:
        """Cut a span; what the operator's own Flux computes over it is not ours to cut."""
        return [span] if self._stream.flux is not None else self._cut(span)

    def read_source(self, span: Span, without: frozenset[FieldKey]) -> Iterator[tuple[Block, bool]]:
        """Yield the source's blocks of `span` but for those of the field keys in `without`."""
        for blocks, exact in self._source(span, Tally()):
            yield from ((block, exact) for block in blocks if block.field_key not in without)

    def read_central(self, span: Span, without: frozenset[FieldKey]) -> Iterator[tuple[Block, bool]]:
        """Yield central's, likewise."""
        for blocks, exact in self._central(span):
            yield from ((block, exact) for block in blocks if block.field_key not in without)


@dataclass(slots=True)
class _Sets:
    """One part of one span, whose two sides differ: of some classes of keys, all without."""

    comparer: Comparer
    span: Span
    sink: Sink
    without: frozenset[FieldKey]
    field_key: FieldKey | None
    outcome: Outcome
    classes: frozenset[int] | None = None

    def compare(self) -> None:
        rewritten = self.comparer.rewritten
        there = PointSet(rewritten, self.classes)
        for block, exact in self.comparer.read_central(self.span, self.without):
            there.add(block, exact)
        found, told = 0, HashMultiset()  # keys of strings that were found to be missing
        for block, exact in self.comparer.read_source(self.span, self.without):
            seen = self.comparer.seen(block)
            places = there.missing(seen, exact, self.field_key)
            found += len(places)
            self._lacking(block, seen, places, exact)
            if places and block.type is FieldType.STRING:
                for key in keys(pick(seen, places), rewritten):
                    told.put(key)
        if not found and self.field_key is None:
            self.outcome.extras += there.left()
        if there.left(exact=True) or (self.sink.wants_extras and there.left()):
            overlong = self._extras(there, rewritten)
            if not self.sink.wants_extras:
                self._without_returns(overlong, told, rewritten)
        self.sink.done()

    def _lacking(self, block: Block, seen: Block, places: list[int], exact: bool) -> None:
        if places:
            lacking = pick(seen, places)
            self.outcome.lacks(lacking)
            self.sink.lacking(pick(block, places), lacking, exact)

    def _extras(self, there: PointSet, rewritten: Collection[bytes]) -> HashMultiset:
        """Tell what is left of central, and return the keys of strings that have carriage returns there alone."""
        overlong = HashMultiset()
        for block, exact in self.comparer.read_central(self.span, self.without):
            left = pick(block, places) if (places := there.found(block, exact)) else None
            if left is not None:
                self.sink.besides(left, exact)
                for key in keys(left, rewritten) if exact else ():
                    overlong.put(key)
        return overlong

    def _without_returns(self, overlong: HashMultiset, told: HashMultiset, rewritten: Collection[bytes]) -> None:
        """Send again what has a carriage return in central and none at the source.

        Read without carriage returns both sides are the same, so that nothing was found to be missing.
        """
        for block, exact in self.comparer.read_source(self.span, self.without):
            if not exact and block.type is FieldType.STRING and self.field_key in (None, block.field_key):
                seen = self.comparer.seen(block)
                of_block = enumerate(keys(seen, rewritten))
                self._lacking(block, seen, [at for at, key in of_block if key in overlong and key not in told], False)


def narrowed(stream: StreamDefinition, span: Span, points: int, most: int) -> list[Span]:
    """Cut `span` into as many parts of equal length as make `most` points each, if its points are spread evenly."""
    every = stream.aggregate.every if stream.aggregate is not None else 1
    parts = 1 if stream.flux is not None else -(-points // most)
    step = -(-(span[1] - span[0]) // max(parts, 1))
    step += -step % every
    return [(start, min(start + step, span[1])) for start in range(span[0], span[1], step)]
