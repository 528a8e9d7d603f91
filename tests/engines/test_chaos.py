"""A short chaos run: `make chaos` is the long one."""

from __future__ import annotations

import threading

import pytest

from lab.chaos.collector import START
from lab.chaos.run import run
from lab.chaos.stage import Interrupted

FAULTS = 12
SEED = 5
CALM_S = 60.0


def test_a_short_run_loses_nothing() -> None:
    # Without `start` the plugin reads the last seconds again and again: history, emptied buckets and late points cannot
    # come, and what is tested is that the run sees it.
    promised = bool(START)
    report = run(FAULTS, SEED, threading.Event(), print, deadline_s=CALM_S if promised else 5.0)
    assert sum(fault.happened for fault in report.injected) == FAULTS, report.markdown()
    assert report.telegraf_ended_itself == 0
    assert report.passed is promised, report.markdown()
    if not promised:
        assert report.comparison.lost > 1000


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
