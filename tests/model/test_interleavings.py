"""What another thread, or somebody else, does between any two steps of a job that is under way."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from tests.model import stories
from tests.model.stories_asked import lacks
from tests.model.streams import STREAMS
from tests.model.world import World

Act = Callable[[World], None]
STEPS = range(0, 66, 3)
"""Some of the points of the rounds in which a span is proved, of which there are more than 60."""


def stranger(world: World) -> None:
    """Somebody else's old line lands with its mark, and the watch sees it at once."""
    world.excused.add(("a", max(world.source.points["a"], key=lambda key: key[1])))
    stories.overwrite(world)
    assert world.collector is not None
    world.collector.look(ticked=True)


def restore(world: World) -> None:
    """Central is put back, and the watch sees it at once."""
    world.put_back(world.copies[0])
    assert world.collector is not None
    world.collector.look()


def ticked(world: World) -> None:
    """A tick comes, and points were written just before."""
    world.write("a", "m", 0, 5)
    world.write("a", "n", 30, 5)
    assert world.collector is not None
    world.collector.tick()


@pytest.mark.parametrize("act", [stranger, restore, ticked], ids=lambda act: act.__name__)
def test_between_any_two_steps(act: Act) -> None:
    for step in STEPS:
        told(act, before=10, step=step)


@pytest.mark.parametrize("act", [stranger, restore, ticked], ids=lambda act: act.__name__)
def test_between_a_comparison_and_what_follows_from_it(act: Act) -> None:
    world = begun()
    since = len(world.trail)
    stories.rounds(world, 16)
    trail = world.trail[since:]
    steps = [step for step, acts in enumerate(pairwise(trail), 1) if acts[1] == "compared" != acts[0]]
    assert steps
    for step in steps:
        told(act, before=0, step=step)


def begun() -> World:
    """Begin with a point that is not proved yet, and a copy of central that is older."""
    world = World(STREAMS[:1])
    world.start()
    stories.rounds(world, 4)
    world.copy_central()
    stories.rounds(world, 4)
    world.write("a", "m", 0, 1)
    return world


def told(act: Act, before: int, step: int) -> None:
    """Have `act` happen so many rounds, and then points, after a point was written."""
    world = begun()
    stories.rounds(world, before)
    world.script.append((step, lambda: act(world)))
    stories.rounds(world, 16 - before)
    assert not world.script
    stories.rounds(world, 12)
    lacks(world, list(world.source.points["a"]), f"{act.__name__} after {step} points")
    if not world.problems:
        world.calm()
    assert world.problems == [], step
