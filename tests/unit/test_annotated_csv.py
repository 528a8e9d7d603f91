"""The decoder against a slow one, and against influxdb-client's."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st
from influxdb_client.client.flux_csv_parser import FluxCsvParser, FluxSerializationMode

from telegraf_plugin.influxdb.annotated_csv import Decoder
from telegraf_plugin.influxdb.flux import MAX_NAMED_FIELDS
from tests import slow_csv
from tests.replies import Meaning, replies, row, time_text
from tests.slow_csv import SlowPoint
from tests.unit.annotated_csv_bench import NOW, data, decode, table


@given(replies())
def test_every_reply_means_to_the_decoder_what_it_says(meaning: Meaning) -> None:
    outcome = decode([meaning.reply])
    assert outcome.error is None
    assert outcome.points == meaning.points
    assert outcome.drops.get("not_a_value", 0) == meaning.not_a_value
    assert outcome.drops.get("shadowed_tag", 0) == meaning.shadowed


@given(replies())
def test_the_slow_decoder_reads_the_same(meaning: Meaning) -> None:
    reading = slow_csv.read(meaning.reply)
    outcome = decode([meaning.reply])
    assert (outcome.points, outcome.drops, outcome.error) == (reading.points, dict(reading.dropped), reading.refused)
    assert reading.refused is None
    assert reading.points == meaning.points


def by_the_client(reply: bytes) -> list[tuple[Any, ...]]:
    """What influxdb-client reads: series, microseconds, value.

    A newline it leaves as CR LF; "" and null are None to it.
    """

    def text(value: Any) -> Any:
        return value.replace("\r\n", "\n") if isinstance(value, str) else value

    own = {"result", "table", "_start", "_stop", "_time", "_value", "_field", "_measurement"}
    found = []
    for record in FluxCsvParser(io.BytesIO(reply), FluxSerializationMode.stream).generator():
        values = {text(key): text(value) for key, value in record.values.items()}
        tags = tuple(sorted((key, value) for key, value in values.items() if key not in own and value is not None))
        since = values["_time"] - datetime(1970, 1, 1, tzinfo=UTC)
        microseconds = (since.days * 86_400 + since.seconds) * 10**6 + since.microseconds
        found.append((values["_measurement"], tags, values["_field"], microseconds, values["_value"]))
    return found


def as_the_client_says(point: SlowPoint) -> tuple[Any, ...]:
    text = point.value.decode()
    of_type: dict[str, Callable[[str], Any]] = {
        "float": float,
        "integer": int,
        "unsigned": int,
        "boolean": "true".__eq__,
        "string": lambda content: content or None,
    }
    tags = tuple((key.decode(), value.decode()) for key, value in point.tags)
    return (
        point.measurement.decode(),
        tags,
        point.field.decode(),
        point.time_ns // 1000,
        of_type[point.type](text),
    )


@given(replies())
def test_influxdb_client_reads_the_same_where_it_is_able_to(meaning: Meaning) -> None:
    assume(not meaning.special)  # a name that stands twice
    decoded = [as_the_client_says(point) for point in decode([meaning.reply]).points]
    # It has no word for a null, and NaN is a value to it.
    nothing = ("None", "nan", "inf", "-inf")
    found = [repr(entry) for entry in by_the_client(meaning.reply) if repr(entry[-1]) not in nothing]
    assert found == [repr(entry) for entry in decoded if entry[-1] is not None]


def test_influxdb_client_reads_the_same_of_a_plain_reply() -> None:
    reply = table(data("1.5", "a"), data("-0", "a", time_ns=NOW + 1_000), data("2", "b", number=1), tags=["host"])
    assert len(by_the_client(reply)) == 3
    assert by_the_client(reply) == [as_the_client_says(point) for point in decode([reply]).points]


def test_series_that_share_one_table_are_told_apart() -> None:
    """As `group()` gives them: the same row begins again behind one that begins otherwise."""
    text = row("#datatype", "string", "long", "string", "string", "string", "dateTime:RFC3339", "double")
    text += row("#group", "false", "false", "false", "false", "false", "false", "false")
    text += row("#default", "_result", "", "", "", "", "", "")
    text += row("", "result", "table", "_field", "_measurement", "host", "_time", "_value")
    for n, host in enumerate(["a", "b", "a", "a", 'c"d', "a", 'c"d', "b", "a"]):
        text += row("", "", "0", "f", "m", host, time_text(NOW + n), str(n))
    reply = text.encode() + b"\r\n"
    assert len(slow_csv.read(reply).points) == 9
    outcome = decode([reply])
    assert (outcome.points, outcome.error) == (slow_csv.read(reply).points, None)


@given(st.lists(st.text(alphabet='ab\\r\r"\n,', max_size=8), min_size=1, max_size=4))
def test_escaped_strings_come_back_with_every_carriage_return(values: list[str]) -> None:
    sent = [value.replace("\\", "\\\\").replace("\r", "\\r") for value in values]
    reply = table(*(data(value, time_ns=NOW + n) for n, value in enumerate(sent)), kind="string")
    outcome = decode([reply], escaped=True)
    assert [point.value.decode() for point in outcome.points] == values
    assert outcome.points == slow_csv.read(reply, escaped=True).points


def test_strings_in_quotes_are_named_for_asking_again() -> None:
    reply = table(data("plain"), kind="string") + table(data("1"), data("2"))
    assert decode([reply]).quoted == set()
    reply = table(data("plain"), data("com,ma"), data("more"), kind="string")
    assert decode([reply]).quoted == {(b"m", b"f")}


def test_a_flood_of_strings_in_quotes_is_not_remembered() -> None:
    one = table(data("com,ma"), kind="string")
    decoder = Decoder()
    for number in range(1_000):
        assert len(list(decoder.feed(one.replace(b",f,", b",f%d," % number)))) == 1
    assert len(decoder.quoted) == MAX_NAMED_FIELDS + 1
