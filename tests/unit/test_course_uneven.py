"""Where some points cannot pass the two sides count differently for good: that is known span by span, and no fault."""

from __future__ import annotations

import pytest

from telegraf_plugin.stream.digest import Digest
from telegraf_plugin.stream.jobs import Check, Compare, Compared, Copied, Copy, Counted, Land
from telegraf_plugin.stream.pending import PendingState
from tests.unit.course_bench import LOOKBACK, CourseBench, s, sp

INTERVAL = 60


def copied(bench: CourseBench, read: int, printed: int) -> None:
    """The next job is a copy; of the points read some may not have passed."""
    job = bench.next()
    assert isinstance(job, Copy)
    bench.course.copied(job, Copied(Digest(points=printed), read, bench.mark(True), printed), bench.at)


def landed(bench: CourseBench, printed: int) -> None:
    """Central has all that was printed."""
    job = bench.next()
    assert isinstance(job, Land)
    bench.course.counted(job, printed)


def uneven() -> CourseBench:
    """Of six points the source has printed five, which are in central."""
    bench = CourseBench(-LOOKBACK)
    bench.tick(0)
    copied(bench, 6, 5)
    landed(bench, 5)
    return bench


def test_what_cannot_pass_is_not_lacking_whatever_its_neighbours_count() -> None:
    """One span in which all pass, counted alike, made of all others with such a point work again, at each tick."""
    bench = uneven()
    for tick in range(1, 6):
        bench.tick(tick * INTERVAL)
        job = bench.next()
        assert isinstance(job, Check)
        spans = [span for piece in job.pieces for span in piece]
        bench.course.checked([Counted(span, 6 if span[0] < s(-15) else 5, span[0] >= s(-15)) for span in spans])
        copied(bench, 5, 5)
        landed(bench, 5)
        assert not bench.course.lacking(bench.at)
        assert bench.work() == []


def test_a_late_point_in_it_is_sent_all_the_same() -> None:
    bench = uneven()
    (part,) = bench.course.pending
    bench.course.checked([Counted(part.span, 6, False)])
    assert bench.work() == []
    bench.course.checked([Counted(part.span, 7, False)])
    assert bench.work() == [(-LOOKBACK, 0)]


@pytest.mark.parametrize("there", [4, 6])
def test_another_number_than_was_printed_tells_nothing(there: int) -> None:
    bench = CourseBench(-LOOKBACK)
    bench.tick(0)
    copied(bench, 6, 5)
    job = bench.next()
    assert isinstance(job, Land)
    bench.course.counted(job, there)
    (part,) = bench.course.pending
    bench.course.checked([Counted(part.span, 6, False)])
    assert bench.work() == [(-LOOKBACK, 0)]


def test_what_was_compared_and_lacks_nothing_is_known_too() -> None:
    bench = CourseBench(-LOOKBACK)
    bench.tick(0)
    bench.copied(bench.next())
    for part in bench.course.pending:
        part.state = PendingState.SUSPECT
    bench.compared(job := bench.next(), Compared(extras=3, points_read=5))
    assert isinstance(job, Compare)
    bench.course.checked([Counted(sp(0, 1), 5, True)])  # elsewhere all is even
    bench.course._uneven = False
    bench.course.checked([Counted(job.span, 5, False)])
    assert bench.work() == []
    bench.course.checked([Counted(job.span, 5, True)])  # what was more is gone
    bench.course.checked([Counted(job.span, 5, False)])
    assert bench.work() == [(-LOOKBACK, 0)]


def test_a_count_of_both_sides_before_that_of_what_was_printed_says_nothing() -> None:
    bench = CourseBench(-LOOKBACK)
    bench.tick(0)
    copied(bench, 6, 5)
    (part,) = bench.course.pending
    bench.course.checked([Counted(part.span, 6, False)])
    assert bench.work() == []
    bench.course._uneven = True  # elsewhere central has more
    landed(bench, 5)
    assert not bench.course.lacking(bench.at)


def test_a_late_point_before_that_count_is_sent() -> None:
    bench = CourseBench(-LOOKBACK)
    bench.tick(0)
    copied(bench, 6, 5)
    bench.course.checked([Counted(sp(-LOOKBACK, 0), 7, False)])
    assert bench.work() == [(-LOOKBACK, 0)]


def test_where_all_has_passed_a_difference_is_work_though_the_source_counts_the_same() -> None:
    bench = CourseBench(-LOOKBACK)
    bench.tick(0)
    copied(bench, 5, 5)
    landed(bench, 5)
    bench.course.checked([Counted(sp(-LOOKBACK, 0), 5, False)])  # central has lost one
    assert bench.work() == [(-LOOKBACK, 0)]
