"""Stories of one stream: each ends well only by the rule that it is told for (`test_rules`)."""

from __future__ import annotations

from telegraf_plugin.stream.flow import BACKLOG_SHARE
from telegraf_plugin.stream.ledger import Mark, MarkId
from telegraf_plugin.stream.spans import span
from tests.model.checks import LOOKBACK
from tests.model.collector import FLOW_LIMIT, Collector
from tests.model.outside import SECOND, MarkOf, Point, Reply
from tests.model.streams import BEGIN
from tests.model.world import World


def rounds(world: World, count: int = 8) -> None:
    for _ in range(count):
        world.round()


def stuck(world: World, count: int = 1, seconds: int = 10, check: bool = True) -> None:
    """Live on, while nothing leaves Telegraf's buffer."""
    for _ in range(count):
        world.pass_time(seconds)
        world.do(Collector.tick)
        world.do(Collector.work)
        world.do(Collector.look)
        if check:
            world.check()


def burst(world: World) -> None:
    """More than may be in flight comes at once."""
    rounds(world)
    for ago in range(1, 59):
        world.write("a", "m", ago, 1)
    stuck(world, 3)


def buffer_full_of_a_killed_run(world: World) -> None:
    """A killed run's lines fill what may be in flight when the next one starts."""
    burst(world)
    world.kill()
    world.start()
    world.do(Collector.look)
    world.do(Collector.work)
    stuck(world, 3)


def backlog_while_nothing_leaves(world: World) -> None:
    """A backlog leaves room for what is live."""
    world.round()
    world.fill(5)
    for key in [key for key in world.source.points["a"] if key[1] >= BEGIN - LOOKBACK]:
        del world.source.points["a"][key]
    world.collector.account("a").course.proved = span(0, 0)  # type: ignore[union-attr]
    world.collector.account("a").course.pending.clear()  # type: ignore[union-attr]
    stuck(world, 2)
    there = world.collector.gate.lines()  # type: ignore[union-attr]
    if there > FLOW_LIMIT * BACKLOG_SHARE + 2:  # marks pass where there is no room
        world.wrong(f"{there} lines of a backlog are in flight")


def live_beside_a_backlog_that_is_given_up(world: World) -> None:
    """A tick comes while a backlog waits for room that nobody makes: when it is given up, what is live is read."""
    world.round()
    world.fill(5)  # more in a minute than there is room for
    world.collector.account("a").course.proved = span(0, 0)  # type: ignore[union-attr]
    world.collector.account("a").course.pending.clear()  # type: ignore[union-attr]
    key = "m", BEGIN

    def tick_when_full() -> None:
        nonlocal key
        if world.collector.gate.lines() < FLOW_LIMIT * BACKLOG_SHARE - 3:  # type: ignore[union-attr]
            world.script.append((0, tick_when_full))
            return
        key = "m", world.now // SECOND * SECOND
        world.write("a", "m", 0, 1)
        world.pass_time(10)
        world.do(Collector.tick)

    world.pass_time(10)
    world.do(Collector.tick)
    world.script.append((0, tick_when_full))
    world.do(Collector.work)
    if key == ("m", BEGIN):
        world.wrong("the backlog had room for all")
    if not any(isinstance(each, Point) and each.key == key for each in world.telegraf.buffers["data"]):
        world.wrong("a live read is lost to a backlog that was given up")


def put_back_while_running(world: World) -> None:
    """Central goes back in time under a running collector."""
    rounds(world, 3)
    world.copy_central()
    for _ in range(15):
        world.write("a", "m", 0, 1)
        world.round()
    world.put_back(world.copies[0])
    rounds(world, 2)


def put_back_before_a_mark_lands(world: World) -> None:
    """Central goes back in time, a mark of before lands, and another run reads the ledger."""
    rounds(world, 3)
    world.copy_central()
    for _ in range(15):
        world.write("a", "m", 0, 1)
        world.round()
    stuck(world)
    world.write("a", "m", 0, 1)
    stuck(world)
    world.kill()
    world.put_back(world.copies[0])
    world.telegraf.send_all(world.now)
    world.start()
    rounds(world, 3)


def clocks_ahead_together(world: World) -> None:
    """Both clocks are an hour ahead, and right again."""
    rounds(world, 3)
    world.source.ahead = world.collector_ahead = 3600 * SECOND
    rounds(world, 12)
    world.source.ahead = world.collector_ahead = 0
    rounds(world, 2)
    for _ in range(9):
        world.write("a", "m", 0, 1)
        world.round()


def there_and_back_again(world: World) -> None:
    """A point is rewritten, printed so, and rewritten to what it was, while its line waits."""
    rounds(world)
    world.write("a", "m", 0, 1)
    world.pass_time(1)
    world.round()
    world.write("a", "m", 11, 2)
    stuck(world)
    world.write("a", "m", 21, 1)
    stuck(world, 12)
    world.telegraf.send_all(world.now)


def rewritten_in_the_buffer(world: World) -> None:
    """A point waits in the buffer as it was, and again as it was rewritten; then all but one line goes each time."""
    rounds(world)
    world.write("a", "m", 0, 1)
    stuck(world, seconds=1)
    world.write("a", "m", 1, 2)
    stuck(world)
    for _ in range(15):
        world.telegraf.send("data", Reply.WELL, world.now, len(world.telegraf.buffers["data"]) - 1)
        stuck(world)
    world.telegraf.send_all(world.now)


def rewritten_early(world: World) -> None:
    """A point is rewritten within the lookback, after it was read the last time."""
    rounds(world)
    world.write("a", "m", 0, 1)
    rounds(world, 3)
    world.write("a", "m", 30, 2)
    rounds(world, 12)


def stranger(world: World) -> None:
    """Somebody else's old line lands over a point that is proved, and then the mark behind it."""
    write_proved(world)
    overwrite(world)
    rounds(world, 2)


def stranger_while_marks_are_stuck(world: World) -> None:
    """As before, but nothing leaves Telegraf's buffer meanwhile."""
    write_proved(world)
    overwrite(world)
    stuck(world, 15, check=False)  # the ledger cannot know better
    world.telegraf.send_all(world.now)
    for _ in range(4):  # Telegraf sends at all times: what is missing lands before anybody looks
        world.do(Collector.look)
        world.do(Collector.work)
        world.telegraf.send_all(world.now)


def write_proved(world: World) -> None:
    rounds(world)
    world.write("a", "m", 0, 1)
    rounds(world, 24)


def overwrite(world: World) -> None:
    key = max(world.source.points["a"], key=lambda each: each[1])
    identity = MarkId(BEGIN - 1000 * SECOND, "stranger")
    origin = BEGIN - 400 * SECOND
    mark = Mark(identity, None, "", origin, origin, printed=span(key[1], key[1] + SECOND))
    world.central.land([Point("stranger", "a", key, 7), MarkOf("a", mark)])
    world.do(Collector.tick)  # it is seen before anybody asks what is proved


def refused(world: World) -> None:
    """Central refuses one measurement: the other goes on, and is proved."""
    rounds(world)
    world.central.refused = {"n"}
    world.write("a", "n", 0, 1)
    world.write("a", "m", 0, 1)
    begin = world.now
    rounds(world, 30)
    if not world.collector.account("a").course.proved.covers((begin - 60 * SECOND, begin)):  # type: ignore[union-attr]
        world.wrong("what central takes is not proved")


def late_over_newer(world: World) -> None:
    """A point waits in the buffer for long, first as it was, then as it was rewritten; the first reply is lost.

    Its request lands late, over the newer one.
    """
    rounds(world)
    world.central.silent = True
    world.write("a", "m", 0, 1)
    stuck(world, seconds=1)
    world.write("a", "m", 1, 2)
    stuck(world, 21)  # the last 15 s are read again
    world.central.silent = False
    world.telegraf.send("data", Reply.LATE, world.now, 1)
    rounds(world, 3)
    world.land_late(0)


def late_after_a_start(world: World) -> None:
    """The start mark is long under way, behind a killed run's line; the reply to that line's request is lost.

    The point was rewritten meanwhile, and is copied once by the new run, as backlog.
    """
    rounds(world)
    world.write("a", "m", 0, 1)
    stuck(world, seconds=1)
    world.kill()
    world.write("a", "m", 1, 2)
    world.start()
    world.do(Collector.look)
    world.do(Collector.work)
    stuck(world, 21)
    world.telegraf.send("data", Reply.LATE, world.now, 1)
    rounds(world, 4)
    world.land_late(0)
