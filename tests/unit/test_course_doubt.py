"""What is held, what becomes doubtful, and what central lacks as far as is known."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from telegraf_plugin.stream.clocks import Instant
from telegraf_plugin.stream.definition import Aggregate, AggregateFunction
from telegraf_plugin.stream.digest import Digest
from telegraf_plugin.stream.holds import LOOKS
from telegraf_plugin.stream.jobs import Check, Compare, Compared, Copy, Counted, Explain, Job, Land, Prove
from telegraf_plugin.stream.ration import NOTHING_SENT
from telegraf_plugin.stream.spans import NOTHING, Spans, span
from tests.unit.course_bench import GROUP, LOOKBACK, SECOND, CourseBench, at, live, s, seconds, sp
from tests.unit.test_definition import STREAM

# Held


def holding() -> CourseBench:
    bench = CourseBench(-1000)
    bench.course.proved = span(*sp(-1000, 0))
    bench.course.holds.restore({GROUP: span(*sp(-1000, -900))})
    bench.course.holds.explain(GROUP, None)
    bench.ticked(0)
    return bench


def test_what_is_held_is_tried_when_it_is_due_and_there_is_room() -> None:
    bench = holding()
    assert bench.next(room=False) is None
    job = bench.next()
    assert job == Compare(sp(-1000, -900), GROUP)
    bench.compared(job, Compared({GROUP: 2}, mark=bench.mark(back=False)))
    assert bench.next() is None
    bench.back()
    job = bench.next()
    assert job == Compare(sp(-1000, -900), GROUP, ration=NOTHING_SENT)
    bench.compared(job, Compared())
    assert not bench.course.holds.by_field
    assert bench.course.proved == span(*sp(-1000, -300))


def test_what_central_still_refuses_is_tried_later() -> None:
    bench = holding()
    while isinstance(job := bench.next(), Compare):
        bench.compared(job, Compared({GROUP: 2}, mark=bench.mark(back=True)))
    assert job == Explain(sp(-1000, -900), GROUP)  # once more
    bench.course.holds.explain(GROUP, None)
    assert bench.next() is None
    bench.now = 2 * int(LOOKS.first) // SECOND
    assert isinstance(bench.next(), Compare)


def test_what_is_held_and_cannot_be_read_whole_is_tried_in_ever_smaller_pieces() -> None:
    """The one rule of progress: down to a minute, and then what is older has its turn."""
    bench = CourseBench(-7200)
    bench.course.proved = span(*sp(-7200, 0))
    bench.course.holds.restore({GROUP: span(*sp(-4000, -1000))})
    bench.course.holds.explain(GROUP, None)
    bench.ticked(0)
    spans = []
    for _ in range(40):
        bench.now += 60
        job = bench.next()
        if not isinstance(job, Compare):
            continue
        spans.append(job.span)
        bench.course.went_well(central=False)
        bench.course.failed(job, "too much", bench.at, central=False)
    lengths = [(stop - start) // SECOND for start, stop in spans]
    assert lengths[0] > 600
    assert 60 in lengths
    assert all(later <= earlier for earlier, later in pairwise(lengths[: lengths.index(60)]))
    assert spans[-1][1] < spans[0][1]  # what is older


# Doubt


def test_what_somebody_else_printed_is_compared_again_when_it_settled() -> None:
    bench = CourseBench(-1000, span(*sp(-1000, -300)))
    bench.course.invalidate(span(*sp(-800, -700)), at(0))
    assert bench.course.proved == Spans.of([sp(-1000, -800), sp(-700, -300)])
    bench.now = LOOKBACK - 1
    assert bench.next(room=False) is None
    bench.now = LOOKBACK
    job = bench.next(room=False)
    assert isinstance(job, Prove)
    assert (job.span[0], job.source) == (s(-800), None)


def test_a_pending_span_in_doubt_settles_later_and_its_digest_does_not_count() -> None:
    bench = CourseBench(-1000)
    bench.ticked(0)
    bench.copied(bench.next())
    bench.course.invalidate(span(*sp(-800, -700)), at(0))
    assert bench.next() is None
    bench.now = LOOKBACK
    assert bench.next() == Prove(sp(-600, -300), None)  # by strides


@pytest.mark.parametrize("happens", ["invalidate", "adopt"])
@pytest.mark.parametrize("kind", ["copy", "prove", "compare"])
def test_a_job_that_was_under_way_does_not_count(kind: str, happens: str) -> None:
    bench = CourseBench(-1000)
    bench.ticked(0)
    job = bench.next()
    if kind != "copy":
        bench.copied(job)
        job = bench.next()
    if kind == "compare":
        bench.proved(job, equal=False)
        job = bench.next()
    if happens == "invalidate":
        bench.course.invalidate(span(*sp(-1000, -999)), bench.at)
    else:
        bench.course.adopt(s(-1000), NOTHING, Instant(0, 0, 0))
    before = [replace(each) for each in bench.course.pending], bench.course.proved
    if isinstance(job, Copy):
        bench.copied(job, digest=Digest())
    elif isinstance(job, Prove):
        bench.proved(job)
    else:
        assert bench.compared(job, Compared(extras=1)) == []
    assert ([*bench.course.pending], bench.course.proved) == before
    assert bench.course.extras == 0


def test_a_doubt_elsewhere_leaves_a_job_alone() -> None:
    bench = CourseBench(-1000)
    bench.ticked(0)
    bench.copied(bench.next())
    job = bench.next()
    bench.course.invalidate(span(*sp(-200, -100)), bench.at)
    bench.proved(job)
    assert bench.course.proved.covers(sp(-1000, -300))


# What central lacks


def test_central_lacks_what_is_not_back_and_what_is_found_missing() -> None:
    bench = CourseBench(-1000)
    bench.ticked(0)
    assert seconds(bench.course.lacking(bench.at)) == [(-1000, 0)]
    bench.copied(bench.next(), back=False)
    assert seconds(bench.course.lacking(bench.at)) == [(-1000, 0)]
    bench.back()
    assert seconds(bench.course.lacking(bench.at)) == [(-1000, 0)]  # it has left; whether it arrived is not known
    bench.all_landed()
    assert seconds(bench.course.lacking(bench.at)) == [(-300, 0)]
    bench.proved(bench.next(room=False), equal=False)
    assert seconds(bench.course.lacking(bench.at)) == [(-1000, 0)]


def test_what_is_merely_read_again_is_not_lacking_and_what_differs_is() -> None:
    bench = live()
    bench.tick(60)
    bench.copy_all()
    bench.all_landed()
    bench.tick(60)
    assert seconds(bench.course.lacking(bench.at)) == []
    bench.course.checked([Counted(each.span, 6, False) for each in bench.course.pending])
    assert bench.work() == [(-300, 60)]
    assert seconds(bench.course.lacking(bench.at)) == [(-300, 45)]


@pytest.mark.parametrize(
    "job", [Land(sp(-15, 60), 5), Check(((sp(-300, -15),), (sp(-15, 60),)))], ids=lambda job: type(job).__name__
)
def test_what_was_printed_again_and_could_not_be_counted_is_lacking_and_what_had_landed_is_not(job: Job) -> None:
    bench = live()
    bench.all_landed()
    bench.tick(60)
    bench.copy_all()
    assert seconds(bench.course.lacking(bench.at)) == [(0, 60)]
    bench.course.failed(job, "memory limit", bench.at, central=True)
    assert seconds(bench.course.lacking(bench.at)) == [(-15, 60)]


def test_what_is_held_of_an_aggregate_gives_its_turn_to_what_is_older_at_its_smallest() -> None:
    """Windows of 45 s: no piece is shorter than two of them."""
    bench = CourseBench(-7200, stream=replace(STREAM, aggregate=Aggregate(45 * SECOND, AggregateFunction.MEAN)))
    bench.course.proved = span(*sp(-7200, 0))
    bench.course.holds.restore({GROUP: span(*sp(-4005, -1035))})
    bench.course.holds.explain(GROUP, None)
    bench.ticked(0)
    stops = []
    for _ in range(60):
        bench.now += 60
        job = bench.next()
        if isinstance(job, Compare) and job.field_key is not None:
            stops.append(job.span[1])
            bench.course.went_well(central=False)
            bench.course.failed(job, "too much", bench.at, central=False)
    assert min(stops) < stops[0]
