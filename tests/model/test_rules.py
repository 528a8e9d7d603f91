"""Each rule of the collector guards itself: with it a story ends well, and without it alone the same one does not.

docs/architecture.md lists the rules ("Rules and their guards").
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.model import removals, removals_standby, stories
from tests.model import stories_asked as asked
from tests.model import stories_failing as failing
from tests.model import stories_paused as paused
from tests.model import stories_proof as proof
from tests.model import stories_standby as standby
from tests.model import stories_time as time
from tests.model import stories_together as together
from tests.model.pair import Pair
from tests.model.streams import STREAMS
from tests.model.world import World

Story = Callable[[World], None]

RULES: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], Story]] = {
    "start-up mark": (removals.no_start_mark, stories.buffer_full_of_a_killed_run),
    "base, while running": (removals.no_base_while_running, stories.put_back_while_running),
    "base, at the start": (removals.no_base_at_start, stories.put_back_before_a_mark_lands),
    "clip to the lookback": (removals.no_clip, stories.clocks_ahead_together),
    "proof after the last print": (removals.no_waiting_for_the_mark, stories.there_and_back_again),
    "mark before a repair": (removals.no_mark_before_a_repair, stories.stranger_while_marks_are_stuck),
    "first in, first out": (removals.last_in_first_out, stories.rewritten_in_the_buffer),
    "settling": (removals.no_settling, stories.late_over_newer),
    "settling after a start": (removals.no_settling_after_a_start, stories.late_after_a_start),
    "limit": (removals.no_limit, stories.burst),
    "share of the backlog": (removals.no_share, stories.backlog_while_nothing_leaves),
    "live beside a backlog": (removals.no_room_beside_a_backlog, stories.live_beside_a_backlog_that_is_given_up),
    "invalidate": (removals.no_doubt, stories.stranger),
    "hold": (removals.no_hold, stories.refused),
    "arrived is an equal count": (removals.no_count, failing.central_answers_the_watch_alone),
    "set aside, reading": (removals.no_setting_aside, failing.span_that_cannot_be_read),
    "set aside, comparing": (removals.no_setting_aside, failing.span_that_cannot_be_compared),
    "turns, counting": (removals.no_turns, failing.central_counts_nothing),
    "turns, one span": (removals.no_turns, failing.span_that_cannot_be_compared),
    "hold, by time": (removals.no_time_of_a_hold, time.type_conflict_for_an_hour),
    "hold, after a start": (removals.no_hold_after_a_start, time.type_conflict_for_an_hour),
    "counted first": (removals.no_count_first, time.started_again),
    "islands": (removals.no_islands, asked.backfill_of_an_island),
    "cancelled": (removals.no_cancelling, asked.cancelled_backfill),
    "repair": (removals.no_repair, asked.repair),
    "sweep": (removals.no_mending, asked.lost_in_central),
    "sweep, what fails": (removals.no_turn_kept_in_the_sweep, asked.lost_beside_what_fails),
    "sweep by hash": (removals.no_hash_in_the_sweep, asked.changed_at_the_source),
    "seek": (removals.no_seeking, time.years_of_nothing),
    "first point": (removals.no_second_search, time.begins_at_its_first_point),
    "about to be lost": (removals.no_hurry, time.about_to_be_lost),
    "present": (removals.no_other_clock, time.source_far_ahead),
    "settled anew": (removals.no_settling_anew, time.first_fill_by_a_clock_ahead),
    "proved too early": (removals.no_second_thought, time.late_while_clocks_were_ahead),
    "origin taken back": (removals.no_origin_taken_back, time.began_ahead),
    "mirrored origin": (removals.no_waiting_for_the_origin, time.metrics_unreadable),
    "doubts of the ledger": (removals.no_doubts_of_the_ledger, time.left_lines_while_nobody_looked),
    "overlap": (removals.no_overlap, failing.source_counts_nothing),
    "marks inside": (removals.no_marks_inside, stories.burst),
    "proof by hash": (removals.no_hash, stories.rewritten_early),
    "pause": (removals.no_pause, paused.paused_stream),
    "pause, in the ledger": (removals.no_pause_in_the_ledger, paused.paused_through_a_start),
    "pause, before a start": (removals.no_look_for_a_pause, paused.paused_before_a_start),
    "quiet hours": (removals.no_quiet, paused.quiet_hours),
    "quiet hours end": (removals.no_waking, paused.quiet_hours),
    "about to be lost, in quiet hours": (removals.no_hurry, paused.about_to_be_lost_in_quiet_hours),
    "what has waited lags from then on": (removals.no_grace, paused.outage_in_quiet_hours),
    "pace": (removals.no_pace, paused.pace),
    "lease, taken over": (removals_standby.no_takeover, standby.killed),
    "lease, a later term": (removals_standby.no_terms, standby.asleep),
    "lease, read back first": (removals_standby.no_reading_back, standby.claim_that_does_not_land),
    "lease, ends by itself": (removals_standby.no_end_by_itself, standby.cut_off),
    "lease, lines look at the time": (removals_standby.no_time_at_the_window, standby.asleep_in_a_read),
    "lease, blind is not silent": (removals_standby.no_blindness, standby.central_away),
    "lease, way is given": (removals_standby.no_giving_way, standby.asleep),
    "lease, one of two at once": (removals_standby.no_rank, standby.both_at_once),
    "lease, given up at the end": (removals_standby.no_giving_up, standby.ended),
}


WORLDS: dict[Story, Callable[[], World]] = {
    asked.lost_in_central: lambda: World(STREAMS[:1], sweep=0.5),
    asked.changed_at_the_source: lambda: World(STREAMS[:1], sweep=0.5),
    asked.lost_beside_what_fails: lambda: World(STREAMS[:1], sweep=0.5),
    asked.lost_behind_what_fails: lambda: World(STREAMS[:1], sweep=0.5),
    time.years_of_nothing: lambda: World(time.OF_YEARS),
    time.about_to_be_lost: lambda: World(time.OF_YEARS),
    time.begins_at_its_first_point: lambda: World(time.EARLIEST),
    time.began_ahead: lambda: World(time.OF_MINUTES),
    together.one_source_away: lambda: World(together.OF_TWO_SOURCES),
    together.one_source_asked: lambda: World(together.OF_TWO_SOURCES),
    together.sums_that_change: lambda: World(together.OF_SUMS),
    together.years_of_sums: lambda: World(together.OF_YEARS_OF_SUMS),
    time.metrics_unreadable: lambda: World(time.OF_MINUTES),
    paused.paused_sweep: lambda: World(STREAMS[:1], sweep=0.5),
    paused.quiet_hours: lambda: World(STREAMS[:1], restraint=paused.QUIET),
    paused.outage_in_quiet_hours: lambda: World(STREAMS[:1], restraint=paused.QUIET),
    paused.about_to_be_lost_in_quiet_hours: lambda: World(STREAMS[:1], restraint=paused.QUIET),
    paused.pace: lambda: World(STREAMS[:1], restraint=paused.PACE),
    **dict.fromkeys(standby.STORIES, Pair),
}
"""What the stories are told of, where it is not one stream that begins at a date, without a sweep."""


def problems(story: Story) -> list[str]:
    world = WORLDS.get(story, lambda: World(STREAMS[:1]))()
    world.start()
    story(world)
    world.check()
    if not world.problems:
        world.calm()
    return world.problems


TOLD = [
    failing.central_answers_the_watch_alone,
    failing.central_counts_nothing,
    failing.source_counts_nothing,
    failing.source_reads_nothing,
    failing.span_that_cannot_be_read,
    failing.span_that_cannot_be_compared,
    asked.backfill_of_an_island,
    asked.backfill_and_two_starts,
    asked.backfill_next_to_the_origin,
    asked.cancelled_backfill,
    asked.repair,
    asked.lost_in_central,
    asked.changed_at_the_source,
    asked.lost_behind_what_fails,
    asked.lost_beside_what_fails,
    time.type_conflict_for_an_hour,
    time.held_when_settled,
    time.started_again,
    time.started_again_with_a_loss,
    time.years_of_nothing,
    time.begins_at_its_first_point,
    time.about_to_be_lost,
    time.central_forgets,
    time.source_far_ahead,
    time.first_fill_by_a_clock_ahead,
    time.began_ahead,
    time.late_while_clocks_were_ahead,
    time.late_while_clocks_were_ahead_and_killed,
    time.metrics_unreadable,
    time.everyday,
    time.first_fill,
    time.collector_ahead,
    time.left_lines_while_nobody_looked,
    time.refused_twice,
    proof.started_while_clocks_were_ahead,
    proof.source_a_little_ahead,
    proof.killed_when_clocks_were_ahead,
    proof.compared_before_it_has_settled,
    proof.overwritten_while_a_mark_waits,
    proof.doubted_one_after_the_other,
    proof.left_alone_for_long,
    proof.rewritten_between_two_runs,
    proof.emptied_before_a_mark_lands_again,
    proof.long_ledger,
    together.one_source_away,
    together.one_source_asked,
    together.two_collectors,
    together.sums_that_change,
    together.years_of_sums,
    paused.paused_stream,
    paused.paused_through_a_start,
    paused.paused_before_a_start,
    paused.paused_backlog,
    paused.paused_sweep,
    paused.quiet_hours,
    paused.outage_in_quiet_hours,
    paused.about_to_be_lost_in_quiet_hours,
    paused.pace,
    *standby.STORIES,
]


@pytest.mark.parametrize("story", TOLD, ids=lambda story: story.__name__)
def test_tells(story: Story) -> None:
    assert problems(story) == []


@pytest.mark.parametrize("rule", RULES)
def test_guards(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    without, story = RULES[rule]
    assert problems(story) == []
    without(monkeypatch)
    assert problems(story) != []
