"""A short chaos run: `make chaos` is the long one."""

from __future__ import annotations

import threading

import pytest

from lab.chaos.report import Report
from lab.chaos.run import run
from lab.chaos.stage import Interrupted

FAULTS = 12
SEED = 5
CALM_S = 60.0  # with a plugin that keeps the promise it is over much sooner


@pytest.fixture(scope="module")
def report() -> Report:
    return run(FAULTS, SEED, threading.Event(), print, deadline_s=5.0)


def test_every_fault_happens(report: Report) -> None:
    assert sum(fault.happened for fault in report.injected) == FAULTS, report.markdown()
    assert report.telegraf_ended_itself == 0
    assert f"{FAULTS} faults" in report.markdown()


# Reading the last seconds again and again cannot bring what is older: history, emptied buckets, late points.
@pytest.mark.xfail(strict=True, reason="the plugin has no ledger yet; then deadline_s above is CALM_S")
def test_nothing_is_lost_doubled_or_wrong(report: Report) -> None:
    assert report.passed, report.markdown()


def test_a_loss_is_seen(report: Report) -> None:
    """The present plugin loses points, and the run says so; goes with the mark above."""
    assert not report.passed
    assert report.comparison.lost > 1000
    assert report.comparison.examples["lost"]


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
