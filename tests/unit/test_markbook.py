"""The book of marks: what is back, when to ask again, and what must not be printed yet."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.markbook import FIRST_ASK, LONGEST_ASK, MarkBook
from telegraf_plugin.stream.spans import NOTHING, Spans, span
from tests.unit.marks import book_mark

SECOND = 1_000_000_000


def book(base: int | None = None, claims: Spans = NOTHING) -> MarkBook:
    result = MarkBook("me")
    result.adopt(MarkId(base, "before") if base is not None else None, claims)
    return result


@given(st.lists(st.integers(0, 100) | st.integers(0, 2**62), min_size=1, max_size=20), st.integers(0, 100))
def test_times_rise_whatever_the_clock_does(clocks: list[int], base: int) -> None:
    marks = book(base)
    times = [base]
    for clock in clocks:
        mark = book_mark(marks, clock, 0, NOTHING)
        assert mark.time >= clock
        assert mark.incarnation == "me"
        times.append(mark.time)
    assert times == sorted(set(times))
    assert marks.back([mark]) == mark
    assert book_mark(marks, 0, 0, NOTHING).time == times[-1] + 1


def test_times_go_on_rising_when_the_ledger_is_read_again() -> None:
    marks = book()
    first = book_mark(marks, 100, 0, NOTHING)
    marks.adopt(MarkId(50, "before"), NOTHING)
    assert book_mark(marks, 0, 0, NOTHING).time > first.time


def test_nothing_is_back_and_all_is_asked_for_until_a_mark_of_this_run_came() -> None:
    marks = book(10)
    assert not marks.started
    assert not marks.is_back(MarkId(5, "before"))
    assert marks.is_back(None)
    assert marks.should_ask(0)
    first = book_mark(marks, 100, 0, NOTHING)
    assert marks.back([MarkId(10, "before"), MarkId(100, "other")]) is None
    assert not marks.started
    assert marks.back([first]) == first
    assert marks.started
    assert marks.is_back(first)
    assert not marks.should_ask(10**18)


def test_a_mark_that_is_waited_for_is_asked_for_again_less_and_less_often() -> None:
    marks = book()
    steady = 0
    waits = []
    for _ in range(9):
        book_mark(marks, steady, steady, NOTHING)
        asked = steady
        while not marks.should_ask(steady):
            steady += SECOND
        waits.append(steady - asked)
    assert waits[:3] == [FIRST_ASK, 2 * FIRST_ASK, 4 * FIRST_ASK]
    assert waits[-2:] == [LONGEST_ASK, LONGEST_ASK]
    assert marks.back([max(marks.on_their_way)]) is not None
    book_mark(marks, steady, steady, NOTHING)
    assert not marks.should_ask(steady + FIRST_ASK - 1)
    assert marks.should_ask(steady + FIRST_ASK)  # begun anew


def test_a_ledger_that_is_read_anew_is_asked_for_at_once() -> None:
    marks = book()
    book_mark(marks, 0, 0, NOTHING)
    assert not marks.should_ask(1)
    marks.adopt(None, NOTHING)
    assert marks.should_ask(1)
    book_mark(marks, 1, 1, NOTHING)
    assert marks.should_ask(1 + FIRST_ASK)


def test_a_mark_that_is_back_brings_all_before_it() -> None:
    marks = book()
    first, second, third = (book_mark(marks, at, 0, NOTHING) for at in (1, 2, 3))
    assert marks.back([second, first]) == second
    assert list(marks.on_their_way) == [third]
    assert [marks.is_back(mark) for mark in (first, second, third)] == [True, True, False]
    assert marks.back([first, second]) is None  # nothing new
    assert marks.base == second


def test_a_base_that_central_does_not_have_is_gone() -> None:
    marks = book(10)
    assert not marks.gone([MarkId(10, "before")])
    assert marks.gone([MarkId(10, "other"), MarkId(11, "before")])
    assert marks.gone([])
    assert not book().gone([])
    first = book_mark(marks, 20, 0, NOTHING)
    marks.back([MarkId(10, "before"), first])
    assert marks.gone([MarkId(10, "before")])


def test_what_any_mark_claims_that_may_be_the_newest_after_a_crash_is_claimed() -> None:
    marks = book(10, span(0, 10))
    assert (marks.claimed, marks.newest_claims) == (span(0, 10), span(0, 10))
    wide = book_mark(marks, 20, 0, span(20, 40))
    narrow = book_mark(marks, 30, 0, span(20, 30))
    assert marks.claimed == Spans.of([(0, 10), (20, 40)])
    assert marks.newest_claims == span(20, 30)
    marks.back([wide])
    assert marks.claimed == span(20, 40)
    marks.back([wide, narrow])
    assert marks.claimed == span(20, 30)
    marks.adopt(None, NOTHING)
    assert not marks.claimed


def test_a_mark_that_was_back_and_is_not_any_more_is_gone_though_the_newest_is_there() -> None:
    """A request whose reply was lost brings the newest a second time, into a central that was put back."""
    marks = book()
    first = book_mark(marks, 100, 0, NOTHING)
    marks.back([first])
    second = book_mark(marks, 200, 0, NOTHING)
    marks.back([first, second])
    assert not marks.gone([first, second], since=0)
    assert marks.gone([second], since=0)
    assert marks.gone([second], since=100)
    assert not marks.gone([second], since=101)  # nobody asked for ones as old as the first
