"""The sweep: what is proved is compared again, newest first, at a part of the time; what is found is work again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telegraf_plugin.stream.bounds import Bounds
from telegraf_plugin.stream.definition import Aggregate, AggregateFunction
from telegraf_plugin.stream.jobs import Compare, Compared, Recheck, Swept
from telegraf_plugin.stream.pending import PendingState
from telegraf_plugin.stream.spans import BEGINNING, NOTHING, Span, Spans, span
from telegraf_plugin.stream.sweep import HASH_EVERY, HASHED_PIECE, LEAST_PIECE, LONGEST_EMPTY, SHORTEST_PASS, Sweep
from telegraf_plugin.stream.units import HOUR
from tests.unit.course_bench import SECOND, CourseBench, at, s, seconds, sp
from tests.unit.test_definition import STREAM

GROUPS = frozenset((HOUR,))


def ask(sweep: Sweep, proved: Spans, steady: int, oldest: int = BEGINNING) -> Span | None:
    return sweep.next(proved, oldest, GROUPS, 1, steady)


def one_pass(sweep: Sweep, proved: Spans, steady: int, took: int = SECOND) -> tuple[list[Span], int]:
    """What one pass looks at, each piece as soon as it may, and when that is over."""
    pieces = []
    passes = sweep.passes
    while sweep.passes == passes:
        piece = ask(sweep, proved, steady)
        if piece is None:
            steady += SECOND
        else:
            pieces.append(piece)
            steady += took
            sweep.done(piece, True, took, steady)
    return pieces, steady


def test_without_a_part_of_the_time_nothing_is_swept() -> None:
    assert ask(Sweep(0.0), span(0, HOUR), 0) is None


def test_without_anything_proved_nothing_is_swept() -> None:
    sweep = Sweep(0.5)
    assert ask(sweep, NOTHING, 0) is None
    assert sweep.passes == 0


def test_all_that_is_proved_is_looked_at_newest_first_within_shard_groups() -> None:
    proved = Spans.of([(HOUR // 2, 2 * HOUR), (3 * HOUR, 3 * HOUR + 5)])
    pieces, _ = one_pass(Sweep(0.5), proved, 0)
    assert pieces == [(3 * HOUR, 3 * HOUR + 5), (HOUR, 2 * HOUR), (HOUR // 2, HOUR)]


def test_what_central_would_not_keep_is_not_looked_at() -> None:
    assert ask(Sweep(0.5), span(0, HOUR), 0, oldest=HOUR - 7) == (HOUR - 7, HOUR)


@pytest.mark.parametrize("duty", [0.02, 0.25, 0.5])
def test_it_takes_its_part_of_the_time_and_no_more(duty: float) -> None:
    sweep = Sweep(duty)
    took, steady = 3 * SECOND, 0
    piece = ask(sweep, span(0, 10 * HOUR), steady)
    assert piece is not None
    sweep.done(piece, True, took, steady + took)
    again = steady + round(took / duty)
    assert ask(sweep, span(0, 10 * HOUR), again - SECOND // 100) is None
    assert ask(sweep, span(0, 10 * HOUR), again + SECOND // 100) == (8 * HOUR, 9 * HOUR)


def test_of_many_streams_a_tick_goes_over_what_its_time_since_the_last_one_was_enough_for() -> None:
    sweep, minute = Sweep(0.5), 60 * SECOND
    sweep.share(4 * 50)  # a hundredth of the time
    took = SECOND // 4  # which is a piece each 25 s
    found = []
    for tick in range(10 * minute, 16 * minute, minute):
        sweep.since = tick - minute
        pieces = 0
        while (piece := ask(sweep, span(0, 100 * HOUR), tick)) is not None:
            pieces += 1
            sweep.done(piece, True, took, tick + pieces * SECOND, 1)
        found.append(pieces)
    assert sum(found) == pytest.approx(6 * minute * 0.01 / took, abs=2)
    assert max(found) <= 3
    assert sweep.wakes_at() == []


def test_what_is_asked_with_others_counts_for_a_hundredth_of_a_second_at_least() -> None:
    sweep = Sweep(0.5)
    sweep.share(4 * 1000)
    sweep.since = 0
    piece = ask(sweep, span(0, 100 * HOUR), SECOND)
    assert piece is not None
    sweep.done(piece, True, 1, SECOND, 1)
    rest = LEAST_PIECE * 1999
    assert ask(sweep, span(0, 100 * HOUR), rest - SECOND) is None
    assert ask(sweep, span(0, 100 * HOUR), rest + SECOND)


def test_what_was_in_vain_takes_its_time_too_and_is_looked_at_again() -> None:
    sweep = Sweep(0.5)
    assert ask(sweep, span(0, HOUR), 0) == (0, HOUR)
    sweep.rest(4 * SECOND, 4 * SECOND)
    assert ask(sweep, span(0, HOUR), 7 * SECOND) is None
    assert ask(sweep, span(0, HOUR), 8 * SECOND) == (0, HOUR)


def test_a_pass_that_is_over_tells_how_long_it_took_and_the_next_is_not_at_once() -> None:
    sweep = Sweep(0.5)
    assert sweep.period is None
    _, steady = one_pass(sweep, span(0, 2 * HOUR), 100 * SECOND)
    began = steady - SECOND
    assert sweep.period == began - 100 * SECOND
    while ask(sweep, span(0, 2 * HOUR), steady) is None:
        steady += SECOND
    assert steady - began == SHORTEST_PASS


def test_each_tenth_pass_compares_points_in_shorter_pieces() -> None:
    sweep, steady = Sweep(0.5), 0
    by_hash = []
    for _ in range(2 * HASH_EVERY):
        by_hash.append(sweep.by_hash)
        pieces, steady = one_pass(sweep, span(0, HOUR), steady)
        assert len(pieces) == (HOUR // HASHED_PIECE if by_hash[-1] else 1)
    assert by_hash == ([False] * (HASH_EVERY - 1) + [True]) * 2


def test_a_piece_is_no_longer_than_is_asked_for() -> None:
    sweep = Sweep(0.5)
    lengths = {longest: sweep.next(span(0, HOUR), BEGINNING, GROUPS, 1, 0, longest) for longest in (HOUR, 90 * SECOND)}
    assert lengths == {HOUR: (0, HOUR), 90 * SECOND: (HOUR - 90 * SECOND, HOUR)}
    sweep.passes = HASH_EVERY - 1
    assert sweep.next(span(0, HOUR), BEGINNING, GROUPS, 1, 0, HOUR) == (HOUR - HASHED_PIECE, HOUR)
    assert sweep.next(span(0, HOUR), BEGINNING, GROUPS, 1, 0, SECOND) == (HOUR - SECOND, HOUR)


def test_pieces_in_which_something_was_missing_are_counted() -> None:
    sweep = Sweep(0.5)
    sweep.done((HOUR, 2 * HOUR), False, 1, 1)
    sweep.done((0, HOUR), True, 1, 2)
    assert sweep.found == 1


def test_a_sweep_goes_on_where_an_earlier_run_was() -> None:
    sweep = Sweep(0.5)
    piece = ask(sweep, span(0, 3 * HOUR), 0)
    assert piece is not None
    sweep.done(piece, True, 1, 1)
    later = Sweep(0.5)
    later.go_on(sweep.place)
    assert later.place == sweep.place == f"0/{2 * HOUR}"
    assert ask(later, span(0, 3 * HOUR), 0) == (HOUR, 2 * HOUR)


@pytest.mark.parametrize("before", [-(2**63), -1, 0, 2**63 - 1])
def test_a_place_is_any_time_of_64_bits(before: int) -> None:
    sweep = Sweep(0.5)
    sweep.go_on(f"11/{before}")
    assert (sweep.passes, sweep.place) == (11, f"11/{before}")


@pytest.mark.parametrize(
    "place", ["", "1", "/", "x/1", "1/x", "-1/1", "1/-", "+1/1", "1/٣", f"{2**63}/1", f"1/{2**63}", "1/" + "7" * 36]
)
def test_what_is_no_place_is_the_beginning(place: str) -> None:
    sweep = Sweep(0.5)
    sweep.go_on(place)
    assert sweep.place == Sweep(0.5).place


def test_where_there_is_nothing_each_piece_is_four_times_as_long_up_to_a_limit() -> None:
    sweep, proved = Sweep(0.5), span(0, 10 * LONGEST_EMPTY)
    lengths = []
    for number in range(9):
        piece = ask(sweep, proved, number * SECOND)
        assert piece is not None
        lengths.append(piece[1] - piece[0])
        sweep.done(piece, True, 0, number * SECOND, points=0)
    assert lengths == [min(4**number * HOUR, LONGEST_EMPTY) for number in range(9)]
    full = ask(sweep, proved, 10 * SECOND)
    assert full is not None
    sweep.done(full, True, 0, 10 * SECOND, points=1)
    assert ask(sweep, proved, 11 * SECOND) == (full[1] - HOUR, full[1])  # again, in hours


# In a course


def proved(duty: float = 0.5) -> CourseBench:
    bench = CourseBench(-1000)
    bench.course.sweep = Sweep(duty)
    bench.ticked(0)
    bench.course.proved = span(*sp(-1000, -300))
    bench.mark(back=True)
    return bench


def test_what_is_proved_is_swept_when_there_is_nothing_else_to_do() -> None:
    bench = CourseBench(-1000)
    bench.course.sweep = Sweep(0.5)
    bench.ticked(0)
    bench.course.proved = span(*sp(-900, -300))
    bench.copied(bench.next())
    bench.proved(bench.next())
    assert bench.next() == Recheck(sp(-1000, -300), by_hash=False)
    bench.central = False
    assert bench.next() is None


def test_an_aggregate_is_swept_by_whole_windows_from_the_edge_of_the_retention_on() -> None:
    """The rest of a window has another mean than all of it: central was said to lack it."""
    minutes = replace(STREAM, aggregate=Aggregate(60 * SECOND, AggregateFunction.MEAN))
    bench = CourseBench(-600, stream=minutes)
    bench.course.sweep = Sweep(0.5)
    bench.ticked(0)
    bench.course.bounds = Bounds(GROUPS, oldest=s(-590))
    bench.course.proved = span(*sp(-600, 0))
    assert bench.next() == Recheck(sp(-540, 0), by_hash=False)


def test_what_is_equal_stays_proved() -> None:
    bench = proved()
    job = bench.next()
    assert isinstance(job, Recheck)
    bench.course.swept(job, Swept(True, 5), SECOND, at(1))
    assert bench.course.proved == span(*sp(-1000, -300))
    bench.now = 1
    assert bench.next() is None
    assert bench.course.sweep.found == 0


def test_what_lacks_something_is_compared_repaired_and_proved_again() -> None:
    bench = proved()
    job = bench.next()
    assert isinstance(job, Recheck)
    bench.course.swept(job, Swept(False), SECOND, bench.at)
    assert bench.course.sweep.found == 1
    assert not bench.course.proved
    assert seconds(bench.course.lacking(bench.at)) == [(-1000, 0)]
    assert bench.next() is None  # the newest mark calls it proved: one without it goes first
    bench.mark(back=True)
    job = bench.next()
    assert job == Compare(sp(-1000, -300))
    bench.compared(job, Compared(mark=bench.mark(back=True), missing={}))
    assert bench.course.proved == span(*sp(-1000, -300))


def test_it_looks_at_no_more_than_what_central_keeps() -> None:
    bench = proved()
    bench.course.bounds = Bounds(oldest=sp(-500, 0)[0])
    assert bench.next() == Recheck(sp(-500, -300), by_hash=False)


def test_what_somebody_else_printed_meanwhile_is_not_taken_for_lost() -> None:
    bench = proved()
    job = bench.next()
    assert isinstance(job, Recheck)
    bench.course.invalidate(span(*sp(-600, -500)), bench.at)
    before = bench.course.proved
    bench.course.swept(job, Swept(False), SECOND, bench.at)
    assert bench.course.proved == before
    assert not [each for each in bench.course.pending if each.state is PendingState.SUSPECT]
