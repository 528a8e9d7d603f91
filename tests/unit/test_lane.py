"""A stream of a worker: what the buckets set for it, and when it may be worked on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telegraf_plugin.errors import CentralError, PermanentError, TransientError
from telegraf_plugin.gate import Gate
from telegraf_plugin.influxdb.client import Bucket
from telegraf_plugin.lane import RETENTION_MARGIN, Lane
from telegraf_plugin.stream.account import RENEW, Account, State
from telegraf_plugin.stream.clocks import instant
from telegraf_plugin.stream.course import Bounds, Instant
from telegraf_plugin.stream.definition import Aggregate, AggregateFunction, StreamDefinition
from telegraf_plugin.stream.jobs import Copy
from telegraf_plugin.stream.spans import BEGINNING
from telegraf_plugin.stream.uncompared import Question
from telegraf_plugin.stream.units import HOUR
from tests.unit.test_definition import STREAM

SECOND = 1_000_000_000
DAY = 24 * HOUR
SOURCE, CLOCK = 10**18, 10**18 + 5 * SECOND  # the source's clock is behind
AT = Instant(SOURCE, CLOCK, 7)


COUNT, READ = Question.COUNT, Question.READ


def lane(here: Bucket | None = None, there: Bucket | None = None, stream: StreamDefinition = STREAM) -> Lane:
    found = Lane(Account(stream, "me"), Gate(1000), source_bucket=here, central_bucket=there)
    found.set_bounds(AT)
    return found


def bounds(here: Bucket | None = None, there: Bucket | None = None) -> Bounds:
    return lane(here, there).account.course.bounds


def test_what_is_not_known_of_the_buckets_bounds_nothing() -> None:
    assert bounds() == Bounds(frozenset({HOUR}), BEGINNING, BEGINNING, BEGINNING)


def test_buckets_that_keep_for_ever_set_where_is_cut_alone() -> None:
    assert bounds(Bucket(0, 7 * DAY), Bucket(0, DAY)) == Bounds(
        frozenset({7 * DAY, DAY}), BEGINNING, BEGINNING, BEGINNING
    )
    assert bounds(None, Bucket(0, DAY)).groups == {DAY}


def test_what_central_is_about_to_refuse_as_too_old_is_not_sent() -> None:
    found = bounds(Bucket(0, DAY), Bucket(3 * DAY, DAY))
    assert found.oldest == SOURCE - 3 * DAY + RETENTION_MARGIN
    assert found.expires == found.lost == BEGINNING


def test_this_machines_clock_far_ahead_leaves_no_point_out_as_too_old() -> None:
    """Two clocks agree, that of the source and central's: by the third alone all would be older than central keeps."""
    found = Lane(Account(STREAM, "me"), Gate(1000), central_bucket=Bucket(2 * DAY, DAY))
    found.set_bounds(at := instant(SOURCE + 3 * DAY, 0, -3 * 86_400.0, -3 * 86_400.0))
    assert at.source == SOURCE // SECOND * SECOND
    assert found.account.course.bounds.oldest <= SOURCE - 2 * DAY + RETENTION_MARGIN


@pytest.mark.parametrize(("retention", "margin"), [(10 * HOUR, HOUR), (10 * DAY, DAY), (100 * DAY, DAY)])
def test_what_the_source_is_about_to_lose_is_told_a_tenth_of_its_retention_before(retention: int, margin: int) -> None:
    found = bounds(Bucket(retention, DAY), None)
    assert (found.lost, found.expires) == (SOURCE - retention, SOURCE - retention + margin)
    assert found.oldest == BEGINNING


def test_a_mark_is_renewed_before_centrals_retention_takes_it() -> None:
    assert lane(None, Bucket(DAY, HOUR)).account.renew == RENEW
    assert lane(None, Bucket(HOUR // 2, HOUR)).account.renew == HOUR // 8
    assert lane(Bucket(HOUR, HOUR), None).account.renew == RENEW


def test_bounds_move_with_each_tick() -> None:
    found = lane(Bucket(DAY, HOUR), Bucket(DAY, HOUR))
    found.tick(Instant(SOURCE + 60 * SECOND, CLOCK + 60 * SECOND, 8), 1.0)
    assert found.account.course.bounds.lost == SOURCE - DAY + 60 * SECOND
    assert found.account.course.due
    assert found.unasked


def test_an_aggregate_longer_than_a_shard_group_is_refused() -> None:
    day = replace(STREAM, aggregate=Aggregate(DAY, AggregateFunction.MEAN))
    lane(Bucket(0, DAY), Bucket(0, DAY), day).refuse_unfit()
    lane(None, None, day).refuse_unfit()
    with pytest.raises(PermanentError, match=r"aggregate.every is longer than the bucket's shard groups \(3600 s\)"):
        lane(Bucket(0, DAY), Bucket(0, HOUR), day).refuse_unfit()


def test_a_failure_is_tried_again_after_a_while_and_at_a_tick_at_once() -> None:
    found = lane()
    found.failed(TransientError("what", "hint"), 10.0)
    assert not found.may_work(10.0)
    assert found.may_work(found.retry_at)
    found.tick(AT, 10.0)
    assert found.may_work(10.0)


def test_a_source_that_asked_to_be_left_alone_is_also_at_a_tick() -> None:
    found = lane()
    found.failed(TransientError("what", "hint", retry_after=30.0), 10.0)
    found.tick(AT, 20.0)
    assert not found.may_work(20.0)
    assert not found.account.course.due
    assert found.may_work(found.not_before)


def test_a_permanent_failure_is_tried_again_with_the_next_tick() -> None:
    found = lane()
    found.failed(PermanentError("what", "hint"), 10.0)
    assert not found.may_work(10.0**9)
    found.tick(AT, 20.0)
    assert found.may_work(20.0)


def test_a_tick_is_done_when_nothing_that_it_made_due_is_left_whatever_there_is_of_a_backlog() -> None:
    """A first fill of a year, with one point an hour, was bad health as long as it took."""
    found = lane()
    found.account.adopt(None, None, SOURCE - 365 * DAY, AT)
    found.account.state = State.RUNNING
    found.tick(AT, 0.0)
    assert found.pending(0.0)
    found.account.course.due = False  # all that is live was copied
    assert found.account.course.work(AT).length > 364 * DAY
    assert not found.pending(0.0)


@pytest.mark.parametrize(("live", "of_the_tick"), [(True, True), (False, False)])
def test_a_copy_of_the_backlog_that_is_under_way_keeps_no_tick_from_its_end(live: bool, of_the_tick: bool) -> None:
    found = lane()
    found.busy, found.job = True, Copy((0, 1), live)
    assert found.pending(0.0) is of_the_tick


def test_one_that_sleeps_is_woken_by_a_tick() -> None:
    found = lane()
    found.asleep_until = 30.0
    assert not found.may_work(20.0)
    found.tick(AT, 20.0)
    assert found.may_work(20.0)


def test_what_central_must_answer_waits_longer_after_each_failure_until_it_answers() -> None:
    found = lane()
    waits = []
    for _ in range(3):
        found.central_failed(COUNT, CentralError("away", "wait"), 100 * SECOND)
        waits.append(found.central_at - 100.0)
    assert waits == [1.0, 2.0, 4.0]
    assert found.may_work(100.0)  # its source has nothing to do with it
    found.done(source=True, central=None)
    assert found.central_at == 104.0
    found.done(source=False, central=COUNT)
    assert found.central_at == 0.0


def test_a_failure_of_central_is_news_once_for_each_reason_and_again_after_a_minute() -> None:
    found = lane()
    news = [
        found.central_failed(COUNT, CentralError(summary, "wait"), int(now * SECOND))
        for summary, now in (("away", 100.0), ("away", 130.0), ("full", 131.0), ("full", 190.9), ("full", 191.0))
    ]
    assert news == [True, False, True, False, True]
    assert not found.done(source=True, central=None)  # the source says nothing of central
    assert found.done(source=False, central=COUNT)  # it failed before: that it is well is news too
    assert not found.done(source=False, central=COUNT)
    assert found.central_failed(COUNT, CentralError("full", "wait"), 192 * SECOND)


def test_a_central_that_counts_and_does_not_give_its_points_cannot_be_compared_with() -> None:
    found = lane()
    assert found.central_failed(READ, CentralError("out of memory", "wait"), 100 * SECOND)
    assert not found.done(source=True, central=COUNT)
    assert not found.central_failed(READ, CentralError("out of memory", "wait"), 110 * SECOND)
    assert not found.done(source=True, central=COUNT)
    told = found.progress(130 * SECOND)
    assert (told.uncompared, told.uncompared_reason, told.uncompared_total) == (30 * SECOND, "out of memory", 2)
    assert found.done(source=False, central=READ)
    assert found.progress(131 * SECOND).uncompared == 0


def test_what_fails_longest_is_told() -> None:
    found = lane()
    found.central_failed(READ, CentralError("out of memory", "wait"), 100 * SECOND)
    found.central_failed(COUNT, CentralError("away", "wait"), 105 * SECOND)
    assert found.progress(110 * SECOND).uncompared_reason == "out of memory"
    assert not found.done(source=False, central=READ)  # it does not count yet
    assert found.progress(110 * SECOND).uncompared_reason == "away"
    assert found.done(source=False, central=COUNT)


def test_only_a_failure_alone_with_nothing_asked_for_is_tried_again_at_once() -> None:
    for retry_after, alone, at_once in ((None, True, True), (None, False, False), (9.0, True, False)):
        found = lane()
        found.failed(TransientError("busy", "wait", retry_after=retry_after), 100.0, alone)
        assert found.may_work(100.0) is at_once


def test_after_an_answer_of_central_the_waiting_begins_anew() -> None:
    found = lane()
    waits = []
    for _ in range(2):
        found.central_failed(COUNT, CentralError("away", "wait"), 100 * SECOND)
        waits.append(found.central_at - 100.0)
        found.done(source=False, central=COUNT)
    assert waits == [1.0, 1.0]
