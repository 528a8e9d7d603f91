"""Legs: disjoint, in order, and what is left of one is known less exactly than the whole was."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.stream.digest import Digest
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.legs import Leg, Legs
from telegraf_plugin.stream.spans import Spans, span

MARK = MarkId(5, "me")
PARTS = st.tuples(st.integers(0, 30), st.integers(1, 10)).map(lambda part: (part[0], part[0] + part[1]))


def leg(start: int, stop: int, settles: int = 0) -> Leg:
    return Leg(start, stop, MARK, settles, Digest(), resent=True, landed=True, seen=7)


@given(st.lists(st.tuples(st.sampled_from(["put", "cut"]), PARTS), max_size=10))
def test_the_newest_leg_of_a_time_stands_and_what_is_cut_is_gone(steps: list[tuple[str, tuple[int, int]]]) -> None:
    legs = Legs()
    model: dict[int, int] = {}  # instant to the number of its leg
    for number, (what, part) in enumerate(steps):
        if what == "put":
            legs.put(leg(*part, settles=number))
            model |= dict.fromkeys(range(*part), number)
        else:
            legs.cut_away(span(*part))
            model = {at: number for at, number in model.items() if at not in range(*part)}
        assert {at: each.settles for each in legs for at in range(*each.span)} == model
        assert all(first.stop <= second.start for first, second in pairwise(legs))
        assert legs.spans() == Spans.of((at, at + 1) for at in model)
        touching = {each.span for each in legs if set(range(*each.span)) & set(range(*part))}
        assert {each.span for each in legs.within(part)} == touching


def test_what_is_left_of_a_leg_keeps_all_but_what_was_known_of_the_whole() -> None:
    legs = Legs()
    whole = leg(0, 10, settles=3)
    legs.put(whole)
    legs.cut_away(span(4, 6))
    first, second = legs
    assert (first.span, second.span) == ((0, 4), (6, 10))
    for part in (first, second):
        assert (part.mark, part.settles, part.resent, part.landed) == (MARK, 3, True, True)
        assert (part.digest, part.seen) == (None, -1)
    legs.clear()
    assert not list(legs)


def test_a_leg_that_is_not_touched_stays_as_it_is() -> None:
    legs = Legs()
    whole = leg(0, 10)
    legs.put(whole)
    legs.cut_away(span(10, 20))
    assert list(legs) == [whole]
    assert whole.digest is not None


@pytest.mark.parametrize(("first", "later"), [(True, False), (False, True), (False, False)])
def test_of_two_that_become_one_it_was_sent_again_where_either_was(first: bool, later: bool) -> None:
    legs = Legs()
    for start, resent in ((0, first), (10, later)):
        legs.put(Leg(start, start + 10, MARK, start, resent=resent, landed=True, points=3, seen=4))
    legs.merge(lambda _first, _later: True)
    (joined,) = legs
    assert joined == Leg(0, 20, MARK, 10, resent=first or later, landed=True, points=6, seen=8)


def test_a_leg_is_carved_at_the_ends_of_what_is_asked_for_and_nothing_is_lost() -> None:
    legs = Legs()
    legs.put(leg(0, 10))
    legs.put(leg(10, 30))
    assert [each.span for each in legs.carve((5, 20))] == [(5, 10), (10, 20)]
    assert [each.span for each in legs] == [(0, 5), (5, 10), (10, 20), (20, 30)]
