"""What another thread, or somebody else, does between any two steps of a job that is under way."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.model import stories
from tests.model.stories_asked import lacks
from tests.model.world import STREAMS, World

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
def test_between_any_two_steps(act: Callable[[World], None]) -> None:
    for step in STEPS:
        world = World(STREAMS[:1])
        try:
            world.start()
            stories.rounds(world, 4)
            world.copy_central()
            stories.rounds(world, 4)
            world.write("a", "m", 0, 1)
            stories.rounds(world, 10)
            world.script.append((step, lambda world=world: act(world)))  # type: ignore[misc]
            stories.rounds(world, 6)
            assert not world.script
            stories.rounds(world, 12)
            lacks(world, list(world.source.points["a"]), f"{act.__name__} after {step} points")
            if not world.problems:
                world.calm()
            assert world.problems == [], step
        finally:
            world.close()
