"""What is left alone for a while after it failed, by key: a bucket, or a stream."""

from __future__ import annotations

from collections.abc import Callable


class Resting:
    """Keys that rest, each until a time of a steady clock of its own.

    Safe to use from several threads without a lock: each call reads or sets one entry of a dictionary, which is one
    step in Python, and nothing is decided from two. One that asks while another adds a key may miss it once.
    An entry stays when its time is over: keys are buckets or streams of the configuration, and there are few.
    """

    def __init__(self, seconds: float, steady: Callable[[], float]) -> None:
        """`seconds`: how long a key rests; `steady` gives seconds of a clock that never jumps."""
        self._seconds, self._steady = seconds, steady
        self._until: dict[str, float] = {}

    def __contains__(self, key: str) -> bool:
        """Say whether `key` rests now."""
        until = self._until.get(key)
        return until is not None and self._steady() < until

    def add(self, key: str) -> None:
        """Let `key` rest from now on, for as long as each does, also where it rests already."""
        self._until[key] = self._steady() + self._seconds
