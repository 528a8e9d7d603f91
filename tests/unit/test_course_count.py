"""How what was copied is counted on both sides, and what differs is sent again."""

from __future__ import annotations

import pytest

from telegraf_plugin.stream.jobs import Check, Compare, Copy
from telegraf_plugin.stream.pending import PendingSpan
from telegraf_plugin.stream.plan import MAX_PIECES
from tests.unit.course_bench import LOOKBACK, CourseBench, live, s, sp


def test_what_is_live_is_counted_each_tick_and_what_differs_is_sent_again() -> None:
    bench = live()
    bench.tick(0)
    bench.checked(bench.next())
    assert bench.next() == Copy(sp(-15, 0), live=True, again=True)  # the overlap alone
    bench.tick(0)
    bench.checked(bench.next(), equal=False, source=6)
    assert bench.next() == Copy(sp(-300, 0), live=True, again=True, narrow=True)


@pytest.mark.parametrize("fails", [False, True], ids=["slow", "failing"])
def test_live_data_waits_for_no_central_that_counts_slowly(fails: bool) -> None:
    bench = live()
    bench.tick(0)
    if fails:
        bench.course.failed(bench.next(), "no answer", bench.at, central=True)  # type: ignore[arg-type]
    else:
        bench.checked(bench.next(), seconds=12.0)
    bench.copied(bench.next())
    bench.next()
    bench.tick(5)
    bench.copied(bench.next())  # the live read
    bench.back()
    bench.checked(bench.next(), equal=False, seconds=0.1)  # what was late
    late = bench.next()
    assert isinstance(late, Copy)
    assert late.live
    bench.copied(late)
    bench.back()
    bench.tick(10)
    assert isinstance(bench.next(), Check)  # prompt again


def test_what_differs_again_after_it_was_sent_again_is_compared_point_by_point() -> None:
    bench = live()
    bench.tick(0)
    bench.checked(bench.next(), equal=False)
    assert bench.beyond_copies() is None
    bench.tick(0)
    bench.checked(bench.next(), equal=False)
    assert bench.beyond_copies() == Compare(sp(-300, -15))


def test_late_points_after_an_equal_count_are_just_sent_again() -> None:
    bench = live()
    for source in (6, 7, 8):
        bench.tick(0)
        bench.checked(bench.next(), equal=False, source=source)
        assert isinstance(bench.next(), Copy)
        assert bench.beyond_copies() is None
        bench.tick(0)
        bench.checked(bench.next(), source=source)
        assert bench.beyond_copies() is None


def test_nothing_is_counted_before_its_mark_is_back() -> None:
    bench = CourseBench(-300)
    bench.tick(0)
    bench.copied(bench.next(), back=False)
    bench.tick(0)
    assert isinstance(bench.next(), Copy)
    bench.back()
    bench.tick(0)
    assert bench.next() == Check(((sp(-300, -15),),))  # the overlap is taken once


def test_adjacent_spans_are_counted_together_within_a_shard_group() -> None:
    bench = CourseBench(1700)
    for start, stop in ((1500, 1600), (1700, 1800), (1800, 1850), (1850, 1900)):
        bench.course.pending.put(PendingSpan(s(start), s(stop), None, s(stop + LOOKBACK)))
    bench.tick(1900)
    bench.course.pending.put(PendingSpan(s(1850), s(1900), None, s(2200)))
    assert bench.next() == Check(((sp(1800, 1850), sp(1850, 1900)), (sp(1700, 1800),), (sp(1500, 1600),)))


def test_a_tick_counts_so_many_pieces_the_newest() -> None:
    bench = CourseBench(0)
    bench.tick(10 * (MAX_PIECES + 3))
    for number in range(MAX_PIECES + 3):
        bench.course.pending.put(PendingSpan(s(10 * number), s(10 * number + 5), None, s(10_000)))
    job = bench.next()
    assert isinstance(job, Check)
    assert len(job.pieces) == MAX_PIECES
    assert job.pieces[0] == (sp(10 * (MAX_PIECES + 2), 10 * (MAX_PIECES + 2) + 5),)


def test_a_backlog_that_has_landed_is_not_counted_again() -> None:
    bench = CourseBench(-1000)
    bench.course.pending.put(PendingSpan(s(-1000), s(-LOOKBACK), None, s(500)))
    bench.tick(0)
    job = bench.next()
    assert job == Check(((sp(-1000, -300),),))
    bench.checked(job)
    assert bench.beyond_copies() is None
    bench.tick(0)
    assert bench.next() == Check(((sp(-300, -15),),))
