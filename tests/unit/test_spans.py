"""Sets of time against plain sets of integers."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.stream.spans import BEGINNING, END, NOTHING, Span, Spans, span

SPANS = st.lists(st.tuples(st.integers(-20, 20), st.integers(-20, 20)), max_size=8)


def model(spans: list[Span]) -> set[int]:
    return {instant for start, stop in spans for instant in range(start, stop)}


def instants(spans: Spans) -> set[int]:
    """The instants in it, after a look at its form: sorted, not empty, never two that touch."""
    assert all(start < stop for start, stop in spans)
    assert all(first[1] < second[0] for first, second in pairwise(spans))
    return model(list(spans))


@given(SPANS)
def test_spans_in_any_order_unite(spans: list[Span]) -> None:
    united = Spans.of(spans)
    assert instants(united) == model(spans)
    assert bool(united) == bool(model(spans))
    assert united.length == len(model(spans))


@given(SPANS, SPANS)
def test_it_is_a_set(first: list[Span], second: list[Span]) -> None:
    one, other = Spans.of(first), Spans.of(second)
    assert instants(one + other) == model(first) | model(second)
    assert instants(one - other) == model(first) - model(second)
    assert instants(one & other) == model(first) & model(second)
    assert (one == other) == (model(first) == model(second))


@given(SPANS, st.integers(-20, 20), st.integers(-20, 20))
def test_it_is_clipped_and_covers(spans: list[Span], start: int, stop: int) -> None:
    whole = Spans.of(spans)
    assert instants(whole.clip(start, stop)) == model(spans) & set(range(start, stop))
    assert whole.clip() == whole
    assert whole.covers((start, stop)) == (set(range(start, stop)) <= model(spans))
    assert instants(span(start, stop)) == set(range(start, stop))


@given(SPANS, st.integers(1, 5))
def test_of_many_parts_the_longest_are_kept(spans: list[Span], count: int) -> None:
    whole = Spans.of(spans)
    kept = whole.largest(count)
    assert len(kept.parts) == min(count, len(whole.parts))
    assert instants(kept) <= instants(whole)
    left = [stop - start for start, stop in whole - kept]
    assert not left or max(left) <= min(stop - start for start, stop in kept)


@given(SPANS)
def test_the_hull_is_from_the_first_to_the_last(spans: list[Span]) -> None:
    held = model(spans)
    assert Spans.of(spans).hull == ((min(held), max(held) + 1) if held else None)


@given(SPANS | st.just([(BEGINNING, END)]))
def test_what_is_written_is_read_back(spans: list[Span]) -> None:
    whole = Spans.of(spans)
    assert Spans.parse(whole.text()) == whole


def test_the_text_in_the_ledger_is_this() -> None:
    assert Spans.of([(-5, 3), (7, 9)]).text() == "-5/3 7/9"
    assert (NOTHING.text(), Spans.parse("")) == ("", NOTHING)


@pytest.mark.parametrize("damaged", ["1", "1/", "/1", "1/2/3", "a/b", "1/2 3", "1.5/2"])
def test_what_is_no_text_of_spans_is_refused(damaged: str) -> None:
    with pytest.raises(ValueError, match="not a time of 64 bits"):
        Spans.parse(damaged)
