"""A multiset of 64-bit hashes at nine bytes each, where Python's own takes a hundred: first all are put in, then taken.

Pure. Not safe to be used from several threads.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left

_BUCKETS = 1024
"""Hashes are sorted a bucket at a time, so that what sorting takes besides is a thousandth."""


class HashMultiset:
    """Hashes (of 64 bits, signed), each as often as it was put in and not taken."""

    def __init__(self) -> None:
        self._buckets = [array("q") for _ in range(_BUCKETS)]
        self._taken: list[bytearray | None] = [None] * _BUCKETS  # None: not sorted since the last was put in

    def put(self, number: int) -> None:
        """Put one in. Raises ValueError when some of its bucket were taken already."""
        bucket = number % _BUCKETS
        if self._taken[bucket] is not None:
            raise ValueError("all are put in before any is taken")
        self._buckets[bucket].append(number)

    def take(self, number: int) -> bool:
        """Take one out; returns False when there is none."""
        bucket = number % _BUCKETS
        numbers, taken = self._looked_into(bucket)
        place = bisect_left(numbers, number)
        while place < len(numbers) and numbers[place] == number:
            if not taken[place]:
                taken[place] = True
                return True
            place += 1
        return False

    def __contains__(self, number: int) -> bool:
        """Say whether it was ever put in, taken or not."""
        numbers, _ = self._looked_into(number % _BUCKETS)
        place = bisect_left(numbers, number)
        return place < len(numbers) and numbers[place] == number

    def _looked_into(self, bucket: int) -> tuple[array[int], bytearray]:
        taken = self._taken[bucket]
        if taken is None:
            numbers = self._buckets[bucket] = array("q", sorted(self._buckets[bucket]))
            taken = self._taken[bucket] = bytearray(len(numbers))
        return self._buckets[bucket], taken
