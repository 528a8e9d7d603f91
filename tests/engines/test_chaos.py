"""A short chaos run, and one that has to fail: `make chaos` and `make chaos-mutants` are the long ones."""

from __future__ import annotations

import threading

import pytest

from lab.chaos import collector
from lab.chaos.mutant_runs import killed_by
from lab.chaos.run import run
from lab.chaos.stage import Interrupted

FAULTS = 12
SEED = 5
HALVES = [("influxql", 5), ("flux", 6)]
"""Half the faults in each language, of different seeds."""

pytestmark = pytest.mark.timeout(900)  # it waits for proofs, which on a busy machine take minutes


@pytest.mark.parametrize(("read", "seed"), HALVES, ids=["influxql", "flux"])
def test_a_short_run_loses_nothing_and_its_ledger_never_says_what_is_not_so(
    read: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector, "QUERIES", collector.QUERIES.replace(f"read: {collector.READ}", f"read: {read}"))
    report = run(FAULTS // 2, seed, threading.Event(), print)
    assert sum(fault.happened for fault in report.injected) == FAULTS // 2, report.markdown()
    assert report.telegraf_ended_itself == 0
    assert report.passed, report.markdown()


def test_a_run_finds_out_a_proof_that_always_says_equal() -> None:
    report = run(FAULTS, SEED, threading.Event(), print, mutant="proof-always-equal")
    assert not report.passed
    assert killed_by(report).startswith("not equal"), report.markdown()


def test_a_run_that_is_ended_early_ends_everything() -> None:
    ended = threading.Event()
    lines: list[str] = []

    def say(line: str) -> None:
        lines.append(line)
        if " 1/20 " in line:
            ended.set()

    before = threading.active_count()
    with pytest.raises(Interrupted):
        run(20, 1, ended, say)
    assert lines[-1].startswith("ending everything")
    assert threading.active_count() <= before + 1
