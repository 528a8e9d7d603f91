"""Tries mutants in a copy of the tree, in a temporary folder: the working tree is never touched."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.mutants.sites import Mutant

LIMITS = (90.0, 180.0, 900.0)
"""What the tests of each stage may take in seconds, many times what they do: a mutant that hangs is found out."""
MAX_UNSTEADY = 3
"""Tests that may fail without any mutant, and are left out."""
_OPTIONS = ("-q", "-rfE", "-n", "0", "-p", "no:cacheprovider", "--tb=no", "--hypothesis-seed=0")
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
        """Try `mutant` with the test files of each stage (as many as LIMITS), until a test fails."""
        path = self.root / mutant.path
        source, times = path.read_bytes(), path.stat()
        path.write_bytes(mutant.apply(source))
        try:
            for files, seconds in zip(stages, LIMITS, strict=True):
                failed = self._run(files, seconds, "-x") if files else []
                if failed:
                    return Verdict(mutant, failed[0])
            return Verdict(mutant, None)
        finally:
            path.write_bytes(source)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # so that its compiled code counts again

    def _run(self, files: list[str], seconds: float, *options: str, compiled: bool = False) -> list[str]:
        """Return the tests that fail. Raises NotGreen when pytest itself does."""
        left_out = [f"--deselect={name}" for name in self.unsteady]
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
                return [f"the time limit of {seconds:.0f} s"]
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
        failed = _FAILED.findall(output)
        if process.returncode not in (0, 1) and not failed:
            raise NotGreen(f"pytest ended with {process.returncode}: {output[-2000:]}")
        return failed
