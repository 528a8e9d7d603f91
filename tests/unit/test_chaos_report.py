"""A chaos report passes only when both sides became equal, and tells faults by kind."""

from __future__ import annotations

from lab.chaos.compare import Comparison
from lab.chaos.report import Injected, Report


def report(**changed: object) -> Report:
    injected = [
        Injected(1, "plugin killed", "", 0.3, True, "1 killed"),
        Injected(2, "plugin killed", "", 0.3, True, "2 killed"),
        Injected(3, "plugin killed", "", 0.3, False, "no effect: none"),
        Injected(4, "source killed", "POD-8", 1.0, True, "killed"),
    ]
    values = {"injected": injected, "recovered": {1: 2.0, 2: 4.0}, "comparison": Comparison(10, 10), "calm_s": 8.0}
    return Report(1, **{**values, **changed})  # type: ignore[arg-type]


def test_faults_are_told_by_kind_with_their_times_to_recover() -> None:
    rows = report().markdown().splitlines()
    assert "| plugin killed | 2 | 1 | 3.0 s | 4.0 s | 0 |" in rows
    assert "| source killed (POD-8 1) | 1 | 0 | – | – | 1 |" in rows
    assert rows[0] == "## Seed 1: 3 faults, passed"


def test_any_difference_fails_and_so_does_a_run_without_calm_or_points() -> None:
    assert report().passed
    for lost, doubled, wrong in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
        assert not report(comparison=Comparison(10, 10, lost, doubled, wrong)).passed
    assert not report(calm_s=None).passed
    assert not report(comparison=Comparison()).passed
