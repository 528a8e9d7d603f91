"""What fails holds up nothing else: it is asked again, and nothing is called proved meanwhile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telegraf_plugin.stream.course import Course
from telegraf_plugin.stream.definition import Aggregate, AggregateFunction, StreamDefinition
from telegraf_plugin.stream.jobs import (
    Check,
    Compare,
    Copy,
    Counted,
    Job,
    Land,
    Prove,
    Proved,
    Recheck,
    Seek,
)
from telegraf_plugin.stream.markbook import MarkBook
from telegraf_plugin.stream.pending import PendingSpan
from telegraf_plugin.stream.quarantine import FIRST_WAIT, SMALLEST, TRIES
from telegraf_plugin.stream.spans import NOTHING, span
from telegraf_plugin.stream.units import HOUR as HOUR_NS
from tests.unit.course_bench import HOUR, LOOKBACK, SECOND, CourseBench, at, s, seconds, sp
from tests.unit.test_definition import STREAM

DAY = 24 * HOUR


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
            bench.course._tick = bench.course._tick._replace(steady=bench.course._tick.steady + FIRST_WAIT)
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
        now = at(LOOKBACK)._replace(steady=at(0).steady + step * FIRST_WAIT)
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
    again = bench.next()  # at once: a backlog's share is full, not the room for live data
    assert isinstance(again, Copy)
    assert again.live
    bench.mark(back=True)
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
