"""Flux for central, as it is: what is selected there is what was selected at the source."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telegraf_plugin.influxdb import central_flux as flux
from telegraf_plugin.influxdb.flux import EARLIEST, Query, string_literal
from telegraf_plugin.stream.definition import Aggregate, AggregateFunction, StreamDefinition
from telegraf_plugin.stream.mapping import MetadataTag
from telegraf_plugin.stream.names import OWN
from telegraf_plugin.stream.renames import TagRule

START = 1_795_478_400 * 10**9
STOP = START + 300 * 10**9
RANGE = "range(start: 2026-11-24T00:00:00.000000000Z, stop: 2026-11-24T00:05:00.000000000Z)"
EVER = "range(start: 1677-09-21T00:12:44.000000000Z, stop: 2262-04-11T23:47:16.000000000Z)"
OURS = "filter(fn: (r) => r._measurement == " + string_literal("collector_ledger") + ")"
WHOLE = StreamDefinition(
    "POD-8", "s", "data", "landing", (), (), (), None, None, 300 * 10**9, (MetadataTag.HOST, MetadataTag.SOURCE_BUCKET)
)


def steps(query: Query) -> list[str]:
    assert query.parameters == {}
    return query.text.split("\n  |> ")


def is_one_of(column: str, *values: str) -> str:
    either = (f"r[{string_literal(column)}] == {string_literal(value)}" for value in values)
    return f"filter(fn: (r) => {' or '.join(either)})"


def selected(stream: StreamDefinition) -> list[str]:
    found = steps(flux.points_query(stream, START, STOP))
    assert found[:2] == ['from(bucket: "landing")', RANGE]
    return found[2:]


def test_the_ranges_are_all_that_influxdb_can_hold() -> None:
    assert steps(flux.origins_query("b"))[1] == EVER
    assert EARLIEST < 0


def test_a_whole_buckets_points_are_those_with_its_tag_and_no_ledger() -> None:
    assert selected(WHOLE) == [
        is_one_of("source_bucket", "data"),
        "filter(fn: (r) => " + " and ".join(f"r._measurement != {string_literal(name)}" for name in OWN) + ")",
    ]


def test_what_the_source_filters_by_is_filtered_by_with_the_names_of_central() -> None:
    stream = replace(
        WHOLE,
        measurements=("cpu", "mem"),
        exclude_fields=("idle",),
        tags=(("dc", ("east", "west")),),
        metadata_tags=(MetadataTag.SOURCE_BUCKET, MetadataTag.SOURCE, MetadataTag.FIELD),
    )
    assert selected(stream) == [
        is_one_of("source_bucket", "data"),
        is_one_of("source", "POD-8"),
        is_one_of("dc", "east", "west"),
        is_one_of("_measurement", "cpu", "mem"),
        f"filter(fn: (r) => r._field != {string_literal('idle')})",
    ]


def test_a_tag_whose_key_is_taken_is_looked_for_behind_all_of_its_name() -> None:
    stream = replace(WHOLE, tags=(("source_bucket", ("z",)),), metadata_tags=(MetadataTag.SOURCE_BUCKET,))
    _, found, _ = selected(stream)
    names = [f"r[{string_literal('exported_' * depth + 'source_bucket')}]" for depth in range(1, 4)]
    first = f'(({names[0]} == "z") and (not exists {names[1]}))'
    second = f'((exists {names[0]}) and ({names[1]} == "z") and (not exists {names[2]}))'
    assert found.startswith(f"filter(fn: (r) => {first} or {second} or ((exists ")


def test_what_telegraf_renames_is_filtered_by_with_its_name_in_central() -> None:
    rename = TagRule("host", r"^POD-(\d+)$", "pod_${1}")
    stream = replace(WHOLE, tags=(("host", ("POD-8", "web-1")),), renames=(rename,), rewritten_tags=())
    assert is_one_of("host", "pod_8", "web-1") in selected(stream)


def test_a_tag_of_which_nobody_can_tell_is_not_filtered_by() -> None:
    """Such a stream is refused at the start."""
    stream = replace(WHOLE, tags=(("host", ("POD-8",)), ("rack", ("1",))))
    assert is_one_of("rack", "1") in selected(stream)
    assert not [step for step in selected(stream) if string_literal("POD-8") in step]


def test_aggregates_are_in_central_as_points() -> None:
    aggregate = Aggregate(60 * 10**9, AggregateFunction.MEAN)
    assert selected(replace(WHOLE, aggregate=aggregate)) == selected(WHOLE)


def test_points_are_counted_in_one_row() -> None:
    assert steps(flux.count_query(WHOLE, START, STOP))[2:] == [*selected(WHOLE), "group()", "count()"]


def test_strings_with_carriage_returns_are_asked_for_as_at_the_source() -> None:
    query = flux.carriage_return_query(WHOLE, START, STOP, {(b"m", b"f")})
    assert query.text.startswith('import "strings"\nimport "types"\nfrom(bucket: "landing")\n')
    assert query.text.count('r._measurement == "m" and r._field == "f"') == 1


def test_the_types_of_a_field_are_asked_for_by_name() -> None:
    assert steps(flux.field_types_query("landing", START, STOP, b'm"', b"f")) == [
        'from(bucket: "landing")',
        RANGE,
        is_one_of("_measurement", 'm"'),
        is_one_of("_field", "f"),
        "last()",
    ]


def dropped(*columns: str) -> str:
    return f"drop(columns: [{', '.join(map(string_literal, ('_start', '_stop', '_measurement', *columns)))}])"


IDS = 'filter(fn: (r) => r._field == "id")'


def test_of_the_newest_marks_only_the_times_are_asked_for() -> None:
    assert steps(flux.newest_marks_query("landing", START, STOP)) == [
        'from(bucket: "landing")',
        RANGE,
        OURS,
        IDS,
        "last()",
        dropped("_field", "_value"),
    ]


def test_the_marks_of_a_stream_are_asked_for_by_its_name() -> None:
    name = ('POD-8"', "s")
    one = [OURS, is_one_of("source", 'POD-8"'), is_one_of("stream", "s")]
    asked = steps(flux.marks_query("landing", name, START, STOP))
    assert asked == ['from(bucket: "landing")', RANGE, *one, dropped()]
    asked = steps(flux.marks_query("landing", name, START, STOP, ("id", "base")))
    assert asked[2:] == [*one, is_one_of("_field", "id", "base"), dropped()]


def test_of_the_ids_only_the_values_and_tags_are_asked_for() -> None:
    found = steps(flux.mark_ids_query("landing", START, STOP))
    assert found[1:] == [RANGE, OURS, IDS, dropped("_field", "_time")]


@pytest.mark.parametrize("bucket", ["metrics", 'a"b'])
def test_origins_are_in_the_bucket_of_metrics(bucket: str) -> None:
    assert steps(flux.origins_query(bucket)) == [
        f"from(bucket: {string_literal(bucket)})",
        EVER,
        f"filter(fn: (r) => r._measurement == {string_literal('collector_origin')})",
        "last()",
    ]
