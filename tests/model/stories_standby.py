"""Stories of two collectors of which one stands by: who prints, and that it is one of them."""

from __future__ import annotations

from telegraf_plugin.stream.units import MINUTE
from tests.model.outside import INTERVAL, SECOND
from tests.model.pair import TAKEOVER, Machine, Pair, Writes
from tests.model.world import World

OUTPUTS, NONE = frozenset({"data", "metrics"}), frozenset[str]()
"""Of which outputs of a Telegraf nothing reaches central."""


def pair(world: World) -> tuple[Pair, Machine, Machine, Writes]:
    """Return the pair, the machine that has the lease, the one that stands by, and what writes to the source."""
    assert isinstance(world, Pair)
    writes = Writes(world)
    world.live(40, writes)
    first, second = world.machines
    if world.active != ["z1"]:
        world.wrong(f"{world.active} were active, not the first alone")
    return world, first, second, writes


def arrives(world: Pair, writes: Writes, what: str) -> None:
    """Find out that a point is not in central though it was written two intervals ago."""
    late = world.now - 2 * INTERVAL
    lacking = [key for key in writes.keys if key[1] < late and key not in world.central.points["a"]]
    if lacking:
        world.wrong(f"central lacks {len(lacking)} points after {what}")


def taken_over(world: Pair, since: int) -> None:
    """Find out that nobody took over in time from one that fell silent at `since` (ns)."""
    if world.silent_for(since) > TAKEOVER:
        world.wrong(f"nobody prints for {world.silent_for(since) / SECOND:.0f} s")


def went_over_once(world: Pair) -> None:
    """Find out that the lease went from the first to the other, and stayed there."""
    if world.active != ["z1", "a1"]:
        world.wrong(f"it went back and forth: {world.active}")


def killed(world: World) -> None:
    """The active one's machine is gone: the other takes over within three intervals."""
    both, first, _, writes = pair(world)
    both.kill_machine(first)
    since = both.now
    both.live(60, writes)
    taken_over(both, since)
    arrives(both, writes, "a takeover")
    both.boot(first)
    both.live(60, writes)
    went_over_once(both)


def asleep(world: World) -> None:
    """The active one's machine stops for a minute, and goes on: it finds that it is active no more."""
    both, first, _, writes = pair(world)
    first.asleep = True
    both.live(60, writes)
    first.asleep = False
    both.live(60, writes)
    went_over_once(both)
    arrives(both, writes, "a minute of sleep")


def asleep_in_a_read(world: World) -> None:
    """The active one stops in the midst of what it prints, for a minute: it does not print the rest."""
    both, first, _, writes = pair(world)
    for ago in range(1, 13):
        both.write("a", "n", ago, 1)

    def sleep() -> None:
        if both.phase != "lines printed":
            both.script.append((0, sleep))
            return
        first.asleep = True
        both.live(60, writes)
        first.asleep = False

    both.script.append((0, sleep))
    both.live(80, writes)
    if both.script:
        both.wrong("it did not sleep")
    before = both.printing["z1"].last
    if any(each.first < before for run, each in both.printing.items() if run != "z1"):
        both.wrong("it went on printing when it woke up, though another one does")


def cut_off(world: World) -> None:
    """The active one cannot reach central, the other can: the one stops by itself before the other begins."""
    both, first, _, writes = pair(world)
    first.cut_off = True
    both.live(100, writes)
    if both.printing["z1"].last > both.printing.get("a1", both.printing["z1"]).first:
        both.wrong("it prints though another one does")
    if "a1" not in both.printing:
        both.wrong("nobody took over")
    first.cut_off = False
    both.live(60, writes)
    went_over_once(both)
    arrives(both, writes, "one was cut off")


def late_words(world: World) -> None:
    """The active one is killed, and its Telegraf brings its last words when another one has taken over."""
    both, first, _, writes = pair(world)
    first.unheard = OUTPUTS
    both.live(12, writes)
    both.kill_machine(first, telegraf=False)
    both.live(40, writes)
    first.unheard = NONE
    both.live(60, writes)
    if both.active != ["z1", "a1"]:
        both.wrong(f"what came late has changed who is active: {both.active}")
    arrives(both, writes, "late words")


def central_away(world: World) -> None:
    """Central is away for long: who stands by does not call that the other's silence."""
    both, first, _, writes = pair(world)
    both.central.silent = True
    both.live(100, writes)
    both.central.silent = False
    first.unheard = OUTPUTS  # a Telegraf takes a while to try again
    both.live(5, writes)
    first.unheard = NONE
    both.live(60, writes)
    if both.active != ["z1"]:
        both.wrong(f"it was taken over: {both.active}")
    arrives(both, writes, "central was away")


def ended(world: World) -> None:
    """The active one ends as it should: nobody waits for it."""
    both, first, _, writes = pair(world)
    both.end_machine(first)
    since = both.now
    both.live(30, writes)
    if both.silent_for(since) > INTERVAL + 2 * SECOND:
        both.wrong(f"nobody prints for {both.silent_for(since) / SECOND:.0f} s after a clean end")
    arrives(both, writes, "a clean end")


def started_again(world: World) -> None:
    """One alone ends as it should, and is started again: it begins at once."""
    both, first, second, writes = pair(world)
    both.kill_machine(second)
    both.end_machine(first)
    both.boot(first)
    since = both.now
    both.live(30, writes)
    if both.silent_for(since) > INTERVAL + 2 * SECOND:
        both.wrong(f"nobody prints for {both.silent_for(since) / SECOND:.0f} s after a start")


def both_at_once(world: World) -> None:
    """The active one ends when two stand by: both take the lease at once, and one has it."""
    both, first, second, writes = pair(world)
    third = Machine("m", type(first.telegraf)(both.central))
    both.machines.append(third)
    both.boot(third)
    both.live(12, writes)
    both.end_machine(first)
    for machine in (second, third):  # neither has read the other's claim when it makes its own
        machine.unheard = OUTPUTS
    both.live(6, writes)
    for machine in (second, third):
        machine.unheard = NONE
    both.live(60, writes)
    if both.active[:2] != ["z1", "m1"]:
        both.wrong(f"one of them was to have it: {both.active}")
    arrives(both, writes, "both took it")


def claim_that_does_not_land(world: World) -> None:
    """One that stands by takes the lease, and its claim does not reach central: it does not print."""
    both, first, second, writes = pair(world)
    third = Machine("m", type(first.telegraf)(both.central))
    both.machines.insert(0, third)  # it acts before the other one that stands by
    both.boot(third)
    both.live(12, writes)
    third.unheard = frozenset({"metrics"})
    both.kill_machine(first)
    both.live(60, writes)
    if "m1" in both.printing:
        both.wrong("it prints though its claim is not in central")
    if both.active != ["z1", second.name + "1"]:
        both.wrong(f"{both.active} were active")
    third.unheard = NONE
    both.live(60, writes)
    arrives(both, writes, "a claim that did not land")


def clocks_apart(world: World) -> None:
    """The clocks of the two differ, either way: nobody is taken for silent, or not, by that."""
    both, first, second, writes = pair(world)
    for ahead in (50 * MINUTE, -50 * MINUTE):
        second.ahead = ahead
        both.live(50, writes)
    if both.active != ["z1"]:
        both.wrong(f"it was taken over: {both.active}")
    both.kill_machine(first)
    since = both.now
    both.live(60, writes)
    taken_over(both, since)
    second.ahead = 0


def clock_put_back(world: World) -> None:
    """The active one's clock is put back by an hour: what it says from then on is heard all the same."""
    both, first, _, writes = pair(world)
    first.ahead = -50 * MINUTE
    both.live(60, writes)
    if both.active != ["z1"]:
        both.wrong(f"it was taken over: {both.active}")
    if both.printing["z1"].last < both.now - TAKEOVER:
        both.wrong("it prints no more")
    first.ahead = 0


STORIES = (
    killed,
    asleep,
    asleep_in_a_read,
    cut_off,
    late_words,
    central_away,
    ended,
    started_again,
    both_at_once,
    claim_that_does_not_land,
    clocks_apart,
    clock_put_back,
)
