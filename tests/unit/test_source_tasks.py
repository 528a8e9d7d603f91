"""Which of a source's streams goes next, how many at a time, and when it is looked whether there is something to do."""

from __future__ import annotations

from telegraf_plugin.errors import PermanentError, TransientError
from telegraf_plugin.stream import jobs
from telegraf_plugin.stream.definition import Start
from tests.unit.core_bench import HOUR, SECOND, Site, stream


def order(site: Site, commands: int) -> list[str]:
    """Do so many commands; returns whose they are."""
    done: list[str] = []
    while len(done) < commands:
        site.look()
        done.append(site.do().stream.name)
    return done


def test_live_data_goes_before_a_backlog_whoevers_it_is() -> None:
    site = Site(*(stream(name, start=Start(ago=24 * HOUR)) for name in "abc")).start()
    site.tick()
    first = [site.do() for _ in range(3)]
    assert all(isinstance(each.job, jobs.Copy) and each.job.live for each in first)
    assert sorted(each.stream.name for each in first) == ["a", "b", "c"]


def test_backlogs_take_turns() -> None:
    site = Site(*(stream(name, start=Start(ago=200 * HOUR)) for name in "abc")).start()
    site.tick()
    order(site, 12)
    copied = order(site, 60)
    assert all(copied.count(name) >= 15 for name in "abc")


def test_a_tick_comes_before_the_backlog_that_is_being_copied() -> None:
    site = Site(*(stream(name, start=Start(ago=200 * HOUR)) for name in "abc")).start()
    site.tick()
    order(site, 20)
    site.now += 10 * SECOND
    site.tick()
    site.do()  # which was in hand
    live = [site.do() for _ in range(3)]
    assert {each.stream.name for each in live} == {"a", "b", "c"}
    assert not any(isinstance(each.job, jobs.Copy) and not each.job.live for each in live)


def test_what_waits_for_a_tick_is_not_looked_at_in_between() -> None:
    site = Site(stream("a")).start()
    site.script["a"].append(PermanentError("no", "act"))
    site.tick()
    site.work()
    site.wait(30)
    assert not site.commands


def test_a_retry_is_looked_at_when_its_time_has_come() -> None:
    site = Site(stream("a")).start()
    site.script["a"].append(TransientError("away", "wait"))
    site.tick()
    site.work()
    begun = site.clocks().steady
    assert site.collector.sources["POD-8"].wakes_at() == begun + SECOND
    site.wait(0.9)
    assert not site.commands
    site.wait(0.2)
    assert [each.stream.name for each in site.commands] == ["a"]


def test_while_as_much_is_in_hand_as_may_be_nobody_is_woken() -> None:
    site = Site(stream("a"), stream("b")).start()
    site.tick()
    assert len(site.commands) == 1
    assert site.collector.sources["POD-8"].wakes_at() is None


def test_a_stream_that_was_not_copied_is_late_and_one_whose_ledger_is_not_read_is_not() -> None:
    site = Site(stream("a"), stream("b")).start()
    site.tick()
    source = site.collector.sources["POD-8"]
    assert source.late(site.clocks().steady) == {"POD-8/a", "POD-8/b"}
    assert source.unfinished(site.clocks().steady)
    site.run(1.0)
    assert source.late(site.clocks().steady) == set()
    assert not source.unfinished(site.clocks().steady)
    fresh = Site(stream("a"))
    fresh.tick()
    assert fresh.collector.sources["POD-8"].late(fresh.clocks().steady) == set()
    assert fresh.collector.sources["POD-8"].unfinished(fresh.clocks().steady)
