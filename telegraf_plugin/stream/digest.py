"""What tells whether two sides hold the same points: a sum of hashes, and a set of them. Pure.

A point's hash is of measurement, tags, field, type, time and value, 64 bits by Python's own keyed hash: it is equal
on both sides because one process computes both, and differs from run to run, so it is never stored. A sum does not
depend on the order and takes no memory.

Values are compared as the text that InfluxDB writes, which is the same for the same value. Tags of which it cannot be
told what Telegraf's processors make of them (`rewritten`) stay out of the hash: then two series are one here, and are
told apart by number only.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from itertools import compress, repeat

from telegraf_plugin.stream.block import Block, FieldKey
from telegraf_plugin.stream.multiset import HashMultiset

CLASSES = 4096
"""Classes of keys: what differs is looked for in those alone that differ."""
_BITS = 2**64 - 1


def hashes(block: Block, rewritten: Collection[bytes], exact: bool) -> Iterable[int]:
    """Return the hash of each point of `block`, whose tags are those that it has in central.

    `exact`: the block is of the second reading, of strings with their carriage returns.
    """
    tags = tuple(tag for tag in block.tags if tag[0] not in rewritten)
    series = hash((block.measurement, tags, block.field, block.type.value, exact))
    # As one text: the hash of a tuple is nearly a sum over its parts, so that in the sum of such hashes two values
    # could change places and nobody would notice.
    texts = zip(repeat(b"%d" % series), block.times, block.values, strict=False)
    return map(hash, map(b" ".join, texts))


def keys(block: Block, rewritten: Collection[bytes]) -> Iterable[int]:
    """Return for each point of `block` a hash of what tells it from others: all but type, value and reading."""
    tags = tuple(tag for tag in block.tags if tag[0] not in rewritten)
    series = hash((block.measurement, tags, block.field))
    return map(hash, map(b" ".join, zip(repeat(b"%d" % series), block.times, strict=False)))


@dataclass(slots=True)
class Digest:
    """The points of one side of one span: how many, and the sum of their hashes.

    Points of a field key in `without` are not in it; `left_out` counts them.
    """

    rewritten: Collection[bytes] = ()
    without: Collection[FieldKey] = ()
    points: int = 0
    sum: int = 0
    left_out: dict[FieldKey, int] = field(default_factory=dict)

    def add(self, block: Block, exact: bool = False) -> None:
        """Record the points of `block`, whose tags are those that it has in central."""
        if self.without and block.field_key in self.without:
            if not exact:
                self.left_out[block.field_key] = self.left_out.get(block.field_key, 0) + len(block)
            return
        if not exact:  # the second reading's points are the same ones
            self.points += len(block)
        self.sum = (self.sum + sum(hashes(block, self.rewritten, exact))) & _BITS

    def equals(self, other: Digest) -> bool:
        """Say whether the other side has the same points."""
        return self.points == other.points and self.sum == other.sum


class ClassDigest:
    """The points of one side of one span by classes of their keys: which classes differ is told in one reading."""

    def __init__(self, rewritten: Collection[bytes]) -> None:
        self._rewritten = rewritten
        self._points, self._sums = array("Q", bytes(8 * CLASSES)), array("Q", bytes(8 * CLASSES))

    def add(self, block: Block, exact: bool = False) -> None:
        """Record the points of `block`, whose tags are those that it has in central."""
        points, sums = self._points, self._sums
        for key, point in zip(keys(block, self._rewritten), hashes(block, self._rewritten, exact), strict=True):
            each = key % CLASSES
            points[each] += not exact
            sums[each] = (sums[each] + point) & _BITS

    def points(self, each: int) -> int:
        """Return how many points are of one class."""
        return self._points[each]

    def differing(self, other: ClassDigest) -> list[int]:
        """Return the classes of which the other side has not the same points."""
        pairs = zip(self._points, self._sums, other._points, other._sums, strict=True)
        return [
            each
            for each, (points, sum_, others, other_sum) in enumerate(pairs)
            if (points, sum_) != (others, other_sum)
        ]


class PointSet:
    """The points of one side of one span, of some classes of their keys, so that its size is bounded."""

    def __init__(self, rewritten: Collection[bytes], classes: Collection[int] | None = None) -> None:
        """Keep the points whose key is of one of `classes`, all without: all readings of one are together."""
        self._rewritten = rewritten
        self._classes = classes
        self._hashes = HashMultiset()
        self._left = {False: 0, True: 0}

    def add(self, block: Block, exact: bool = False) -> None:
        """Record the points of `block`, whose tags are those that it has in central."""
        for _, point in self._points(block, exact):
            self._hashes.put(point)
            self._left[exact] += 1

    def missing(self, block: Block, exact: bool = False, field_key: FieldKey | None = None) -> list[int]:
        """Return the places in `block` of points that are not in it, and take away those that are.

        With `field_key` only that field key's points are looked for.
        """
        if field_key is not None and block.field_key != field_key:
            return []
        return [place for place, point in self._points(block, exact) if not self._taken(point, exact)]

    def found(self, block: Block, exact: bool = False) -> list[int]:
        """Return the places in `block` of points that are in it, and take them away."""
        return [place for place, point in self._points(block, exact) if self._taken(point, exact)]

    def left(self, exact: bool = False) -> int:
        """Return how many of the points of one reading were not found on the other side."""
        return self._left[exact]

    def _points(self, block: Block, exact: bool) -> Iterable[tuple[int, int]]:
        points = enumerate(hashes(block, self._rewritten, exact))
        if self._classes is None:
            return points
        return compress(points, (key % CLASSES in self._classes for key in keys(block, self._rewritten)))

    def _taken(self, point: int, exact: bool) -> bool:
        if not self._hashes.take(point):
            return False
        self._left[exact] -= 1
        return True
