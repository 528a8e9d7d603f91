"""The collector by its one door: ticks, what may be in hand at a time, and when it is to be woken."""

from __future__ import annotations

import sys
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_plugin.errors import CentralError, TransientError
from telegraf_plugin.stream import jobs
from telegraf_plugin.stream.attempts import Attempt
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.clocks import Clocks
from telegraf_plugin.stream.collector import LOOK_UP
from telegraf_plugin.stream.commands import Command, PrintMark
from telegraf_plugin.stream.definition import Start
from telegraf_plugin.stream.events import Wake
from telegraf_plugin.stream.progress import State
from tests.unit.core_bench import BEGIN, HOUR, SECOND, Site, stream


def transient(retry_after: float | None = None) -> TransientError:
    return TransientError("what", "hint", retry_after)


def names_of(attempts: list[Attempt]) -> list[str]:
    return [attempt.stream.name for attempt in attempts]


@pytest.fixture
def site() -> Site:
    return Site().start()


# Ticks


def test_a_tick_reads_every_stream_once_and_then_the_source_is_idle(site: Site) -> None:
    for tick in range(1, 4):
        attempts = site.cycle()
        assert names_of(attempts) == ["a", "b", "c"]
        assert [(each.points_read, each.points_sent, each.error) for each in attempts] == [(2, 2, None)] * 3
        assert site.idle() == list(range(1, tick + 1))
        site.now += 10 * SECOND
    assert site.copies() == {"a": 3, "b": 3, "c": 3}


def test_nothing_is_read_before_the_first_tick(site: Site) -> None:
    site.run(30.0)
    assert not site.copies()


def test_ticks_that_come_while_the_source_is_busy_are_one() -> None:
    site = Site(stream("a")).start()
    site.tick()
    for _ in range(3):
        site.tick()
    assert len(site.commands) == 1
    site.run(1.0)
    assert site.copies() == {"a": 1}  # no other read follows for them
    assert site.idle() == [4]


@pytest.mark.parametrize(("at_once", "streams"), [(1, "a b c d"), (2, "a b c d"), (3, "a b c"), (4, "a b")])
def test_as_many_commands_are_in_hand_as_are_allowed_and_no_more(at_once: int, streams: str) -> None:
    site = Site(*map(stream, streams.split()), at_once=at_once).start()
    site.tick()
    together = min(at_once, len(streams.split()))
    assert len(site.commands) == together
    while site.commands:
        site.do()
        assert len(site.commands) <= together
    assert site.copies() == dict.fromkeys(streams.split(), 1)


def test_no_stream_has_two_commands_in_hand() -> None:
    site = Site(at_once=3).start()
    for _ in range(5):
        site.tick()
        site.wait(1)
    assert Counter(each.stream.name for each in site.commands) == {"a": 1, "b": 1, "c": 1}


def test_a_read_ends_at_the_last_full_second_and_goes_over_the_last_fifteen_again() -> None:
    site = Site(stream("a")).start()
    site.now = BEGIN + 60 * SECOND - 1
    stop = site.now // SECOND * SECOND
    (first,), (second,) = site.cycle(), site.cycle()
    assert (first.start, first.stop) == (BEGIN - 100 * SECOND, stop)
    assert second.stop - second.start <= 16 * SECOND


def test_a_tick_is_done_when_nothing_that_it_made_due_is_left_whatever_there_is_of_a_backlog() -> None:
    """A first fill of a year, with one point an hour, was bad health as long as it took."""
    site = Site(stream("a", start=Start(ago=365 * 24 * HOUR))).start()
    site.tick()
    while not site.idle():
        assert isinstance(site.do().job, jobs.Copy | PrintMark)
        site.look()
    assert site.task().course.work(site.task().ticked).length > 364 * 24 * HOUR
    assert not site.task().pending(site.clocks().steady)


@pytest.mark.parametrize(("live", "of_the_tick"), [(True, True), (False, False)])
def test_a_copy_of_the_backlog_that_is_under_way_keeps_no_tick_from_its_end(live: bool, of_the_tick: bool) -> None:
    site = Site(stream("a", start=Start(ago=24 * HOUR))).start()
    site.tick()
    site.look()
    while not (isinstance(site.commands[0].job, jobs.Copy) and site.commands[0].job.live is live):
        site.do()
        site.look()
    assert site.task().pending(site.clocks().steady) is of_the_tick


# How sources keep their buckets


def test_each_bucket_is_asked_once_an_hour_and_a_failure_leaves_what_was_known() -> None:
    site = Site(stream("a", bucket="one"), stream("b", bucket="one"), stream("c", bucket="two"))
    site.source_kept = Bucket(24 * HOUR, HOUR)
    site.start()
    site.wait(LOOK_UP / SECOND - 10)
    assert not site.look_ups
    site.wait(20)
    assert sorted(each.stream.bucket for each in site.look_ups) == ["one", "two"]
    site.source_kept = None  # it does not say
    site.look_up()
    site.tick()
    assert {site.task(name).course.bounds.lost for name in "abc"} == {site.now // SECOND * SECOND - 24 * HOUR}
    site.source_kept = Bucket(2 * HOUR, HOUR)
    site.wait(LOOK_UP / SECOND + 1)
    site.look_up()
    site.tick()
    assert {site.task(name).course.bounds.lost for name in "abc"} == {site.now // SECOND * SECOND - 2 * HOUR}


# The door itself


def test_questions_change_nothing(site: Site) -> None:
    site.tick()
    site.script["a"].append(transient())
    site.work()
    site.now += SECOND // 2
    steady = site.clocks().steady
    for source in site.collector.sources.values():
        answers = [
            (
                site.collector.wakes_at(),
                source.late(steady),
                source.unfinished(steady),
                source.idle,
                tuple(task.progress(steady) for task in source.tasks.values()),
                tuple(task.pending(steady) for task in source.tasks.values()),
                tuple(task.account.mark_due(task.ticked._replace(steady=steady)) for task in source.tasks.values()),
            )
            for _ in range(5)
        ]
        assert answers == answers[:1] * 5


ACTS = st.lists(
    st.tuples(
        st.sampled_from(
            ["tick", "do", "do", "do", "look", "look", "wait", "fail", "uncounted", "stuck", "flush", "away"]
        ),
        st.integers(0, 40),
    ),
    max_size=40,
)


@given(ACTS, st.sampled_from([0.0, 0.02]))
@settings(max_examples=150, deadline=None)
def test_before_the_time_that_it_names_there_is_nothing_to_do(acts: list[tuple[str, int]], sweep: float) -> None:
    site = Site(stream("a"), stream("b", central_bucket="another"), sweep=sweep)
    for act, number in acts:
        if act == "tick":
            site.tick()
        elif act == "do" and site.commands:
            site.do()
        elif act == "look":
            site.look()
        elif act == "wait":
            site.wait(number)
        elif act == "fail":
            site.script["a"].append(transient(30.0 if number % 3 == 0 else None))
        elif act == "uncounted":
            site.uncounted = CentralError("away", "wait") if number % 2 else None
        elif act == "stuck":
            site.open = False
        elif act == "flush":
            site.flush()
        elif act == "away":
            site.away = {"another": CentralError("away", "wait")} if number % 2 else {}
    site.hand_in(Wake())
    todo = len(site.commands) + len(site.readings) + len(site.look_ups)
    wakes_at = site.collector.wakes_at()
    steady = site.clocks().steady
    assert wakes_at is None or wakes_at > steady
    last = min(wakes_at, steady + 120 * SECOND) if wakes_at is not None else steady + 120 * SECOND
    if site.commands or site.readings:
        return  # what is in hand may be waited for
    for part in (1, 2, 3):
        later = site.now + (last - steady - 1) * part // 3
        for task in site.collector.tasks.values():
            task_at = task.ticked._replace(steady=later - BEGIN + 1000 * SECOND, clock=later)
            assert task.state is State.LOADING or task.account.mark_due(task_at, bool(task.central)) is False
        site.now, before = later, site.now
        site.hand_in(Wake())
        assert len(site.commands) + len(site.readings) + len(site.look_ups) == todo, (part, before)
        last, steady = last - (later - before), steady


def counted_work(streams: int) -> int:
    """Return how many calls one whole tick costs the core, with all of its commands and outcomes."""
    site = Site(*(stream(f"s{number:03}", central_bucket=f"b{number % 3}") for number in range(streams))).start()
    for _ in range(3):
        site.cycle()
        site.now += 10 * SECOND
    calls = 0
    handle = site.collector.handle

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    def counted(event: object, now: Clocks) -> object:
        sys.setprofile(count)
        try:
            return handle(event, now)  # type: ignore[arg-type]
        finally:
            sys.setprofile(None)

    site.collector.handle = counted  # type: ignore[assignment, method-assign]
    site.cycle()
    assert site.copies()["s000"] == 4
    return calls


def test_what_a_tick_costs_grows_with_the_streams_and_not_with_their_square() -> None:
    few, many = counted_work(30), counted_work(300)
    assert many / few == pytest.approx(10, rel=0.2)


def test_a_command_carries_values_only(site: Site) -> None:
    site.tick()
    (command,) = site.commands
    assert isinstance(command, Command)
    assert hash((command.stream, command.groups, command.base)) is not None
    assert command.template is not None
    assert command.template.mark.base == command.base
