"""Three clocks that may each be wrong: none begins or proves anything in the future, and the present goes first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telegraf_plugin.stream.account import Account
from telegraf_plugin.stream.clocks import FAR, Instant, instant, present
from telegraf_plugin.stream.course import Course
from telegraf_plugin.stream.definition import Start
from telegraf_plugin.stream.jobs import Copy
from telegraf_plugin.stream.ledger import Mark, MarkId
from telegraf_plugin.stream.markbook import MarkBook
from telegraf_plugin.stream.spans import NOTHING, Spans, span
from tests.unit.course_bench import HOUR, LOOKBACK, SECOND, CourseBench, at, s, seconds, sp
from tests.unit.marks import book_mark, make_mark
from tests.unit.test_definition import STREAM

YEAR = 365 * 24 * 3600 * SECOND


@pytest.mark.parametrize(
    ("source", "clock", "central", "now"),
    [
        (5, 0, 0, 5),
        (FAR, 0, 0, FAR),
        (FAR + 1, 0, 0, 0),  # the source's alone is ahead
        (2 * FAR, 0, 2 * FAR - 7, 2 * FAR - 7),  # ours alone is behind
        (2 * FAR, 0, None, 0),
        (100 * YEAR, 0, 3, 3),
        (-YEAR, 0, 0, -YEAR),  # its data is dated by it
    ],
)
def test_a_clock_far_ahead_is_believed_only_if_centrals_says_so_too(
    source: int, clock: int, central: int | None, now: int
) -> None:
    assert present(source, clock, central) == now


@pytest.mark.parametrize(
    ("source_skew", "central_skew", "source"),
    [
        (None, None, 1000),
        (1.5, None, 1000),
        (-1.5, None, 1000),
        (1.75, None, 1002),  # of 1000.75 s, the fraction left for the next tick
        (-1.75, None, 999),
        (7200.0, None, 1000),
        (7200.0, 7100.0, 8100),  # central's as well is ahead: ours alone is behind
        (7200.0, 1.0, 1001),
    ],
)
def test_what_time_it_is_at_a_source_is_told_by_its_skew_beyond_noise_in_whole_seconds(
    source_skew: float | None, central_skew: float | None, source: int
) -> None:
    clock = 1000 * SECOND + SECOND * 3 // 4
    assert instant(clock, 7, source_skew, central_skew) == Instant(source * SECOND, clock, 7)


def tick(bench: CourseBench, now: int, steady: int) -> None:
    bench.course.tick(Instant(s(now), s(now), steady * SECOND))


def test_what_both_clocks_proved_too_early_is_compared_again_when_they_are_right() -> None:
    """Points may still come late for it: within the lookback that is promised."""
    bench = CourseBench(-2000)
    bench.course.proved = NOTHING
    tick(bench, 0, 10_000)
    early = Instant(s(LOOKBACK), s(LOOKBACK), 10_001 * SECOND)  # both are five minutes ahead
    bench.course.tick(early)
    bench.course._prove_span(sp(-1000, 0), {}, early)
    assert bench.course.proved.covers(sp(-1000, 0))
    later = Instant(s(60), s(60), 10_060 * SECOND)  # right again
    bench.course.tick(later)
    # At that moment it was 0 in truth, and nothing younger than the lookback had settled.
    left = bench.course.proved
    assert left.covers(sp(-1000, -LOOKBACK - 60))
    assert not left.touches(sp(-LOOKBACK + 60, 0))


def test_what_was_proved_before_it_had_settled_is_compared_again_though_it_has_settled_since() -> None:
    """Points may have come for it after it was compared, and before it settled in truth."""
    bench = CourseBench(-2000)
    bench.course.proved = NOTHING
    tick(bench, 0, 10_000)
    early = Instant(s(LOOKBACK), s(LOOKBACK), 10_001 * SECOND)
    bench.course.tick(early)
    bench.course._prove_span(sp(-1000, 0), {}, early)
    tick(bench, LOOKBACK, 10_000 + LOOKBACK)  # right again: what ended at 0 has settled just now
    assert bench.course.proved.covers(sp(-1000, -LOOKBACK - 60))
    assert not bench.course.proved.touches(sp(-LOOKBACK, 0))
    assert [each.span for each in bench.course.pending.within(sp(-LOOKBACK, -15))]


def test_clocks_that_agree_take_nothing_back() -> None:
    bench = CourseBench(-2000)
    for second in range(0, 600, 10):
        tick(bench, second, 10_000 + second)
        bench.course._prove_span(sp(-1000 + second, -990 + second - LOOKBACK), {}, bench.at)
    assert not bench.course.pending.within(sp(-1000, -700))


@pytest.mark.parametrize("ahead", [2 * HOUR, 100 * 365 * 24 * HOUR])
def test_an_origin_in_the_future_is_taken_back(ahead: int) -> None:
    course = Course(replace(STREAM, start=Start(ago=100 * SECOND)), book := MarkBook("me"))
    course.adopt(s(ahead), NOTHING, at(0))
    book.back([book_mark(book, 0, 0, NOTHING)])
    course.tick(at(0))
    assert course.origin == s(-100)
    assert course.next(at(0), True, True, True) == Copy(sp(-100, 0), live=True)


def test_a_date_that_is_yet_to_come_is_waited_for() -> None:
    course = Course(replace(STREAM, start=Start(date=s(500))), MarkBook("me"))
    course.adopt(s(500), NOTHING, at(0))
    course.tick(at(0))
    assert course.origin == s(500)


def test_what_a_mark_of_the_future_calls_proved_is_compared_again() -> None:
    account = Account(STREAM, "me")
    proved = Spans.of([sp(-30 * HOUR, -400)])
    mark = Mark(MarkId(s(600), "before"), None, STREAM.hash, s(-30 * HOUR), s(-30 * HOUR), proved)
    account.adopt(mark, None, 0, at(0))
    assert seconds(account.course.proved) == [(-30 * HOUR, -25 * HOUR)]
    assert account.course.pending.spans() == span(*sp(-25 * HOUR, -400))


def test_how_far_behind_a_stream_is_does_not_wait_for_the_future_either() -> None:
    account = Account(STREAM, "me")
    account.adopt(None, None, s(100 * 365 * 24 * HOUR), at(0, source=100 * 365 * 24 * HOUR, clock=0))
    account.seen({make_mark(account, at(0)).id})
    account.course.tick(at(0))
    account.course.tick(at(600))
    assert account.progress(at(600)).lag == 600 * SECOND
