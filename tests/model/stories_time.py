"""Stories of clocks, of retention, of where a stream begins, and of what only lasts for some time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from telegraf_plugin.stream.definition import Start
from tests.model.checks import LOOKBACK
from tests.model.collector import Collector
from tests.model.outside import HOUR, SECOND, Key
from tests.model.stories import overwrite, rounds, write_proved
from tests.model.stories_asked import history, lacks
from tests.model.stories_failing import live
from tests.model.streams import BEGIN, HISTORY, STREAMS
from tests.model.world import World

YEARS = 3 * 365 * 24 * HOUR
OF_YEARS = (replace(STREAMS[0], start=Start(date=BEGIN - YEARS)),)
OF_MINUTES = (replace(STREAMS[0], start=Start(ago=100 * SECOND)),)
EARLIEST = (replace(STREAMS[0], start=Start()),)


def type_conflict_for_an_hour(world: World) -> None:
    """Somebody has written a field with another type in central: what comes in the next hour is not held up by it."""
    rounds(world, 2)
    hour = world.now // HOUR * HOUR
    world.central.conflicts = {("n", hour)}
    for number in range(20):
        world.write("a", "m", 0, number)
        if number < 6:
            world.write("a", "n", 0, number)
        world.round()
    for _ in range(10):
        live(world, "n")
    course = world.collector.account("a").course  # type: ignore[union-attr]
    held = course.holds.by_field.values()
    if not held or not all(each.reason.refused for each in held):
        world.wrong(f"what central refuses is not said to be refused: {course.holds.by_field}")
    if any(part[1] > hour + HOUR for each in held for part in each.spans):
        world.wrong("what central takes is held")
    if not course.proved.covers((hour + HOUR, hour + HOUR + 50 * SECOND)):
        world.wrong("what central takes is not proved")
    world.kill()
    world.start()
    rounds(world, 10)


def held_when_settled(world: World) -> None:
    """Central refuses a measurement that comes with each tick: what is live is sent, what has settled is held."""
    rounds(world)
    world.central.refused = {"n"}
    for number in range(20):
        world.write("a", "n", 0, number)
        world.round()
        for held in world.collector.account("a").course.holds.by_field.values():  # type: ignore[union-attr]
            if held.spans.parts[-1][1] > world.now - LOOKBACK:
                world.wrong("what is live is held")


def started_again(world: World) -> None:
    """What a run has printed, and not proved, is counted by the next one before it is printed again."""
    rounds(world)
    for ago in range(10, 40, 2):
        world.write("a", "m", ago, 1)
    world.round()
    for _ in range(2):
        live(world)  # a mark says what was printed before the lines that it stands behind
    before = world.prints.copy()
    keys = [key for key in world.source.points["a"] if world.now - 55 * SECOND < key[1] < world.now - 40 * SECOND]
    world.kill()
    world.start()
    rounds(world, 2)
    if any(world.prints["a", key] > before["a", key] for key in keys):
        world.wrong("what is there is printed again")


def started_again_with_a_loss(world: World) -> None:
    """As before, but some of it was lost on the way."""
    rounds(world)
    for ago in range(10, 40, 2):
        world.write("a", "m", ago, 1)
    world.pass_time(10)
    world.do(Collector.tick)
    world.do(Collector.work)
    world.telegraf.drop("data", 5)
    world.telegraf.send_all(world.now)
    world.do(Collector.look)
    world.kill()
    world.start()
    rounds(world, 3)
    lacks(world, list(world.source.points["a"]), "what was lost")


def years_of_nothing(world: World) -> None:
    """A stream begins years ago, with a point there and two since: what is empty costs next to nothing."""
    keys = [("m", BEGIN - YEARS + 5 * SECOND), ("m", BEGIN - YEARS // 2), ("m", BEGIN - 2 * HOUR - 1)]
    world.source.points["a"].update(dict.fromkeys(keys, 1))
    rounds(world, 30)
    lacks(world, keys, "years")
    if world.collector.client.requests > 1000:  # type: ignore[union-attr]
        world.wrong("each hour of the years is asked for")


def begins_at_its_first_point(world: World) -> None:
    """A stream begins at the source's first point, and there is none yet; then it comes, and it is old."""
    rounds(world, 4)
    live(world)
    key: Key = ("m", BEGIN - 200 * SECOND)
    world.source.points["a"][key] = 1
    rounds(world, 8)
    lacks(world, [key], "the first point")


def about_to_be_lost(world: World) -> None:
    """What the source is about to lose goes first, the oldest of it, though a stream begins long before."""
    world.kill()
    world.source.retention = 3 * HOUR
    times = range(BEGIN - 3 * HOUR + 60 * SECOND, BEGIN, 100 * SECOND)
    world.source.points["a"].update({("m", time): 1 for time in times})
    world.start()
    world.do(Collector.look)
    world.do(Collector.work)
    world.telegraf.send_all(world.now)
    world.do(Collector.look)
    world.do(Collector.tick)
    for _ in range(20):
        if any(key[1] < world.now - LOOKBACK for _, key in world.prints):
            break
        world.do(Collector.step)
    first = min(key[1] for _, key in world.prints)
    if first != times[0]:
        world.wrong("what is about to be lost does not go first")
    rounds(world, 4)
    course = world.collector.account("a").course  # type: ignore[union-attr]
    if not BEGIN - 3 * HOUR <= course.origin <= times[0]:
        world.wrong("the stream begins where the source has nothing any more")


def central_forgets(world: World) -> None:
    """Central keeps points, and marks, for ten minutes only: the ledger is renewed, and what is too old is left."""
    world.kill()
    world.central.retention = 900 * SECOND
    world.start()
    history(world, (BEGIN - HISTORY, BEGIN))
    for number in range(60):
        world.write("a", "m", 0, number)
        world.pass_time(20)
        world.round()
    course = world.collector.account("a").course  # type: ignore[union-attr]
    if course.work(course._tick):
        world.wrong("there is no end of work")


def source_far_ahead(world: World) -> None:
    """A source's clock is hours ahead, its data is not: that is copied."""
    world.kill()
    world.source.ahead = 5 * HOUR
    world.start()
    rounds(world, 2)
    for _ in range(3):
        key: Key = ("m", world.now // SECOND * SECOND)
        world.source.points["a"][key] = 1
        world.round()
        lacks(world, [key], "what is live")


def first_fill_by_a_clock_ahead(world: World) -> None:
    """A source's clock is half an hour ahead while much is read at once: its proof does not wait so long."""
    world.pass_time(200)  # no full hour, at which reads are cut, lies in between
    for number in range(30):
        world.write("a", "m", 0, number)
        world.pass_time(2)
    world.kill()
    world.empty()
    world.source.ahead = 1800 * SECOND
    world.start()
    world.round()
    world.source.ahead = 0
    stop = world.now - LOOKBACK
    rounds(world, 12)
    course = world.collector.account("a").course  # type: ignore[union-attr]
    if not course.proved.covers((course.origin, stop)):
        world.wrong(
            f"what has settled is not proved: {[(part.state, part.settles - world.now) for part in course.pending]}"
        )


def began_ahead(world: World) -> None:
    """Both clocks were hours ahead when the stream was first seen: it does not begin then."""
    world.kill()
    world.source.ahead = world.collector_ahead = 3 * HOUR
    world.start()
    rounds(world, 2)
    world.source.ahead = world.collector_ahead = 0
    rounds(world, 2)
    live(world)


def late_while_clocks_were_ahead(world: World) -> None:
    """Both clocks are five minutes ahead for as long; then what came late by the right time is found missing."""
    ahead(world)
    world.source.ahead = world.collector_ahead = 0
    rounds(world, 12)
    lacks(world, list(world.source.points["a"]), "what came late")


def late_while_clocks_were_ahead_and_killed(world: World) -> None:
    """The same, and it is another run that sees the clocks right."""
    ahead(world)
    world.kill()
    world.source.ahead = world.collector_ahead = 0
    world.start()
    rounds(world, 12)
    lacks(world, list(world.source.points["a"]), "what came late")


def ahead(world: World, live_on: Callable[[World], None] = World.round) -> None:
    """Both clocks are ahead while what comes is late by the right time; `live_on`: what an interval is."""
    rounds(world, 3)
    world.source.ahead = world.collector_ahead = 300 * SECOND
    for _ in range(30):
        key: Key = ("m", (world.now // SECOND - 20) * SECOND)
        world.source.points["a"][key] = 1
        world.excused.add(("a", key))  # nobody can know better yet
        live_on(world)


def metrics_unreadable(world: World) -> None:
    """A landing bucket is emptied while that of the metrics cannot be read: the stream waits for where it began."""
    for number in range(20):
        world.write("a", "m", 0, number)
        world.round()
    world.kill()
    world.empty()
    world.central.metrics_silent = True
    world.start()
    rounds(world, 3)
    world.central.metrics_silent = False
    rounds(world, 6)
    lacks(world, list(world.source.points["a"]), "what was emptied")


def everyday(world: World) -> None:
    """Nothing happens but points, each of which is printed as often as a read goes over the last one's end."""
    for number in range(40):
        world.write("a", "m", 0, number)
        world.write("a", "n", 12, number)
        world.round()
        course = world.collector.account("a").course  # type: ignore[union-attr]
        if course.lacking(course._tick):
            world.wrong("what has arrived is not known to have")
    if max(world.prints.values()) > 3:
        world.wrong("printed again and again")


def first_fill(world: World) -> None:
    """A history is read once: what was copied settled is proved by the sum made on the way."""
    keys = history(world, (BEGIN - HISTORY, BEGIN))
    rounds(world, 12)
    lacks(world, keys, "the first fill")
    values = world.collector.values()  # type: ignore[union-attr]
    if values > 1.7 * len(keys):
        world.wrong(f"{values} points were read to copy {len(keys)}")


def collector_ahead(world: World) -> None:
    """The collector's clock is five minutes ahead, the source's is right: what comes late is not missed."""
    world.kill()
    world.collector_ahead = 300 * SECOND
    world.start()
    for number in range(20):
        world.write("a", "m", 0, number)
        world.write("a", "n", 40, number)
        world.round()
    world.collector_ahead = 0  # else the ledger's times would be later than the present of what ends well


def left_lines_while_nobody_looked(world: World) -> None:
    """Somebody else's old line lands over a point that is proved, and the mark behind it, while no collector is up."""
    write_proved(world)
    world.kill()
    world.excused.add(("a", max(world.source.points["a"], key=lambda each: each[1])))
    overwrite(world)
    world.start()
    rounds(world, 24)
    lacks(world, list(world.source.points["a"]), "what was overwritten")


def refused_twice(world: World) -> None:
    """A late point is refused as often as it is counted missing and sent again: then it is compared, not forgotten."""
    rounds(world)
    world.central.refused = {"n"}
    world.write("a", "n", 20, 1)
    key = max((key for key in world.source.points["a"] if key[0] == "n"), key=lambda each: each[1])
    rounds(world, 2)
    if world.prints["a", key] < 3:
        world.wrong("what was sent twice in vain is not compared before it has settled")
    world.central.refused = set()
    rounds(world, 8)
    lacks(world, [key], "what was refused")
