"""What a reply says of an error in its midst, and what of its rows cannot pass."""

from __future__ import annotations

import pytest

from telegraf_plugin.influxdb.annotated_csv import MAX_QUOTED_COLUMNS, Decoder
from telegraf_plugin.stream.drops import DropReason
from tests.replies import row, time_text
from tests.unit.annotated_csv_bench import NOW, data, decode, pieces, table

# Errors in the stream


@pytest.mark.parametrize(
    "rest",
    [
        row("error", "reference") + row("gone mad", "897"),
        "\r\n" + row("error", "reference") + row("gone mad", "897"),
        "\r\n" + row("error", "reference") + row("gone mad", ""),
        "\r\n"
        + row("#datatype", "string", "string")
        + row("#group", "true", "true")
        + row("#default", "", "")
        + row("", "error", "reference")
        + row("", "gone mad", "897"),
        "\r\n" + '{"code":"internal error","message":"panic: gone mad"}\n',
        '{"code":"internal error","message":"panic: gone mad"}\n',
        '{"code":"internal error","message":"panic: gone mad"}',
        '{"error":"gone mad"}\r\n\r\n',
    ],
    ids=["bare", "bare-table", "bare-no-number", "annotated", "json", "json-in-table", "json-no-line-end", "json-crlf"],
)
@pytest.mark.parametrize("size", [1, 13, 10_000])
def test_an_error_in_mid_stream_is_told_after_what_came_before_it(rest: str, size: int) -> None:
    reply = table(data("1"), data("2", time_ns=NOW + 1), end="") + rest.encode()
    outcome = decode(pieces(reply, size))
    assert len(outcome.points) == 2
    assert outcome.error is not None
    assert "gone mad" in outcome.error


@pytest.mark.parametrize(
    "reply",
    [
        row("error", "reference") + "\r\n",
        row("#datatype", "string", "string")
        + row("#group", "true", "true")
        + row("#default", "", "")
        + row("", "error", "reference")
        + "\r\n",
    ],
    ids=["bare", "annotated"],
)
def test_an_error_table_without_a_row_is_no_good_end(reply: str) -> None:
    assert decode([reply.encode()]).error is not None


@pytest.mark.parametrize("size", [1, 10_000])
def test_a_web_page_is_called_one(size: int) -> None:
    page = b"<!DOCTYPE html>\n<html><head><title>Login</title></head></html>\n"
    outcome = decode(pieces(page, size))
    assert outcome.error is not None
    assert "web page" in outcome.error


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (b"hello\r\n", "not annotated CSV"),
        (table().replace(b"#default", b"#defualt"), "not annotated CSV"),
        (table().replace(b"#group,false,", b"#group,"), "do not fit"),
        (b",result,table,_time,_value,_field,_measurement\r\n\r\n", "do not fit"),
        (table(row("", "", "0", time_text(NOW), "1", "f")), "cells under a header"),
        (table(data("1")).replace(b"2026-", b"2O26-"), "not an RFC 3339 time"),
        (table(data("x1")), "not of type float"),
        (table(data("1.5"), kind="long"), "not of type integer"),
        (table(data("-1"), kind="unsignedLong"), "not of type unsigned"),
        (table(data("TRUE"), kind="boolean"), "not of type boolean"),
        (table(data("x"), kind="duration"), "type duration"),
        (table().replace(b"_value", b"value"), "no column _value"),
        (table(data("1", "x"), tags=["t"]).replace(b"string\r\n", b"long\r\n"), "column t is of type long"),
    ],
)
def test_what_is_wrong_with_a_reply_is_said(reply: bytes, says: str) -> None:
    outcome = decode([reply])
    assert outcome.points == []
    assert outcome.error is not None
    assert says in outcome.error


@pytest.mark.parametrize(
    ("kind", "value"), [("long", str(2**63)), ("long", str(-(2**63) - 1)), ("unsignedLong", str(2**64))]
)
def test_an_integer_outside_its_type_is_damage(kind: str, value: str) -> None:
    """Telegraf would throw the line away, and the point would count as sent."""
    outcome = decode([table(data("1"), data(value, time_ns=NOW + 1), kind=kind)])
    assert outcome.error is not None


# Drops


def test_null_nan_and_infinity_are_counted_and_their_neighbours_stay() -> None:
    values = ["1", "", "NaN", "2", "+Inf", "-Inf", "3"]
    outcome = decode([table(*(data(value, time_ns=NOW + n) for n, value in enumerate(values)))])
    assert [point.value for point in outcome.points] == [b"1", b"2", b"3"]
    assert outcome.drops == {"not_a_value": 4}


def test_a_second_start_column_hides_a_tag_and_its_points_are_counted() -> None:
    rows = [data("1", "", "x"), data("2", "", "x", time_ns=NOW + 1)]
    hidden = table(*rows, tags=["_stop", "_stop"])
    outcome = decode([hidden + table(data("3"))])
    assert [point.value for point in outcome.points] == [b"3"]
    assert outcome.drops == {"shadowed_tag": 2}


def test_an_example_of_what_was_dropped_names_its_series() -> None:
    decoder = Decoder()
    list(decoder.feed(table(data("NaN", "a"), data("1", "a"), tags=["host"])))
    assert decoder.drops[DropReason.NOT_A_VALUE].example == "m,host=a f"


@pytest.mark.parametrize("lost", ["a\rb", "ab\r"])
def test_a_name_that_has_lost_a_carriage_return_is_dropped_and_its_neighbours_pass(lost: str) -> None:
    """Nothing else makes Go quote such a cell; as it stands it would be another series' name."""
    reply = table(data("1", "ab"), data("2", lost, number=1), data("3", "ac", number=2), tags=["host"])
    assert b',"ab"' in reply
    outcome = decode([reply])
    assert [(point.tags, point.value) for point in outcome.points] == [
        (((b"host", b"ab"),), b"1"),
        (((b"host", b"ac"),), b"3"),
    ]
    assert outcome.drops == {"unwritable_name": 1}


def test_a_name_longer_than_any_key_is_dropped_and_not_remembered() -> None:
    longest, longer = "x" * (65_535 - len("m\0f\0k\0")), "x," * 32_800
    reply = table(data("1", longest), data("2", longer), data("3", "short"), tags=["k"])
    outcome = decode([reply])
    assert [len(dict(point.tags)[b"k"]) for point in outcome.points] == [len(longest), 5]
    assert outcome.drops == {"key_too_long": 1}
    decoder = Decoder()
    list(decoder.feed(table(data("a,b", longer), tags=["k"], kind="string")))
    assert (decoder.quoted, decoder.quoted_names) == (set(), set())


def test_a_flood_of_columns_with_names_in_quotes_is_not_remembered() -> None:
    decoder = Decoder()
    for number in range(0, 1000, 50):
        tags = [f"t{n}" for n in range(number, number + 50)]
        list(decoder.feed(table(data("1", *["a,b"] * 50), tags=tags)))
    assert len(decoder.quoted_names) < 2 * MAX_QUOTED_COLUMNS
