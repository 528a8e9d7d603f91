"""When a pending span that was copied has settled, and is proved."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telegraf_plugin.stream.jobs import Check, Copy, Prove
from telegraf_plugin.stream.pending import PendingSpan, PendingState
from telegraf_plugin.stream.spans import span
from tests.unit.course_bench import LOOKBACK, SECOND, CourseBench, at, live, s, seconds, sp


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
