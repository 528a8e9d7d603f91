"""The decoder against a slow one, against influxdb-client's, under every split and under damage."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from influxdb_client.client.flux_csv_parser import FluxCsvParser, FluxSerializationMode

from telegraf_plugin.errors import BadReply, PermanentError
from telegraf_plugin.influxdb.annotated_csv import MAX_ROW_BYTES, Decoder
from telegraf_plugin.influxdb.flux import MAX_NAMED_FIELDS
from telegraf_plugin.stream.drops import DropReason
from tests import slow_csv
from tests.replies import Meaning, replies, row, time_text
from tests.slow_csv import SlowPoint

NOW = 1_795_000_000 * 10**9


@dataclass
class Outcome:
    """What the decoder made of a reply."""

    points: list[SlowPoint] = field(default_factory=list)
    drops: dict[str, int] = field(default_factory=dict)
    quoted: set[tuple[bytes, bytes]] = field(default_factory=set)
    error: str | None = None


def decode(chunks: Iterable[bytes], escaped: bool = False) -> Outcome:
    """Decode to the end; a refusal is part of the outcome, any other exception is not caught."""
    decoder = Decoder(escaped)
    outcome = Outcome()
    try:
        for chunk in chunks:
            for block in decoder.feed(chunk):
                assert len(block.times) == len(block.values) > 0
                outcome.points += [
                    SlowPoint(block.measurement, block.tags, block.field, block.type.value, int(time), value)
                    for time, value in zip(block.times, block.values, strict=True)
                ]
        decoder.finish()
    except (BadReply, PermanentError) as error:
        outcome.error = error.summary
    outcome.drops = {reason.value: drop.points for reason, drop in decoder.drops.items()}
    outcome.quoted = decoder.quoted
    return outcome


def pieces(reply: bytes, size: int) -> list[bytes]:
    return [reply[at : at + size] for at in range(0, len(reply), size)]


def table(*rows: str, kind: str = "double", tags: Iterable[str] = (), end: str = "\r\n") -> bytes:
    """One table in the order of a plain range; a row is its time, value, field, measurement and tags."""
    keys = list(tags)
    text = row("#datatype", "string", "long", "dateTime:RFC3339", kind, "string", "string", *("string" for _ in keys))
    text += row("#group", "false", "false", "false", "false", "true", "true", *("true" for _ in keys))
    text += row("#default", "_result", "", "", "", "", "", *("" for _ in keys))
    text += row("", "result", "table", "_time", "_value", "_field", "_measurement", *keys)
    return (text + "".join(rows) + end).encode()


def data(value: str, *tags: str, time_ns: int = NOW, number: int = 0) -> str:
    return row("", "", str(number), time_text(time_ns), value, "f", "m", *tags)


SMALL = table(
    data("1.5", "a", time_ns=NOW),
    data("-0", "a", time_ns=NOW + 1),
    data("1e-300", "a", time_ns=NOW + 2),
    data("2", 'q"u,o', number=1),
    data("", 'q"u,o', number=1, time_ns=NOW + 1),
    tags=["host"],
) + table(
    data("plain"), data('quo"ted, line\nfeed', time_ns=NOW + 1), data("", time_ns=NOW + 2), data("\n"), kind="string"
)
SMALL_POINTS = 4 + 4


# A second and a third opinion


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


# Any chunking gives the same


def test_the_small_reply_is_what_the_splits_are_to_give() -> None:
    reading = slow_csv.read(SMALL)
    assert (len(reading.points), reading.dropped, reading.refused) == (SMALL_POINTS, {"not_a_value": 1}, None)
    assert decode([SMALL]).points == reading.points


def test_byte_by_byte_gives_the_same() -> None:
    assert decode(pieces(SMALL, 1)) == decode([SMALL])


def test_every_size_of_chunk_gives_the_same() -> None:
    whole = decode([SMALL])
    assert all(decode(pieces(SMALL, size)) == whole for size in range(1, len(SMALL) + 1))


def test_every_split_in_two_gives_the_same() -> None:
    whole = decode([SMALL])
    assert all(decode([SMALL[:at], SMALL[at:]]) == whole for at in range(len(SMALL) + 1))


def test_empty_chunks_change_nothing() -> None:
    assert decode([part for byte in pieces(SMALL, 7) for part in (b"", byte, b"")]) == decode([SMALL])


@given(replies(), st.randoms(use_true_random=False))
def test_random_chunks_of_any_reply_give_the_same(meaning: Meaning, random: Any) -> None:
    cuts = sorted(random.randrange(len(meaning.reply) + 1) for _ in range(random.randrange(12)))
    bounds = [0, *cuts, len(meaning.reply)]
    parts = [meaning.reply[start:stop] for start, stop in pairwise(bounds)]
    assert decode(parts) == decode([meaning.reply])
    assert decode(pieces(meaning.reply, 1)) == decode([meaning.reply])


# Damage


EDITS = st.lists(
    st.tuples(
        st.sampled_from(["flip", "delete", "insert", "double", "cut"]),
        st.floats(0, 1, exclude_max=True),
        st.sampled_from(list(b',"\r\n0a#-{<.\x00\xff')) | st.integers(0, 255),
        st.integers(1, 30),
    ),
    min_size=1,
    max_size=3,
)


def damaged(reply: bytes, edits: list[tuple[str, float, int, int]]) -> bytes:
    content = bytearray(reply)
    for how, where, byte, length in edits:
        at = int(where * len(content))
        if how == "flip" and content:
            content[at] = byte
        elif how == "delete":
            del content[at : at + length]
        elif how == "insert":
            content.insert(at, byte)
        elif how == "double":
            content[at:at] = content[at : at + length]
        elif how == "cut":
            del content[at:]
    return bytes(content)


@settings(max_examples=400)
@given(replies(most=2), EDITS, st.integers(1, 40))
@example(Meaning(SMALL.decode()), [("delete", 0.99, 0, 30)], 1)
def test_a_damaged_reply_is_refused_or_read_as_it_stands(
    meaning: Meaning, edits: list[tuple[str, float, int, int]], size: int
) -> None:
    reply = damaged(meaning.reply, edits)
    reading = slow_csv.read(reply)
    for outcome in (decode([reply]), decode(pieces(reply, size))):
        # A name that damage has put in needless quotes is taken for one that has lost a carriage return.
        assume(DropReason.UNWRITABLE_NAME.value not in outcome.drops)
        # What was yielded before a refusal is right as far as it goes.
        assert outcome.points == reading.points[: len(outcome.points)]
        if outcome.error is None:
            assert reading.refused is None
            assert outcome.points == reading.points
            assert outcome.drops == reading.dropped
    assert (decode([reply]).error is None) == (decode(pieces(reply, size)).error is None)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_read_as_they_stand(reply: bytes) -> None:
    outcome = decode([reply])
    assert (outcome.error is None) <= (slow_csv.read(reply).refused is None)
    assert outcome.points == []


def test_a_reply_cut_anywhere_is_refused() -> None:
    empty_rows = [at + 4 for at in range(len(SMALL)) if SMALL[at : at + 4] == b"\r\n\r\n"]
    assert len(empty_rows) == 2  # behind an empty row a reply may end; HTTP tells whether it did
    for end in set(range(len(SMALL))) - set(empty_rows):
        assert decode([SMALL[:end]]).error == "the reply was cut short", SMALL[:end]


def test_what_was_whole_before_the_cut_was_yielded() -> None:
    cut = SMALL[: SMALL.index(b"1e-300")]
    assert len(decode([cut]).points) == 2


def test_nothing_at_all_is_a_cut_and_an_empty_row_is_an_empty_result() -> None:
    assert decode([]).error == "the reply was cut short"
    assert decode([b"\r\n"]) == Outcome()


@pytest.mark.parametrize(
    ("head", "filler"),
    [
        (b"", b"x"),
        (b"#datatype,", b"string,"),
        (table(end=""), b"9"),
        (table(data("1"), end="") + b',,0,2026-11-18T00:26:40Z,"', b"x"),
        (table(data("x"), kind="string", end="") + b',,0,2026-11-18T00:26:40Z,"', b'""'),
        (table(data("x"), kind="string", end="") + b',,0,2026-11-18T00:26:40Z,"', b"\r\n"),
        (b"{", b" "),
        (b"<", b"a"),
    ],
    ids=["text", "annotation", "number", "quoted", "quotes", "lines", "json", "html"],
)
def test_a_row_without_end_is_refused_at_the_limit(head: bytes, filler: bytes) -> None:
    decoder = Decoder()
    list(decoder.feed(head))
    chunk = filler * (2**18 // len(filler))
    fed = 0

    def feed_on() -> None:
        nonlocal fed
        while fed <= MAX_ROW_BYTES + 2 * len(chunk):
            list(decoder.feed(chunk))
            fed += len(chunk)

    with pytest.raises(BadReply):
        feed_on()
    assert MAX_ROW_BYTES - len(chunk) <= fed <= MAX_ROW_BYTES + len(chunk)


def test_a_string_of_a_mebibyte_of_quotes_still_fits() -> None:
    text = '"' * 2**20
    outcome = decode(pieces(table(data(text), kind="string"), 65_536))
    assert [point.value for point in outcome.points] == [text.encode()]
