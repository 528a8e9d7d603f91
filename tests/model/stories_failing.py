"""Stories of questions that fail while all else is answered: what is live goes on, nothing is said that is not known.

Each is told of one stream (`test_rules`).
"""

from __future__ import annotations

from telegraf_plugin.stream.quarantine import Quarantine
from telegraf_plugin.stream.spans import span
from tests.model.outside import SECOND, Question, Reply
from tests.model.stories import rounds
from tests.model.streams import BEGIN, HISTORY
from tests.model.world import World

BROKEN = span(BEGIN - 200 * SECOND, BEGIN - 190 * SECOND)


def live(world: World, measurement: str = "m", ago: int = 0) -> None:
    """A point comes that is so many seconds old: it is in central with the next tick."""
    world.write("a", measurement, ago, 1)
    key = (measurement, world.now // SECOND * SECOND - ago * SECOND)
    world.round()
    if key not in world.central.points["a"]:
        world.wrong(f"{key} is live, and did not come with the next tick")


def central_answers_the_watch_alone(world: World) -> None:
    """Marks come back, and nothing can be counted or compared, while Telegraf loses a batch."""
    rounds(world)
    world.central.failures.questions = set(Question)
    for number in range(8):
        world.write("a", "m", 0, number)
        world.round(Reply.REJECTED if number in (2, 3) else Reply.WELL)
    live(world)
    live(world, "s", ago=12)  # as agents flush: it comes by what a read goes over again
    if world.collector.account("a").course.proved.covers((world.now - 70 * SECOND, world.now - 60 * SECOND)):  # type: ignore[union-attr]
        world.wrong("proved what nobody could compare")


def central_counts_nothing(world: World) -> None:
    """Central prints points, and cannot count them: what is live goes on, and is proved by its hash."""
    rounds(world)
    world.central.failures.questions = {Question.COUNT}
    for _ in range(24):
        live(world)
    if world.central.failures.failed > 24:
        world.wrong(f"central was asked {world.central.failures.failed} times in vain")
    if not world.collector.account("a").course.proved.covers((world.now - 200 * SECOND, world.now - 190 * SECOND)):  # type: ignore[union-attr]
        world.wrong("nothing is proved, though all can be compared")


def source_counts_nothing(world: World) -> None:
    """The source prints points, and cannot count them."""
    rounds(world)
    world.source.failures.questions = {Question.COUNT}
    for _ in range(8):
        live(world)
    live(world, "s", ago=12)


def source_reads_nothing(world: World) -> None:
    """The source counts points, and cannot print them; then it can."""
    rounds(world)
    world.source.failures.questions = {Question.POINTS}
    for number in range(6):
        world.write("a", "m", 0, number)
        world.round()
    world.source.failures.end()
    rounds(world, 3)
    live(world)


def span_that_cannot_be_read(world: World) -> None:
    """A few seconds of the source's history cannot be read: what lies behind them is copied, and proved."""
    world.fill(5)
    world.source.failures.spans = BROKEN
    told_of_a_broken_span(world, world.collector.account("a").course.unread)  # type: ignore[union-attr]


def span_that_cannot_be_compared(world: World) -> None:
    """The same in central's."""
    world.fill(5)
    world.central.failures.spans = BROKEN
    told_of_a_broken_span(world, world.collector.account("a").course.unproved)  # type: ignore[union-attr]


def told_of_a_broken_span(world: World, quarantine: Quarantine) -> None:
    for number in range(30):
        live(world)
        if number > 10:
            world.pass_time(30)
    course = world.collector.account("a").course  # type: ignore[union-attr]
    behind = BEGIN - HISTORY, BEGIN - 270 * SECOND
    if not course.proved.covers(behind):
        world.wrong("what lies behind is not proved")
    if course.proved & BROKEN:
        world.wrong("proved what cannot be read")
    if not quarantine.aside & BROKEN:
        world.wrong("nothing is said of what fails again and again")
    if quarantine.aside.length > 120 * SECOND:
        world.wrong(f"more than what fails is set aside: {quarantine.aside.length // SECOND} s")
    if len(quarantine.reason) < 4:
        world.wrong("and not why")
