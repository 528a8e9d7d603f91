"""What the model has found, each as the least that shows it. Time passes as each scenario says, and no other way."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from telegraf_plugin.stream.account import Account
from telegraf_plugin.stream.course import Instant
from telegraf_plugin.stream.jobs import Compare
from telegraf_plugin.stream.legs import Leg
from telegraf_plugin.stream.spans import NOTHING, Span, span
from tests.model import stories
from tests.model.collector import Collector
from tests.model.outside import SECOND, Reply
from tests.model.world import STREAMS, World


@pytest.fixture
def world() -> Iterator[World]:
    world = World(STREAMS[:1])
    world.start()
    yield world
    world.close()


def suspect(world: World) -> tuple[Account, Instant, Span]:
    """Have a span of the stream be under suspicion, all lines of which have left."""
    for _ in range(8):
        world.round()
    assert world.collector is not None
    account, at = world.collector.account("a"), world.collector.worker._instant()
    whole = (at.source - 300 * SECOND, at.source - 240 * SECOND)
    account.course.proved -= span(*whole)
    account.book.adopt(account.book.base, NOTHING)
    account.book.started = True
    account.course.due = False
    account.course.legs.put(Leg(*whole, None, 0, suspect=True))
    return account, at, whole


def test_no_comparison_is_begun_that_has_no_room_to_print(world: World) -> None:
    """It read both sides again and again, for nothing, as long as central took nothing."""
    account, at, whole = suspect(world)
    assert account.course.next(at, live_room=False, room=False, central=True) is None
    assert account.course.next(at, live_room=True, room=False, central=True) == Compare(whole)


def test_what_a_broken_comparison_has_printed_is_waited_for(world: World) -> None:
    """It printed half of what is missing, and failed: the next one came before that had left, and could prove."""
    account, at, whole = suspect(world)
    assert account.course.next(at, live_room=True, room=False, central=True) == Compare(whole)
    account.printing(whole)
    mark = account.make_mark(at).id
    assert account.course.next(at, live_room=True, room=False, central=True) is None
    assert account.book.base is not None
    account.seen({mark, account.book.base})
    assert account.course.next(at, live_room=True, room=False, central=True) == Compare(whole)


@pytest.mark.parametrize("story", [stories.late_over_newer, stories.late_after_a_start])
def test_settles_a_lookback_after_the_lines_have_left(world: World, story: Callable[[World], None]) -> None:
    """It was counted from the printing, and from the reading of the ledger: lines can wait for longer than that."""
    story(world)
    world.check()
    world.calm()
    assert world.problems == []


def test_marks_that_land_a_second_time_are_not_believed(world: World) -> None:
    """The reply to the request with m1 is lost, m2 is printed on m1, central is emptied, then both land.

    m2's base is there, and what m1 stands on is not.
    """
    stories.write_proved(world)
    world.write("a", "m", 0, 1)
    stories.stuck(world)
    world.telegraf.send("data", Reply.LOST, world.now)
    world.do(Collector.look)
    stories.stuck(world)
    world.central.empty()
    world.kill()
    world.telegraf.send_all(world.now)
    world.check()
    assert world.problems == []
