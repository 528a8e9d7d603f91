"""Which of central's buckets is looked at next, by two threads, so that one that is slow holds up no other."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from telegraf_plugin.errors import CentralError
from telegraf_plugin.stream.backoff import Backoff

POLL_SECONDS = 0.2
"""How often central is asked while marks are on their way: what may be in flight, divided by this, bounds the speed."""
IDLE_SECONDS = 2.0
"""How long a thread sleeps while no mark is on its way, unless a tick comes."""
SLOW_SECONDS = 1.0
"""What a look at a bucket may take; what takes longer holds up no other."""
RETRIES = Backoff(0.5, 5.0)
"""Seconds between two tries while a bucket of central does not answer."""


@dataclass(slots=True)
class Turn:
    """One bucket's turn; times are time.monotonic().

    `look_at`: when it is looked at next. `wanted_at`: central asked to be left alone until then (429, 503). `ticked`: a
    tick was not looked at yet. `busy`: a thread looks at it. `slow`: the last look took its time. `waiting`: something
    is expected there.
    """

    look_at: float = 0.0
    wanted_at: float = 0.0
    failures: int = 0
    ticked: bool = False
    busy: bool = False
    slow: bool = False
    waiting: bool = False


class Turns:
    """The turns of all buckets. Safe to use from any thread.

    Two threads take turns. Both look at buckets that answer promptly, and only one, that takes any, at those that do
    not: of these one may hold up another, and nobody else.
    """

    def __init__(self, buckets: Collection[str]) -> None:
        self._turns = {bucket: Turn() for bucket in buckets}
        self._lock = threading.Lock()
        self._wakes = {takes_any: threading.Event() for takes_any in (False, True)}

    def tick(self) -> None:
        """Have every bucket looked at now."""
        with self._lock:
            for turn in self._turns.values():
                turn.ticked, turn.look_at = True, 0.0
        for wake in self._wakes.values():
            wake.set()

    def round(self, takes_any: bool) -> Iterator[tuple[str, Turn, bool]]:
        """Yield for ever what has its turn now, and whether there was a tick; the thread sleeps in between.

        It is the caller's alone until it is given back.
        """
        wake = self._wakes[takes_any]
        while True:
            wake.clear()
            for bucket, turn in self._turns.items():
                ticked = self._taken(turn, takes_any)
                if ticked is not None:
                    yield bucket, turn, ticked
            with self._lock:
                waiting = any(turn.waiting for turn in self._turns.values())
            wake.wait(POLL_SECONDS if waiting else IDLE_SECONDS)

    def _taken(self, turn: Turn, takes_any: bool) -> bool | None:
        """Take the bucket if its turn has come and nobody looks at it; returns whether there was a tick, else None."""
        with self._lock:
            waits = time.monotonic() < max(turn.wanted_at, turn.look_at)
            if turn.busy or waits or (turn.slow and not takes_any):
                return None
            ticked, turn.busy, turn.ticked = turn.ticked, True, False
            return ticked

    def give_back(self, turn: Turn) -> None:
        """Leave it to whoever is next."""
        with self._lock:
            turn.busy = False

    def done(
        self, turn: Turn, ticked: bool, waiting: bool, began: float, patience: float, error: CentralError | None
    ) -> None:
        """Record what came of a look that `began` then; it is left alone for `patience` (s), after an `error` longer.

        A tick that came meanwhile has it looked at again at once, but for a central that asked to be left alone.
        """
        with self._lock:
            now = time.monotonic()
            turn.waiting, turn.slow = waiting, now - began > SLOW_SECONDS
            turn.failures = turn.failures + 1 if error is not None else 0
            again = turn.ticked
            if error is not None:
                turn.ticked = turn.ticked or ticked
                turn.wanted_at = now + (error.retry_after or 0.0)
                patience = RETRIES.after(turn.failures)
            turn.look_at = now + patience if error is not None or not again else 0.0
