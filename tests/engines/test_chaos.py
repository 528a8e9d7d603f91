"""A short chaos run: `make chaos` is the long one."""

from __future__ import annotations

import threading

import pytest

from lab.chaos.run import run
from lab.chaos.stage import Interrupted

FAULTS = 12
SEED = 5
CALM_S = 180.0
"""A point that was rewritten at the end is proved some 60 s later (lookback 20 s), on a busy machine later still."""


def test_a_short_run_loses_nothing() -> None:
    report = run(FAULTS, SEED, threading.Event(), print, deadline_s=CALM_S)
    assert sum(fault.happened for fault in report.injected) == FAULTS, report.markdown()
    assert report.telegraf_ended_itself == 0
    assert report.passed, report.markdown()


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
