"""Flux for central: a stream's points as they are there, the ledger, and the origins that are mirrored. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from telegraf_plugin.influxdb.flux import (
    EARLIEST,
    LATEST,
    ONE_ROW_BYTES,
    Query,
    any_of,
    build,
    from_range,
    series_predicates,
    string_literal,
    together,
    with_carriage_returns,
)
from telegraf_plugin.stream import names
from telegraf_plugin.stream.claim import Role
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.selection import Condition, Selected, named_in_central, tags_in_central

LINKS = ("format", "id", "base", "definition", "origin", "began", "printed")
"""The fields of a mark by which is found whether it is believed; `proved` and `held`, its largest, are not."""


REQUESTS = "0"
"""The result of requests in a reply that has marks as well: `together` numbers them."""


def points_query(stream: StreamDefinition, start: int, stop: int) -> Query:
    """Return the query for what central has of `stream` in [start, stop)."""
    return build(_selected(stream, start, stop))


def count_query(stream: StreamDefinition, start: int, stop: int) -> Query:
    """Return the query for how many points that is."""
    return build([*_selected(stream, start, stop), "group()", "count()"], ONE_ROW_BYTES)


def counts_query(stream: StreamDefinition, start: int, stop: int, tags: Sequence[str]) -> Query:
    """Return the query for the same of all streams that differ from `stream` in `tags` alone: a row for each."""
    grouped = f"group(columns: [{', '.join(map(string_literal, tags))}])"
    return build([*_named(stream, start, stop), grouped, "count()"])


def all_points_query(stream: StreamDefinition, start: int, stop: int) -> Query:
    """Return the query for the points of all streams that differ from `stream` in tags alone."""
    return build(_named(stream, start, stop))


def exists_query(stream: StreamDefinition, start: int, stop: int) -> Query:
    """Return the query whose reply has a row when central has any point of `stream` in [start, stop)."""
    return build([*_selected(stream, start, stop), "limit(n: 1)", 'keep(columns: ["_time"])'])


def carriage_return_query(
    stream: StreamDefinition, start: int, stop: int, fields: Collection[tuple[bytes, bytes]]
) -> Query:
    """Return the query for those whose string has a carriage return, as `flux.carriage_return_query` does."""
    return build([*_selected(stream, start, stop), *with_carriage_returns(fields)])


def field_types_query(bucket: str, start: int, stop: int, measurement: bytes, field: bytes) -> Query:
    """Return the query for the newest point in [start, stop) of each series of one field."""
    named = [any_of("_measurement", (measurement.decode(),)), any_of("_field", (field.decode(),))]
    return build([*from_range(bucket, start, stop), *(f"filter(fn: (r) => {name})" for name in named), "last()"])


def newest_marks_query(bucket: str, start: int, stop: int, name: tuple[str, str] | None = None) -> Query:
    """Return the query for the newest mark in [start, stop) of each stream in `bucket`, or of `name`: a row of each."""
    return build([*_marks(bucket, start, stop, name), _IDS, "last()", _drop("_measurement", "_field", "_value")])


def marks_query(bucket: str, name: tuple[str, str], start: int, stop: int, fields: tuple[str, ...] = ()) -> Query:
    """Return the query for the marks of one stream (its source's name and its own) made in [start, stop).

    A row a field, of all `fields` or of those that are named.
    """
    named = [f"filter(fn: (r) => {any_of('_field', fields)})"] if fields else []
    return build([*_marks(bucket, start, stop, name), *named, _drop("_measurement")])


def mark_ids_query(bucket: str, start: int, stop: int) -> Query:
    """Return the query for the ids of all marks in `bucket` made in [start, stop) (Unix ns): values and tags alone."""
    return build([*_marks(bucket, start, stop), _IDS, _drop("_measurement", "_field", "_time")])


def marks_and_requests_query(bucket: str, start: int, stop: int) -> Query:
    """Return the query for both, `mark_ids_query` and `requests_query`: rows of the latter have the result REQUESTS."""
    return together([requests_query(bucket), mark_ids_query(bucket, start, stop)])


def origins_query(bucket: str) -> Query:
    """Return the query for the origins mirrored in the bucket of metrics, a row a field."""
    steps = from_range(bucket, EARLIEST, LATEST)
    return build([*steps, f"filter(fn: (r) => r._measurement == {string_literal(names.ORIGIN)})", "last()"])


def requests_query(bucket: str) -> Query:
    """Return the query for the newest request and the newest pause of each stream in `bucket`, a row a field."""
    ours = f"filter(fn: (r) => {any_of('_measurement', (names.REQUEST, names.PAUSE))})"
    # A source may hold points of that name; copied, they are data: with the tag that a command's request never has.
    not_copied = "filter(fn: (r) => not exists r.source_bucket)"
    return build([*from_range(bucket, EARLIEST, LATEST), ours, not_copied, "last()"])


def claims_query(bucket: str, lease: str, start: int, stop: int) -> Query:
    """Return the query for the newest claim to `lease` in [start, stop) by run and role: a row each."""
    ours = [f"r._measurement == {string_literal(names.LEASE)}", any_of("lease", (lease,)), any_of("_field", ("claim",))]
    claiming = any_of("role", tuple(role.value for role in Role if role is not Role.STANDBY))
    steps = [*from_range(bucket, start, stop), *(f"filter(fn: (r) => {each})" for each in (*ours, claiming))]
    return build([*steps, "last()", 'keep(columns: ["_value", "role", "run"])'])


def bucket_query(bucket: str, start: int, stop: int) -> Query:
    """Return a query that costs nothing and shows whether `bucket` can be read."""
    return build([*from_range(bucket, start, stop), "limit(n: 1)"])


def stream_metrics_query(bucket: str, start: int, stop: int) -> Query:
    """Return the query for what the plugin last said of each stream in [start, stop), a row a field."""
    ours = f"filter(fn: (r) => r._measurement == {string_literal(names.STREAM)})"
    return build([*from_range(bucket, start, stop), ours, "last()"])


def stream_history_query(
    bucket: str, start: int, stop: int, fields: Collection[str], every: int, highest: bool
) -> Query:
    """Return the query for what the plugin said of each stream in [start, stop), in windows of `every` (ns).

    A row a field of `fields` and window, timed by the window's start: the `highest` value in it, else their sum.
    """
    ours = f"filter(fn: (r) => r._measurement == {string_literal(names.STREAM)})"
    named = f"filter(fn: (r) => {any_of('_field', tuple(fields))})"
    fn = "max" if highest else "sum"
    # createEmpty: a window in which nothing was said is no row, and so a gap where it is drawn.
    window = f'aggregateWindow(every: {every}ns, fn: {fn}, timeSrc: "_start", createEmpty: false)'
    columns = 'keep(columns: ["_time", "_value", "_field", "source", "stream"])'
    return build([*from_range(bucket, start, stop), ours, named, window, columns])


def newest_points_query(bucket: str, start: int, stop: int, measurement: str) -> Query:
    """Return the query for the newest point in [start, stop) of each series of `measurement`, a row a field."""
    steps = [*from_range(bucket, start, stop), f"filter(fn: (r) => {any_of('_measurement', (measurement,))})"]
    return build([*steps, "last()", _drop("_measurement")])


def newest_types_query(bucket: str, start: int, stop: int, predicates: Collection[str]) -> Query:
    """Return the query for one point of each field in [start, stop), by whose table its type can be told.

    `predicates` select points. The span lies within one shard group: there a field has one type.
    """
    steps = [*from_range(bucket, start, stop), *(f"filter(fn: (r) => {predicate})" for predicate in predicates)]
    by_field = 'group(columns: ["_measurement", "_field"])'
    return build([*steps, "last()", by_field, "last()", 'keep(columns: ["_time", "_value", "_measurement", "_field"])'])


def measurement_counts_query(bucket: str, start: int, stop: int, predicates: Collection[str]) -> Query:
    """Return the query for how many points of each measurement `predicates` select in [start, stop)."""
    steps = [*from_range(bucket, start, stop), *(f"filter(fn: (r) => {predicate})" for predicate in predicates)]
    return build([*steps, 'group(columns: ["_measurement"])', "count()"])


_IDS = 'filter(fn: (r) => r._field == "id")'


def _marks(bucket: str, start: int, stop: int, name: tuple[str, str] | None = None) -> list[str]:
    predicates = [f"r._measurement == {string_literal(names.LEDGER)}"]
    if name is not None:
        predicates += [any_of("source", (name[0],)), any_of("stream", (name[1],))]
    return [*from_range(bucket, start, stop), *(f"filter(fn: (r) => {predicate})" for predicate in predicates)]


def _drop(*columns: str) -> str:
    """Return the step that leaves out what every row repeats. Tags stay: without them values of two types might meet
    in one table, which fails the query.
    """
    return f"drop(columns: [{', '.join(map(string_literal, ('_start', '_stop', *columns)))}])"


def _named(stream: StreamDefinition, start: int, stop: int) -> list[str]:
    """Return the steps that select what is called as the stream's points are, whatever its tags."""
    predicates = series_predicates(named_in_central(stream))
    return [*from_range(stream.central_bucket, start, stop), *(f"filter(fn: (r) => {each})" for each in predicates)]


def _selected(stream: StreamDefinition, start: int, stop: int) -> list[str]:
    """Return the steps that select the stream's points by what they carry in central (`stream.selection`)."""
    named = series_predicates(named_in_central(stream))
    predicates = [*map(_any_alternative, tags_in_central(stream)), *named]
    return [*from_range(stream.central_bucket, start, stop), *(f"filter(fn: (r) => {each})" for each in predicates)]


def _any_alternative(selected: Selected) -> str:
    if len(selected) == 1 and len(selected[0]) == 1:
        return _condition(selected[0][0])
    return " or ".join("(" + " and ".join(f"({_condition(each)})" for each in all_) + ")" for all_ in selected)


def _condition(condition: Condition) -> str:
    key, values = condition
    if values:
        return any_of(key, values)
    return f"{'' if values is None else 'not '}exists r[{string_literal(key)}]"
