"""Rows become blocks whose text is the one that Flux has, and that share their times where nothing is missing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.errors import BadReply
from telegraf_plugin.influxdb.messagepack import Rows
from telegraf_plugin.influxdb.wide_rows import Mistyped, blocks_of
from telegraf_plugin.stream.block import Block, FieldType
from telegraf_plugin.stream.drops import DropReason, Drops

FLOAT, INTEGER, UNSIGNED = FieldType.FLOAT, FieldType.INTEGER, FieldType.UNSIGNED
BOOLEAN, STRING = FieldType.BOOLEAN, FieldType.STRING


def made(
    kinds: dict[bytes, FieldType], *rows: list[Any], without: tuple[bytes, ...] = (), drops: Drops | None = None
) -> dict[bytes, Block]:
    columns = (b"time", *kinds)
    found = Rows(0, b"m", ((b"k", b"v"),), (b"k",), columns, list(rows))
    blocks = blocks_of(found, kinds, without, drops if drops is not None else Drops())
    return {block.field: block for block in blocks}


def plain(value: float) -> bytes:
    """The shortest digits that are this number, without an exponent, as Go's `'f', -1` writes them."""
    text = f"{Decimal(repr(value)):f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).encode()


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_a_float_has_go_s_shortest_text(values: list[float]) -> None:
    block = made({b"f": FLOAT}, *([at, value] for at, value in enumerate(values)))[b"f"]
    assert block.values == list(map(plain, values))
    assert [float(text).hex() for text in block.values] == [value.hex() for value in values]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, b"0"),
        (-0.0, b"-0"),
        (1e21, b"1000000000000000000000"),
        (1e16, b"10000000000000000"),
        (1e-7, b"0.0000001"),
        (10.05, b"10.05"),
        (100.0, b"100"),
        (97.30000000000001, b"97.30000000000001"),
    ],
)
def test_floats_are_spelt_out(value: float, text: bytes) -> None:
    assert made({b"f": FLOAT}, [1, value], [2, 0.5])[b"f"].values == [text, b"0.5"]


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1), st.lists(st.integers(0, 2**64 - 1), min_size=1))
def test_whole_numbers_are_exact_to_their_limits(integers: list[int], unsigned: list[int]) -> None:
    assert made({b"i": INTEGER}, *([n, n] for n in integers))[b"i"].values == [b"%d" % n for n in integers]
    block = made({b"u": UNSIGNED}, *([1, n] for n in unsigned))[b"u"]
    assert (block.type, block.values) == (UNSIGNED, [b"%d" % n for n in unsigned])


def test_an_empty_string_is_a_value_and_a_missing_one_is_none() -> None:
    blocks = made({b"s": STRING, b"b": BOOLEAN}, [1, b"", True], [2, None, False], [3, b"\r\n", None])
    assert (blocks[b"s"].times, blocks[b"s"].values) == ([b"1", b"3"], [b"", b"\r\n"])
    assert (blocks[b"b"].times, blocks[b"b"].values) == ([b"1", b"2"], [b"true", b"false"])


def test_fields_of_the_same_rows_share_their_times() -> None:
    kinds = {b"a": INTEGER, b"b": FLOAT, b"c": INTEGER, b"d": FLOAT, b"e": FLOAT}
    blocks = made(kinds, [-5, 1, 1.5, None, None, None], [6, 2, 2.5, 3, 4.5, None])
    assert blocks.keys() == {b"a", b"b", b"c", b"d"}
    assert blocks[b"a"].times is blocks[b"b"].times
    assert blocks[b"a"].times == [b"-5", b"6"]
    assert blocks[b"c"].times is blocks[b"d"].times
    assert blocks[b"c"].times == [b"6"]


def test_fields_that_are_left_out_are_not_even_looked_at() -> None:
    assert made({b"a": INTEGER, b"b": BOOLEAN}, [1, 2, 3.5], without=(b"b",)).keys() == {b"a"}


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (INTEGER, [2**63]),
        (UNSIGNED, [1, -1]),
        (INTEGER, [1.0]),
        (FLOAT, [1]),
        (FLOAT, [True]),
        (INTEGER, [True, 1]),
        (STRING, [1]),
        (BOOLEAN, [b"true"]),
        (FLOAT, [1.5, 1]),
        (STRING, [[b"x"]]),
    ],
)
def test_a_value_of_another_type_than_was_said_is_noticed(kind: FieldType, values: list[Any]) -> None:
    with pytest.raises(Mistyped):
        made({b"f": kind}, *([1, value] for value in values))


def test_a_field_of_which_no_type_was_said_is_noticed() -> None:
    found = Rows(0, b"m", (), (), (b"time", b"new"), [[1, 2]])
    with pytest.raises(Mistyped):
        blocks_of(found, {}, (), Drops())
    assert blocks_of(Rows(0, b"m", (), (), (b"time", b"new"), [[1, None]]), {}, (), Drops()) == []


def test_what_is_no_number_and_no_text_is_dropped_and_counted() -> None:
    drops = Drops()
    rows = [[1, float("nan"), b"\xff"], [2, 2.5, "é".encode()], [3, float("-inf"), b"fine"]]
    blocks = made({b"f": FLOAT, b"s": STRING}, *rows, drops=drops)
    assert (blocks[b"f"].times, blocks[b"f"].values) == ([b"2"], [b"2.5"])
    assert (blocks[b"s"].times, blocks[b"s"].values) == ([b"2", b"3"], ["é".encode(), b"fine"])
    assert drops[DropReason.NOT_A_VALUE].points == 2
    assert drops[DropReason.NOT_UTF8].points == 1


@pytest.mark.parametrize(
    ("measurement", "reason"), [(b"\xff", DropReason.NOT_UTF8), (b"m" * 70_000, DropReason.KEY_TOO_LONG)]
)
def test_names_that_cannot_pass_are_dropped_and_counted(measurement: bytes, reason: DropReason) -> None:
    drops = Drops()
    found = Rows(0, measurement, (), (), (b"time", b"a", b"b"), [[1, 2, None], [2, 3, 4]])
    assert blocks_of(found, {b"a": INTEGER, b"b": INTEGER}, (), drops) == []
    assert drops[reason].points == 3


@pytest.mark.parametrize("rows", [[[1.5, 2]], [[None, 2]], [[True, 2]]])
def test_rows_without_a_time_are_damage(rows: list[list[Any]]) -> None:
    with pytest.raises(BadReply, match="no time"):
        made({b"f": INTEGER}, *rows)
