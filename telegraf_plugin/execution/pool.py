"""The threads in which commands are done, so many however many servers there are; one that hangs holds up no other.

A server has a share of its own, as many commands as it may have in hand. What may take long whatever happens, such as a
backlog, and whatever is asked of a server that did not answer last, has half of the threads at the most: the other half
is for what is quick, so that live data of others never waits for it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from telegraf_plugin.errors import OutputClosed

MOST_THREADS = 32
"""However many sources there are; each has two or three while it is asked."""
Do = Callable[[], bool]
"""Does something, and says whether the server has answered."""


class Pool:
    """Threads that end with the process, started as they are needed: a server that hangs keeps nobody from ending."""

    def __init__(self, name: str, closed: Callable[[], None], most: int = MOST_THREADS) -> None:
        """`closed` is told, in any thread, that nobody reads the lines any more."""
        self._name, self._closed, self._most = name, closed, most
        self._waiting: dict[str, deque[tuple[Do, bool]]] = {}  # by server, those first whose turn it is
        self._shares: dict[str, int] = {}
        self._in_hand: dict[str, set[int]] = {}  # by server, the threads that work for it
        self._silent: set[str] = set()  # servers that did not answer last
        self._patient = 0  # in hand, of what may take long
        self._threads = self._idle = 0  # idle: those that wait and were not woken
        self._changed = threading.Condition()

    def submit(self, server: str, share: int, do: Do, patient: bool = False) -> None:
        """Have it done as soon as its turn comes, for a server that may have `share` in hand.

        `patient`: it may take long, and waits for its turn behind what does not.
        """
        with self._changed:
            self._shares[server] = share
            self._waiting.setdefault(server, deque()).append((do, patient))
            self._wake()

    def threads(self, server: str) -> frozenset[int]:
        """Return which threads work for a server just now."""
        with self._changed:
            return frozenset(self._in_hand.get(server, ()))

    def _wake(self) -> None:
        """Have one more thread look for its turn."""
        if self._idle:
            self._idle -= 1
            self._changed.notify()
        elif self._threads < self._most:
            number, self._threads = self._threads, self._threads + 1
            threading.Thread(target=self._run, name=f"{self._name}-{number}", daemon=True).start()

    def _run(self) -> None:
        thread = threading.get_ident()
        while True:
            with self._changed:
                while (turn := self._next()) is None:
                    self._idle += 1
                    self._changed.wait()
                server, do, patient = turn
                self._in_hand.setdefault(server, set()).add(thread)
                self._patient += patient
            answered = False
            try:
                answered = do()
            except OutputClosed:
                self._closed()
                return
            finally:
                with self._changed:
                    self._in_hand[server].discard(thread)
                    self._patient -= patient
                    (self._silent.discard if answered else self._silent.add)(server)
                    if self._waiting:  # for this one's share, or for its half
                        self._wake()

    def _next(self) -> tuple[str, Do, bool] | None:
        """Take what is next, and whether it is patient; None when it is nobody's turn."""
        for server, waiting in self._waiting.items():
            if len(self._in_hand.get(server, ())) >= self._shares[server]:
                continue
            do, patient = waiting[0]
            patient = patient or server in self._silent
            if patient and self._patient >= max(self._most // 2, 1):
                continue
            waiting.popleft()
            del self._waiting[server]
            if waiting:  # who had a turn is the last one next time
                self._waiting[server] = waiting
            return server, do, patient
        return None
