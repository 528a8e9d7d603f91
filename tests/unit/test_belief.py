"""The search for the mark that is believed: steps from the newest one backwards, bounded whatever there is."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_plugin.stream.belief import FIRST_STEP, MAX_BASES, Search
from telegraf_plugin.stream.ledger import Believed, Mark, MarkId, newest_believable, oldest_kept
from telegraf_plugin.stream.spans import BEGINNING, Spans

HOUR = FIRST_STEP
DAY = 24 * HOUR


def mark(time: int, base: int | None = None, printed: Spans | None = None) -> Mark:
    base_id = MarkId(base, "run") if base is not None else None
    return Mark(MarkId(time, "run"), base_id, "d", 0, 0, printed=printed or Spans())


def searched(marks: list[Mark], kept: int = BEGINNING) -> tuple[Believed | None, int]:
    """What is found, and how many marks were read at most in a step."""
    search, most = Search(max(each.id.time for each in marks) + 1, kept), 0
    ids = {each.id for each in marks}
    while True:
        step = [each for each in marks if search.start <= each.id.time < search.stop]
        most = max(most, len(step))
        found = search.believed(step, lambda base: base in ids)
        older = max((each.id.time for each in marks if each.id.time < search.start), default=None)
        if found is not None or older is None:
            return found, most
        search.passed(step, older)


def test_a_central_put_back_two_days_with_a_month_of_marks_is_read_in_steps() -> None:
    """One late mark stands on one that was lost; before it there is nothing for two days, and then a month of marks."""
    minute = HOUR // 60
    chain = [mark(at, at - minute if at else None) for at in range(0, 30 * DAY, minute)]
    late = mark(32 * DAY, 32 * DAY - minute, Spans.of([(5, 9)]))
    found, most = searched([*chain, late])
    assert found is not None
    assert found.mark == chain[-1]
    assert found.doubts == Spans.of([(5, 9)])
    assert most <= 120  # two hours of them


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(-1, 40)), min_size=1, max_size=30))
def test_what_is_believed_is_what_all_marks_together_say(links: list[tuple[int, int]]) -> None:
    """Steps find no other mark than one look at all marks does, where chains reach no further than a step and back."""
    half = HOUR // 2
    marks = list({at: mark(at * half, base * half if 0 <= base < at else None) for at, base in links}.values())
    ids = {each.id for each in marks}
    whole = newest_believable(marks, lambda base: base in ids)
    found, _ = searched(marks)
    assert found is not None or whole is None
    if whole is not None and found is not None:
        assert found.mark.id >= whole.mark.id  # a step takes for granted what lies before the step's own marks


def test_bases_that_are_looked_for_are_bounded() -> None:
    asked: list[MarkId] = []
    marks = [mark(HOUR * 100 + at, at) for at in range(5 * MAX_BASES)]
    search = Search(HOUR * 200)
    search.step = HOUR * 150

    def missing(base: MarkId) -> bool:
        asked.append(base)
        return False

    assert search.believed(marks, missing) is None
    assert len(asked) == MAX_BASES


def test_a_mark_that_stands_on_one_that_expired_is_believed() -> None:
    kept = oldest_kept(10 * HOUR, 8 * HOUR)
    assert 2 * HOUR < kept < 3 * HOUR
    assert oldest_kept(10 * HOUR, 0) == BEGINNING
    expired = mark(9 * HOUR, 2 * HOUR)
    assert searched([expired])[0] is None
    found, _ = searched([expired], kept)
    assert found is not None
    assert found.mark == expired


def test_a_step_with_too_much_in_it_is_shortened_to_a_second() -> None:
    search = Search(HOUR)
    while search.shorten():
        assert search.start < search.stop
    assert search.stop - search.start == 1_000_000_000
