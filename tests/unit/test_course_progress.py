"""What arrived is compared; what an earlier run printed is counted first; a long lookback is few spans."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telegraf_plugin.stream.digest import Digest
from telegraf_plugin.stream.jobs import (
    Check,
    Copied,
    Copy,
    Foresee,
    Land,
    Prove,
    Seek,
)
from telegraf_plugin.stream.plan import MAX_PIECES, NEWEST_PIECES
from telegraf_plugin.stream.spans import BEGINNING, NOTHING, Spans, span
from telegraf_plugin.stream.units import HOUR as HOUR_NS
from tests.unit.course_bench import HOUR, LOOKBACK, SECOND, CourseBench, at, s, seconds, sp
from tests.unit.test_definition import STREAM

DAY = 24 * HOUR


def printed(bench: CourseBench, points: int = 5) -> Copy:
    """The next job is a copy that prints so many points, and all of it has left."""
    job = bench.next()
    assert isinstance(job, Copy)
    bench.course.copied(job, Copied(Digest(points=points), points, bench.mark(back=True), points), bench.at)
    return job


# Arrived means compared


def test_what_has_left_has_arrived_only_when_central_has_as_many_points() -> None:
    bench = CourseBench(-LOOKBACK)
    bench.tick(0)
    printed(bench)
    assert seconds(bench.course.lacking(bench.at)) == [(-LOOKBACK, 0)]
    job = bench.next()
    assert job == Land(sp(-LOOKBACK, 0), 5)
    bench.course.counted(job, 5)
    assert not bench.course.lacking(bench.at)
    assert bench.next() is None  # once


@pytest.mark.parametrize("there", [0, 4, 6])
def test_another_number_is_lacking_and_both_sides_are_counted_at_the_next_tick(there: int) -> None:
    bench = CourseBench(-LOOKBACK)
    bench.tick(0)
    printed(bench)
    job = bench.next()
    assert isinstance(job, Land)
    bench.course.counted(job, there)
    assert bench.next() is None
    assert seconds(bench.course.lacking(bench.at)) == [(-LOOKBACK, 0)]
    bench.tick(0)
    assert isinstance(bench.next(), Check)


def test_a_count_that_fails_says_nothing_and_holds_up_nothing() -> None:
    bench = CourseBench(-1000)
    bench.tick(0)
    printed(bench)
    job = bench.next(room=False)
    assert isinstance(job, Land)
    assert not bench.course.failed(job, "memory limit", bench.at, central=True).aside
    assert isinstance(bench.next(), Copy)  # the backlog goes on
    assert bench.course.lacking(bench.at).covers(sp(-LOOKBACK, 0))


def test_nothing_grows_while_central_answers_no_question_about_points() -> None:
    bench = CourseBench(-LOOKBACK)
    for now in range(0, DAY, 60):
        bench.tick(now)
        bench.central = True
        while (job := bench.next()) is not None:
            if isinstance(job, Copy):
                bench.course.copied(job, Copied(Digest(points=5), 5, bench.mark(back=True), 5), bench.at)
                bench.course.went_well(central=False)
            else:
                bench.course.failed(job, "memory limit", bench.at, central=True)
                bench.central = False  # it is left alone for a while
    assert len(bench.course.pending) < 80
    assert bench.course.lacking(bench.at).length >= (DAY - 60) * SECOND
    assert not bench.course.proved
    assert not bench.course.unproved


# After a start


def started(sent: Spans, origin: int = -10_000, proved: Spans = NOTHING) -> CourseBench:
    bench = CourseBench(origin)
    bench.course.adopt(s(origin), proved, at(0), sent)
    bench.book.adopt(None, NOTHING)
    bench.mark(back=True)
    return bench


def test_what_an_earlier_run_printed_is_counted_before_it_is_printed_again() -> None:
    bench = started(span(*sp(-900, -100)), -1000, span(*sp(-1000, -900)))
    bench.tick(0)
    assert bench.work() == [(-115, 0)]  # all but what is new, and the overlap
    job = bench.next()
    assert isinstance(job, Check)
    assert {part for piece in job.pieces for part in piece} == {sp(-900, -115)}
    bench.checked(job)
    assert [each.landed for each in bench.course.pending] == [True]
    bench.now = 2 * LOOKBACK
    assert isinstance(bench.beyond_copies(), Prove)  # nothing of it was printed again


def test_what_is_not_yet_looked_at_is_not_lacking() -> None:
    bench = started(span(*sp(-900, 0)), -900)
    bench.tick(0)
    assert seconds(bench.course.lacking(bench.at)) == []
    job = bench.next()
    assert isinstance(job, Check)
    bench.checked(job, equal=False)
    assert bench.course.lacking(bench.at).covers(sp(-900, -15))
    assert bench.work() == [(-900, 0)]


def test_what_an_earlier_run_printed_of_a_year_is_counted_by_turns() -> None:
    bench = started(span(*sp(-365 * DAY, 0)), -365 * DAY)
    counted = NOTHING
    for number in range(4):
        bench.tick(number)
        job = bench.next()
        assert isinstance(job, Check)
        assert len(job.pieces) <= MAX_PIECES
        counted += Spans.of(part for piece in job.pieces for part in piece)
        bench.checked(job)
    assert len(counted.parts) == 1
    assert counted.length >= 3 * (MAX_PIECES - NEWEST_PIECES) * HOUR_NS
    assert len(bench.course.pending) < 30


# Long lookbacks and long histories


def test_a_long_lookback_is_few_spans_and_all_of_it_is_counted() -> None:
    lookback = 2 * DAY
    bench = CourseBench(-lookback, stream=replace(STREAM, lookback=lookback * SECOND))
    counted = NOTHING
    for now in range(0, 3000 * 60, 60):
        bench.tick(now)
        while isinstance(job := bench.next(), Copy | Check | Land):
            if isinstance(job, Copy):
                bench.copied(job)
            elif isinstance(job, Check):
                bench.checked(job)
                counted += Spans.of(part for piece in job.pieces for part in piece) if now > 2000 * 60 else NOTHING
            else:
                bench.course.counted(job, job.points)
    assert len(bench.course.pending) < 150
    assert counted.covers(sp(2000 * 60 - lookback // 2, 2000 * 60))


def test_a_year_in_doubt_is_one_span_and_is_proved_by_the_hour_newest_first() -> None:
    bench = CourseBench(-365 * DAY, span(*sp(-365 * DAY, -LOOKBACK)))
    bench.course.invalidate(span(*sp(-365 * DAY, -LOOKBACK)), at(0))
    assert len(bench.course.pending) == 1
    bench.now = LOOKBACK
    spans = []
    for _ in range(3):
        job = bench.next(room=False)
        assert isinstance(job, Prove)
        spans.append(((job.span[0] - s(0)) // SECOND, (job.span[1] - s(0)) // SECOND))
        bench.proved(job)
    assert spans == [(-600, -300), (-900, -600), (-1800, -900)]  # by the lookback where it was just live
    bench.course.pending.cut_away(span(*sp(-DAY, 0)))
    job = bench.next(room=False)
    assert isinstance(job, Prove)
    assert job.span == sp(-DAY - HOUR // 2, -DAY)


# The first point


def searching() -> CourseBench:
    bench = CourseBench(-LOOKBACK)
    bench.course.origin_open = True
    bench.tick(0)
    return bench


def test_live_data_does_not_wait_for_the_first_point() -> None:
    bench = searching()
    assert printed(bench).live
    bench.course.counted(Land(sp(-LOOKBACK, 0), 5), 5)
    job = bench.next()
    assert job == Seek((BEGINNING, s(-LOOKBACK)), origin=True)
    bench.course.sought(job, s(-5000), bench.at)
    assert bench.next() == Copy(sp(-1800, -LOOKBACK), live=False)
    assert bench.course.origin == s(-5000)
    assert not bench.course.origin_open


def test_a_bucket_that_is_empty_yet_is_looked_at_again_and_again() -> None:
    bench = searching()
    bench.copied(bench.next(), points=0)
    looks = []
    for now in range(0, 500, 10):
        bench.now = now
        job = bench.course.next(bench.at, True, True, False)
        if isinstance(job, Seek):
            looks.append(now)
            bench.course.sought(job, None, bench.at)
    assert looks == [0, 30, 90, 210, 450]


# The future


def test_points_whose_time_has_not_come_are_counted_once_an_hour_when_nothing_else_is_to_be_done() -> None:
    bench = CourseBench(-LOOKBACK)
    bench.course._foresee_at = 0
    bench.tick(0)
    bench.copied(bench.next(), points=0)
    assert bench.next() == Foresee(sp(0, 0))
    bench.course.foreseen(7)
    assert bench.course.future == 7
    assert bench.next() is None
    bench.now = HOUR
    while isinstance(job := bench.next(room=False), Prove):
        bench.proved(job)
    assert job is None  # it waits for the tick: then all streams of the source are counted together
    bench.tick(HOUR)
    while isinstance(job := bench.next(room=False), Prove | Copy | Check):
        if isinstance(job, Prove):
            bench.proved(job)
        elif isinstance(job, Copy):
            bench.copied(job, points=0)
        else:
            bench.course.checked([])
    assert job == Foresee(sp(HOUR, HOUR))
