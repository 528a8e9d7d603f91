"""Work in a thread of its own while a context is open."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Background(ABC):
    """A context in which `work` runs in a thread; it returns when `ended` says so."""

    def __init__(self, name: str, patience_s: float = 10.0) -> None:
        """`name` is the thread's; its end waits so long for the turn that is under way."""
        self._patience_s = patience_s
        self._end = threading.Event()
        self._thread = threading.Thread(target=self.work, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Have it end; returns when the turn that is under way is done with."""
        self._end.set()
        self._thread.join(timeout=self._patience_s)

    def ended(self, after_s: float) -> bool:
        """Wait for so long at the most; returns whether the context has ended."""
        return self._end.wait(after_s)

    @abstractmethod
    def work(self) -> None:
        """Do what is done meanwhile, turn after turn, until `ended`."""
