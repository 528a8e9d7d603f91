"""Marks and origins as lines: Telegraf's parser reads back what the ledger means."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from line_protocol_parser import parse_line

from telegraf_plugin.stream.block import FieldKey, FieldType
from telegraf_plugin.stream.ledger import Mark, Origin
from telegraf_plugin.stream.spans import Spans, span
from telegraf_plugin.telegraf.marks import mark_line, origin_line
from tests.slow_lines import read_lines
from tests.unit.test_definition import STREAM
from tests.unit.test_ledger import MARKS, mark

HELD = {FieldKey('m "ü\n'.encode(), b"f\\", FieldType.FLOAT): Spans.of([(1, 2)])}


def test_a_mark_goes_the_way_of_its_streams_points() -> None:
    line = mark_line(replace(STREAM, name="cpu", bucket="a bucket"), mark(5, 4, proved=Spans.of([(1, 2)])))
    parsed = parse_line(line.decode().removesuffix("\n"))
    assert parsed["measurement"] == "collector_ledger"
    assert parsed["tags"] == {"source": "POD-8", "stream": "cpu", "source_bucket": "a bucket"}
    assert parsed["time"] == 5
    assert parsed["fields"]["id"] == "5@run"
    assert parsed["fields"]["base"] == "4@run"
    assert parsed["fields"]["proved"] == "1/2"
    assert parsed["fields"]["format"] == 1


@given(MARKS | st.just(mark(1, held=HELD)))
def test_a_line_holds_all_that_a_mark_says(written: Mark) -> None:
    line = mark_line(STREAM, written)
    assert line.count(b"\n") == 1
    points = read_lines(line)
    assert {point.time_ns for point in points} == {written.id.time}
    assert Mark.read({point.field.decode(): point.value.decode() for point in points}) == written


def test_an_origin_goes_where_the_collectors_own_metrics_go() -> None:
    line = origin_line(replace(STREAM, central_bucket="there"), Origin("d" * 16, -7, 8, -9, span(-20, -10)), 9)
    assert parse_line(line.decode().removesuffix("\n")) == {
        "measurement": "collector_origin",
        "tags": {"source": "POD-8", "stream": "telegraf", "central_bucket": "there"},
        "fields": {"definition": "d" * 16, "origin": -7, "began": 8, "oldest": -9, "islands": "-20/-10"},
        "time": 9,
    }
