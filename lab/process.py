"""One program, started by the bench and sure to end with it."""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.loopback import wait_until

_running: set[Process] = set()


class ProcessEnded(RuntimeError):
    """The program ended while something was expected of it."""


class Process:
    """A program with the environment given and no other; it appends stdout and stderr to `log_file`.

    Not started until `start`. `stop` ends it by SIGTERM, and by SIGKILL when that takes too long; leaving the
    context does the same, and so does the end of the interpreter for one that was forgotten.
    """

    def __init__(self, command: Sequence[str], env: Mapping[str, str], cwd: Path, log_file: Path) -> None:
        self.command = list(command)
        self.env = dict(env)
        self.cwd = cwd
        self.log_file = log_file
        self._popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the program; does not wait for it to be ready. Raises OSError when it cannot be started."""
        if self.running:
            raise RuntimeError(f"{self.command[0]} already runs as {self.pid}")
        with self.log_file.open("ab") as log:
            self._popen = subprocess.Popen(
                self.command,
                env=self.env,
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Its own group: a Ctrl-C in the terminal is for the bench, which ends things in order.
                process_group=0,
            )
        _running.add(self)

    @property
    def running(self) -> bool:
        """True from start until the program has ended, for whatever reason."""
        return self._popen is not None and self._popen.poll() is None

    @property
    def pid(self) -> int:
        """The process id. Raises ProcessEnded before the first start."""
        if self._popen is None:
            raise ProcessEnded(f"{self.command[0]} was not started")
        return self._popen.pid

    @property
    def exit_status(self) -> int | None:
        """The exit status, minus the signal's number if one ended it; None while it runs."""
        return None if self._popen is None else self._popen.poll()

    def stop(self, timeout_s: float = 20.0) -> None:
        """End it by SIGTERM, by SIGKILL after `timeout_s`; returns when it has ended, which it may have."""
        if self._popen is None:
            return
        if self.running:
            self._signal(signal.SIGTERM)
            self._signal(signal.SIGCONT)  # a paused program would never see the first one
            try:
                self._popen.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.kill()
        _running.discard(self)

    def kill(self) -> None:
        """End it by SIGKILL, as a crash would; returns when it has ended."""
        if self._popen is not None:
            self._signal(signal.SIGKILL)
            self._popen.wait()
        _running.discard(self)

    def pause(self) -> None:
        """SIGSTOP: it stays there, accepts connections (the kernel does) and never answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT: the end of `pause`."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._popen is not None:
            self._popen.send_signal(number)  # asks first whether it still runs: never hits a reused id

    def log(self) -> str:
        """Everything it has written to stdout and stderr so far, over all its starts."""
        try:
            return self.log_file.read_text("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def log_tail(self, lines: int = 15) -> str:
        """The last `lines` lines of its log, for error messages."""
        return "\n".join(self.log().splitlines()[-lines:])

    def wait_for_log(self, pattern: str, timeout_s: float = 30.0, after: int = 0) -> re.Match[str]:
        """The first match of the regular expression in the log, behind its first `after` characters.

        Raises TimeoutError after `timeout_s` seconds, ProcessEnded when the program ends without having said
        it.
        """
        compiled = re.compile(pattern, re.MULTILINE)

        def probe() -> re.Match[str] | None:
            running = self.running  # asked before the log is read, so that its last words count
            found = compiled.search(self.log(), after)
            if found is None and not running:
                raise ProcessEnded(f"{self.command[0]} ended ({self.exit_status}):\n{self.log_tail()}")
            return found

        try:
            return wait_until(probe, f"{pattern!r} in {self.log_file}", timeout_s)
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.log_tail()}") from None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@atexit.register
def _end_forgotten() -> None:
    for process in list(_running):
        with contextlib.suppress(OSError):
            process.kill()


def children(pid: int) -> list[int]:
    """The process ids of a process's direct children (Linux; elsewhere an empty list)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            # "pid (name) state ppid …", and a name may hold anything, even ")".
            if int(entry.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(entry.parent.name))
    return sorted(found)


def alive(pid: int) -> bool:
    """True while a process of this id exists and is not a zombie."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except OSError:
        return not Path("/proc/self").exists()  # no /proc at all: the signal was answer enough
