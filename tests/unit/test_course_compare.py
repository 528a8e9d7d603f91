"""What is done about a span that differs: compared, sent again, held, and proved without what is held."""

from __future__ import annotations

from telegraf_plugin.stream.jobs import Compare, Compared, Counted, Explain, Job, Prove, Proved
from telegraf_plugin.stream.pending import PendingSpan, PendingState
from telegraf_plugin.stream.spans import NOTHING, span
from tests.unit.course_bench import GROUP, LOOKBACK, OTHER, CourseBench, live, s, seconds, sp


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


def differs_twice(bench: CourseBench) -> Job | None:
    """What is to be done when the counts of a live part differ, also after it was sent again."""
    job = None
    for _ in range(2):
        bench.tick(0)
        bench.checked(bench.next(), equal=False)
        job = bench.beyond_copies()
    return job


def test_live_points_that_central_lacks_are_sent_twice_and_held_only_when_they_have_settled() -> None:
    bench = live()
    job = differs_twice(bench)
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
    job = differs_twice(bench)
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
