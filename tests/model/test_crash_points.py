"""kill -9 at every point of a story that has all acts of the cycle in it, with Telegraf or without."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from tests.model.outside import Reply
from tests.model.streams import STREAMS
from tests.model.world import Killed, World

ACTS = {"lines printed", "mark printed", "mark back", "compared", "next mark printed"}
"""After each of these the next thing may be a kill -9."""


def tell(world: World) -> None:
    """A first fill; points that come late, are rewritten, or lost on the way; a copy of central put back."""
    for number in range(16):
        world.start()
        world.write("a", "m", 0, number)
        if number % 3 == 0:
            world.write("a", "m", 45, number)
        if number == 6:
            world.central.refused = {"n"}
            world.write("a", "n", 3, 1)
        if number == 8:
            world.copy_central()
        if number == 11:
            world.put_back(world.copies[0])
            world.central.refused = set()
        world.round(Reply.REJECTED if number % 5 == 4 else Reply.WELL)


def killed_after(points: int, telegraf_too: bool) -> Counter[str]:
    """Tell the story with a kill after so many points; returns after which act that was."""
    world = World(STREAMS[:1])
    world.fill()

    def kill() -> None:
        if telegraf_too:
            for output in world.telegraf.buffers:
                world.telegraf.drop(output, len(world.telegraf.buffers[output]))
        raise Killed

    world.script.append((points, kill))
    tell(world)
    world.calm()
    assert not world.problems, points
    return world.crashes


def trail() -> list[str]:
    """Return what was done last at each point of the story."""
    world = World(STREAMS[:1])
    world.fill()
    tell(world)
    assert not world.problems
    return world.trail


@pytest.mark.parametrize("telegraf_too", [False, True])
def test_killed_at_every_point_of_the_cycle(telegraf_too: bool) -> None:
    """Some points of each act; `MODEL_EXAMPLES` has it take all there are."""
    acts = trail()
    assert set(acts) >= ACTS
    crashes: Counter[str] = Counter()
    for act in sorted(ACTS):
        points = [number for number, each in enumerate(acts) if each == act]
        for point in points if "MODEL_EXAMPLES" in os.environ else points[:: -(-len(points) // 12)]:
            crashes += killed_after(point, telegraf_too)
    assert set(crashes) == ACTS
