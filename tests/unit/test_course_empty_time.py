"""Empty time: it is skipped in large steps where there is nothing, and gone over by the hour where there is."""

from __future__ import annotations

from dataclasses import replace

from telegraf_plugin.stream.course import Course
from telegraf_plugin.stream.jobs import (
    Copy,
    Prove,
    Recheck,
    Seek,
    Swept,
)
from telegraf_plugin.stream.spans import span
from telegraf_plugin.stream.units import HOUR as HOUR_NS
from tests.unit.course_bench import HOUR, LOOKBACK, CourseBench, at, s, sp
from tests.unit.test_definition import STREAM

DAY = 24 * HOUR


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
