"""What `backfill` says of its plan, before it asks for anything."""

from __future__ import annotations

import pytest

from telegraf_plugin.commands import backfill
from telegraf_plugin.commands.backfill import Plan
from telegraf_plugin.commands.estimate import ASSUMED_SPEED, Estimate
from telegraf_plugin.stream.ledger import Mark, MarkId
from telegraf_plugin.stream.spans import NOTHING, Spans
from telegraf_plugin.stream.units import DAY
from tests.unit.core_bench import stream

MARK = Mark(MarkId(1, "x"), None, stream("a").hash, 3 * DAY, 3 * DAY, NOTHING)


def plan(points: int) -> Plan:
    return Plan(Spans.of([(DAY, 2 * DAY)]), points, 24, ASSUMED_SPEED, NOTHING, 0, Estimate(1, 2, 0, 3))


def test_a_plan_says_how_many_points_it_copies_and_how_fast(capsys: pytest.CaptureFixture[str]) -> None:
    backfill._show(stream("a"), plan(1_000), MARK)
    assert "): about 1,000 points in 24 windows, about 6 s (50,000 points a second), done" in capsys.readouterr().out
    assert plan(1_000).as_json()["points_per_second"] == ASSUMED_SPEED


def test_a_plan_of_nothing_to_copy_says_so_and_names_no_speed(capsys: pytest.CaptureFixture[str]) -> None:
    backfill._show(stream("a"), plan(0), MARK)
    said = capsys.readouterr().out
    assert "): the source has no points there, so nothing is to be copied; to prove that, about 6 s, done" in said
    assert "a second" not in said
    assert plan(0).as_json()["points_per_second"] is None
