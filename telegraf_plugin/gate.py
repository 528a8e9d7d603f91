"""The gate to one central bucket: lets lines pass while there is room, and has its readers wait while there is not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from telegraf_plugin.errors import NoRoom
from telegraf_plugin.stream.flow import DEFAULT_MAX_BYTES, Flow, Load

PATIENCE_SECONDS = 10.0
"""How long a reading waits for room while no mark comes back; then its query is given up."""


class Gate:
    """Lines in flight towards one central bucket: `limit` and `max_bytes` at the most. Safe to use from any thread."""

    def __init__(self, limit: int, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self._flow = Flow(limit, max_bytes)
        self._changed = threading.Condition()
        self._moved = 0

    def enter(self, stream: str, load: Load, live: bool, before_waiting: Callable[[], None]) -> None:
        """Count lines of `stream` (its label) as printed, when there is room for them.

        `before_waiting` prints a mark behind what the stream has printed: without one nothing would ever come back.
        Raises NoRoom when nothing comes back for PATIENCE_SECONDS.
        """
        with self._changed:
            if self._flow.has_room(load, live, stream):
                self._flow.printed(stream, load)
                return
            unmarked = self._flow.unmarked(stream)
        if unmarked:
            before_waiting()
        with self._changed:
            moved, deadline = self._moved, time.monotonic() + PATIENCE_SECONDS
            while not self._flow.has_room(load, live, stream):
                if moved != self._moved:
                    moved, deadline = self._moved, time.monotonic() + PATIENCE_SECONDS
                if not self._changed.wait(max(deadline - time.monotonic(), 0.0)) and time.monotonic() >= deadline:
                    there = self._flow.load()
                    raise NoRoom(f"{there.lines} lines of {there.bytes} bytes are in flight")
            self._flow.printed(stream, load)

    def has_room(self, live: bool, stream: str | None = None) -> bool:
        """Say whether live data, or a backlog, of `stream` may begin to be read."""
        with self._changed:
            return self._flow.has_room(Load(self._flow.limit // 8, self._flow.max_bytes // 8), live, stream)

    def needs_mark(self, stream: str) -> bool:
        """Say whether a mark is due inside of what `stream` prints."""
        with self._changed:
            return self._flow.needs_mark(stream)

    def unmarked(self, stream: str) -> bool:
        """Say whether lines of `stream` have no mark behind them."""
        with self._changed:
            return self._flow.unmarked(stream)

    def marked(self, stream: str, mark: int) -> None:
        """Take note of a mark (its time) that is about to be printed."""
        with self._changed:
            self._flow.marked(stream, mark)

    def back(self, stream: str, mark: int) -> None:
        """Take note of a mark that is back, and wake who waits for room."""
        with self._changed:
            self._flow.back(stream, mark)
            self._moved += 1
            self._changed.notify_all()

    def lines(self, stream: str | None = None) -> int:
        """Return how many lines are in flight, of `stream` or of all."""
        with self._changed:
            return self._flow.lines(stream)
