"""What has happened, in its order: told by threads, and signals to the one loop that reads it."""

from __future__ import annotations

import queue
from contextlib import suppress
from enum import Enum, auto
from typing import Generic, TypeVar

MOST_AT_ONCE = 100
"""Of what was told by threads: as much is handed on together."""

Told = TypeVar("Told")


class Signal(Enum):
    """What the loop itself sees to."""

    TICK = auto()
    END_OF_INPUT = auto()
    TERMINATE = auto()
    BEGIN = auto()
    CLOSED = auto()
    CRASHED = auto()
    LOST = auto()


class Inbox(Generic[Told]):
    """Put into by any thread, and by handlers of the process's signals; read by one thread."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[Signal | Told] = queue.SimpleQueue()
        self._met: Signal | None = None  # behind what was told: it is next

    def put(self, event: Signal | Told) -> None:
        """Note what has happened."""
        self._waiting.put(event)

    def next(self, timeout: float | None) -> Signal | Told | None:
        """Return what has happened next; None when nothing does for `timeout` seconds."""
        if self._met is not None:
            signal, self._met = self._met, None
            return signal
        with suppress(queue.Empty):
            return self._waiting.get(timeout=timeout)
        return None

    def told(self) -> list[Told]:
        """Return what else was told by now, up to the next signal."""
        found: list[Told] = []
        with suppress(queue.Empty):
            while len(found) < MOST_AT_ONCE and self._met is None:
                event = self._waiting.get_nowait()
                if isinstance(event, Signal):
                    self._met = event
                else:
                    found.append(event)
        return found
