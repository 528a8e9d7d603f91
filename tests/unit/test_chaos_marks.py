"""The chaos run's own rule for which mark is believed: the newest that stands on marks all of which are there."""

from __future__ import annotations

import pytest

from lab.chaos.marks import Ledger, Mark, read_held
from lab.chaos.spans import SpanList


def mark(text: str, base: str = "") -> Mark:
    return Mark(text, base, SpanList([]))


def ledger(*marks: Mark) -> Ledger:
    return Ledger({each.id: each for each in marks})


def believed(*marks: Mark) -> str:
    found = ledger(*marks).believed
    return found.id if found is not None else ""


def test_the_newest_of_a_chain_is_believed() -> None:
    assert believed(mark("1@a"), mark("2@a", "1@a"), mark("3@b", "2@a")) == "3@b"


def test_times_are_numbers_and_no_text() -> None:
    assert believed(mark("9@a"), mark("10@a", "9@a")) == "10@a"


def test_what_stands_on_a_mark_that_is_gone_is_not_believed() -> None:
    assert believed(mark("1@a"), mark("3@a", "2@a"), mark("4@a", "3@a")) == "1@a"
    assert believed(mark("3@a", "2@a")) == ""
    assert believed() == ""


def test_a_circle_stands_on_nothing() -> None:
    assert believed(mark("1@a", "2@a"), mark("2@a", "1@a"), mark("3@a", "2@a")) == ""


def test_marks_of_a_run_that_goes_on_upon_what_is_gone_are_unfounded() -> None:
    found = ledger(mark("1@a"), mark("3@a", "2@a"), mark("4@a", "3@a"), mark("5@a", "4@a"), mark("6@b", "1@a"))
    assert [each.id for each in found.unfounded("a")] == ["5@a", "4@a", "3@a"]
    assert found.unfounded("b") == []


@pytest.mark.parametrize("time_ns", [5, 8, 20])
def test_a_time_lies_in_a_span_from_its_start_to_before_its_stop(time_ns: int) -> None:
    assert time_ns in SpanList.parse("20/21 5/7 7/9")


@pytest.mark.parametrize("time_ns", [4, 9, 19, 21])
def test_other_times_lie_in_none(time_ns: int) -> None:
    spans = SpanList.parse("20/21 5/7 7/9")
    assert time_ns not in spans
    assert spans.parts == [(5, 9), (20, 21)]


def test_held_is_read_by_measurement_and_field() -> None:
    text = '[["cpu", "level", "long", "1/2 5/7"], ["cpu", "level", "double", "7/9"], ["mem", "mode", "string", "3/4"]]'
    found = read_held(text)
    assert {of: spans.parts for of, spans in found.items()} == {
        ("cpu", "level"): [(1, 2), (5, 9)],
        ("mem", "mode"): [(3, 4)],
    }
    assert read_held("") == {}
