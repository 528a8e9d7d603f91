"""The in-flight window of one central bucket: lines pass while there is room, else their readers wait.

With the line writer it is all that crosses threads. `enter`, `marked`, `needs_mark` and `unmarked` are the doers' of
commands; `has_room`, `waits`, `crowded`, `back`, `lines` and `permit` are the owner's, who decides.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from telegraf_plugin.errors import NoRoom
from telegraf_plugin.stream.flow import DEFAULT_MAX_BYTES, PIECES_A_LIMIT, Flow, Load

PATIENCE_SECONDS = 10.0
"""How long a reading waits for room while no mark comes back; then its query is given up."""


class InFlightWindow:
    """Lines in flight towards one central bucket: `limit` and `max_bytes` at the most. Safe to use from any thread."""

    def __init__(
        self,
        limit: int,
        max_bytes: int = DEFAULT_MAX_BYTES,
        wait: Callable[[int, float], bool] | None = None,
        steady: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """`wait` waits until more marks have come back than that number, so many seconds at the most; returns whether
        they did. `steady` gives ns of a clock that never jumps.
        """
        self._wait = wait or self._wait_for_a_mark
        self._flow = Flow(limit, max_bytes)
        self._changed = threading.Condition()
        self.moved = 0  # how many marks have come back
        self._steady = steady
        self._until: int | None = None  # until when lines may pass

    @property
    def piece_lines(self) -> int:
        """How many lines may enter at a time: what `has_room` looks for before a read begins."""
        return max(self._flow.limit // PIECES_A_LIMIT, 1)

    def enter(self, stream: str, load: Load, live: bool, before_waiting: Callable[[], object]) -> None:
        """Count lines of `stream` (its label) as printed, when there is room for them.

        `before_waiting` prints a mark behind what the stream has printed: without one nothing would ever come back.
        Raises NoRoom when nothing comes back for PATIENCE_SECONDS, and for lines that may not pass any more (`permit`).
        """
        if self._counted(stream, load, live) is None:
            return
        if self.unmarked(stream):
            before_waiting()
        while (moved := self._counted(stream, load, live)) is not None:
            if not self._wait(moved, PATIENCE_SECONDS):
                there = self._flow.load()
                raise NoRoom(f"{there.lines} lines of {there.bytes} bytes are in flight")

    def _counted(self, stream: str, load: Load, live: bool) -> int | None:
        """Count lines as printed and return None; where there is no room, how many marks have come back so far."""
        with self._changed:
            if self._until is not None and self._steady() >= self._until:
                raise NoRoom("another collector may have taken over")
            if not self._flow.has_room(load, live, stream):
                return self.moved
            self._flow.printed(stream, load)
            return None

    def _wait_for_a_mark(self, moved: int, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: moved != self.moved, seconds)

    def has_room(self, live: bool, stream: str | None = None) -> bool:
        """Say whether live data, or a backlog, of `stream` may begin to be read."""
        with self._changed:
            piece = Load(self._flow.limit // PIECES_A_LIMIT, self._flow.max_bytes // PIECES_A_LIMIT)
            return self._flow.may_begin(piece, live, stream)

    def waits(self, stream: str, waiting: bool) -> None:
        """Note whether live data of `stream` waits for room."""
        with self._changed:
            self._flow.waits(stream, waiting)

    def needs_mark(self, stream: str) -> bool:
        """Say whether a mark is due inside of what `stream` prints."""
        with self._changed:
            return self._flow.needs_mark(stream)

    def unmarked(self, stream: str) -> bool:
        """Say whether lines of `stream` have no mark behind them."""
        with self._changed:
            return self._flow.unmarked(stream)

    def marked(self, stream: str, mark: int) -> None:
        """Note a mark (its time) that is about to be printed."""
        with self._changed:
            self._flow.marked(stream, mark)

    def back(self, stream: str, mark: int) -> None:
        """Note a mark that is back, and wake who waits for room."""
        with self._changed:
            self._flow.back(stream, mark)
            self.moved += 1
            self._changed.notify_all()

    def permit(self, until: int) -> None:
        """Let lines pass until then (ns of the steady clock), and none afterwards: whoever reads one looks at the time
        itself, as the owner may be the one that was held up. As long as it was never called all may pass.
        """
        with self._changed:
            self._until = until

    @property
    def crowded(self) -> bool:
        """Whether so much is in flight that a backlog waits for marks, or soon will."""
        with self._changed:
            return self._flow.crowded

    def lines(self, stream: str | None = None) -> int:
        """Return how many lines are in flight, of `stream` or of all."""
        with self._changed:
            return self._flow.lines(stream)
