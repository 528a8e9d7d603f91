"""When fields share a line: not with what central refuses, nor while some line did not land and nobody knows why."""

from __future__ import annotations

import pytest

from telegraf_plugin.stream.block import FieldKey, FieldType
from telegraf_plugin.stream.digest import Digest
from telegraf_plugin.stream.jobs import Copied, Copy, Land
from telegraf_plugin.stream.pending import PendingSpan
from telegraf_plugin.stream.spans import span
from tests.unit.course_bench import LOOKBACK, CourseBench, s, sp

BAD = FieldKey(b"rack", b"current", FieldType.FLOAT)


def printed(bench: CourseBench, there: int | None = None) -> Copy:
    """The next job is a copy that prints five points; `there` of them land."""
    while not isinstance(job := bench.next(), Copy):
        assert job is not None
        bench.checked(job)
    bench.course.copied(job, Copied(Digest(points=5), 5, bench.mark(back=True), 5), bench.at)
    if there is not None:
        landing = bench.next(room=False)
        assert isinstance(landing, Land)
        bench.course.counted(landing, there)
    return job


@pytest.mark.parametrize(("there", "narrow"), [(4, True), (0, True), (5, False), (6, False)])
def test_after_a_line_that_did_not_land_no_fields_share_one(there: int, narrow: bool) -> None:
    bench = CourseBench(-1000)
    bench.tick(0)
    first = printed(bench, there)
    assert (first.narrow, first.apart) == (False, frozenset())
    backlog = bench.next()
    assert isinstance(backlog, Copy)
    assert (backlog.live, backlog.narrow) == (False, narrow)
    bench.copied(backlog)
    bench.tick(60)
    assert printed(bench).narrow is narrow


def test_once_it_is_proved_they_share_lines_again() -> None:
    bench = CourseBench(-LOOKBACK)
    bench.tick(0)
    printed(bench, 4)
    bench.course._prove_span(sp(-LOOKBACK, 0), {}, bench.at)
    bench.tick(60)
    assert not printed(bench).narrow


def test_what_nobody_ever_proves_is_forgotten() -> None:
    bench = CourseBench(-LOOKBACK)
    bench.tick(0)
    printed(bench, 4)
    bench.ticked(LOOKBACK + 1)
    bench.ticked(2 * LOOKBACK - 1)
    assert bench.course._unlanded
    bench.tick(2 * LOOKBACK + 1)
    assert not printed(bench).narrow


def test_a_span_that_is_copied_again_since_counts_differ_is_sent_field_by_field() -> None:
    bench = CourseBench(-LOOKBACK)
    bench.tick(0)
    printed(bench)
    (part,) = bench.course.pending
    bench.course._unequal(part, 7)
    assert printed(bench).narrow


def test_what_is_held_at_whatever_time_shares_no_line_and_its_not_landing_is_no_news() -> None:
    bench = CourseBench(-LOOKBACK)
    bench.course.holds.hold(BAD, sp(-900, -800), 3, bench.at.steady)
    bench.tick(0)
    first = printed(bench, 4)
    assert first.apart == {BAD}
    assert not first.held
    assert not first.narrow
    bench.tick(60)
    assert not printed(bench).narrow


def test_a_new_adoption_knows_of_nothing_that_did_not_land() -> None:
    bench = CourseBench(-LOOKBACK)
    bench.tick(0)
    printed(bench, 4)
    bench.course.adopt(s(-LOOKBACK), span(0, 0), bench.at)
    bench.course.pending.put(PendingSpan(s(-10), s(0), None, 0))
    assert not bench.course._unlanded
