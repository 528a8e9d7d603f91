"""A chaos report passes only when all is equal and proved and no finding was made, and tells faults by kind."""

from __future__ import annotations

import pytest

from lab.chaos.auditor import Audit, Finding
from lab.chaos.compare import Comparison
from lab.chaos.mutant_runs import killed_by
from lab.chaos.report import Injected, Report


def report(**changed: object) -> Report:
    injected = [
        Injected(1, "plugin killed", "", 0.3, True, "1 killed"),
        Injected(2, "plugin killed", "", 0.3, True, "2 killed"),
        Injected(3, "plugin killed", "", 0.3, False, "no effect: none"),
        Injected(4, "source killed", "POD-8", 1.0, True, "killed"),
    ]
    values = {
        "injected": injected,
        "recovered": {1: 2.0, 2: 4.0},
        "comparison": Comparison(10, 10),
        "audit": Audit(comparisons=1),
        "calm_s": 8.0,
    }
    return Report(1, **{**values, **changed})  # type: ignore[arg-type]


def test_faults_are_told_by_kind_with_their_times_to_recover() -> None:
    rows = report().markdown().splitlines()
    assert "| plugin killed | 2 | 1 | 3.0 s | 4.0 s | 0 |" in rows
    assert "| source killed (POD-8 1) | 1 | 0 | – | – | 1 |" in rows
    assert rows[0] == "## Seed 1: 3 faults, passed"


FINDING = Finding("equal", "POD-8/telegraf", "mark 1@a calls proved what is not there")


@pytest.mark.parametrize(
    ("changed", "killed"),
    [
        ({"comparison": Comparison(10, 10, lost=1)}, "1 lost, 0 doubled, 0 wrong at the end"),
        ({"comparison": Comparison(10, 10, doubled=1)}, "0 lost, 1 doubled, 0 wrong at the end"),
        ({"comparison": Comparison(10, 10, wrong=1)}, "0 lost, 0 doubled, 1 wrong at the end"),
        ({"calm_s": None, "unproved": 3}, "3 points not proved at the end"),
        ({"audit": Audit(comparisons=1, findings=[FINDING])}, "not equal: POD-8/telegraf"),
        # These fail a run, and are no mutant's doing.
        ({"comparison": Comparison()}, None),
        ({"audit": Audit()}, None),
        ({"calm_s": None}, None),
        ({"sources": Comparison(10, 9, lost=1)}, None),
        ({"refused": "422"}, None),
    ],
)
def test_a_run_fails_by_anything_that_is_not_as_it_has_to_be(changed: dict[str, object], killed: str | None) -> None:
    assert report().passed
    assert killed_by(report()) == ""
    assert not report(**changed).passed
    if killed is not None:
        assert killed_by(report(**changed)) == killed
    else:
        assert killed_by(report(**changed)) == ""


def test_what_was_found_stands_in_the_report() -> None:
    text = report(audit=Audit(comparisons=1, findings=[FINDING])).markdown()
    assert "FAILED" in text.splitlines()[0]
    assert "    mark 1@a calls proved what is not there" in text


def test_a_run_without_refills_has_no_rows_for_them() -> None:
    assert "central put back" in report().markdown()
    assert "central put back" not in report(refills=False).markdown()
