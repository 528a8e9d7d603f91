"""Stories of what operators ask for, and of the sweep: what is mended though it was proved once, or older than all."""

from __future__ import annotations

from telegraf_plugin.stream.request import Kind
from telegraf_plugin.stream.spans import Span, span
from tests.model.checks import newest_mark
from tests.model.outside import HOUR, SECOND, Key
from tests.model.stories import rounds, write_proved
from tests.model.streams import BEGIN, HISTORY
from tests.model.world import World

ISLAND = (BEGIN - 3100 * SECOND, BEGIN - 2900 * SECOND)


def history(world: World, whole: Span) -> list[Key]:
    """Give the source a point each ten seconds of `whole`."""
    keys = [("m", time) for time in range(*whole, 10 * SECOND)]
    world.source.points["a"].update(dict.fromkeys(keys, 1))
    return keys


def lacks(world: World, keys: list[Key], what: str, stream: str = "a") -> None:
    """Find fault if central lacks one of `keys`, or the window that it is in."""
    wanted, there, unit = world.wanted(stream), world.central.points[stream], world.stream(stream).unit
    windows = [(measurement, time - time % unit) for measurement, time in keys]
    missing = [key for key in windows if there.get(key) != wanted[key]]
    if missing:
        world.wrong(f"{what}: central lacks {missing}")


def request_done(world: World, identity: str, stream: str = "a") -> None:
    """Find fault if the ledger does not say that the request is done."""
    mark = newest_mark(world, stream)
    if mark is None or mark.request != identity:
        world.wrong(f"{identity} is not done: {mark}")


def backfill_of_an_island(world: World) -> None:
    """History far before the origin is asked for; central's bucket is emptied, and that of the metrics before."""
    keys = history(world, ISLAND)
    rounds(world, 5)
    asked = world.ask("a", Kind.BACKFILL, ISLAND)
    rounds(world, 10)
    lacks(world, keys, "a backfill")
    request_done(world, asked.id)
    world.empty()
    rounds(world, 12)
    lacks(world, keys, "an emptied bucket")
    world.kill()
    world.central.origins.clear()
    world.start()
    rounds(world, 12)
    world.kill()
    world.empty()
    world.start()
    rounds(world, 12)
    lacks(world, keys, "an emptied bucket, after the other one")


def backfill_and_two_starts(world: World) -> None:
    """What a backfill has proved stays proved from start to start, whichever run printed it."""
    whole = (BEGIN - 8 * HOUR, BEGIN)
    world.source.points["a"].update({("m", time): 1 for time in range(*whole, 600 * SECOND)})
    rounds(world, 5)
    world.ask("a", Kind.BACKFILL, whole)
    rounds(world, 12)
    for start in range(3):
        world.kill()
        world.start()
        rounds(world, 2)
        if not world.collector.account("a").course.proved.covers(whole):  # type: ignore[union-attr]
            world.wrong(f"start {start + 1}: what was proved is no more")


def backfill_next_to_the_origin(world: World) -> None:
    """History that adjoins the origin is asked for: from then on the stream begins there."""
    whole = (BEGIN - HISTORY - 300 * SECOND, BEGIN - HISTORY)
    keys = history(world, whole)
    rounds(world, 5)
    asked = world.ask("a", Kind.BACKFILL, whole)
    rounds(world, 10)
    lacks(world, keys, "a backfill")
    request_done(world, asked.id)
    if world.collector.account("a").course.origin != whole[0]:  # type: ignore[union-attr]
        world.wrong("the stream does not begin where it was asked to")


def cancelled_backfill(world: World) -> None:
    """History is asked for that cannot be read, and that is cancelled: then nothing more of it is copied."""
    keys = history(world, ISLAND)
    rounds(world, 5)
    world.source.failures.spans = span(*ISLAND)
    world.ask("a", Kind.BACKFILL, ISLAND)
    rounds(world, 3)
    asked = world.ask("a", Kind.BACKFILL, ISLAND, cancels=True)
    rounds(world, 2)
    request_done(world, asked.id)
    world.source.failures.end()
    rounds(world, 12)
    if any(key in world.central.points["a"] for key in keys):
        world.wrong("copied what was cancelled")


def repair(world: World) -> None:
    """Central loses a point that is proved, and an operator asks for a repair."""
    write_proved(world)
    key = max(world.source.points["a"], key=lambda each: each[1])
    world.lose("a", key)
    asked = world.ask("a", Kind.REPAIR, (key[1] - 20 * SECOND, key[1] + 20 * SECOND))
    rounds(world, 24)
    lacks(world, [key], "a repair")
    request_done(world, asked.id)


def lost_in_central(world: World) -> None:
    """Central loses a point that is proved: the sweep finds it by counting."""
    write_proved(world)
    key = max(world.source.points["a"], key=lambda each: each[1])
    world.lose("a", key)
    swept(world, 4)
    lacks(world, [key], "the sweep")


def changed_at_the_source(world: World) -> None:
    """The source changes a point that is proved: the sweep finds it by hash, each tenth time."""
    write_proved(world)
    key = max(world.source.points["a"], key=lambda each: each[1])
    world.rewrite("a", key, 9)
    swept(world, 14)
    lacks(world, [key], "the sweep")


def lost_behind_what_fails(world: World) -> None:
    """As `lost_in_central`, and the sweep cannot count what is newer."""
    history(world, (BEGIN - HISTORY, BEGIN))
    rounds(world, 30)
    first = min(world.source.points["a"], key=lambda each: each[1])
    world.central.failures.spans = span(world.now // SECOND * SECOND - 80 * SECOND, world.now)
    world.lose("a", first)
    swept(world, 8)
    lacks(world, [first], "the sweep behind what fails")


def lost_beside_what_fails(world: World) -> None:
    """As `lost_in_central`, and the source cannot read ten seconds of the same hour: it is told, the rest is mended."""
    history(world, (BEGIN - HISTORY, BEGIN))
    rounds(world, 30)
    first = min(world.source.points["a"], key=lambda each: each[1])
    world.source.failures.spans = broken = span(BEGIN - 200 * SECOND, BEGIN - 190 * SECOND)
    world.lose("a", first)
    swept(world, 20)
    lacks(world, [first], "the sweep beside what fails")
    if not world.collector.account("a").course.aside.covers(broken.parts[0]):  # type: ignore[union-attr]
        world.wrong("nothing is said of what the sweep cannot read")


def swept(world: World, passes: int) -> None:
    """Live on for so many passes of the sweep."""
    for _ in range(passes):
        world.pass_time(60)
        rounds(world, 2)
