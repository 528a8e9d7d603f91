"""What a chaos run with a standby tells of its two collectors: which one reads, and that never two do for long."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.chaos.report import Report
from lab.chaos.standby import TAKEOVER_S, holds_lease, longest_together

STARTED = "I! collector started: version 1\n"
HOLDS = "W! holding the lease: this collector reads and sends from now on\n"
LOST = "W! run 0a1b on host has taken the lease over: this collector stands by from now on\n"
SECOND = 10**9


@pytest.mark.parametrize(
    ("said", "holds"),
    [
        ("", False),
        (STARTED, False),
        (STARTED + HOLDS, True),
        (STARTED + HOLDS + LOST, False),
        (STARTED + HOLDS + LOST + STARTED + HOLDS, True),
        (STARTED + HOLDS + STARTED, False),
    ],
)
def test_the_log_tells_who_has_the_lease(said: str, holds: bool, tmp_path: Path) -> None:
    log = tmp_path / "collector.log"
    log.write_text(said)
    assert holds_lease(log) is holds
    assert not holds_lease(tmp_path / "none.log")


def test_runs_one_after_the_other_never_print_together() -> None:
    assert longest_together({}) == 0
    assert longest_together({"a": (0, 5 * SECOND), "b": (6 * SECOND, 9 * SECOND)}) == 0
    assert longest_together({"a": (0, 5 * SECOND), "b": (2 * SECOND, 9 * SECOND), "c": (1, 2)}) == 3


def test_a_run_in_which_two_print_for_longer_than_a_takeover_fails() -> None:
    report = Report(2, standby=True, calm_s=1.0)
    report.comparison.promised = report.audit.comparisons = 1
    assert report.passed
    report.printing = {"a": (0, 9 * SECOND), "b": (int((8.9 - TAKEOVER_S) * SECOND), 9 * SECOND)}
    assert not report.passed
    assert f"at once for {TAKEOVER_S + 0.1:.1f} s" in report.markdown()
