"""What the model has found, each as the least that shows it. Time passes as each scenario says, and no other way."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from telegraf_plugin.stream.account import Account
from telegraf_plugin.stream.clocks import Instant, instant
from telegraf_plugin.stream.jobs import Compare
from telegraf_plugin.stream.pending import PendingSpan, PendingState
from telegraf_plugin.stream.spans import NOTHING, Span, span
from tests.model import stories, stories_failing
from tests.model.collector import Collector
from tests.model.outside import SECOND, Reply
from tests.model.streams import STREAMS
from tests.model.world import World


@pytest.fixture
def world() -> World:
    world = World(STREAMS[:1])
    world.start()
    return world


def suspect(world: World) -> tuple[Account, Instant, Span]:
    """Have a span of the stream be under suspicion, all lines of which have left."""
    for _ in range(8):
        world.round()
    assert world.collector is not None
    account, at = world.collector.account("a"), instant(world.clock(), world.steady(), None, None)
    whole = (at.source - 300 * SECOND, at.source - 240 * SECOND)
    account.course.proved -= span(*whole)
    account.book.adopt(account.book.base, NOTHING)
    account.book.started = True
    account.course.due = False
    account.course.pending.put(PendingSpan(*whole, None, 0, PendingState.SUSPECT))
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
    mark, _ = account.template(at, span(*whole)).make(at.clock)
    account.printed(mark, None, at)
    assert account.course.next(at, live_room=True, room=False, central=True) is None
    assert account.book.base is not None
    account.seen({mark.id, account.book.base})
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


def test_one_span_that_cannot_be_counted_stops_no_proof(world: World) -> None:
    """It was in each count of what is live, which failed, came first with each tick, and left nobody else a turn.

    Nothing was proved any more, late points were not looked for, and pending spans grew without bound.
    """
    stories_failing.span_that_cannot_be_compared(world)
    assert world.problems == []


def test_a_central_that_cannot_count_is_compared_with_by_hash(world: World) -> None:
    """The count that failed was asked for again before any comparison, for ever."""
    stories_failing.central_counts_nothing(world)
    assert world.problems == []


def test_what_was_printed_and_is_not_counted_has_not_arrived(world: World) -> None:
    """A late point came in what is read again: it was refused, and what was there before went on being all there."""
    assert world.collector is not None
    stories.rounds(world)
    world.central.refused = {"n"}
    world.write("a", "n", 3, 1)
    key = max((key for key in world.source.points["a"] if key[0] == "n"), key=lambda each: each[1])
    world.round()
    course = world.collector.account("a").course
    assert world.prints["a", key] == 1
    assert course.lacking(world.collector.core.tasks[course.stream.id].ticked).covers((key[1], key[1] + 1))
