"""Marks that are no news: exact, small, and forgotten when nobody looks there any more."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.stream.known import KEPT, MANY, Known
from telegraf_plugin.stream.ledger import MarkId

MARKS = st.builds(MarkId, st.integers(-50, 50), st.sampled_from(["a", "b"]))


@given(st.lists(MARKS), st.lists(MARKS), st.integers(-60, 60))
def test_it_is_a_set_of_marks(first: list[MarkId], second: list[MarkId], since: int) -> None:
    known = Known(first)
    known.add(second)
    both = {*first, *second}
    assert set(known) == both
    assert len(known) == len(both)
    for time in range(-50, 51):
        assert (MarkId(time, "a") in known) == (MarkId(time, "a") in both)
    known.add((), since)
    assert all((MarkId(time, "c") in known) == (time < since) for time in range(-60, 61))


def test_where_there_are_many_the_old_ones_are_forgotten_and_are_no_news_all_the_same() -> None:
    known = Known()
    step = KEPT // MANY * 4
    known.add(MarkId(at * step, "a") for at in range(MANY))
    known.add(MarkId(at * step, "a") for at in range(MANY, 8 * MANY))
    assert len(known) <= 2 * MANY
    assert MarkId(1, "b") in known
    assert MarkId(8 * MANY * step, "b") not in known
