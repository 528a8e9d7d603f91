"""One rule of progress: what fails is tried smaller, set aside when that does not help, and holds up nothing."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.stream.pace import LONG, Pace
from telegraf_plugin.stream.pace import SMALLEST as SECOND
from telegraf_plugin.stream.quarantine import ASIDE, FIRST_WAIT, MAX_OBSTACLES, SMALLEST, TRIES, Quarantine
from telegraf_plugin.stream.spans import NOTHING, Span, Spans, span
from telegraf_plugin.stream.units import HOUR


def fail(quarantine: Quarantine, whole: Span, steady: int = 0, lasting: bool = True) -> bool:
    return quarantine.failed(whole, "it is damaged", steady, lasting)


def test_what_failed_is_left_alone_for_a_moment_and_then_tried_in_halves() -> None:
    quarantine = Quarantine()
    assert not fail(quarantine, (0, HOUR))
    assert quarantine.closed(FIRST_WAIT - 1) == span(0, HOUR)
    assert quarantine.closed(FIRST_WAIT) == NOTHING
    assert quarantine.fit((0, HOUR)) == (HOUR // 2, HOUR)
    assert quarantine.fit((0, HOUR), newest=False) == (0, HOUR // 2)


def test_what_lies_beside_it_is_tried_alone() -> None:
    quarantine = Quarantine()
    fail(quarantine, (HOUR, 2 * HOUR))
    assert quarantine.fit((0, 3 * HOUR)) == (2 * HOUR, 3 * HOUR)
    assert quarantine.fit((0, 3 * HOUR), newest=False) == (0, HOUR)
    assert quarantine.fit((5 * HOUR, 6 * HOUR)) == (5 * HOUR, 6 * HOUR)


def test_one_bad_minute_is_found_and_set_aside_and_all_else_is_done() -> None:
    quarantine, steady, work = Quarantine(), 0, span(0, 10 * HOUR)
    bad = span(5 * HOUR + 17 * SMALLEST, 5 * HOUR + 18 * SMALLEST)
    tries = asides = 0
    while work - quarantine.aside:
        parts = (work - quarantine.closed(steady)).parts
        steady += FIRST_WAIT
        if not parts:
            continue
        start, stop = quarantine.fit((max(parts[-1][0], parts[-1][1] - HOUR), parts[-1][1]))
        tries += 1
        if bad.touches((start, stop)):
            asides += fail(quarantine, (start, stop), steady)
        else:
            quarantine.passed((start, stop))
            work -= span(start, stop)
        assert tries < 60
    assert quarantine.aside == work
    assert not bad - work
    assert work.length < 3 * SMALLEST
    assert quarantine.reason == "it is damaged"
    assert asides <= 2  # of each piece it is said once


def test_what_is_set_aside_is_tried_ever_less_up_to_once_an_hour() -> None:
    quarantine, waits = Quarantine(), []
    for _ in range(20):
        fail(quarantine, (0, SMALLEST))
        waits.append(next(wait for wait in range(0, 2 * int(ASIDE.longest), FIRST_WAIT) if not quarantine.closed(wait)))
    assert waits[: TRIES - 1] == [FIRST_WAIT] * (TRIES - 1)
    assert all(first <= second for first, second in pairwise(waits))
    assert waits[-1] == ASIDE.longest


def test_a_server_that_fails_at_everything_sets_nothing_aside() -> None:
    quarantine = Quarantine()
    for _ in range(10):
        assert not fail(quarantine, (0, SMALLEST), lasting=False)
    assert not quarantine.aside


def test_what_went_well_is_forgotten_and_the_rest_is_tried_in_larger_pieces() -> None:
    quarantine = Quarantine()
    fail(quarantine, (0, HOUR))
    fail(quarantine, (HOUR // 2, HOUR))
    quarantine.passed((HOUR * 3 // 4, HOUR))
    assert quarantine.fit((0, HOUR * 3 // 4)) == (HOUR // 2, HOUR * 3 // 4)
    quarantine.passed((0, HOUR))
    assert not quarantine


def test_what_nobody_wants_any_more_is_forgotten() -> None:
    quarantine = Quarantine()
    fail(quarantine, (0, HOUR))
    quarantine.keep(span(HOUR // 2, HOUR))
    assert quarantine.closed(0) == span(HOUR // 2, HOUR)


def test_pieces_of_an_aggregate_are_whole_windows() -> None:
    every = 7 * SMALLEST
    quarantine = Quarantine(every)
    fail(quarantine, (0, 3 * every))
    start, stop = quarantine.fit((0, 3 * every))
    assert (start % every, stop % every) == (0, 0)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9), st.booleans()), max_size=30))
def test_obstacles_are_disjoint_and_in_order(steps: list[tuple[int, int, bool]]) -> None:
    quarantine, there = Quarantine(), Spans()
    for start, length, failed in steps:
        whole = (start * SMALLEST, (start + length) * SMALLEST)
        if failed:
            fail(quarantine, whole)
            there += span(*whole)
        else:
            quarantine.passed(whole)
            there -= span(*whole)
        assert quarantine.closed(0) == there


def test_obstacles_are_bounded() -> None:
    quarantine = Quarantine()
    for number in range(MAX_OBSTACLES + 50):
        fail(quarantine, (2 * number * SMALLEST, (2 * number + 1) * SMALLEST))
    assert len(quarantine.closed(0).parts) <= MAX_OBSTACLES


def test_a_query_reads_less_after_it_was_too_much_and_more_after_it_was_easy() -> None:
    pace = Pace()
    pace.smaller()
    assert pace.length == HOUR // 2
    for _ in range(50):
        pace.smaller()
    assert pace.length == SECOND
    pace.done(SECOND, 0.1)
    assert pace.length == 2 * SECOND
    pace.done(SECOND, 0.1)  # less than it may read says nothing
    assert pace.length == 2 * SECOND
    pace.length = HOUR
    pace.done(HOUR, 0.1)
    assert pace.length == HOUR
    pace.done(HOUR, LONG + 1)  # done, but what is live has waited for it
    assert pace.length == HOUR // 2


def test_what_has_failed_before_is_known_by_any_part_of_it() -> None:
    quarantine = Quarantine()
    quarantine.failed((100, 200), "500", 0, lasting=True)
    known = [quarantine.knows(whole) for whole in ((0, 100), (0, 101), (150, 160), (199, 300), (200, 300))]
    assert known == [False, True, True, True, False]
