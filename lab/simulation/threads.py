"""The executor's threads in simulated time: whose turn is next is decided by the pool's own rule, and none is begun."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from telegraf_plugin.execution.pool import MOST_THREADS, Pool

Ended = Callable[[bool], None]
"""Told, once, that a piece of work is over, and whether the server has answered."""
Work = Callable[[Ended], object]
"""Begins a piece of work; that it is over is told later on, never before this returns."""


class Threads(Pool):
    """`most` pieces of work in hand at a time, however many sources there are."""

    def __init__(self, most: int = MOST_THREADS) -> None:
        super().__init__("simulated", lambda: None, most)
        self._number = self._busy = 0
        self._turn = ("", 0, False)

    def begin(self, server: str, share: int, work: Work, patient: bool = False) -> None:
        """Have it begun as soon as its turn comes; the rest as `Pool.submit`."""
        self.submit(server, share, partial(self._begin, work), patient)

    def _wake(self) -> None:
        """Begin what is next, as far as there are threads."""
        while self._busy < self._most and (turn := self._next()) is not None:
            server, do, patient = turn
            self._number += 1
            self._in_hand.setdefault(server, set()).add(self._number)
            self._patient += patient
            self._busy += 1
            self._turn = server, self._number, patient
            do()

    def _begin(self, work: Work) -> bool:
        work(partial(self._ended, *self._turn))
        return True

    def _ended(self, server: str, number: int, patient: bool, answered: bool) -> None:
        self._in_hand[server].discard(number)
        self._patient -= patient
        self._busy -= 1
        (self._silent.discard if answered else self._silent.add)(server)
        self._wake()
