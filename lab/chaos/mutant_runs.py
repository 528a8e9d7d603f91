"""`python -m lab.chaos.mutant_runs`, which is `make chaos-mutants`: does a chaos run find out each of the mutants?

Each is run with SEEDS seeds, one after the other, and what killed it is printed. A run ends at the first thing that is
found. A mutant that shows only where central is put back gets the first seeds with refills, the others the first seeds.

In, from the environment: FAULTS (40), the most that a run has; MUTANT, the name of one, else all; LOGS, a folder for
the logs of everything. Out: exit status 0 (every run killed its mutant), 1 (one survived, or a run broke), 2 (something
is missing: the engines, or the rule that a mutant takes away), 130 (ended by Ctrl-C).
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from lab.chaos.mutants import MUTANTS, Mutant, named
from lab.chaos.report import Report
from lab.chaos.run import run
from lab.chaos.schedule import with_refills
from lab.chaos.stage import Interrupted
from lab.engines import EnginesMissing
from lab.process import ProcessEnded

SEEDS = 3


@dataclass(frozen=True)
class Outcome:
    """What became of one mutant with one seed: what `killed` it, empty when it survived."""

    mutant: str
    seed: int
    faults: int
    seconds: float
    killed: str

    def row(self) -> str:
        """A row of the table."""
        return f"| {self.mutant} | {self.seed} | {self.faults} | {self.seconds:.0f} s | {self.killed or 'SURVIVED'} |"


def seeds(mutant: Mutant) -> list[int]:
    """The first SEEDS seeds whose runs can show the mutant."""
    fitting = (seed for seed in itertools.count(1) if with_refills(seed) or not mutant.refills)
    return list(itertools.islice(fitting, SEEDS))


def killed_by(report: Report) -> str:
    """What a run found of the plugin's, in some words; empty when it found nothing, or only something of its own."""
    if report.audit.findings:
        finding = report.audit.findings[0]
        return f"not {finding.rule}: {finding.stream}"
    found = report.comparison
    if not found.equal:
        return f"{found.lost} lost, {found.doubled} doubled, {found.wrong} wrong at the end"
    return f"{report.unproved} points not proved at the end" if report.unproved else ""


def main() -> int:
    """Run them; the exit status."""
    ended = threading.Event()
    interrupted = False

    def interrupt(*_: object) -> None:
        nonlocal interrupted
        interrupted = True
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    try:
        faults = int(os.environ.get("FAULTS") or 40)
        mutants = [named(name)] if (name := os.environ.get("MUTANT", "")) else list(MUTANTS)
    except ValueError as error:
        print(f"chaos: {error}", file=sys.stderr)
        return 2
    logs = os.environ.get("LOGS")
    outcomes: list[Outcome] = []
    for mutant in mutants:
        for seed in seeds(mutant):
            folder = Path(logs) / f"{mutant.name}-{seed}" if logs else None
            say(f"{mutant.name}: {mutant.says}")
            ended.clear()
            began = time.monotonic()
            try:
                report = run(faults, seed, ended, say, logs=folder, mutant=mutant.name)
            except Interrupted:
                return 130
            except (EnginesMissing, ProcessEnded, TimeoutError) as error:
                say(f"chaos: {error}")
                return 2
            if interrupted:
                return 130
            outcome = Outcome(mutant.name, seed, len(report.injected), time.monotonic() - began, killed_by(report))
            outcomes.append(outcome)
            say(f"{report.markdown()}\n{outcome.row()}\n")
    survived = [outcome for outcome in outcomes if not outcome.killed]
    say("| mutant | seed | faults until then | time | killed by |\n|---|---:|---:|---:|---|")
    for outcome in outcomes:
        say(outcome.row())
    say(f"\n{len(outcomes) - len(survived)} of {len(outcomes)} killed")
    return 1 if survived else 0


def say(line: str) -> None:
    """Print a line now."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
