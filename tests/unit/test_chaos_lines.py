"""What the chaos run writes down of a line is what line protocol says of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from line_protocol_parser import parse_line

from lab.chaos.collector import STREAMS
from lab.chaos.feeder import HOUR_NS, STEP_NS, batch, history
from lab.chaos.lines import Line, boolean, integer, real, text, unsigned
from lab.points import FieldType

NOW = 1_795_482_060_123_456_789
PYTHON: dict[FieldType, Callable[[str], object]] = {
    FieldType.FLOAT: float,
    FieldType.INTEGER: int,
    FieldType.UNSIGNED: int,
    FieldType.STRING: str,
    FieldType.BOOLEAN: "true".__eq__,
}


@pytest.mark.parametrize("bucket", [stream.bucket for stream in STREAMS])
def test_a_parser_reads_the_points_that_the_line_makes(bucket: str) -> None:
    lines = [*history(bucket, NOW, 1), *(line for number in range(200) for line in batch(bucket, number, NOW, 1))]
    for line in lines:
        parsed = parse_line(line.protocol())
        assert (parsed["measurement"], parsed["time"]) == (line.measurement, line.time_ns)
        assert parsed["tags"] == dict(line.tags)
        fields = {point.field: PYTHON[point.type](point.value) for point in line.points()}
        assert parsed["fields"] == fields


def test_every_type_has_its_suffix_and_its_quotes() -> None:
    fields = (real("f", 1.5), integer("i", -1), unsigned("u", 2**64 - 1), boolean("b", True), text("s", 'a "b"\\'))
    line = Line("m", (("k", "a b,c=d"),), fields, 7)
    assert line.protocol() == 'm,k=a\\ b\\,c\\=d f=1.5,i=-1i,u=18446744073709551615u,b=true,s="a \\"b\\"\\\\" 7'


@pytest.mark.parametrize("bucket", [stream.bucket for stream in STREAMS])
def test_no_batch_writes_a_series_twice_at_one_time(bucket: str) -> None:
    for number in range(500):
        places = [(line.measurement, line.tags, line.time_ns) for line in batch(bucket, number, NOW, 1)]
        assert len(places) == len(set(places))


@pytest.mark.parametrize("bucket", [stream.bucket for stream in STREAMS])
def test_values_are_rewritten_behind_the_overlap_and_within_the_lookback(bucket: str) -> None:
    ages = [
        (NOW - line.time_ns) / 1e9
        for number in range(300)
        for line in batch(bucket, number, NOW, 1)
        if line.time_ns % STEP_NS == 0  # on the grid: something was written there before
    ]
    assert sum(17 < age < 19.5 for age in ages) >= 40


def test_a_field_has_one_type_an_hour_and_another_in_the_next() -> None:
    types: dict[int, set[FieldType]] = {}
    for line in history("telegraf", NOW, 1):
        for point in line.points():
            if point.field == "level":
                types.setdefault(point.time_ns // HOUR_NS, set()).add(point.type)
    assert sorted(types.values(), key=str) == [{FieldType.FLOAT}, {FieldType.INTEGER}]


@pytest.mark.parametrize("bucket", [stream.bucket for stream in STREAMS])
def test_no_field_has_two_types_in_an_hour_so_that_a_source_takes_every_line(bucket: str) -> None:
    types: dict[tuple[str, str, int], set[FieldType]] = {}
    lines = [*history(bucket, NOW, 1), *(line for number in range(300) for line in batch(bucket, number, NOW, 1))]
    for line in lines:
        for point in line.points():
            of = (point.measurement, point.field, point.time_ns // HOUR_NS)
            types.setdefault(of, set()).add(point.type)
    assert all(len(found) == 1 for found in types.values())
