"""Stories of what waits on purpose: what an operator has paused, quiet hours, and a pace."""

from __future__ import annotations

from datetime import UTC

from telegraf_plugin.stream.account import Account
from telegraf_plugin.stream.pause import Paused
from telegraf_plugin.stream.quiet_hours import Hours, QuietHours
from telegraf_plugin.stream.restraint import Restraint
from tests.model.checks import newest_mark
from tests.model.collector import Collector
from tests.model.outside import INTERVAL, SECOND, Key
from tests.model.stories import rounds, write_proved
from tests.model.stories_asked import history, lacks, swept
from tests.model.stories_failing import live
from tests.model.streams import BEGIN, HISTORY
from tests.model.world import World

UNTIL = BEGIN + 400 * SECOND
"""When it stops being quiet: 22:05 by the clock in QUIET."""
QUIET = Restraint(quiet=QuietHours(UTC, (Hours.parse("21:00-22:05"),)))
PACE = Restraint(points_per_second=1)
OLD = (BEGIN - HISTORY, BEGIN - 100 * SECOND)


def account(world: World) -> Account:
    """Return how the stream stands with the collector that is up."""
    assert world.collector is not None
    return world.collector.account("a")


def nothing_of(world: World, keys: list[Key], what: str) -> None:
    """Find fault if central has one of `keys`."""
    if any(key in world.central.points["a"] for key in keys):
        world.wrong(f"{what}: it is copied all the same")


def paused_stream(world: World) -> None:
    """A stream is paused and its source goes away: it is not asked, and misses nothing when it is resumed."""
    write_proved(world)
    asked = world.pause("a", Paused.STREAM)
    world.round()
    world.round()
    mark = newest_mark(world, "a")
    if mark is None or mark.pause != asked:
        world.wrong(f"the ledger does not say that it is paused: {mark}")
    before = world.collector.client.requests  # type: ignore[union-attr]
    world.source.silent = True
    keys = []
    for number in range(12):
        keys.append(("m", world.now // SECOND * SECOND))
        world.source.points["a"][keys[-1]] = number
        world.round()
        progress = account(world).progress(world.collector.core.tasks[account(world).stream.id].ticked)  # type: ignore[union-attr]
        if progress.lag or progress.paused is not Paused.STREAM:
            world.wrong(f"what is paused is not said to be, or lags: {progress}")
    if world.collector.client.requests != before:  # type: ignore[union-attr]
        world.wrong("the source of what is paused is asked")
    nothing_of(world, keys, "paused")
    world.source.silent = False
    world.pause("a", Paused.NOTHING)
    rounds(world, 3)
    lacks(world, keys, "resumed")


def paused_through_a_start(world: World) -> None:
    """A paused stream stays so when the collector is started anew while the source is away, however long that lasts."""
    world.central.retention = 1000 * SECOND
    write_proved(world)
    world.pause("a", Paused.STREAM)
    rounds(world, 2)
    world.source.silent = True
    for _ in range(25):
        world.pass_time(60)  # central forgets what was asked for: the marks do not
        world.round()
    if world.central.pauses:
        world.wrong("this story is of a pause that central has forgotten")
    world.kill()
    world.start()
    world.source.silent = False
    before = world.collector.client.requests  # type: ignore[union-attr]
    key = "m", world.now // SECOND * SECOND
    world.source.points["a"][key] = 5
    rounds(world, 6)
    nothing_of(world, [key], "paused, after a start")
    if world.collector.client.requests != before:  # type: ignore[union-attr]
        world.wrong("the source of what is paused is asked after a start")
    world.pause("a", Paused.NOTHING)
    rounds(world, 4)
    lacks(world, [key], "resumed after a start")


def paused_before_a_start(world: World) -> None:
    """A stream is paused while the collector is down: nothing of it is read when it comes up."""
    write_proved(world)
    world.kill()
    world.pause("a", Paused.STREAM)
    key = "m", world.now // SECOND * SECOND
    world.source.points["a"][key] = 5
    world.start()
    before = world.collector.client.requests  # type: ignore[union-attr]
    rounds(world, 4)
    nothing_of(world, [key], "paused before a start")
    if world.collector.client.requests != before:  # type: ignore[union-attr]
        world.wrong("the source of what is paused is asked after a start")
    world.pause("a", Paused.NOTHING)
    rounds(world, 4)
    lacks(world, [key], "resumed after a start")


def paused_backlog(world: World) -> None:
    """A backlog is paused: what is live goes on, what is old waits, also through a start, until it is resumed."""
    world.pause("a", Paused.BACKLOG)
    keys = history(world, OLD)
    rounds(world, 4)
    world.kill()
    world.start()
    for _ in range(4):
        live(world)
        lacks(world, [max(world.source.points["a"], key=lambda key: key[1])], "live beside a paused backlog")
    nothing_of(world, keys, "a paused backlog")
    world.pause("a", Paused.NOTHING)
    rounds(world, 4)
    lacks(world, keys, "a resumed backlog")


def paused_sweep(world: World) -> None:
    """While a backlog is paused the sweep rests; then it goes on."""
    write_proved(world)
    world.pause("a", Paused.BACKLOG)
    rounds(world, 2)
    key = max(world.source.points["a"], key=lambda each: each[1])
    world.lose("a", key)
    swept(world, 4)
    nothing_of(world, [key], "the sweep, paused")
    world.pause("a", Paused.NOTHING)
    swept(world, 4)
    lacks(world, [key], "the sweep")


def quiet_hours(world: World) -> None:
    """In quiet hours live data goes on alone; when they end history is copied, without a tick."""
    keys = history(world, OLD)
    while world.now < UNTIL - 10 * SECOND:
        live(world)
        lacks(world, [max(world.source.points["a"], key=lambda key: key[1])], "live in quiet hours")
        nothing_of(world, keys, "quiet hours")
    wakes = world.collector.core.wakes_at()  # type: ignore[union-attr]
    if wakes is None or wakes > world.steady() + UNTIL - world.now:
        world.wrong("nothing wakes it when quiet hours end")
    world.now, world.flowing = UNTIL, True
    world.do(Collector.work)
    world.flowing = False
    world.telegraf.send_all(world.now)
    lacks(world, keys, "the end of quiet hours")


def outage_in_quiet_hours(world: World) -> None:
    """A source is away in quiet hours: what it has of that time waits for their end, and lags from then on alone."""
    rounds(world, 4)
    world.source.silent = True
    keys = []
    for number in range(20):
        keys.append(("m", world.now // SECOND * SECOND))
        world.source.points["a"][keys[-1]] = number
        world.round()
    world.source.silent = False
    rounds(world, 4)
    nothing_of(world, keys[:5], "quiet hours")
    if lag(world) > 3 * INTERVAL:
        world.wrong("what waits on purpose lags")
    while world.now < UNTIL - INTERVAL:
        world.round()
    world.source.silent = True  # so that it is not caught up with at once
    rounds(world, 2)
    if not 0 < lag(world) <= 3 * INTERVAL:
        world.wrong(f"what has waited on purpose lags by {lag(world)} when it is over")
    world.source.silent = False
    rounds(world, 4)
    lacks(world, keys, "the end of quiet hours")


def lag(world: World) -> int:
    """Return for how long (ns) central has lacked something of the stream."""
    assert world.collector is not None
    return world.collector.core.tasks[account(world).stream.id].progress(world.steady()).lag or 0


def about_to_be_lost_in_quiet_hours(world: World) -> None:
    """What the source is about to delete does not wait for quiet hours to end, and nothing else is read."""
    keys = history(world, OLD)
    world.source.retention = BEGIN - OLD[0] + 100 * SECOND
    rounds(world, 9)
    lacks(world, [key for key in keys if key[1] < world.now - world.source.retention * 19 // 20], "about to be lost")
    nothing_of(world, keys[-5:], "quiet hours, not about to be lost")
    world.now = UNTIL


def pace(world: World) -> None:
    """A backlog is read no faster than so many points a second, live data at once."""
    keys = [("m", time) for time in range(*OLD, SECOND)]
    world.source.points["a"].update(dict.fromkeys(keys, 1))
    began = world.steady()
    rounds(world, 2)
    for _ in range(12):
        live(world)
        lacks(world, [max(world.source.points["a"], key=lambda key: key[1])], "live at a pace")
        copied = sum(key in world.central.points["a"] for key in keys)
        # What a piece holds is read before it is paid for: the first is of a minute.
        if copied > (world.steady() - began) // SECOND + 60:
            world.wrong(f"{copied} points are copied at a point a second in {(world.steady() - began) // SECOND} s")
    if not any(key in world.central.points["a"] for key in keys):
        world.wrong("at a pace nothing is copied")
    rounds(world, 25)
    lacks(world, keys, "a pace")
