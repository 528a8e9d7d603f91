"""`OwnServer`: what each InfluxDB of the test bench is: one program, with a folder of its own that goes with it."""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.process import Process


class OwnServer(ABC):
    """A server in a temporary folder. A context: begun on entry, ended and removed on leaving.

    `stop`, `kill`, `pause`, `resume` and `start` act on the program; its data and its port stay.
    """

    def __init__(self, prefix: str) -> None:
        """`prefix` is how the name of its folder begins."""
        self._home = tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)
        self.folder = Path(self._home.name)
        self._process = self._prepare()

    @abstractmethod
    def _prepare(self) -> Process:
        """Choose a free port, and return the program that is to listen there, not yet started."""

    @abstractmethod
    def start(self) -> None:
        """Start the server and wait until it answers; the first time, also set it up."""

    def stop(self) -> None:
        """End the server in good order; clients are refused from then on."""
        self._process.stop()

    def kill(self) -> None:
        """End the server as a crash would."""
        self._process.kill()

    def pause(self) -> None:
        """Let the server hang: connections are accepted and never answered."""
        self._process.pause()

    def resume(self) -> None:
        """The end of `pause`."""
        self._process.resume()

    def close(self) -> None:
        """End the server and remove its folder."""
        self._process.stop()
        self._home.cleanup()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
