"""How a pending span becomes proved: counted, settled, compared; and what is done about what differs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telegraf_plugin.stream.block import FieldKey, FieldType
from telegraf_plugin.stream.jobs import Check, Compare, Compared, Copy, Counted, Explain, Prove, Proved
from telegraf_plugin.stream.pending import PendingSpan, PendingState
from telegraf_plugin.stream.plan import MAX_PIECES
from telegraf_plugin.stream.spans import NOTHING, span
from tests.unit.course_bench import LOOKBACK, SECOND, CourseBench, at, s, seconds, sp

GROUP = FieldKey(b"m", b"f", FieldType.FLOAT)
OTHER = FieldKey(b"m", b"g", FieldType.FLOAT)


def live(now: int = 0) -> CourseBench:
    """A stream whose live part was copied at `now`, and is back."""
    bench = CourseBench(now - LOOKBACK)
    bench.tick(now)
    bench.copied(bench.next())
    assert bench.next() is None
    return bench


# Counts


def test_what_is_live_is_counted_each_tick_and_what_differs_is_sent_again() -> None:
    bench = live()
    bench.tick(0)
    bench.checked(bench.next())
    assert bench.next() == Copy(sp(-15, 0), live=True, again=True)  # the overlap alone
    bench.tick(0)
    bench.checked(bench.next(), equal=False, source=6)
    assert bench.next() == Copy(sp(-300, 0), live=True, again=True)


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


# Proofs


def test_a_span_read_settled_is_proved_by_the_digest_of_its_copying() -> None:
    bench = CourseBench(-1000)
    bench.ticked(0)
    digest = bench.copied(bench.next())
    job = bench.next()
    assert job == Prove(sp(-1000, -300), digest)
    assert job.source is digest
    bench.proved(job)
    assert bench.course.proved == span(*sp(-1000, -300))
    assert bench.pending() == []
    assert bench.next() is None


def test_nothing_is_proved_before_its_mark_is_back() -> None:
    bench = CourseBench(-1000)
    bench.ticked(0)
    bench.copied(bench.next(), back=False)
    assert bench.next() is None
    bench.back()
    assert isinstance(bench.next(), Prove)


def test_what_was_read_live_is_read_again_when_it_settled_by_strides_of_the_lookback() -> None:
    bench = CourseBench(-300)
    for now in range(0, 901, 60):
        bench.tick(now)
        bench.copy_all()
    spans = []
    while isinstance(job := bench.next(), Prove | Check):
        if isinstance(job, Check):
            bench.checked(job)
            continue
        assert job.source is None
        spans.append(((job.span[0] - s(0)) // SECOND, (job.span[1] - s(0)) // SECOND))
        bench.proved(job)
    assert spans == [(0, 300), (-300, 0)]  # copied up to 900: what is younger has not settled, or still grows
    assert seconds(bench.course.proved) == [(-300, 300)]


def test_what_is_live_settles_a_lookback_after_it_was_printed() -> None:
    bench = live()
    bench.now = LOOKBACK - 1
    assert bench.next() is None
    bench.now = LOOKBACK
    assert bench.next() == Prove(sp(-300, 0), None)


@pytest.mark.parametrize("why", ["again", "early", "live"])
def test_what_may_have_a_line_of_an_earlier_printing_behind_it_settles_after_its_own(why: str) -> None:
    """Printed twice, or soon after a start: a request that a killed program left behind can land late."""
    bench = CourseBench(-1000, adopted=0 if why == "early" else -10_000)
    bench.ticked(10)
    job = bench.next()
    assert isinstance(job, Copy)
    bench.copied(replace(job, again=why == "again", live=why == "live"), back=False)
    bench.now = 1000
    assert bench.next() is None  # its lines are in the buffer yet
    bench.back()
    assert bench.next() is None
    bench.now = 1000 + LOOKBACK - 1
    assert bench.next() is None
    bench.now = 1000 + LOOKBACK
    assert isinstance(bench.next(), Prove)


def test_what_was_not_printed_at_all_settles_by_its_end() -> None:
    bench = CourseBench(-1000, adopted=0)
    bench.ticked(10)
    bench.copied(bench.next(), points=0)
    assert isinstance(bench.next(), Prove)


def test_the_safe_clock_alone_settles() -> None:
    bench = live()
    for instant in (at(0, source=5000), at(0, clock=5000)):
        assert bench.course.next(instant, True, False, True) is None
    assert isinstance(bench.course.next(at(LOOKBACK), True, False, True), Prove)


def test_spans_that_have_not_settled_do_not_become_one_though_the_source_is_ahead() -> None:
    """The one that they became went on growing, and was never proved."""
    bench = live()
    bench.course.pending.clear()
    for start in (0, 100):
        bench.course.pending.put(PendingSpan(*sp(start, start + 100), None, s(start + 400), PendingState.LANDED))
    for clock, spans in ((0, 2), (2000, 1)):
        bench.course.tick(at(clock, source=2000))
        assert len([each for each in bench.course.pending if each.stop <= s(200)]) == spans


# What differs


def unequal() -> CourseBench:
    """A backlog whose digests differ."""
    bench = CourseBench(-600)
    bench.ticked(0)
    bench.copied(bench.next())
    bench.proved(bench.next(), equal=False)
    return bench


def test_an_unequal_span_is_compared_repaired_and_proved() -> None:
    bench = unequal()
    job = bench.next()
    assert job == Compare(sp(-600, -300))
    assert bench.compared(job, Compared({GROUP: 2}, points_read=5, mark=bench.mark(back=False))) == []
    assert bench.next() is None
    bench.back()
    assert bench.next() is None
    bench.now = LOOKBACK - 1
    assert bench.next(room=False) is None
    bench.now = LOOKBACK
    job = bench.next()
    assert job == Prove(sp(-600, -300), None)
    bench.proved(job)
    assert bench.course.proved == span(*sp(-600, -300))


def test_what_is_missing_a_second_time_is_held_and_the_rest_is_proved_without_it() -> None:
    bench = unequal()
    bench.compared(bench.next(), Compared({GROUP: 2, OTHER: 1}, mark=bench.mark(back=True)))
    assert bench.next() is None
    bench.now = LOOKBACK
    bench.proved(bench.next(), equal=False)
    assert bench.compared(bench.next(), Compared({GROUP: 2}, mark=bench.mark(back=True))) == [GROUP]
    assert bench.course.holds.spans() == {GROUP: span(*sp(-600, -300))}
    bench.course.holds.by_field[GROUP].look_at = 10**30
    assert bench.next() == Explain(sp(-600, -300), GROUP)
    bench.course.holds.explain(GROUP, None)
    assert bench.next() is None
    bench.now = 2 * LOOKBACK
    job = bench.next()
    assert isinstance(job, Prove)
    bench.course.proved_by(job, Proved(True, {GROUP: 2}), bench.at)
    assert bench.course.holds.points == 2
    assert bench.course.proved == span(*sp(-600, -300))


def test_a_group_that_is_missing_for_the_first_time_is_not_held() -> None:
    bench = unequal()
    bench.compared(bench.next(), Compared({GROUP: 2}, mark=bench.mark(back=True)))
    assert bench.next() is None
    bench.now = LOOKBACK
    bench.proved(bench.next(), equal=False)
    assert bench.compared(bench.next(), Compared({OTHER: 2}, mark=bench.mark(back=True))) == []
    assert not bench.course.holds.by_field


def test_where_central_only_has_more_the_span_is_proved_and_that_is_counted() -> None:
    bench = unequal()
    bench.compared(bench.next(), Compared(extras=3, points_read=5))
    assert bench.course.extras == 3
    assert bench.course.proved == span(*sp(-600, -300))
    assert bench.next() is None


def test_live_points_that_central_lacks_are_sent_twice_and_held_only_when_they_have_settled() -> None:
    bench = live()
    job = None
    for _ in range(2):
        bench.tick(0)
        bench.checked(bench.next(), equal=False)
        job = bench.beyond_copies()
    bench.compared(job, Compared({GROUP: 1}, points_read=5, mark=bench.mark(back=False)))
    assert bench.next() is None
    bench.back()
    job = bench.next()
    assert job == Compare(sp(-300, -15))
    assert bench.compared(job, Compared({GROUP: 1}, mark=bench.mark(back=True))) == []
    assert bench.next() is None
    assert seconds(bench.course.lacking(bench.at)) == [(-300, 0)]  # it is known that central lacks something
    bench.now = LOOKBACK + 1
    bench.proved(bench.next(room=False), equal=False)
    where = sp(-200, -199)
    assert bench.compared(bench.next(), Compared({GROUP: 1}, mark=bench.mark(back=True), where={GROUP: where})) == [
        GROUP
    ]
    assert bench.course.holds.spans() == {GROUP: span(*where)}


def test_live_points_that_only_central_has_do_not_make_it_compare_forever() -> None:
    bench = live()
    job = None
    for _ in range(2):
        bench.tick(0)
        bench.checked(bench.next(), equal=False)
        job = bench.beyond_copies()
    bench.compared(job, Compared(extras=3, points_read=5))
    assert bench.course.extras == 0  # not settled
    bench.course.pending.cut_away(span(*sp(-15, 0)))
    for _ in range(2):
        bench.course.checked([Counted(sp(-300, -15), 5, False)])
        assert bench.pending() == [(-300, -15)]
        assert bench.beyond_copies() is None
    bench.course.checked([Counted(sp(-300, -15), 6, False)])  # a late point
    assert bench.pending() == []


def test_nothing_that_a_mark_calls_proved_is_compared_and_so_printed() -> None:
    bench = live()
    bench.course.proved = span(*sp(-300, 0))
    bench.mark(back=True)
    bench.course.proved = NOTHING
    for each in bench.course.pending:
        each.state = PendingState.SUSPECT
    assert bench.next() is None
    bench.mark(back=True)
    assert isinstance(bench.next(), Compare)


def test_while_central_does_not_answer_nothing_is_proved_or_compared() -> None:
    bench = unequal()
    bench.central = False
    assert bench.next() is None
    bench.central = True
    assert isinstance(bench.next(), Compare)


def test_what_is_found_equal_before_it_settled_is_not_proved_by_that() -> None:
    """A line that was printed before may land yet, over the one that was compared."""
    bench = CourseBench(-600)
    bench.ticked(0)
    bench.course.pending.put(PendingSpan(s(-600), s(-300), None, s(200), PendingState.SUSPECT))
    bench.compared(bench.next(), Compared(points_read=5))
    assert not bench.course.proved
    assert bench.next() is None
    bench.now = 199
    assert bench.next() is None
    bench.now = 200
    assert bench.next() == Prove(sp(-600, -300), None)
