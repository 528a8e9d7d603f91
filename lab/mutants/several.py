"""Tries mutants one after the other, or several at a time: each process then has a copy of the tree of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from lab.mutants.nearest import Imports
from lab.mutants.sites import Mutant
from lab.mutants.trial import Copy, Verdict


@dataclass(frozen=True, slots=True)
class Order:
    """What to try: mutants of the tree at `root`, with the test files of each stage by the mutant's module.

    Copies are made in `folder`.
    """

    root: Path
    folder: Path
    mutants: Sequence[Mutant]
    stages: dict[str, list[list[str]]]


def try_all(root: Path, chosen: Sequence[Mutant], near: bool, tests: str, jobs: int) -> list[Verdict]:
    """Try each of `chosen` with the tests in the folder `tests`, and print a line of the table for each.

    `near`: with the nearest tests alone. `jobs`: how many at a time. Raises NotGreen.
    """
    imports = Imports(root)
    paths = dict.fromkeys(mutant.path for mutant in chosen)
    stages = {path: [_inside(tests, files) for files in imports.tests(path)] for path in paths}
    if near:
        stages = {path: [*three[:2], []] for path, three in stages.items()}
    verdicts = []
    with (
        tempfile.TemporaryDirectory(prefix="mutants-") as folder,
        closing(tried(Order(root, Path(folder), chosen, stages), jobs)) as results,
    ):
        for verdict, took in results:
            verdicts.append(verdict)
            mutant = verdict.mutant
            result = "SURVIVED" if verdict.killed_by is None else f"killed by {verdict.killed_by}"
            place = f"{mutant.path.removeprefix('telegraf_plugin/')} | {mutant.symbol}"
            print(f"{place} | {mutant.rule.value}: {mutant.change} | {result} | {took:.1f} s", flush=True)
    return verdicts


def tried(order: Order, jobs: int) -> Generator[tuple[Verdict, float]]:
    """Yield what became of each mutant, in their order, and how long (s) it took. Raises NotGreen.

    With one of `jobs` all is done in this process. What a process runs ends with it, also when this is closed early.
    """
    if jobs == 1:
        tree = _Tree(order)
        yield from map(tree.attempt, order.mutants)
        return
    with multiprocessing.Pool(jobs, _begin, (order,)) as pool:
        yield from pool.imap(_attempt, order.mutants)


class _Tree:
    """A copy in which one mutant after the other is tried."""

    def __init__(self, order: Order) -> None:
        self._stages = order.stages
        self._copy = Copy(order.root, order.folder / str(os.getpid()))
        first = [next(filter(None, three), []) for three in order.stages.values()]
        self._copy.require_green(list(dict.fromkeys(file for files in first for file in files)))
        for name in self._copy.unsteady:
            print(f"left out, since it fails without any mutant: {name}", flush=True)

    def attempt(self, mutant: Mutant) -> tuple[Verdict, float]:
        began = time.monotonic()
        verdict = self._copy.attempt(mutant, self._stages[mutant.path])
        return verdict, time.monotonic() - began


_order: Order
_tree: _Tree | None = None


def _begin(order: Order) -> None:
    """Begin one of several processes; Ctrl-C is for the first one, which ends the others by SIGTERM."""
    global _order
    _order = order
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # by an exception, so that the tests that run are ended too


def _attempt(mutant: Mutant) -> tuple[Verdict, float]:
    global _tree
    if _tree is None:  # not in _begin: what is raised there does not reach the first process
        _tree = _Tree(_order)
    return _tree.attempt(mutant)


def _inside(folder: str, files: Sequence[str]) -> list[str]:
    return [file for file in files if Path(file).is_relative_to(folder)]
