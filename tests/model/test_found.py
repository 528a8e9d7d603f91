"""What the model has found, each as the least that shows it. Time passes as each scenario says, and no other way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from telegraf_plugin.stream.account import Account
from telegraf_plugin.stream.course import Instant
from telegraf_plugin.stream.jobs import Compare
from telegraf_plugin.stream.legs import Leg
from telegraf_plugin.stream.spans import NOTHING, Span, span
from tests.model.collector import Collector
from tests.model.outside import SECOND, Reply
from tests.model.world import STREAMS, World


@pytest.fixture
def world() -> Iterator[World]:
    world = World(STREAMS[:1])
    world.start()
    yield world
    world.close()


def well(world: World) -> None:
    """See that nothing is wrong, now and when all is calm."""
    world.check()
    assert not world.problems
    world.calm()
    assert not world.problems


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


def test_settles_a_lookback_after_the_last_line_has_left(world: World) -> None:
    """A point waits in the buffer for long, first as it was, then as it was rewritten; the first reply is lost.

    Its request lands late, over the newer one: the span was proved already, as its printing was long ago.
    """
    for _ in range(8):
        world.round()
    world.central.silent = True
    world.write("a", "m", 0, 1)
    world.pass_time(1)
    world.do(Collector.tick)
    world.do(Collector.work)
    world.write("a", "m", 1, 2)
    world.pass_time(10)
    world.do(Collector.tick)
    world.do(Collector.work)  # the last 15 s are read again
    values = [line.value for line in world.telegraf.buffers["data"] if hasattr(line, "value")]
    assert values == [1, 2]
    for _ in range(20):
        world.pass_time(10)
        world.do(Collector.tick)
        world.do(Collector.work)
    world.central.silent = False
    world.telegraf.send("data", Reply.LATE, world.now, 1)
    world.round()
    world.round()
    world.round()
    world.land_late(0)
    well(world)


def test_what_follows_a_start_settles_a_lookback_after_the_start_mark(world: World) -> None:
    """The start mark is long under way, behind a killed run's line; the reply to that line's request is lost.

    The point was rewritten meanwhile, is copied once by the new run as backlog, and is proved as soon as that is back.
    """
    for _ in range(8):
        world.round()
    world.central.silent = True
    world.write("a", "m", 0, 1)
    world.pass_time(1)
    world.do(Collector.tick)
    world.do(Collector.work)
    world.kill()
    world.write("a", "m", 1, 2)
    world.pass_time(5)
    world.start()
    world.central.silent = False
    world.do(Collector.look)
    world.do(Collector.work)
    world.central.silent = True
    for _ in range(20):
        world.pass_time(10)
        world.do(Collector.tick)
        world.do(Collector.work)
    world.central.silent = False
    world.telegraf.send("data", Reply.LATE, world.now, 1)
    for _ in range(4):
        world.round()
    world.land_late(0)
    well(world)
