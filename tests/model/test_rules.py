"""Each rule of the collector guards itself: with it a story ends well, and without it alone the same one does not.

docs/architecture.md lists the rules ("Rules and their guards").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from telegraf_plugin.stream import flow
from telegraf_plugin.stream.account import Account, State
from telegraf_plugin.stream.course import Course, Instant
from telegraf_plugin.stream.flow import Flow
from telegraf_plugin.stream.holds import Holds
from telegraf_plugin.stream.ledger import Believed, Mark, MarkId
from telegraf_plugin.stream.markbook import MarkBook
from telegraf_plugin.stream.spans import NOTHING, Spans, span
from tests.model import clients, stories
from tests.model import stories_asked as asked
from tests.model import stories_failing as failing
from tests.model import stories_time as time
from tests.model.outside import BATCH, ModelTelegraf, Reply
from tests.model.world import STREAMS, World

Patch = pytest.MonkeyPatch


def no_start_mark(patch: Patch) -> None:
    adopt = Account.adopt

    def adopted(self: Account, mark: Mark | None, mirror: None, start: int, at: Instant) -> None:
        adopt(self, mark, mirror, start, at)
        self.book.started, self.state = True, State.RUNNING

    patch.setattr(Account, "adopt", adopted)


def no_base_while_running(patch: Patch) -> None:
    patch.setattr(MarkBook, "gone", lambda _self, _present, _since=0: False)


def _newest(marks: Iterable[Mark]) -> Believed | None:
    found = max(marks, key=lambda mark: mark.id, default=None)
    return Believed(found, Spans()) if found is not None else None


def no_base_at_start(patch: Patch) -> None:
    patch.setattr(clients, "newest_believable", _newest)


def no_clip(patch: Patch) -> None:
    tick, adopt = Course.tick, Course.adopt

    def ticked(self: Course, at: Instant) -> None:
        proved = self.proved
        tick(self, at)
        self.proved = proved

    def adopted(self: Course, origin: int, proved: Spans, at: Instant) -> None:
        adopt(self, origin, proved, at)
        self.proved = proved

    patch.setattr(Course, "tick", ticked)
    patch.setattr(Course, "adopt", adopted)


def no_waiting_for_the_mark(patch: Patch) -> None:
    def is_back(self: MarkBook, _mark: MarkId | None) -> bool:
        return self.started

    patch.setattr(MarkBook, "is_back", is_back)


def no_mark_before_a_repair(patch: Patch) -> None:
    patch.setattr(MarkBook, "claimed", NOTHING)


def last_in_first_out(patch: Patch) -> None:
    def send(self: ModelTelegraf, output: str, _reply: Reply, _now: int, size: int = BATCH) -> bool:
        buffer = self.buffers[output]
        batch = [buffer.pop() for _ in range(min(size, len(buffer)))]
        self._central.land(batch[::-1])
        return bool(batch)

    patch.setattr(ModelTelegraf, "send", send)


def no_settling(patch: Patch) -> None:
    def have_left(self: Course, at: Instant) -> None:
        self._started_at = at.safe if self._started_at is None else self._started_at

    patch.setattr(Course, "_have_left", have_left)


def no_settling_after_a_start(patch: Patch) -> None:
    have_left = Course._have_left

    def left(self: Course, at: Instant) -> None:
        have_left(self, at)
        self._started_at = 0

    patch.setattr(Course, "_have_left", left)


def no_limit(patch: Patch) -> None:
    patch.setattr(Flow, "has_room", lambda *_args: True)


def no_share(patch: Patch) -> None:
    patch.setattr(flow, "BACKLOG_SHARE", 1.0)


def no_doubt(patch: Patch) -> None:
    patch.setattr(Course, "doubt", lambda *_args: None)


def no_hold(patch: Patch) -> None:
    patch.setattr(Holds, "hold", lambda *_args: None)


def no_hash(patch: Patch) -> None:
    """Counts prove."""

    def checked(self: Course, outcomes: list[object]) -> None:
        for outcome in outcomes:
            if outcome.equal:  # type: ignore[attr-defined]
                self.proved += span(*outcome.span) & self.legs.spans()  # type: ignore[attr-defined]

    patch.setattr(Course, "checked", checked)


RULES: dict[str, tuple[Callable[[Patch], None], Callable[[World], None]]] = {
    "start-up mark": (no_start_mark, stories.buffer_full_of_a_killed_run),
    "base, while running": (no_base_while_running, stories.put_back_while_running),
    "base, at the start": (no_base_at_start, stories.put_back_before_a_mark_lands),
    "clip to the lookback": (no_clip, stories.clocks_ahead_together),
    "proof after the last print": (no_waiting_for_the_mark, stories.there_and_back_again),
    "mark before a repair": (no_mark_before_a_repair, stories.stranger_while_marks_are_stuck),
    "first in, first out": (last_in_first_out, stories.rewritten_in_the_buffer),
    "settling": (no_settling, stories.late_over_newer),
    "settling after a start": (no_settling_after_a_start, stories.late_after_a_start),
    "limit": (no_limit, stories.burst),
    "share of the backlog": (no_share, stories.backlog_while_nothing_leaves),
    "doubt": (no_doubt, stories.stranger),
    "hold": (no_hold, stories.refused),
    "proof by hash": (no_hash, stories.rewritten_early),
}


WORLDS: dict[Callable[[World], None], Callable[[], World]] = {
    asked.lost_in_central: lambda: World(STREAMS[:1], sweep=0.5),
    asked.changed_at_the_source: lambda: World(STREAMS[:1], sweep=0.5),
    asked.lost_behind_what_fails: lambda: World(STREAMS[:1], sweep=0.5),
    time.years_of_nothing: lambda: World(time.OF_YEARS),
    time.about_to_be_lost: lambda: World(time.OF_YEARS),
    time.begins_at_its_first_point: lambda: World(time.EARLIEST),
    time.began_ahead: lambda: World(time.OF_MINUTES),
    time.metrics_unreadable: lambda: World(time.OF_MINUTES),
}
"""What the stories are told of, where it is not one stream that begins at a date, without a sweep."""


def problems(story: Callable[[World], None]) -> list[str]:
    world = WORLDS.get(story, lambda: World(STREAMS[:1]))()
    try:
        world.start()
        story(world)
        world.check()
        if not world.problems:
            world.calm()
        return world.problems
    finally:
        world.close()


@pytest.mark.parametrize("rule", RULES)
def test_guards(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    without, story = RULES[rule]
    assert problems(story) == []
    without(monkeypatch)
    assert problems(story) != []


TOLD = [
    failing.central_answers_the_watch_alone,
    failing.central_counts_nothing,
    failing.source_counts_nothing,
    failing.source_reads_nothing,
    failing.span_that_cannot_be_read,
    failing.span_that_cannot_be_compared,
    asked.backfill_of_an_island,
    asked.backfill_next_to_the_origin,
    asked.cancelled_backfill,
    asked.repair,
    asked.lost_in_central,
    asked.changed_at_the_source,
    asked.lost_behind_what_fails,
    time.type_conflict_for_an_hour,
    time.held_when_settled,
    time.started_again,
    time.started_again_with_a_loss,
    time.years_of_nothing,
    time.begins_at_its_first_point,
    time.about_to_be_lost,
    time.central_forgets,
    time.source_far_ahead,
    time.began_ahead,
    time.late_while_clocks_were_ahead,
    time.late_while_clocks_were_ahead_and_killed,
    time.metrics_unreadable,
    time.everyday,
    time.first_fill,
    time.collector_ahead,
    time.left_lines_while_nobody_looked,
    time.refused_twice,
]


@pytest.mark.parametrize("story", TOLD, ids=lambda story: story.__name__)
def test_tells(story) -> None:
    assert problems(story) == []
