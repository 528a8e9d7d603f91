"""Both files, read in a process of its own: what validates them takes a third of the memory that the plugin has.

The process is `python -m telegraf_plugin.settings`; what it found comes back through a pipe. While it reads, the plugin
loads what it needs for itself.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from telegraf_plugin.config.model import Config
from telegraf_plugin.errors import ConfigurationError, Problem

Remark = tuple[int, str]
"""A line for the log, and its level, as of `logging`."""
Look = tuple[int, int, int] | None
"""What tells a file from what it was: its time (ns), its size in bytes and its number; None where there is none."""


@dataclass(frozen=True)
class Settings:
    """What both files say. `interval` (ns): what telegraf.conf sets for the plugin, None where that cannot be read.

    `remarks`: what telegraf.conf with this configuration would lose. `processors`: what tells its processors from
    others. `seen`: what `look` found before the file was read.
    """

    config: Config
    interval: int | None
    remarks: tuple[Remark, ...]
    processors: bytes
    seen: Look


@dataclass(frozen=True)
class Refusal:
    """Why the files cannot be used: of a `ConfigurationError`, which is raised of it."""

    file: str
    problems: tuple[Problem, ...]


class ReaderProcess:
    """Reads `queries` with the variables of `environment`, from now on."""

    def __init__(self, queries: Path, environment: Mapping[str, str]) -> None:
        command = [sys.executable, "-m", "telegraf_plugin.settings", str(queries)]
        nothing, pipe = subprocess.DEVNULL, subprocess.PIPE
        self._failure: OSError | None = None
        try:
            self._process = subprocess.Popen(command, env=environment, stdin=nothing, stdout=pipe)
        except OSError as error:
            self._failure = error

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def settings(self) -> Settings:
        """Wait for what was read. Raises ConfigurationError; OSError where no process does it."""
        if self._failure is not None:
            raise self._failure
        told, _ = self._process.communicate()
        if self._process.returncode:
            raise OSError(f"what reads the configuration ended with status {self._process.returncode}")
        found: Settings | Refusal = pickle.loads(told)  # noqa: S301 (of a process that is this program itself)
        if isinstance(found, Refusal):
            raise ConfigurationError(found.file, list(found.problems))
        return found


def look(path: Path) -> Look:
    """Return what tells the file at `path` from what it was."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def settings_of(queries: Path, environment: Mapping[str, str]) -> Settings:
    """Return what both files say. Raises as `ReaderProcess` does."""
    return ReaderProcess(queries, environment).settings()


def answer(found: Settings | Refusal) -> bytes:
    """Return what the process writes to its standard output."""
    return pickle.dumps(found)
