"""How often the watch on the ledger reads in central, and that a bucket that is slow or fails holds up no other."""

from __future__ import annotations

import pytest

from telegraf_plugin.errors import CentralError
from telegraf_plugin.stream.asking import POLL
from telegraf_plugin.stream.commands import ReadMarkIds
from telegraf_plugin.stream.progress import State
from tests.unit.core_bench import BEGIN, HOUR, SECOND
from tests.unit.test_ledger_watch import fresh, running, states


def test_marks_that_are_waited_for_are_looked_for_without_a_tick_and_others_are_not() -> None:
    site = running()
    site.cycle()
    looks = site.looks("two")
    site.run(60.0)
    assert site.looks("two") == looks
    site.open = False
    site.tick()
    while site.commands:
        site.do()
    before = site.looks("one")
    site.wait(2 * POLL / SECOND)
    site.look()
    assert site.looks("one") > before


def test_a_bucket_whose_mark_is_long_on_its_way_is_looked_at_ever_less_and_at_once_on_a_tick() -> None:
    site = running()
    site.open = False
    site.cycle()
    counts = []
    for _ in range(3):
        before = site.looks("one")
        site.run(10.0)
        counts.append(site.looks("one") - before)
    assert counts[0] > counts[1] >= counts[2] == 5  # each two seconds
    before = site.looks("one")
    site.tick()
    site.look()
    assert site.looks("one") > before


def test_a_bucket_that_fails_holds_up_no_other_and_is_told_once_for_each_reason() -> None:
    site = fresh()
    site.away["one"] = CentralError("unauthorized", "look", permanent=True)
    site.run(30.0)
    assert states(site) == [State.LOADING, State.LOADING, State.RUNNING]
    assert [site.task(name).central for name in "abc"] == [False, False, True]
    assert site.said("cannot read the ledger in central's bucket one") == 1
    assert site.said("needs read permission") == 1
    site.away["one"] = CentralError("refused", "start it")
    site.run(30.0)
    assert site.said("refused") == 1
    site.away.clear()
    site.run(10.0)
    assert states(site) == [State.RUNNING] * 3
    assert site.said("central's bucket one can be read again") == 1


def test_a_bucket_that_failed_is_left_alone_for_a_while_and_looked_at_at_once_on_a_tick() -> None:
    site = fresh()
    site.away["one"] = CentralError("refused", "start it")
    site.run(20.0)
    assert len([each for each in site.asked if getattr(each, "bucket", "") == "one"]) <= 8  # after 0.5, 1, 2, 4, 5 … s
    before = len(site.asked)
    site.tick()
    site.look()
    assert any(getattr(each, "bucket", "") == "one" for each in site.asked[before:])


def test_central_is_left_alone_for_as_long_as_it_asks_for_ticks_or_not() -> None:
    site = running()
    site.away["one"] = CentralError("limits requests", "wait", retry_after=3600.0)
    site.cycle()
    before = [getattr(each, "bucket", "") for each in site.asked].count("one")
    for _ in range(5):
        site.cycle()
        site.run(100.0)
    assert [getattr(each, "bucket", "") for each in site.asked].count("one") == before
    assert site.looks("two") > 5


def test_a_bucket_that_takes_its_time_holds_up_no_other() -> None:
    site = running()
    site.cycle()
    site.tick()
    slow = [each for each in site.readings if each.bucket == "one"]
    site.readings = type(site.readings)(each for each in site.readings if each.bucket == "two")
    for _ in range(5):
        before = site.looks("two")
        site.now += 10 * SECOND
        site.tick()
        site.look()
        assert site.looks("two") > before
    assert site.looks("one") <= site.looks("two") - 4
    site.readings.extend(slow)
    site.look()  # the tick that came meanwhile counts
    site.wait(1)
    site.look()
    assert site.collector.watch.away == []


def test_a_tick_looks_over_a_day_now_and_then_and_else_over_an_hour() -> None:
    site = running()
    starts = []
    for _ in range(3):
        site.asked.clear()
        site.cycle()
        starts.append(min(each.start for each in site.asked if isinstance(each, ReadMarkIds) and each.bucket == "one"))
        site.now += 60 * SECOND
    ages = [(BEGIN - start) / HOUR for start in starts]
    assert ages[0] == pytest.approx(25, abs=0.1)
    assert ages[1:] == pytest.approx([1, 1], abs=0.1)
