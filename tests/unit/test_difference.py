"""What differs between two sides: by kind, each point once, whatever the parts."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.stream.block import Block, FieldType
from telegraf_plugin.stream.difference import MAX_VALUE_BYTES, Difference, Kind, told

FLOAT, INTEGER, STRING = FieldType.FLOAT, FieldType.INTEGER, FieldType.STRING


def block(points: dict[int, str], host: str = "a", kind: FieldType = FLOAT, field: str = "v") -> Block:
    tags = ((b"host", host.encode()), (b"rack", b"R1"))
    times = [b"%d" % time for time in points]
    return Block(b"m", tags, field.encode(), kind, times, [value.encode() for value in points.values()])


def kinds(
    source: list[Block], central: list[Block], rewritten: tuple[bytes, ...] = (), parts: int = 1
) -> Counter[Kind]:
    found: Counter[Kind] = Counter()
    for part in range(parts):
        difference = Difference(rewritten, part, parts)
        for each in source:
            difference.source(each)
        for each in central:
            difference.central(each)
        found.update(each.kind for each in difference.found())
    return found


def test_the_same_in_another_order_and_in_other_blocks_does_not_differ() -> None:
    assert not kinds([block({1: "1", 2: "2"})], [block({2: "2"}), block({1: "1"})])


@pytest.mark.parametrize("parts", [1, 2, 7])
def test_each_kind_is_told(parts: int) -> None:
    found = kinds([block({1: "1", 2: "2", 3: "3"})], [block({2: "5", 3: "3", 4: "4"})], parts=parts)
    assert found == {Kind.MISSING: 1, Kind.DIFFERENT: 1, Kind.EXTRA: 1}


def test_another_type_is_a_difference() -> None:
    assert kinds([block({1: "1"})], [block({1: "1"}, kind=INTEGER)]) == {Kind.DIFFERENT: 1}


def test_other_tags_are_another_point_unless_they_are_rewritten() -> None:
    here, there = [block({1: "1"}, host="POD-8")], [block({1: "1"}, host="pod_8")]
    assert kinds(here, there) == {Kind.MISSING: 1, Kind.EXTRA: 1}
    assert not kinds(here, there, rewritten=(b"host",))


def test_series_that_are_one_without_a_rewritten_tag_are_told_apart_by_what_they_hold() -> None:
    here = [block({1: "1"}, host="a"), block({1: "2"}, host="b"), block({1: "2"}, host="c")]
    there = [block({1: "2"}, host="x"), block({1: "1"}, host="y")]
    assert kinds(here, there, rewritten=(b"host",)) == {Kind.MISSING: 1}


def test_a_string_that_lost_its_carriage_returns_is_a_difference_told_once() -> None:
    difference = Difference(())
    text = block({1: "ab"}, kind=STRING)
    difference.source(text)
    difference.source(block({1: "a\rb"}, kind=STRING), exact=True)
    difference.central(text)
    (found,) = difference.found()
    assert (found.kind, found.source is not None, found.central) == (Kind.DIFFERENT, True, None)


def test_a_missing_string_is_told_once_though_it_is_read_twice() -> None:
    difference = Difference(())
    difference.source(block({1: "ab"}, kind=STRING))
    difference.source(block({1: "a\rb"}, kind=STRING), exact=True)
    (found,) = difference.found()
    assert found.kind is Kind.MISSING


def test_long_values_are_compared_whole_and_kept_short() -> None:
    long = "x" * 1_000_000
    difference = Difference(())
    difference.source(block({1: long + "a", 2: long}, kind=STRING))
    difference.central(block({1: long + "b", 2: long}, kind=STRING))
    (found,) = difference.found()
    assert found.time == 1
    assert found.source is not None
    assert found.source != found.central
    assert len(found.source.text) < MAX_VALUE_BYTES + 60


@pytest.mark.parametrize(("more", "whole"), [(0, True), (1, False)])
def test_a_value_is_shown_whole_up_to_the_limit(more: int, whole: bool) -> None:
    value = "x" * (MAX_VALUE_BYTES + more)
    difference = Difference(())
    difference.source(block({1: value}, kind=STRING))
    (found,) = difference.found()
    assert found.source is not None
    assert (found.source.text == value.encode()) == whole


def test_a_string_that_only_the_source_has_with_carriage_returns_is_told_as_not_there() -> None:
    difference, text = Difference(()), block({1: "a\rb"}, kind=STRING)
    difference.source(text, exact=True)
    said = told(difference.found(), text.field_key)
    assert said.startswith("m,host=a,rack=R1 v is not in central")


VALUES = st.dictionaries(st.integers(0, 20), st.sampled_from("123"), max_size=12)


@given(VALUES, VALUES, st.integers(1, 5))
def test_what_is_told_is_what_differs(here: dict[int, str], there: dict[int, str], parts: int) -> None:
    found = kinds([block(here)], [block(there)], parts=parts)
    assert found[Kind.MISSING] == len(here.keys() - there.keys())
    assert found[Kind.EXTRA] == len(there.keys() - here.keys())
    assert found[Kind.DIFFERENT] == sum(here[time] != there[time] for time in here.keys() & there.keys())
