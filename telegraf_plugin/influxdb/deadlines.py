"""What is ended from outside when its time is over: one thread watches all of it, however many requests there are."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from heapq import heappop, heappush
from itertools import count


class Deadline:
    """One thing that is to end in time."""

    __slots__ = ("end",)

    def __init__(self, end: Callable[[], None]) -> None:
        self.end: Callable[[], None] | None = end

    def cancel(self) -> None:
        """Let it be: it has ended by itself. Nothing of it is held any more."""
        self.end = None


class Deadlines:
    """Calls what is late, in a thread that is started with the first of it. Safe to use from several threads."""

    def __init__(self, name: str = "deadlines") -> None:
        self._name = name
        self._waiting: list[tuple[float, int, Deadline]] = []  # a heap, by the time of time.monotonic()
        self._numbers = count()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def after(self, seconds: float, end: Callable[[], None]) -> Deadline:
        """Have `end` called in `seconds`, unless it is cancelled before; it must not block."""
        deadline = Deadline(end)
        entry = (time.monotonic() + max(seconds, 0.0), next(self._numbers), deadline)
        with self._changed:
            while self._waiting and self._waiting[0][2].end is None:
                heappop(self._waiting)
            heappush(self._waiting, entry)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            elif self._waiting[0] is entry:
                self._changed.notify()
        return deadline

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait(self._until_first())
                now = time.monotonic()
                late = []
                while self._waiting and (self._waiting[0][0] <= now or self._waiting[0][2].end is None):
                    late.append(heappop(self._waiting)[2])
            for deadline in late:
                end = deadline.end
                if end is not None:
                    with suppress(Exception):  # it may have ended just now
                        end()

    def _until_first(self) -> float | None:
        return max(self._waiting[0][0] - time.monotonic(), 0.0) if self._waiting else None
