"""Stories of when something may be called proved, and printed again: of one stream, each step as the story says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.pending import PendingState
from telegraf_plugin.stream.spans import Span, span
from tests.model.checks import LOOKBACK, newest_mark
from tests.model.collector import Collector
from tests.model.outside import SECOND, Key, MarkOf, Point, Question, Reply
from tests.model.stories import rounds, stuck
from tests.model.stories_asked import history, lacks
from tests.model.stories_failing import live
from tests.model.stories_time import ahead
from tests.model.streams import BEGIN, HISTORY
from tests.model.world import World


def closely(world: World, seconds: int = 10, steps: int = 12) -> None:
    """Live on for an interval, where whatever is printed has landed, and is seen, before anything else is done."""
    world.pass_time(seconds)
    world.do(Collector.tick)
    step_by_step(world, steps)
    world.check()


def step_by_step(world: World, steps: int, before: Callable[[], object] = lambda: None) -> None:
    """Do so many steps; `before`: what happens when something was printed and before Telegraf sends it."""
    for _ in range(steps):
        world.do(Collector.step)
        before()
        world.telegraf.send_all(world.now)
        world.do(Collector.look)


def marks_beside(world: World, printed: Span) -> None:
    """Have a mark of another collector land, which has read the ledger and has printed `printed`."""
    newest = newest_mark(world, "a")
    assert newest is not None
    identity = MarkId(world.now, "stranger")
    proved = newest.proved - span(*printed)
    mark = replace(newest, id=identity, base=newest.id, proved=proved, printed=span(*printed), sent=span(*printed))
    world.central.land([MarkOf("a", mark)])
    world.do(Collector.tick)


def started_while_clocks_were_ahead(world: World) -> None:
    """A run begins with a ledger that clocks ahead have written, and sees them right again: what comes is copied."""
    rounds(world, 3)
    world.source.ahead = world.collector_ahead = 300 * SECOND
    rounds(world, 30)
    world.kill()
    world.start()
    rounds(world, 2)
    world.source.ahead = world.collector_ahead = 0
    for number in range(8):
        world.write("a", "m", 0, number)
        world.round()
    lacks(world, list(world.source.points["a"]), "what came since the clocks are right")


def source_a_little_ahead(world: World) -> None:
    """The source's clock is five minutes ahead, its data is not: what comes is found missing, and not called proved."""
    world.kill()
    world.source.ahead = 300 * SECOND
    world.start()
    for _ in range(20):
        key: Key = ("m", (world.now // SECOND - 20) * SECOND)
        world.source.points["a"][key] = 1
        world.round()
    rounds(world, 24)
    lacks(world, list(world.source.points["a"]), "what came while the source's clock was ahead")


def killed_when_clocks_were_ahead(world: World) -> None:
    """Clocks ahead have a run prove what comes late by the right time; another one, which sees them right, looks again.

    Each mark stands on the one before it: none beside them tells of what was printed.
    """
    ahead(world, closely)
    world.kill()
    world.source.ahead = world.collector_ahead = 0
    world.start()
    rounds(world, 14)
    lacks(world, list(world.source.points["a"]), "what came late")


def compared_before_it_has_settled(world: World) -> None:
    """What was sent twice in vain is compared, and there by then, while a request with an older line is on its way."""
    rounds(world)
    world.central.silent = True
    world.write("a", "m", 0, 1)
    stuck(world, seconds=1)
    world.write("a", "m", 1, 2)
    world.write("a", "n", 1, 2)
    stuck(world, 12)
    world.central.silent, world.central.refused = False, {"n"}
    telegraf, course = world.telegraf, world.collector.account("a").course  # type: ignore[union-attr]
    telegraf.send("data", Reply.LATE, world.now, 1)  # as it was before it was rewritten

    def printed() -> None:
        if any(isinstance(line, Point) and line.key[0] == "n" for line in telegraf.buffers["data"]):
            telegraf.send("data", Reply.LATE, world.now)
        if any(each.state is PendingState.SUSPECT for each in course.pending):
            world.central.refused = set()
            while len(telegraf.late) > 1:
                world.land_late(1)

    for _ in range(4):
        world.pass_time(10)
        world.do(Collector.tick)
        step_by_step(world, 6, printed)
        world.check()
    if world.central.refused or len(telegraf.late) != 1:
        world.wrong("nothing was compared")
        return
    world.land_late(0)


def overwritten_while_a_mark_waits(world: World) -> None:
    """What only a mark on its way calls proved is overwritten: it is sent again when a mark without it is back."""
    rounds(world)
    world.write("a", "m", 0, 1)
    rounds(world, 5)
    key = max(world.source.points["a"], key=lambda each: each[1])
    course = world.collector.account("a").course  # type: ignore[union-attr]
    for _ in range(20):
        stuck(world)
        if any(mark.mark.proved.covers((key[1], key[1] + 1)) for mark in _waiting(world)):
            break
    else:
        world.wrong("nothing is proved while marks are on their way")
    world.excused.add(("a", key))
    world.central.land([Point("stranger", "a", key, 7)])
    marks_beside(world, (key[1], key[1] + SECOND))
    if course.proved.covers((key[1], key[1] + 1)):
        world.wrong("what somebody else has written is not in doubt")
    stuck(world, 12)
    if not _waiting(world):
        world.wrong("no mark was on its way")
    rounds(world, 14)
    lacks(world, [key], "what was overwritten")


def _waiting(world: World) -> list[MarkOf]:
    return [line for line in world.telegraf.buffers["data"] if isinstance(line, MarkOf)]


def doubted_one_after_the_other(world: World) -> None:
    """Another collector's marks list two spans side by side, the later one half a minute after the first.

    A line of the later one's lands half a minute later still: within a lookback of its mark.
    """
    history(world, (BEGIN - HISTORY, BEGIN))
    rounds(world, 40)
    middle = BEGIN - HISTORY // 2
    key: Key = ("m", middle + 20 * SECOND)
    marks_beside(world, (middle - 50 * SECOND, middle))
    rounds(world, 3)
    marks_beside(world, (middle, middle + 50 * SECOND))
    rounds(world, 4)  # the first of them has settled, the other has not
    world.central.land([Point("stranger", "a", key, 7)])
    world.check()
    rounds(world, 12)
    lacks(world, [key], "what landed late")


def left_alone_for_long(world: World) -> None:
    """As long as nothing can be counted or compared, what Telegraf has dropped is not said to have arrived."""
    rounds(world)
    world.central.failures.questions = set(Question)
    for number in range(60):
        world.write("a", "m", 0, number)
        world.round(Reply.REJECTED if number in (2, 3, 4, 5) else Reply.WELL)
    course = world.collector.account("a").course  # type: ignore[union-attr]
    if course.proved.covers((world.now - 2 * LOOKBACK, world.now - LOOKBACK)):
        world.wrong("proved what nobody could compare")


def rewritten_between_two_runs(world: World) -> None:
    """A point is there and counted, its collector is killed, the source rewrites it; another run finds as many."""
    rounds(world)
    world.write("a", "m", 0, 1)
    key = max(world.source.points["a"], key=lambda each: each[1])
    for _ in range(4):
        live(world)  # a run goes by what the last mark says was sent, but for the newest seconds
    world.kill()
    world.write("a", "m", (world.now - key[1]) // SECOND, 2)
    world.start()
    rounds(world, 20)
    lacks(world, [key], "what was rewritten between two runs")


def emptied_before_a_mark_lands_again(world: World) -> None:
    """A reply is lost, so that its batch is sent again, and central is emptied before: the newest mark is there again.

    That it was emptied tell the marks before it.
    """
    rounds(world)
    world.write("a", "m", 0, 1)
    stuck(world)
    world.telegraf.send("data", Reply.LOST, world.now)
    world.do(Collector.look)
    world.central.empty()
    world.telegraf.send_all(world.now)
    rounds(world, 8)
    lacks(world, list(world.source.points["a"]), "what was emptied")


def long_ledger(world: World) -> None:
    """A ledger is so long that it takes several looks: the stream waits for what it says, and then goes on."""
    rounds(world)
    origin = world.collector.account("a").course.origin  # type: ignore[union-attr]
    world.kill()
    world.central.looks = 6
    world.start()
    world.round()
    world.write("a", "m", 0, 1)
    rounds(world, 3)
    lacks(world, list(world.source.points["a"]), "a long ledger")
    if world.central.looks or world.collector.account("a").course.origin != origin:  # type: ignore[union-attr]
        world.wrong("the ledger was not waited for")
