"""The sweep keeps the rule of progress: a piece that fails keeps its turn, smaller, or is set aside for all to see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from telegraf_plugin.stream.account import Account, State
from telegraf_plugin.stream.bounds import Bounds
from telegraf_plugin.stream.clocks import Instant
from telegraf_plugin.stream.course import Course
from telegraf_plugin.stream.definition import Aggregate, AggregateFunction
from telegraf_plugin.stream.jobs import Recheck, Swept
from telegraf_plugin.stream.pending import PendingState
from telegraf_plugin.stream.quarantine import ASIDE, FIRST_WAIT, SMALLEST, TRIES
from telegraf_plugin.stream.spans import NOTHING, Span, Spans, span
from telegraf_plugin.stream.sweep import HASHED_PIECE, SHORTEST_PASS
from telegraf_plugin.stream.units import HOUR
from tests.unit.course_bench import SECOND, CourseBench, at, s, sp
from tests.unit.test_definition import STREAM

HOURS = 4 * 3600
MINUTE = 60 * SECOND
ALL = sp(-HOURS, -300)
WAY = "500: query timed out"


class SweepBench:
    """A course with nothing to do but to sweep the four hours that it has proved, at a clock that goes on by itself."""

    def __init__(self, proved: Span = ALL, **keys: object) -> None:
        self.bench = CourseBench(-HOURS, stream=replace(STREAM, **keys))  # type: ignore[arg-type]
        self.course = Course(self.bench.course.stream, self.bench.book, sweep=1.0)
        self.course.adopt(proved[0], span(*proved), at(-3000))
        self.course.tick(at(0))
        self.course._foresee_at = 10**30
        self.course.due = False
        self.course.proved = span(*proved)
        self.steady = at(0).steady
        self.asides = 0

    @property
    def at(self) -> Instant:
        return at(0)._replace(steady=self.steady)

    def next(self) -> Recheck | None:
        self.course.due = False
        job = self.course.next(self.at, True, False, True)
        assert job is None or isinstance(job, Recheck), job
        return job

    def wait(self, ns: int = FIRST_WAIT) -> None:
        """Time goes by in which all else goes well."""
        self.steady += ns
        self.course.went_well(central=False)

    def fail(self, job: Recheck) -> None:
        self.asides += self.course.failed(job, WAY, self.at, central=False).aside

    def soon(self) -> Recheck:
        """The next piece as soon as there is one, an hour later at the latest."""
        for _ in range(HOUR // SECOND):
            job = self.next()
            if job is not None:
                return job
            self.wait(SECOND)
        raise AssertionError("the sweep has stopped")

    def swept(self, job: Recheck, equal: bool = True, took: int = 0) -> None:
        self.course.swept(job, Swept(equal, 5), took, self.at)
        self.course.went_well(central=False)

    def run(self, fails: Callable[[Span], bool], passes: int = 1) -> list[Span]:
        """Sweep so many passes; returns each piece that was asked for."""
        asked = []
        until = self.course.sweep.passes + passes
        while self.course.sweep.passes < until:
            job = self.next()
            if job is None:
                self.wait(SECOND)
                continue
            asked.append(job.span)
            assert len(asked) < 2000
            if fails(job.span):
                self.fail(job)
                self.wait(SECOND)
            else:
                self.swept(job)
        return asked


def test_a_piece_that_fails_keeps_its_turn_and_is_gone_over_again_in_halves() -> None:
    sweep = SweepBench()
    place = sweep.course.sweep.place
    job = sweep.soon()
    assert job.span == sp(-1800, -300)
    sweep.wait()
    sweep.fail(job)
    assert sweep.next() is None  # it is left alone for a moment
    sweep.wait()
    job = sweep.soon()
    assert job.span == sp(-1800, -300)
    sweep.fail(job)
    sweep.wait()
    job = sweep.soon()
    assert job.span == sp(-1050, -300)
    assert sweep.course.sweep.place == place
    sweep.swept(job)
    assert sweep.course.sweep.place == f"0/{s(-1050)}"
    assert sweep.course.aside == NOTHING


def test_pieces_are_longer_again_after_success() -> None:
    sweep = SweepBench()
    sweep.run(lambda piece: piece[1] - piece[0] > 10 * MINUTE)
    lengths = [stop - start for start, stop in sweep.run(lambda _piece: False, 2)]
    assert max(lengths) == HOUR
    assert sweep.course.aside == NOTHING


def test_a_piece_that_takes_long_makes_the_next_one_smaller() -> None:
    sweep = SweepBench()
    job = sweep.soon()
    sweep.swept(job, took=16 * SECOND)
    assert sweep.soon().span == sp(-1800 - 750, -1800)


@pytest.mark.parametrize("limit", [10 * MINUTE, 61 * SECOND])
def test_what_cannot_be_read_at_once_is_swept_whole_in_smaller_pieces(limit: int) -> None:
    sweep = SweepBench()
    asked = sweep.run(lambda piece: piece[1] - piece[0] > limit)
    assert Spans.of(piece for piece in asked if piece[1] - piece[0] <= limit) == sweep.course.proved
    assert sweep.course.aside == NOTHING
    assert not sweep.asides


def test_what_central_lacks_is_found_though_the_piece_in_which_counts_differ_cannot_be_read() -> None:
    sweep, lost = SweepBench(), span(*sp(-8000, -7400))
    for _ in range(400):
        job = sweep.soon()
        if not lost.touches(job.span):  # counted, and alike
            sweep.swept(job)
        elif job.span[1] - job.span[0] > 10 * MINUTE:  # read, and too much
            sweep.wait()
            sweep.fail(job)
        else:
            sweep.swept(job, equal=False)
            break
    assert sweep.course.sweep.found == 1
    assert lost - sweep.course.proved
    assert [each.state is PendingState.SUSPECT for each in sweep.course.pending if lost.touches(each.span)] == [True]


def test_a_minute_that_goes_on_failing_is_set_aside_and_the_next_piece_is_taken() -> None:
    sweep, bad = SweepBench(), span(*sp(-7980, -7920))
    asked = sweep.run(bad.touches)
    aside = sweep.course.aside
    assert not bad - aside
    assert aside.length < 3 * SMALLEST
    assert sweep.course.aside_reason == WAY
    assert sweep.asides == sum(1 for _ in sweep.course.unswept._obstacles)  # said once of each
    assert sweep.course.sweep.passes == 1
    well = Spans.of(piece for piece in asked if not bad.touches(piece))
    assert well + aside == sweep.course.proved
    failed = [piece for piece in asked if bad.touches(piece) and piece[1] - piece[0] <= SMALLEST]
    assert len(failed) >= TRIES


def aside_minute() -> tuple[SweepBench, Spans]:
    sweep, bad = SweepBench(), span(*sp(-7980, -7920))
    sweep.run(bad.touches)
    return sweep, bad


def test_it_shows_in_how_the_stream_stands_until_it_goes_well() -> None:
    sweep, _ = aside_minute()
    account = Account(sweep.course.stream, "me", 1.0)
    account.course, account.state = sweep.course, State.RUNNING
    progress = account.progress(sweep.at)
    assert progress.aside == sweep.course.unswept.aside.length > 0
    assert progress.aside_reason == WAY
    sweep.wait(HOUR)
    sweep.run(lambda _piece: False, 3)
    assert account.progress(sweep.at).aside == 0


def test_it_is_tried_again_ever_less_and_by_turns_with_the_rest() -> None:
    sweep, bad = aside_minute()
    whole, tried, last = sweep.course.unswept.aside.length // SMALLEST, [], False
    for _ in range(30 * 3600):
        job = sweep.next()
        if job is not None and bad.touches(job.span):
            assert not last  # what is well had its turn
            tried.append(sweep.steady)
            sweep.fail(job)
        elif job is not None:
            sweep.swept(job)
        last = job is not None and bad.touches(job.span)
        sweep.wait(SECOND)
    waits = [later - first for first, later in pairwise(tried)]
    assert whole <= 2
    assert len(tried) < 30 * 2 + 20  # once an hour in the end, of each
    assert waits[0] < 10 * MINUTE
    assert max(waits) >= int(ASIDE.after(99)) // 2
    assert sweep.course.sweep.passes > 30


def test_what_was_set_aside_and_lacks_something_is_found_and_the_place_stays() -> None:
    sweep, bad = aside_minute()
    sweep.wait(HOUR)
    job = sweep.soon()
    assert bad.touches(job.span)
    place, passes = sweep.course.sweep.place, sweep.course.sweep.passes
    sweep.swept(job, equal=False)
    assert (sweep.course.sweep.place, sweep.course.sweep.passes) == (place, passes)
    assert sweep.course.sweep.found == 1
    assert not sweep.course.proved.covers(job.span)
    assert not sweep.course.unswept.aside.touches(job.span)


def test_that_takes_its_part_of_the_time_too() -> None:
    sweep, bad = aside_minute()
    sweep.course.sweep._duty = 0.5
    sweep.wait(HOUR)
    job = sweep.soon()
    assert bad.touches(job.span)
    sweep.swept(job, took=4 * SECOND)
    sweep.wait(3 * SECOND)
    assert sweep.next() is None
    sweep.wait(SECOND)
    assert sweep.next() is not None


def test_a_server_that_is_away_says_nothing_of_the_piece_and_the_sweep_waits_for_it() -> None:
    sweep = SweepBench()
    place = sweep.course.sweep.place
    for _ in range(4):
        job = sweep.soon()
        sweep.course.failed(job, "connection refused", sweep.at, central=True)
        sweep.steady += HOUR
    assert sweep.course.sweep.place == place
    assert not sweep.course.unswept
    assert sweep.soon().span == sp(-1800, -300)


def test_a_long_step_that_fails_is_gone_over_by_the_hour() -> None:
    sweep = SweepBench(sp(-400 * 24 * 3600, -300))
    job = sweep.soon()
    while not job.empty:
        sweep.course.swept(job, Swept(True, 0), 0, sweep.at)
        job = sweep.soon()
    sweep.wait()
    sweep.fail(job)
    again = sweep.soon()
    assert (again.span[1], again.empty) == (job.span[1], False)
    assert not sweep.course.unswept


def test_what_is_not_proved_any_more_or_too_old_is_not_set_aside_either() -> None:
    sweep, bad = aside_minute()
    sweep.course.invalidate(bad, sweep.at)
    assert not sweep.course.aside & bad
    sweep, bad = aside_minute()
    sweep.course.bounds = Bounds(oldest=s(-7000))
    sweep.wait(SHORTEST_PASS)
    sweep.soon()
    assert sweep.course.aside == NOTHING


def test_an_aggregate_is_gone_over_again_in_whole_windows() -> None:
    every = 7 * MINUTE
    sweep = SweepBench(
        (s(-3600) // every * every, s(-600) // every * every), aggregate=Aggregate(every, AggregateFunction.MEAN)
    )
    asked = sweep.run(lambda piece: piece[1] - piece[0] > every)
    assert all(start % every == stop % every == 0 for start, stop in asked)
    assert sweep.course.aside == NOTHING


def test_a_pass_by_hash_is_in_pieces_no_longer_than_its_own() -> None:
    sweep = SweepBench()
    sweep.course.sweep.passes = 9
    asked = sweep.run(lambda piece: piece[1] - piece[0] > HASHED_PIECE // 2)
    assert max(stop - start for start, stop in asked) == HASHED_PIECE
    assert sweep.course.aside == NOTHING
