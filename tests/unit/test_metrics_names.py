"""Whatever streams are called and errors say: lines of our own metrics parse, and tell it."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.errors import BadReply, PermanentError
from telegraf_plugin.stream.block import FieldKey, FieldType
from telegraf_plugin.stream.holds import HeldPoints
from telegraf_plugin.telegraf.metrics import cycle_lines, held_lines, point
from tests.slow_lines import read_lines
from tests.unit.test_metrics import NOW, of, parsed
from tests.unit.test_status import CPU, MEM, POWER, SECOND, attempt, board

# What queries.yaml takes as a name; a backslash at its end is another test's.
NAMES = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), min_size=1, max_size=20).filter(
    lambda name: name.isprintable() and name == name.strip() and not name.endswith("\\")
)
# What the parser under these tests cannot read back: it takes a backslash for an escape wherever it stands.
PLAIN_NAMES = NAMES.filter(lambda name: "\\" not in name)

TEXTS_OF_ERRORS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)


@given(PLAIN_NAMES, PLAIN_NAMES, PLAIN_NAMES, PLAIN_NAMES, TEXTS_OF_ERRORS.filter(lambda text: "\\" not in text))
def test_any_name_comes_through(source: str, name: str, bucket: str, central: str, summary: str) -> None:
    stream = replace(CPU, source=source, name=name, bucket=bucket, central_bucket=central)
    failed = attempt(stream, error=BadReply(summary, "hint"))
    lines = cycle_lines(board(failed, streams=[stream]), {source}, 0.1, NOW)
    line = of(lines, "collector_stream")[0]
    assert line["tags"] == {"source": source, "stream": name, "bucket": bucket, "central_bucket": central}
    assert len(parsed(lines)) == 5
    for escape, character in (("\\n", "\n"), ("\\r", "\r"), ("\\t", "\t")):  # Telegraf's parser undoes these, ours not
        assert (escape in line["fields"]["last_error"]) is (character in summary)


@given(NAMES, TEXTS_OF_ERRORS)
def test_any_name_makes_lines_that_parse(name: str, summary: str) -> None:
    stream = replace(CPU, source=name, name=name, bucket=name, central_bucket=name)
    lines = cycle_lines(board(attempt(stream, error=BadReply(summary, "hint")), streams=[stream]), set(), 0.1, NOW)
    assert [line["measurement"] for line in parsed(lines)] == [
        "collector_stream",
        "collector_dropped",
        "collector_source",
        "collector_cycle",
        "collector_health",
    ]


def test_a_name_that_line_protocol_cannot_carry_is_shown_as_far_as_it_can() -> None:
    stream = replace(CPU, bucket="pod\\")
    (line,) = of(cycle_lines(board(attempt(stream), streams=[stream]), set(), 0.1, NOW), "collector_stream")
    assert line["tags"]["bucket"] == "pod?"


@given(st.integers(0, 2**63 - 1), st.floats(1e-9, 1e9), st.integers(0, 2**62))
def test_any_number_comes_through(points: int, seconds: float, now: int) -> None:
    recorded = board(attempt(CPU, points, points, 0, seconds), streams=[CPU])
    line = of(cycle_lines(recorded, set(), seconds, now), "collector_stream")[0]
    assert line["fields"]["points_read"] == points
    assert line["fields"]["duration_seconds"] == seconds
    assert line["time"] == now


def test_an_error_with_a_hint_shows_its_summary_alone() -> None:
    recorded = board(attempt(CPU, error=PermanentError("summary", "do this")), streams=[CPU])
    lines = cycle_lines(recorded, set(), 0.1, NOW)
    assert b'last_error="summary"' in lines
    assert b"do this" not in lines


@given(
    st.dictionaries(
        st.sampled_from(["a", "b", "c"]),
        st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5),
        min_size=1,
    ),
    st.integers(-(2**64), 2**64),
    st.text(max_size=3) | st.just("x" * 70_000) | st.just("\U0001f642" * 20_000),
)
def test_whatever_a_line_of_our_own_is_to_say_telegraf_can_read_it(
    fields: dict[str, float | str], now: int, name: str
) -> None:
    fits = {
        key: value
        for key, value in fields.items()
        if isinstance(value, str) or (math.isfinite(value) and (isinstance(value, float) or -(2**63) <= value < 2**63))
    }
    line = point("collector_x", {"source": name, "stream": name, "held_field": name}, fields, now)
    if not fits or not -(2**63) + 2 <= now <= 2**63 - 2:
        assert line == b""
        return
    read = read_lines(line)
    assert [each.field.decode() for each in read] == list(fits)
    assert {each.time_ns for each in read} == {now}
    assert len(line) < 65_536


def test_a_figure_that_cannot_be_is_left_out_of_the_streams_line() -> None:
    recorded = board(replace(attempt(CPU), stop=253_370_764_800 * SECOND), streams=[CPU])  # the year 9999
    line = of(cycle_lines(recorded, set(), 1.0, NOW), "collector_stream")[0]
    assert "last_success" not in line["fields"]
    assert line["fields"]["points_read"] == 10


def test_a_text_with_half_a_character_is_told_all_the_same() -> None:
    recorded = board(attempt(CPU, error=BadReply("half \ud800", "hint")), streams=[CPU])
    assert of(cycle_lines(recorded, set(), 1.0, NOW), "collector_stream")[0]["fields"]["last_error"] == "half ?"


def test_a_text_longer_than_influxdb_takes_is_left_out() -> None:
    assert read_lines(point("collector_x", {}, {"a": "x" * (2**20 + 1), "b": 1}, NOW))[0].field == b"b"


@given(
    st.lists(
        st.builds(
            HeldPoints,
            st.sampled_from([CPU, MEM, POWER]),
            st.tuples(st.binary(max_size=8), st.binary(max_size=8), st.sampled_from(FieldType)),
            st.integers(0, 2**62),
            TEXTS_OF_ERRORS.filter(lambda text: not set(text) & set("\\\n\r\t")),  # that parser undoes no escapes
        ),
        max_size=4,
    )
)
def test_what_is_held_is_a_line_that_parses_and_is_not_routed_like_data(held: list[HeldPoints]) -> None:
    lines = held_lines(held, NOW)
    found = parsed(lines) if held else []
    assert lines.count(b"\n") == len(held)
    for line, each in zip(found, held, strict=True):
        assert line["measurement"] == "collector_held"
        assert line["tags"].keys() == {"source", "stream", "measurement", "held_field"}
        assert line["fields"] == {"type": each.field_key[2].value, "points": each.points, "reason": each.reason}


def test_what_is_held_names_stream_measurement_and_field() -> None:
    held = HeldPoints(CPU, FieldKey(b"cpu load", b"f=1", FieldType.FLOAT), 3, "why")
    (line,) = parsed(held_lines([held], NOW))
    assert line["tags"] == {
        "source": "POD-8",
        "stream": "cpu",
        "measurement": "cpu load",
        "held_field": "f=1",
    }
