"""No idle core: Telegraf has lines to write as long as there is a backlog, at a bounded number of questions."""

from __future__ import annotations

import re

import pytest

from lab.engines import REPOSITORY
from lab.pipe import RATES, Pipe
from telegraf_plugin.config.schema import QueriesFile
from telegraf_plugin.stream import asking, flow
from telegraf_plugin.stream.asking import POLL, Asking
from telegraf_plugin.stream.units import SECOND

LIMIT = QueriesFile.model_fields["max_in_flight"].default


def batch() -> int:
    found = re.search(r"^\s*metric_batch_size = (\d+)$", (REPOSITORY / "telegraf.conf").read_text(), re.M)
    assert found is not None
    return int(found[1])


@pytest.mark.parametrize("rate", [rate for rate, _ in RATES])
@pytest.mark.parametrize("answer", [10, 30, 100])
def test_telegraf_never_waits_for_lines_with_what_is_shipped(rate: int, answer: int) -> None:
    found = Pipe(rate, answer=answer, limit=LIMIT, batch=batch()).run()
    assert found.idle < 0.01
    assert found.questions < 1 / (asking.SOONEST / SECOND)
    assert found.marks < 20


@pytest.mark.parametrize("rule", ["marks", "share", "asking"])
def test_each_of_the_three_rules_is_needed(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if rule == "marks":
        monkeypatch.setattr(flow, "MARKS_A_LIMIT", 2)
    elif rule == "share":
        monkeypatch.setattr(flow, "BACKLOG_SHARE", 0.5)
    else:
        monkeypatch.setattr(Asking, "wait", lambda *_: POLL)
    assert Pipe(answer=100, limit=LIMIT, batch=batch()).run().idle > 0.02


def test_without_them_a_quarter_of_the_time_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow, "MARKS_A_LIMIT", 4)
    monkeypatch.setattr(flow, "BACKLOG_SHARE", 0.5)
    monkeypatch.setattr(Asking, "wait", lambda *_: POLL)
    assert Pipe(limit=LIMIT, batch=batch()).run().idle > 0.2


def test_a_central_that_is_slow_to_answer_is_left_alone_half_as_long_at_least() -> None:
    assert Asking(took=SECOND).wait(0, much=True, answer=3 * SECOND) == 3 * SECOND // 2


def test_how_often_central_is_asked_follows_how_long_marks_take() -> None:
    asks = Asking()
    for _ in range(20):
        asks.seen(4 * SECOND)
    assert asks.wait(0, much=True) == pytest.approx(SECOND // 2, rel=0.01)
    for _ in range(20):
        asks.seen(SECOND // 100)
    assert asks.wait(0, much=True) == asking.SOONEST


def test_where_little_is_in_flight_a_mark_is_waited_for_and_central_spared() -> None:
    asks = Asking(took=SECOND // 10)
    assert asks.wait(0, much=False) == POLL
    assert asks.wait(10 * SECOND, much=False) == SECOND
    assert asks.wait(3600 * SECOND, much=False) == asks.wait(3600 * SECOND, much=True) == asking.PATIENCE
    assert Asking(took=3600 * SECOND).wait(0, much=True) == asking.PATIENCE


def test_a_clock_that_goes_back_makes_no_wait_negative() -> None:
    asks = Asking(took=0)
    asks.seen(-5 * SECOND)
    assert asks.wait(0, much=True) == asking.SOONEST


def test_the_newest_mark_of_many_is_looked_for_too_early_once_in_a_while_and_no_more_often() -> None:
    """Each look too early is one more question, each too late a later count."""
    asks, came, early = Asking(), SECOND * 7 // 10, 0
    for look in range(400):
        there = asks.calm(0) >= came
        asks.looked(there)
        early += look >= 100 and not there
    assert 300 // 25 <= early <= 300 // 12
    assert came * 3 // 4 <= asks.calm(0) <= came * 5 // 4


def test_however_late_marks_are_the_next_look_is_not_put_off_for_ever() -> None:
    asks = Asking()
    for _ in range(100):
        asks.looked(there=False)
    assert asks.calm(0) == asking.PATIENCE
    for _ in range(1000):
        asks.looked(there=True)
    assert asks.calm(0) == POLL
