"""Tries mutants in a copy of the tree, in a temporary folder: the working tree is never touched."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.mutants.sites import Mutant

LIMITS = (90.0, 180.0, 900.0)
"""What the tests of each stage may take in seconds, many times what they do: a mutant that hangs is found out."""
PATIENCE = 3
"""How many times what they take without a mutant tests must take to count as hanging: the machine may be slow."""
MAX_UNSTEADY = 3
"""Tests that may fail without any mutant, and are left out."""
_OPTIONS = ("-q", "-rfE", "-n", "0", "-p", "no:cacheprovider", "--tb=no", "--hypothesis-seed=0")
_HANGS = "more than the time limit"
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


class NotGreen(Exception):
    """The tests fail, or cannot be run, without any mutant."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant: `killed_by` names the test, None when it survived."""

    mutant: Mutant
    killed_by: str | None


class Copy:
    """A copy of the tree at `root` in `folder`: what git tracks and what is new, without what it ignores."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = folder
        self.unsteady: list[str] = []
        self._passing: set[str] = set()  # tests that passed alone, without any mutant
        self._takes: dict[tuple[str, ...], float] = {}  # seconds, without any mutant
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listed, cwd=root, check=True, capture_output=True).stdout
        for name in filter(None, names.decode().split("\0")):
            if (root / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, folder / name)

    def require_green(self, files: list[str]) -> None:
        """Run the tests in `files` as they are, which also leaves compiled code. Raises NotGreen.

        A few that fail are left out from then on, since they prove nothing: on a busy machine some are late.
        """
        failed = self._run(files, sum(LIMITS), "--maxfail", str(MAX_UNSTEADY + 1), compiled=True)
        if len(failed) > MAX_UNSTEADY:
            raise NotGreen(f"without any mutant: {' '.join(failed)}")
        self.unsteady += failed

    def attempt(self, mutant: Mutant, stages: Sequence[list[str]]) -> Verdict:
        """Try `mutant` with the test files of each stage (as many as LIMITS), until a test fails.

        It must fail twice with the mutant and pass without it, and what hangs must be much slower than without it: what
        a busy machine does to tests kills no mutant. Raises NotGreen.
        """
        for files, seconds in zip(stages, LIMITS, strict=True):
            killed_by = self._found_by(mutant, files, seconds) if files else None
            if killed_by is not None:
                return Verdict(mutant, killed_by)
        return Verdict(mutant, None)

    def _found_by(self, mutant: Mutant, files: list[str], seconds: float) -> str | None:
        acquitting: list[str] = []  # failed once, but not by the mutant
        while len(acquitting) <= MAX_UNSTEADY:
            limit = self._limit(files, seconds)
            with self._changed(mutant):
                failed = self._run(files, limit, "-x", without=acquitting)
            if not failed:
                return None
            if failed[0] == _HANGS:
                self._measure(files, limit)
                if self._limit(files, seconds) <= limit:
                    return f"the time limit of {limit:.0f} s"
            elif self._is_killed_by(mutant, test := failed[0].split("[")[0], limit):
                return failed[0]
            else:
                acquitting.append(test)
        raise NotGreen(f"they fail now and then: {' '.join(acquitting)}")

    def _is_killed_by(self, mutant: Mutant, test: str, seconds: float) -> bool:
        """Return whether the test fails alone as well, and passes without the mutant."""
        with self._changed(mutant):
            if not self._run([test], seconds):
                return False
        if test not in self._passing and not self._run([test], seconds):
            self._passing.add(test)
        return test in self._passing

    def _limit(self, files: list[str], seconds: float) -> float:
        """Return what tests may take (s)."""
        return max(seconds, PATIENCE * self._takes.get(tuple(files), 0.0))

    def _measure(self, files: list[str], seconds: float) -> None:
        """Note what tests take without any mutant, or `seconds` when that is too little."""
        if tuple(files) not in self._takes:
            began = time.monotonic()
            self._run(files, seconds)
            self._takes[tuple(files)] = time.monotonic() - began

    @contextmanager
    def _changed(self, mutant: Mutant) -> Iterator[None]:
        """With it the copy holds the mutant."""
        path = self.root / mutant.path
        source, times = path.read_bytes(), path.stat()
        path.write_bytes(mutant.apply(source))
        try:
            yield
        finally:
            path.write_bytes(source)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # so that its compiled code counts again

    def _run(
        self, files: list[str], seconds: float, *options: str, compiled: bool = False, without: Sequence[str] = ()
    ) -> list[str]:
        """Return the tests that fail, _HANGS when they take more than `seconds`. Raises NotGreen when pytest fails."""
        left_out = [f"--deselect={name}" for name in (*self.unsteady, *without)]
        environment = {**os.environ, "PYTHONPATH": str(self.root)}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        if not compiled:  # a mutant's code must not stay
            environment["PYTHONDONTWRITEBYTECODE"] = "1"
        with subprocess.Popen(
            [sys.executable, "-m", "pytest", *_OPTIONS, *options, *left_out, *files],
            cwd=self.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                output, _ = process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                return [_HANGS]
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
        failed = _FAILED.findall(output)
        if process.returncode not in (0, 1, 5 if left_out else 0) and not failed:  # 5: all are left out
            raise NotGreen(f"pytest ended with {process.returncode}: {output[-2000:]}")
        return failed
