"""What arrived is compared; what an earlier run printed is counted; empty time is skipped; failures stop nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telegraf_plugin.stream.course import Course
from telegraf_plugin.stream.definition import Aggregate, AggregateFunction, StreamDefinition
from telegraf_plugin.stream.digest import Digest
from telegraf_plugin.stream.jobs import (
    Check,
    Compare,
    Copied,
    Copy,
    Counted,
    Foresee,
    Job,
    Land,
    Prove,
    Proved,
    Recheck,
    Seek,
    Swept,
)
from telegraf_plugin.stream.markbook import MarkBook
from telegraf_plugin.stream.pending import PendingSpan
from telegraf_plugin.stream.plan import MAX_PIECES, NEWEST_PIECES
from telegraf_plugin.stream.quarantine import FIRST_WAIT, SMALLEST, TRIES
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


# Empty time


def emptied(origin: int = -1000 * DAY) -> CourseBench:
    """A backlog whose newest hours have nothing."""
    bench = CourseBench(origin)
    bench.ticked(0)
    for _ in range(2):
        bench.copied(bench.next(), points=0)
        bench.proved(bench.next())
    return bench


def test_where_the_next_point_is_is_asked_when_there_was_nothing() -> None:
    bench = emptied()
    job = bench.next()
    assert job == Seek((s(-1000 * DAY), s(-1800 - HOUR)))
    bench.course.sought(job, s(-900 * DAY) - 1, bench.at)
    job = bench.next()
    assert job == Prove((s(-900 * DAY), s(-1800 - HOUR)), None, empty=True)
    bench.proved(job)
    assert bench.course.proved.covers((s(-900 * DAY), s(-LOOKBACK)))
    job = bench.next()
    assert isinstance(job, Copy)
    assert job.span[1] == s(-900 * DAY)


def test_where_there_is_nothing_at_all_the_work_is_done() -> None:
    bench = emptied()
    job = bench.next()
    assert isinstance(job, Seek)
    bench.course.sought(job, None, bench.at)
    bench.proved(bench.next())
    assert bench.next() is None
    assert bench.course.proved == span(s(-1000 * DAY), s(-LOOKBACK))


def test_what_central_has_where_the_source_has_nothing_is_proved_by_pieces() -> None:
    bench = emptied()
    job = bench.next()
    assert isinstance(job, Seek)
    bench.course.sought(job, None, bench.at)
    bench.proved(bench.next(), equal=False)
    job = bench.next()
    assert isinstance(job, Prove)
    assert not job.empty
    assert job.span[1] - job.span[0] <= HOUR_NS


def test_what_a_flux_of_ones_own_yields_is_not_sought() -> None:
    bench = CourseBench(-10 * DAY, stream=replace(STREAM, flux="..."))
    bench.ticked(0)
    assert len(bench.copy_all(points=0)) > 10 * 24
    assert bench.work() == [(-LOOKBACK, 0)]


def test_the_sweep_takes_large_steps_where_there_is_nothing() -> None:
    bench = CourseBench(-10_000 * DAY, span(*sp(-10_000 * DAY, -LOOKBACK)))
    course = Course(bench.course.stream, bench.book, sweep=1.0)
    course.adopt(bench.course.origin, bench.course.proved, at(0))
    course.tick(at(0))
    course.due = False
    pieces = 0
    while isinstance(job := course.next(at(0), True, True, True), Recheck):
        pieces += 1
        course.swept(job, Swept(True, 0), 0, at(0))
    assert pieces < 60
    assert course.sweep.passes == 1


def test_a_large_step_that_is_not_empty_is_gone_over_by_the_hour() -> None:
    bench = CourseBench(-100 * DAY, span(*sp(-100 * DAY, -LOOKBACK)))
    course = Course(bench.course.stream, bench.book, sweep=1.0)
    course.adopt(bench.course.origin, bench.course.proved, at(0))
    course.tick(at(0))
    course.due = False
    while isinstance(job := course.next(at(0), True, True, True), Recheck) and not job.empty:
        course.swept(job, Swept(True, 0), 0, at(0))
    assert isinstance(job, Recheck)
    course.swept(job, Swept(False, 0), 0, at(0))
    assert course.proved.covers(job.span)  # that it is not empty is no difference
    again = course.next(at(0), True, True, True)
    assert isinstance(again, Recheck)
    assert (again.span[1], again.empty) == (job.span[1], False)


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
    while isinstance(proof := bench.next(room=False), Prove):
        bench.proved(proof)
    assert proof == Foresee(sp(HOUR, HOUR))


# Failures


def test_a_bad_hour_holds_up_no_older_history() -> None:
    """One part that cannot be read is set aside, visibly, and all that lies behind it is copied."""
    bench = CourseBench(-6 * HOUR)
    bad = span(*sp(-3 * HOUR, -2 * HOUR))
    bench.ticked(0)
    asides = 0
    for _ in range(3000):
        job = bench.course.next(bench.course._tick, True, True, False)
        bench.course.went_well(central=False)  # what is live is read meanwhile
        if job is None:
            bench.course._tick = replace(bench.course._tick, steady=bench.course._tick.steady + FIRST_WAIT)
        elif isinstance(job, Copy) and bad.touches(job.span):
            asides += bench.course.failed(job, "500: panic", bench.course._tick, central=False).aside
        elif isinstance(job, Copy):
            bench.copied(job)
        else:
            assert isinstance(job, Prove)
            bench.proved(job)
        if bench.course.unread.aside.length >= bad.length:
            break
    assert seconds(bench.course.work(at(0)).clip(stop=s(-LOOKBACK))) == seconds(bad)
    assert not bad - bench.course.unread.aside
    assert bench.course.unread.reason == "500: panic"
    assert asides > 0


def test_live_data_goes_on_while_part_of_it_cannot_be_read() -> None:
    bench = CourseBench(-LOOKBACK)
    done = NOTHING
    for tick in range(40):
        bench.tick(tick)
        for _ in range(5):
            job = bench.course.next(bench.at, True, False, False)
            if not isinstance(job, Copy):
                break
            if span(*sp(-200, -190)).touches(job.span):
                bench.course.failed(job, "500", bench.at, central=False)
                break
            bench.copied(job)
            bench.course.went_well(central=False)
            done += span(*job.span)
    assert done.covers(sp(-100, 30))
    assert bench.course.unread.aside.length <= 2 * SMALLEST


def test_a_span_that_central_cannot_compare_holds_up_no_other_proof() -> None:
    bench = CourseBench(-4 * HOUR)
    bench.ticked(0)
    bench.copy_all()
    bad = span(*sp(-HOUR, -HOUR + 60))
    for step in range(1000):
        now = replace(at(LOOKBACK), steady=at(0).steady + step * FIRST_WAIT)
        job = bench.course.next(now, True, False, True)
        bench.course.went_well(central=True)  # what is live is counted meanwhile
        if isinstance(job, Prove | Compare) and bad.touches(job.span):
            bench.course.failed(job, "500: damaged shard", now, central=True)
        elif isinstance(job, Prove):
            bench.course.proved_by(job, Proved(True), now)
        elif isinstance(job, Check):
            bench.course.checked(Counted(part, 5, True) for piece in job.pieces for part in piece)
    left = span(*sp(-4 * HOUR, -LOOKBACK)) - bench.course.proved
    assert left.length <= 3 * SMALLEST
    assert not bad - left
    assert bench.course.unproved.aside == left


def test_after_a_give_up_nothing_is_read_until_something_has_left() -> None:
    bench = CourseBench(-LOOKBACK)
    bench.tick(0)
    job = bench.next()
    assert isinstance(job, Copy)
    mark = bench.mark(back=False)
    bench.course.gave_up(job)
    assert bench.next(room=False) is None
    assert bench.course.due
    bench.book.back([mark])
    smaller = bench.next(room=False)
    assert isinstance(smaller, Copy)
    assert smaller.live


def test_a_give_up_of_a_backlog_takes_no_live_read_away() -> None:
    bench = CourseBench(-5000)
    bench.ticked(0)
    job = bench.next()
    assert isinstance(job, Copy)
    bench.tick(60)  # meanwhile
    bench.course.gave_up(job)
    assert bench.course.due
    bench.mark(back=True)
    again = bench.next()
    assert isinstance(again, Copy)
    assert again.live
    bench.copied(again)
    assert bench.course.pace.length < HOUR_NS


@pytest.mark.parametrize("kind", ["land", "check", "prove", "copy", "seek", "recheck"])
def test_whatever_fails_it_is_asked_again_and_nothing_is_called_proved(kind: str) -> None:
    jobs: dict[str, Job] = {
        "land": Land(sp(-900, -300), 5),
        "check": Check(((sp(-900, -300),),)),
        "prove": Prove(sp(-900, -300), None),
        "copy": Copy(sp(-900, -300), live=False),
        "seek": Seek(sp(-900, -300)),
        "recheck": Recheck(sp(-900, -300), by_hash=False),
    }
    bench = CourseBench(-900)
    bench.ticked(0)
    bench.course.pending.put(PendingSpan(s(-900), s(-300), None, 0, points=5))
    for _ in range(2 * TRIES):
        bench.course.failed(jobs[kind], "away", bench.at, central=kind != "copy")
    assert not bench.course.proved
    assert bench.course.lacking(bench.at).covers(sp(-900, -300))


@pytest.mark.parametrize(("whole", "points"), [((-900, -600), 5), ((-900, -300), 6)])
def test_a_count_says_nothing_of_another_span_or_of_another_number(whole: tuple[int, int], points: int) -> None:
    """While central counted, part of the span was cut away and copied again, with as many points by chance."""
    bench = CourseBench(-900)
    bench.ticked(0)
    bench.course.pending.put(PendingSpan(*sp(*whole), None, 0, points=points))
    bench.course.counted(Land(sp(-900, -300), 5), 5)
    assert [each.landed for each in bench.course.pending.within(sp(*whole))] == [False]


def test_a_course_begins_with_no_mark_and_no_tick() -> None:
    assert Course(STREAM, MarkBook("me")).next(at(0), True, True, True) is None


def test_what_cannot_be_compared_is_counted_so_that_what_is_there_is_not_called_lacking() -> None:
    """Central counts, and does not give its points: its memory is too small. A copy that settled has its digest."""
    bench = CourseBench(-1000)
    bench.ticked(0)
    bench.copied(bench.next())
    bench.back()
    proof = bench.next()
    assert isinstance(proof, Prove)  # and so it is not counted
    bench.course.failed(proof, "out of memory", bench.at, central=True)
    bench.tick(5)
    bench.checked(bench.next())
    assert bench.course.lacking(bench.at).clip(stop=s(-300)) == NOTHING


@pytest.mark.parametrize(
    ("stream", "counted"),
    [
        (STREAM, True),
        (replace(STREAM, flux="start stop"), False),
        (replace(STREAM, aggregate=Aggregate(10 * SECOND, AggregateFunction.MEAN)), False),
    ],
    ids=["raw", "flux", "aggregate"],
)
def test_what_cannot_be_read_is_counted_but_what_is_computed_is_not(stream: StreamDefinition, counted: bool) -> None:
    """What is computed is counted by reading it: that would fail like the proof."""
    bench = CourseBench(-1000, stream=stream)
    bench.tick(0)
    bench.copied(bench.next())
    bench.copied(bench.next())
    bench.back()
    whole = next(iter(bench.course.pending)).span
    bench.course.went_well(central=True)
    bench.course.failed(Prove(whole, None), "out of memory", bench.at, central=True)
    bench.course.went_well(central=True)
    bench.course.failed(Prove(whole, None), "out of memory", bench.at, central=True)
    assert bench.course.unproved.knows(whole)
    bench.tick(5)
    job = bench.next()
    pieces = [span for piece in job.pieces for span in piece] if isinstance(job, Check) else []
    assert any(start < whole[1] and whole[0] < stop for start, stop in pieces) is counted
