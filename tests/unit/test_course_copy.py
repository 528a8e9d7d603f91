"""What a course copies and in which order: work is what is neither proved nor on its way, newest first."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.stream.bounds import Bounds
from telegraf_plugin.stream.clocks import Instant
from telegraf_plugin.stream.course import Course
from telegraf_plugin.stream.definition import Aggregate, AggregateFunction
from telegraf_plugin.stream.digest import Digest
from telegraf_plugin.stream.jobs import Check, Copied, Copy
from telegraf_plugin.stream.markbook import MarkBook
from telegraf_plugin.stream.pending import PendingSpan
from telegraf_plugin.stream.spans import NOTHING, Spans, span
from tests.unit.course_bench import HOUR, SECOND, CourseBench, at, s, sp
from tests.unit.marks import book_mark
from tests.unit.test_definition import STREAM

MINUTES = replace(STREAM, aggregate=Aggregate(60 * SECOND, AggregateFunction.MEAN))


@given(
    st.integers(-100, 100),
    st.lists(st.tuples(st.integers(-100, 100), st.integers(-100, 100)), max_size=4),
    st.lists(st.tuples(st.integers(-100, 100), st.integers(1, 20)), max_size=4),
)
def test_work_is_what_is_neither_proved_nor_on_its_way(
    origin: int, proved: list[tuple[int, int]], spans: list[tuple[int, int]]
) -> None:
    bench = CourseBench(origin, Spans.of(sp(*each) for each in proved))
    done = {second for part in proved for second in range(*part)}
    for start, length in spans:
        bench.course.pending.put(PendingSpan(s(start), s(start + length), None, 0))
        done |= set(range(start, start + length))
    bench.now = 60
    found = {second for part in bench.work() for second in range(*part)}
    assert found == set(range(origin, 60)) - done


def test_nothing_is_done_before_a_mark_of_this_run_is_back() -> None:
    book = MarkBook("me")
    course = Course(STREAM, book)
    course.adopt(s(-1000), NOTHING, at(-1000))
    course.tick(at(0))
    mark = book_mark(book, 0, 0, NOTHING)
    assert course.next(at(0), True, True, True) is None
    book.back([mark])
    assert course.next(at(0), True, True, True) == Copy(sp(-300, 0), live=True)


def test_a_tick_copies_what_is_live_first_and_then_the_backlog_newest_first() -> None:
    bench = CourseBench(-2 * HOUR - 100)
    bench.tick(0)
    assert [(job.span, job.live) for job in bench.copy_all()] == [
        (sp(-300, 0), True),
        (sp(-1800, -300), False),
        (sp(-1800 - HOUR, -1800), False),
        (sp(-2 * HOUR - 100, -1800 - HOUR), False),
    ]
    assert bench.work() == []


def test_before_the_first_tick_nothing_is_done() -> None:
    book = MarkBook("me")
    course = Course(STREAM, book)
    course.adopt(s(-1000), NOTHING, at(-1000))
    book.back([book_mark(book, 0, 0, NOTHING)])
    assert course.next(at(0), True, True, True) is None
    course.tick(at(0))
    assert course.next(at(0), True, True, True) is not None


def test_between_ticks_a_backlog_is_what_was_one_at_the_last() -> None:
    bench = CourseBench(-400)
    bench.ticked(0)
    bench.now = 200
    assert bench.next() == Copy(sp(-400, -300), live=False)
    bench.copied(bench.next())
    bench.now = 10_000
    assert not isinstance(bench.next(), Copy)


def test_what_is_live_is_what_is_younger_than_the_lookback_at_the_tick() -> None:
    bench = CourseBench(-1000)
    bench.tick(0)
    bench.now = 30  # meanwhile
    bench.copied(bench.next())
    assert bench.pending() == [(-300, 0)]
    bench.now = 0
    assert bench.next() == Copy(sp(-1000, -300), live=False)


def test_without_room_for_live_data_nobody_waits_and_it_is_read_as_soon_as_there_is_some() -> None:
    bench = CourseBench(-300)
    bench.tick(0)
    assert bench.next(live_room=False, room=False) is None
    assert bench.course.blocked
    assert isinstance(job := bench.next(), Copy)
    assert job.live
    assert not bench.course.blocked


def test_without_room_no_backlog_is_begun() -> None:
    bench = CourseBench(-1000)
    bench.tick(0)
    bench.copied(bench.next(room=False))
    bench.central = False
    assert bench.next(room=False) is None
    assert bench.next(room=True) == Copy(sp(-1000, -300), live=False)


def test_a_backlog_is_read_in_pieces_as_long_as_the_course_was_told() -> None:
    bench = CourseBench(-1000)
    bench.course.pace.length = 200 * SECOND
    bench.ticked(0)
    assert [job.span for job in bench.copy_all()] == [sp(-500, -300), sp(-700, -500), sp(-900, -700), sp(-1000, -900)]


def test_what_the_source_is_about_to_lose_goes_first_oldest_first() -> None:
    bench = CourseBench(-3 * HOUR)
    bench.course.bounds = Bounds(expires=s(-3 * HOUR + 1))
    bench.tick(0)
    assert [job.span for job in bench.copy_all()] == [
        sp(-300, 0),
        sp(-3 * HOUR, -1800 - 2 * HOUR),
        sp(-1800, -300),  # the rest is not threatened
        sp(-1800 - HOUR, -1800),
        sp(-1800 - 2 * HOUR, -1800 - HOUR),
    ]


def test_no_copy_reaches_over_the_end_of_a_shard_group_of_either_side() -> None:
    bench = CourseBench(-3000)
    bench.course.bounds = Bounds(frozenset((20 * 60 * SECOND, 7200 * SECOND)))
    bench.ticked(0)
    assert [job.span for job in bench.copy_all()] == [sp(-600, -300), sp(-1800, -600), sp(-3000, -1800)]


def test_what_central_would_refuse_as_too_old_is_not_copied() -> None:
    bench = CourseBench(-1000)
    bench.course.bounds = Bounds(oldest=s(-500))
    bench.now = 0
    assert bench.work() == [(-500, 0)]


def test_what_came_late_to_the_last_fifteen_seconds_is_read_again_with_the_next_tick() -> None:
    bench = CourseBench(-300)
    bench.tick(0)
    bench.copy_all()
    bench.tick(60)
    assert [(job.span, job.again) for job in bench.copy_all()] == [(sp(-15, 60), True)]
    bench.tick(75)
    assert [job.span for job in bench.copy_all()] == [sp(45, 75)]


def test_the_overlap_does_not_reach_into_what_is_a_backlog() -> None:
    bench = CourseBench(-300)
    bench.tick(0)
    bench.copy_all()
    bench.tick(310)  # the last read is backlog by now, all but nothing of it
    assert [job.span for job in bench.copy_all()] == [sp(10, 310), sp(0, 10)]


def test_a_short_lookback_is_all_of_the_overlap() -> None:
    bench = CourseBench(-300, stream=replace(STREAM, lookback=5 * SECOND))
    bench.tick(0)
    bench.copy_all()
    bench.tick(3)
    assert bench.next() is not None
    assert bench.work() == [(-2, 3)]


def test_what_was_printed_before_is_printed_again_as_such() -> None:
    bench = CourseBench(-300)
    bench.tick(0)
    first = bench.next()
    assert isinstance(first, Copy)
    assert not first.again
    bench.tick(0)  # the first try failed: it is not known what of it was printed
    assert bench.next() == replace(first, again=True)


def test_nothing_that_a_mark_calls_proved_is_printed() -> None:
    bench = CourseBench(-1000, span(*sp(-1000, -400)))
    bench.mark(back=True)
    bench.course.proved = NOTHING  # a repair
    bench.tick(0)
    assert [job.span for job in bench.copy_all(points=0)] == [sp(-300, 0), sp(-400, -300)]
    bench.mark(back=False)
    assert bench.copy_all(points=0) == []  # the mark without it is on its way
    bench.back()
    assert [job.span for job in bench.copy_all(points=0)] == [sp(-1000, -400)]


def test_nothing_live_that_a_mark_calls_proved_is_printed_either() -> None:
    bench = CourseBench(-300, span(*sp(-300, -100)))
    bench.mark(back=False)
    bench.course.proved = NOTHING
    bench.tick(0)
    assert [job.span for job in bench.copy_all(points=0)] == [sp(-100, 0)]


def test_while_central_does_not_answer_only_copies_are_done() -> None:
    bench = CourseBench(-1000)
    bench.tick(0)
    bench.copy_all()
    bench.central = False
    bench.tick(60)
    job = bench.next(room=False)
    assert job == Copy(sp(-15, 60), live=True, again=True)
    bench.copied(job)
    assert bench.next(room=False) is None
    bench.central = True
    bench.tick(60)
    assert isinstance(bench.next(), Check)


# Proved is clipped


def test_what_is_adopted_as_proved_is_settled() -> None:
    course = Course(STREAM, MarkBook("me"))
    course.adopt(s(-1000), span(*sp(-1000, 5000)), at(0))
    assert course.proved == span(*sp(-1000, -300))


@pytest.mark.parametrize(("source", "clock"), [(0, 5000), (5000, 0), (0, 0)])
def test_neither_clock_can_prove_the_future_alone(source: int, clock: int) -> None:
    course = Course(STREAM, MarkBook("me"))
    course.adopt(s(-1000), span(*sp(-1000, 5000)), at(0, source, clock))
    assert course.proved == span(*sp(-1000, -300))
    course.proved = span(*sp(-1000, 5000))
    course.tick(at(0, source, clock))
    assert course.proved == span(*sp(-1000, -300))


def test_what_a_clock_that_ran_ahead_has_proved_is_work_again_when_it_is_right() -> None:
    bench = CourseBench(-1000, span(*sp(-1000, 5000)))
    bench.tick(6000)
    assert bench.course.proved == span(*sp(-1000, 5000))
    bench.tick(0)
    assert bench.course.proved == span(*sp(-1000, -300))
    bench.tick(600)
    assert bench.work() == [(-300, 600)]


# Aggregates: whole windows alone


def edges(spans: Spans) -> set[int]:
    return {edge % (60 * SECOND) for part in spans for edge in part}


def test_aggregates_are_copied_in_whole_windows() -> None:
    bench = CourseBench(-1010, stream=MINUTES)
    bench.tick(30)
    assert [job.span for job in bench.copy_all()] == [
        sp(-300, 0),
        sp(-1020, -300),
    ]  # the window that holds its beginning is whole
    bench.tick(90)
    assert [job.span for job in bench.copy_all()] == [sp(-60, 60)]  # 15 s are not a window


def test_what_a_clock_unproves_of_aggregates_is_whole_windows() -> None:
    course = Course(MINUTES, MarkBook("me"))
    course.adopt(s(-960), span(*sp(-960, -120)), at(10))
    assert course.proved == span(*sp(-960, -300))
    course.proved = span(*sp(-960, -120))
    course.tick(at(10))
    assert course.proved == span(*sp(-960, -300))


def test_what_becomes_too_old_of_aggregates_is_whole_windows() -> None:
    bench = CourseBench(-960, stream=MINUTES)
    bench.tick(0)
    bench.copy_all()
    bench.course.bounds = Bounds(oldest=s(-490))
    bench.tick(0)
    assert bench.pending() == [(-480, -60)]
    assert bench.work() == [(-60, 0)]


def test_what_becomes_doubtful_of_aggregates_is_whole_windows() -> None:
    bench = CourseBench(-960, span(*sp(-960, -300)), MINUTES)
    bench.course.invalidate(span(*sp(-650, -550)), at(0))
    assert bench.pending() == [(-660, -540)]
    assert bench.course.proved == Spans.of([sp(-960, -660), sp(-540, -300)])


def test_an_instant_is_as_safe_as_its_earlier_clock() -> None:
    assert Instant(1, 2, 3).safe == Instant(2, 1, 3).safe == 1


def test_what_was_begun_before_the_ledger_was_read_again_does_not_count() -> None:
    bench = CourseBench(-300)
    bench.tick(0)
    job = bench.next()
    assert isinstance(job, Copy)
    bench.course.adopt(s(-300), NOTHING, bench.at)
    bench.course.copied(job, Copied(Digest(), 5, None), bench.at)
    assert bench.pending() == []
