"""Who may begin what takes long: so many at a time over all sources, and never before live data."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from telegraf_plugin.execution.pool import MOST_THREADS
from telegraf_plugin.stream import jobs
from telegraf_plugin.stream.commands import Command
from telegraf_plugin.stream.definition import Start, StreamId
from telegraf_plugin.stream.events import Wake
from telegraf_plugin.stream.flow import Load
from telegraf_plugin.stream.places import PLACES, Places
from tests.unit.core_bench import HOUR, SECOND, Site, stream

MANY = [f"site-{number:02}" for number in range(PLACES + 9)]


def history(command: Command) -> bool:
    return isinstance(command.job, jobs.Copy) and not command.job.live


def of_the_tick(command: Command) -> bool:
    return command.of_the_tick


def with_history() -> Site:
    """More sources than places, each with two streams and days of history, of which as many are in hand as may be."""
    start = Start(ago=48 * HOUR)
    site = Site(*(stream(name, source=source, start=start) for source in MANY for name in "ab")).start()
    site.tick()
    for _ in range(20 * len(MANY)):
        site.look()
        quick = next((each for each in site.commands if not history(each)), None)
        if quick is None:
            break
        site.commands.remove(quick)
        site.do(quick)
    return site


def sources(site: Site, kind: Callable[[Command], bool]) -> list[str]:
    return [each.stream.source for each in site.commands if kind(each)]


def test_there_are_as_many_as_the_executor_has_threads_for() -> None:
    assert PLACES == MOST_THREADS // 2  # else what waits for a thread holds up its source's live data


def test_so_much_history_is_in_hand_and_no_more() -> None:
    site = with_history()
    assert len(site.commands) == PLACES
    assert len(set(sources(site, history))) == PLACES


def test_live_data_of_a_source_does_not_wait_while_others_have_all_the_places() -> None:
    site = with_history()
    busy = set(sources(site, history))
    site.now += 10 * SECOND
    site.tick()
    assert set(sources(site, of_the_tick)) == set(MANY) - busy


def test_places_go_round() -> None:
    site = with_history()
    begun = sources(site, history)
    for _ in range(20 * len(MANY)):
        command = site.commands.popleft()
        before = len(site.commands)
        site.do(command)
        site.look()
        begun += [each.stream.source for each in list(site.commands)[before:] if history(each)]
    turns = [begun.count(name) for name in MANY]
    assert min(turns) > 0
    assert max(turns) <= min(turns) + 2


def test_a_batch_has_one_place_and_gives_it_back() -> None:
    site = with_history()
    for _ in range(10):
        site.run(1.0)
        site.tick()
    site.run(HOUR / SECOND)
    places = site.collector._places
    assert (places._free, places._kept) == (PLACES, set())


def test_who_waits_comes_before_who_has_just_come() -> None:
    places = Places(1)
    assert places.open("a")
    places.take("a")
    assert not places.open("b")
    places.wait("b")
    places.wait("c")
    assert places.turns() == []
    places.give_back()
    assert places.turns() == ["b"]
    assert not places.open("a")
    assert places.open("b")


def test_a_place_that_is_not_taken_is_the_next_ones() -> None:
    places = Places(1)
    places.take("a")
    places.wait("b")
    places.wait("c")
    places.give_back()
    assert places.turns() == ["b"]
    places.looked("b")
    assert places.turns() == ["c"]
    places.take("c")
    places.looked("c")
    assert places.turns() == []


@pytest.mark.parametrize("most", [1, 3])
def test_as_many_have_a_place_as_there_are(most: int) -> None:
    places = Places(most)
    for _ in range(most):
        places.take("x")
    for name in "abcd":
        places.wait(name)
        places.wait(name)
    for _ in range(most):
        places.give_back()
    assert places.turns() == list("abcd"[:most])


def test_room_goes_to_who_has_waited_for_longer_though_its_source_was_busy() -> None:
    site = Site(stream("a", source="x"), stream("b", source="y"), limit=160).start()
    window = site.windows[site.streams[0].central_bucket]
    site.tick()
    site.run(1.0)
    full = Load(155, 155)
    window.enter("z/other", full, True, lambda: None)
    site.hand_in(Wake())
    site.now += 60 * SECOND
    site.tick()
    site.run(1.0)
    assert not any(isinstance(each.job, jobs.Copy) for each in site.done[-4:])
    assert site.collector.tasks[StreamId("x", "a")].course.blocked
    assert [window.has_room(True, label) for label in ("x/a", "y/b", "z/c")] == [False] * 3
    window.marked("z/other", 1)
    window.back("z/other", 1)
    window.enter("z/other", Load(145, 145), True, lambda: None)
    assert [window.has_room(True, label) for label in ("x/a", "y/b", "z/c")] == [True, False, False]


def test_who_has_read_history_least_recently_comes_first() -> None:
    places = Places()
    assert places.in_turn("abc") == list("abc")  # as configured
    for source in "acab":
        places.read_history(source)
    assert places.in_turn("abcd") == list("dcab")


def test_sources_are_looked_at_in_that_order() -> None:
    """Of a crowd each time that a mark made room the first in the file had it."""
    site = with_history()
    have = sources(site, history)
    never = [name for name in MANY if name not in have]
    assert 0 < len(never) < len(MANY)
    assert list(site.collector._in_order(set(MANY))) == never + have
