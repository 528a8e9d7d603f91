"""Pending spans: disjoint, in order, and what is left of one is known less exactly than the whole was."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.stream.digest import Digest
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.pending import (
    TRANSITIONS,
    Event,
    Gone,
    Pending,
    PendingSpan,
    PendingState,
    pending_after,
)
from telegraf_plugin.stream.spans import Spans, span

ROOT = Path(__file__).parents[2]
MARK = MarkId(5, "me")
PARTS = st.tuples(st.integers(0, 30), st.integers(1, 10)).map(lambda part: (part[0], part[0] + part[1]))


def whole_of(start: int, stop: int, settles: int = 0) -> PendingSpan:
    return PendingSpan(start, stop, MARK, settles, PendingState.LANDED, Digest(), seen=7)


@given(st.lists(st.tuples(st.sampled_from(["put", "cut"]), PARTS), max_size=10))
def test_the_newest_one_of_a_time_stands_and_what_is_cut_is_gone(steps: list[tuple[str, tuple[int, int]]]) -> None:
    pending = Pending()
    model: dict[int, int] = {}  # instant to the number of its span
    for number, (what, part) in enumerate(steps):
        if what == "put":
            pending.put(whole_of(*part, settles=number))
            model |= dict.fromkeys(range(*part), number)
        else:
            pending.cut_away(span(*part))
            model = {at: number for at, number in model.items() if at not in range(*part)}
        assert {at: each.settles for each in pending for at in range(*each.span)} == model
        assert all(first.stop <= second.start for first, second in pairwise(pending))
        assert pending.spans() == Spans.of((at, at + 1) for at in model)
        touching = {each.span for each in pending if set(range(*each.span)) & set(range(*part))}
        assert {each.span for each in pending.within(part)} == touching


def test_what_is_left_of_one_keeps_all_but_what_was_known_of_the_whole() -> None:
    pending = Pending()
    whole = whole_of(0, 10, settles=3)
    pending.put(whole)
    pending.cut_away(span(4, 6))
    first, second = pending
    assert (first.span, second.span) == ((0, 4), (6, 10))
    for part in (first, second):
        assert (part.mark, part.settles, part.landed) == (MARK, 3, True)
        assert (part.digest, part.seen) == (None, -1)
    pending.clear()
    assert not list(pending)


def test_one_that_is_not_touched_stays_as_it_is() -> None:
    pending = Pending()
    whole = whole_of(0, 10)
    pending.put(whole)
    pending.cut_away(span(10, 20))
    assert list(pending) == [whole]
    assert whole.digest is not None


@pytest.mark.parametrize(("first", "later"), [(True, False), (False, True), (False, False)])
def test_of_two_that_become_one_it_was_sent_again_where_either_was(first: bool, later: bool) -> None:
    pending = Pending()
    for start, again in ((0, first), (10, later)):
        state = PendingState.SENT_AGAIN if again else PendingState.SENT
        pending.put(PendingSpan(start, start + 10, MARK, start, state, points=3, seen=4))
    pending.merge(lambda _first, _later: True)
    (joined,) = pending
    state = PendingState.SENT_AGAIN if first or later else PendingState.SENT
    assert joined == PendingSpan(0, 20, MARK, 10, state, points=6, seen=8)


@pytest.mark.parametrize("first", PendingState)
@pytest.mark.parametrize("later", PendingState)
def test_neighbours_become_one_where_the_same_is_known_of_them(first: PendingState, later: PendingState) -> None:
    pending = Pending()
    for start, state in ((0, first), (10, later)):
        pending.put(PendingSpan(start, start + 10, MARK, start, state))
    pending.merge(lambda _first, _later: True)
    printed = {first, later} <= {PendingState.SENT, PendingState.SENT_AGAIN}
    assert len(pending) == 2 - ((first is later or printed) and first is not PendingState.SUSPECT)


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("state", PendingState)
def test_what_happens_to_one_is_what_the_table_says(state: PendingState, event: Event) -> None:
    pending = Pending()
    pending.put(PendingSpan(0, 10, MARK, 0, state))
    pending.happen(next(iter(pending)), event)
    result = TRANSITIONS[state].get(event, state)
    assert [each.state for each in pending] == ([] if isinstance(result, Gone) else [result])


def test_no_state_is_a_dead_end_and_each_can_be_reached() -> None:
    reached: set[PendingState | Gone] = {Gone.WORK}
    while more := {after for state in reached for after in TRANSITIONS[state].values()} - reached:
        reached |= more
    assert reached == {*PendingState, *Gone}
    for start in PendingState:
        seen: set[PendingState | Gone] = {start}
        while more := {after for state in seen for after in TRANSITIONS[state].values()} - seen:
            seen |= more
        assert Gone.PROVED in seen, start


@pytest.mark.parametrize(("state", "event"), [(PendingState.SENT, Event.EQUAL), (PendingState.SENT, Event.COPIED)])
def test_what_leaves_a_span_not_pending_makes_no_pending_one(state: PendingState, event: Event) -> None:
    with pytest.raises(KeyError):
        pending_after(state, event)


def test_the_diagram_of_the_documents_is_the_table() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    drawn = set(re.findall(r"^    (\w+|\[\*\]) --> (\w+|\[\*\]): (.+)$", text, re.MULTILINE))
    names = {state: state.value.replace(" ", "_") for state in (*PendingState, *Gone)}
    table = {
        (names[state], names[result], event.value)
        for state, events in TRANSITIONS.items()
        for event, result in events.items()
    }
    assert {each for each in drawn if "[*]" not in each} == table


def test_one_is_carved_at_the_ends_of_what_is_asked_for_and_nothing_is_lost() -> None:
    pending = Pending()
    pending.put(whole_of(0, 10))
    pending.put(whole_of(10, 30))
    assert [each.span for each in pending.carve((5, 20))] == [(5, 10), (10, 20)]
    assert [each.span for each in pending] == [(0, 5), (5, 10), (10, 20), (20, 30)]
