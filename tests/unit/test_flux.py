"""Queries: names stay names, whatever they are, and every part of a definition stands in them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.influxdb.flux import (
    MAX_NAMED_FIELDS,
    carriage_return_query,
    count_query,
    first_query,
    series_query,
    stream_query,
    string_literal,
)
from telegraf_plugin.stream.definition import Aggregate, AggregateFunction, StreamDefinition
from telegraf_plugin.stream.names import OWN

START = 1_795_478_400 * 10**9
STOP = START + 300 * 10**9
WHOLE = StreamDefinition("POD-8", "s", "data", "data", (), (), (), None, None, 300 * 10**9, ())
texts = st.text() | st.text(alphabet='a"\\${}\n\r\t\x00)|>/')


def unescaped(literal: str) -> str:
    """What Flux makes of a literal that has byte escapes alone."""
    content = literal[1:-1]
    found = bytearray()
    for escape, plain in re.findall(r"\\x([0-9a-f]{2})|([^\\])", content):
        found += bytes([int(escape, 16)]) if escape else plain.encode()
    return found.decode()


@given(texts)
def test_a_literal_is_made_of_harmless_characters_and_means_the_text(text: str) -> None:
    literal = string_literal(text)
    assert re.fullmatch(r'"(?:[A-Za-z0-9 _.,:;/()<>=+*@%-]|\\x[0-9a-f]{2})*"', literal)
    assert unescaped(literal) == text


@given(texts, texts, texts, texts, texts)
def test_whatever_the_names_a_query_has_the_same_structure(
    bucket: str, measurement: str, field: str, key: str, value: str
) -> None:
    stream = replace(
        WHOLE, bucket=bucket, measurements=(measurement,), exclude_fields=(field,), tags=((key, (value, "b")),)
    )
    text = stream_query(stream, START, STOP).text
    assert re.sub(r'"[^"]*"', "S", text) == (
        "from(bucket: S)\n"
        "  |> range(start: 2026-11-24T00:00:00.000000000Z, stop: 2026-11-24T00:05:00.000000000Z)\n"
        "  |> filter(fn: (r) => r[S] == S)\n"
        "  |> filter(fn: (r) => r._field != S)\n"
        "  |> filter(fn: (r) => r[S] == S or r[S] == S)"
    )
    assert [unescaped(literal) for literal in re.findall(r'"[^"]*"', text)] == [
        bucket,
        "_measurement",
        measurement,
        field,
        key,
        value,
        key,
        "b",
    ]


def test_of_a_whole_bucket_nothing_is_left_out() -> None:
    """What is the collector's own is asked for as well, so that it is counted and named."""
    query = stream_query(WHOLE, START, STOP)
    assert len(query.text.split("\n  |> ")) == 2
    assert query.parameters == {}


@pytest.mark.parametrize("name", OWN)
def test_what_is_the_collectors_own_is_never_counted(name: str) -> None:
    refused = f'r._measurement != "{name}"'
    for ask in (count_query, lambda stream, _start, stop: first_query(stream, stop)):
        assert refused in ask(WHOLE, START, STOP).text
        assert refused in ask(replace(WHOLE, measurements=("cpu", name)), START, STOP).text
        assert refused not in ask(replace(WHOLE, measurements=("cpu",)), START, STOP).text


def test_every_measurement_and_every_excluded_field_is_named() -> None:
    stream = replace(WHOLE, measurements=("cpu", "mem"), exclude_fields=("a", "b"))
    text = stream_query(stream, START, STOP).text
    assert 'r["_measurement"] == "cpu" or r["_measurement"] == "mem"' in text
    assert 'r._field != "a" and r._field != "b"' in text


@pytest.mark.parametrize("fn", AggregateFunction)
def test_an_aggregate_is_timed_by_the_start_of_its_window(fn: AggregateFunction) -> None:
    text = stream_query(replace(WHOLE, aggregate=Aggregate(60 * 10**9, fn)), START, STOP).text
    wanted = f'aggregateWindow(every: 60000000000ns, fn: {fn.value}, createEmpty: false, timeSrc: "_start")'
    assert text.endswith(wanted)
    assert ('type: "uint"' in text) == ('import "types"\n' in text) == fn.numeric


def test_a_query_of_ones_own_gets_its_values_beside_the_text() -> None:
    query = stream_query(replace(WHOLE, flux="whatever ${x}", bucket='b"'), START, STOP)
    assert query.text == "whatever ${x}"
    assert query.parameters == {
        "bucket": 'b"',
        "start": datetime(2026, 11, 24, tzinfo=UTC),
        "stop": datetime(2026, 11, 24, 0, 5, tzinfo=UTC),
    }


def test_times_that_a_client_would_round_are_refused() -> None:
    with pytest.raises(ValueError, match="microsecond"):
        stream_query(replace(WHOLE, flux="x"), START + 1, STOP)


def test_a_series_is_asked_for_by_all_its_names() -> None:
    lines = series_query(WHOLE, START, STOP, (b'm"', ((b"k", b"v\n"),), b"f")).text.split("\n  |> ")
    assert lines[3:] == [
        f"filter(fn: (r) => r[{string_literal(key)}] == {string_literal(value)})"
        for key, value in (("_measurement", 'm"'), ("_field", "f"), ("k", "v\n"))
    ]


def test_strings_with_carriage_returns_are_asked_for_by_field_until_there_are_too_many() -> None:
    fields = {(b"m", b"f%d" % n) for n in range(MAX_NAMED_FIELDS)}
    few = carriage_return_query(WHOLE, START, STOP, fields).text
    assert all(f'r._field == "f{n}"' in few for n in range(MAX_NAMED_FIELDS))
    many = carriage_return_query(WHOLE, START, STOP, fields | {(b"m", b"more")}).text
    assert "r._field ==" not in many
    for text in (few, many):
        assert text.startswith('import "strings"\nimport "types"\nfrom(')
        assert 'substr: "\\r"' in text
