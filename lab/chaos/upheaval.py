"""`Upheavals`: when what central holds was changed from outside, so that nobody takes two readings for one state."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class Upheavals:
    """Which of central's buckets were put back or emptied, and when. Safe to use from several threads."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._ended_ns: dict[str, int] = {}
        self._lock = threading.Lock()

    @contextmanager
    def of(self, buckets: Iterable[str]) -> Iterator[None]:
        """In this context `buckets` are changed."""
        names = list(buckets)
        self._step(names)
        try:
            yield
        finally:
            self._step(names)

    def _step(self, buckets: list[str]) -> None:
        with self._lock:
            for bucket in buckets:
                self._numbers[bucket] = self._numbers.get(bucket, 0) + 1
                self._ended_ns[bucket] = time.time_ns()

    def number(self, bucket: str) -> int:
        """How often a change of the bucket has begun or ended: odd while one goes on."""
        return self._numbers.get(bucket, 0)

    def since(self, bucket: str, number: int) -> bool:
        """True when a change goes on, or one began or ended since `number` was told."""
        return number % 2 == 1 or self.number(bucket) != number

    def ended_ns(self, bucket: str) -> int:
        """When the last change began or ended, in ns since 1970 UTC; 0 without any."""
        return self._ended_ns.get(bucket, 0)
