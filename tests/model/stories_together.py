"""Stories of two sources that share a bucket in central, of two collectors, and of what a stream computes."""

from __future__ import annotations

from dataclasses import replace

from telegraf_plugin.stream.request import Kind
from tests.model.collector import Collector
from tests.model.outside import HOUR, SECOND, Key, ModelTelegraf
from tests.model.stories import rounds, stuck
from tests.model.stories_asked import ISLAND, lacks, request_done
from tests.model.stories_failing import live
from tests.model.stories_time import OF_YEARS, years_of_nothing
from tests.model.streams import BEGIN, STREAMS, SUMS
from tests.model.world import World

OF_TWO_SOURCES = (STREAMS[0], replace(STREAMS[0], source="other", bucket="bucket-other"))
"""Two streams of the same name, from buckets of two sources into one of central."""
OF_SUMS = (replace(STREAMS[0], aggregate=SUMS),)
OF_YEARS_OF_SUMS = (replace(OF_YEARS[0], aggregate=SUMS),)


def one_source_away(world: World) -> None:
    """One source is silent, and its clock is wrong when it is back: the other is copied, and each ledger is its own."""
    other = world.source_of("other/a")
    rounds(world)
    for number in range(24):
        world.write("other/a", "m", 0, number)
        other.silent = number in range(4, 20)
        live(world)
    other.ahead = 40 * SECOND
    rounds(world, 3)
    other.ahead = 0
    lacks(world, list(other.points["other/a"]), "the source that was away", "other/a")
    for name, account in ((name, world.collector.account(name)) for name in world.names):  # type: ignore[union-attr]
        if account.foreign:
            world.wrong(f"{name} takes the other source's marks for a stranger's")


def one_source_asked(world: World) -> None:
    """What is asked for of one source's stream is not done for the other's of that name; both outlive a restore."""
    history = {("m", time): 1 for time in range(*ISLAND, 10 * SECOND)}
    for name in world.names:
        world.source_of(name).points[name].update(history)
    rounds(world, 5)
    world.copy_central()
    asked = world.ask("other/a", Kind.BACKFILL, ISLAND)
    rounds(world, 10)
    lacks(world, list(history), "a backfill", "other/a")
    request_done(world, asked.id, "other/a")
    if any(key in world.central.points["a"] for key in history):
        world.wrong("the other source's stream was filled as well")
    world.write("a", "m", 0, 1)
    world.write("other/a", "m", 0, 1)
    rounds(world, 3)
    world.put_back(world.copies[0])
    rounds(world, 3)
    lacks(world, list(world.source.points["a"])[-1:], "a restore")
    lacks(world, list(world.source_of("other/a").points["other/a"])[-1:], "a restore", "other/a")


def two_collectors(world: World) -> None:
    """Another collector copies the same, and goes; a line of its lands over one that was proved since."""
    rounds(world)
    ours, telegraf = world.collector, world.telegraf
    theirs, beside = Collector(world, "stranger"), ModelTelegraf(world.central)
    for number in range(12):
        world.write("a", "m", 0, number)
        world.write("a", "n", 30, number)
        world.collector, world.telegraf = theirs, beside
        world.round()
        world.collector, world.telegraf = ours, telegraf
        world.round()
    world.write("a", "m", 0, 1)
    key = max(world.source.points["a"], key=lambda each: each[1])
    world.collector, world.telegraf = theirs, beside
    stuck(world, seconds=1)  # theirs waits in their buffer
    world.collector, world.telegraf = ours, telegraf
    world.write("a", "m", (world.now - key[1]) // SECOND, 2)
    rounds(world, 16)
    assert ours is not None
    if not ours.account("a").course.proved.covers((key[1], key[1] + 1)):
        world.wrong("nothing is proved while another collector writes")
    beside.send_all(world.now)
    world.excused.add(("a", key))  # nobody can know before its mark is read
    rounds(world, 14)
    lacks(world, [key], "what another collector has overwritten")
    if not ours.account("a").foreign:
        world.wrong("nothing is said of another collector")


def sums_that_change(world: World) -> None:
    """Points come late, and change the sums of windows that were copied, but not how many there are."""
    rounds(world)
    for number in range(24):
        world.write("a", "m", 0, 1)
        world.write("a", "m", 45, number)
        world.round()
    rounds(world, 3)
    done = [key for key in world.source.points["a"] if key[1] < world.now - 90 * SECOND]
    lacks(world, done, "a sum that has changed")


def years_of_sums(world: World) -> None:
    """Years that are empty but for a few windows, one of which ends where an hour does, and with a point."""
    key: Key = ("m", BEGIN // HOUR * HOUR - 30 * HOUR - 1)
    world.source.points["a"][key] = 3
    years_of_nothing(world)
    lacks(world, [key], "years")
