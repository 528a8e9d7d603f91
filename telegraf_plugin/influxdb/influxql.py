"""InfluxQL statements. Names become quoted identifiers, values quoted strings; what neither can carry is refused. Pure.

https://docs.influxdata.com/influxdb/v2/reference/syntax/influxql/spec/ : within quotes a backslash escapes a quote, a
newline and itself.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from telegraf_plugin.stream.definition import Aggregate, AggregateFunction, StreamDefinition
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.names import LEDGER
from telegraf_plugin.stream.selection import Condition, Selected, named_in_central, tags_in_central
from telegraf_plugin.stream.spans import Span

SHADOWING = ("_value", "_time", "_start", "_stop")
"""Flux's own columns, which a tag can be called like. InfluxDB refuses a tag called `_field` or `_measurement`."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Place(NamedTuple):
    """Where InfluxQL finds a bucket: a database and a retention policy that are mapped to it."""

    database: str
    policy: str


class UnspeakableName(ValueError):
    """A name or a value that the grammar cannot carry."""


def identifier(name: str) -> str:
    """Return `name` as InfluxQL names a measurement or a column. Raises UnspeakableName."""
    return _quoted(name, '"')


def string(text: str) -> str:
    """Return `text` as an InfluxQL string. Raises UnspeakableName."""
    return _quoted(text, "'")


@dataclass(frozen=True, slots=True)
class Selection:
    """What of a `bucket` is asked for, as the stream `label` selects it.

    `measurements` empty: all of them. `without`: fields that are left out. `conditions`: all of them hold.
    """

    label: str
    bucket: str
    measurements: tuple[str, ...]
    without: frozenset[bytes]
    conditions: tuple[Selected, ...]


def at_source(stream: StreamDefinition) -> Selection:
    """Return what the stream selects at its source, before any aggregate."""
    conditions: tuple[Selected, ...] = tuple((((key, values),),) for key, values in stream.tags)
    return Selection(stream.label, stream.bucket, stream.measurements, _without(stream), conditions)


def in_central(stream: StreamDefinition) -> Selection:
    """Return what of central is the stream's. Raises NotComparable where that cannot be said."""
    named, conditions = named_in_central(stream), tuple(tags_in_central(stream))
    return Selection(stream.label, stream.central_bucket, named.measurements, _without(named), conditions)


def _without(stream: StreamDefinition) -> frozenset[bytes]:
    return frozenset(field.encode() for field in stream.exclude_fields)


def rows_statement(
    place: Place, measurement: str, conditions: Iterable[Selected], span: Span, aggregate: Aggregate | None = None
) -> str:
    """Return the statement for all points of `measurement` in `span`, a row a time and series.

    With `aggregate` a row a window and series; its columns are the fields behind `prefix_of`. Raises UnspeakableName.
    """
    what, by = "*::field", "*"
    if aggregate is not None:
        what, by = f"{aggregate.fn.value}(*::field)", f"time({aggregate.every:d}ns), * fill(none)"
    return f"SELECT {what} {selected(place, measurement, conditions, span)} GROUP BY {by}"


def selected(place: Place, measurement: str, conditions: Iterable[Selected], span: Span) -> str:
    """Return the clauses FROM and WHERE for the points of `measurement` in `span`. Raises UnspeakableName."""
    return f"FROM {_from(place, measurement)} WHERE {_where(conditions, span)}"


def readable(place: Place, measurement: str, conditions: Iterable[Selected], span: Span) -> str:
    """Return the same without the series that Flux cannot read."""
    return selected(place, measurement, (*conditions, *_READABLE), span)


def prefix_of(fn: AggregateFunction) -> bytes:
    """Return what InfluxQL puts before a field's name in the column of its aggregate."""
    return f"{fn.value}_".encode()


def counts_statement(place: Place, measurement: str, conditions: Iterable[Selected], span: Span) -> str:
    """Return the statement for how many points each field of `measurement` has in `span`. Raises UnspeakableName.

    Series that Flux cannot read do not count: what is counted is what can be read, by either language.
    """
    where = _where((*conditions, *_READABLE), span)
    return f"SELECT count(*::field) FROM {_from(place, measurement)} WHERE {where}"  # noqa: S608 (all quoted)


def grouped_statement(place: Place, measurement: str, tags: Iterable[str], span: Span) -> str:
    """Return the statement for the same, for each of the values that `tags` have. Raises UnspeakableName."""
    return f"{counts_statement(place, measurement, (), span)} GROUP BY {', '.join(map(identifier, tags))}"


def first_statement(
    place: Place, measurement: str, conditions: Iterable[Selected], span: Span, fields: Collection[str] = ()
) -> str:
    """Return the statement for the first row of `measurement` in `span` in which one of `fields` has a value.

    Without `fields`: any. Raises UnspeakableName.
    """
    what = ", ".join(f"{identifier(field)}::field" for field in fields) or "*::field"
    where = _where((*conditions, *_READABLE), span)
    return f"SELECT {what} FROM {_from(place, measurement)} WHERE {where} LIMIT 1"  # noqa: S608 (all quoted)


def mark_statement(place: Place, stream: StreamDefinition, mark: MarkId) -> str:
    """Return the statement for how many marks there are of that time and run, of `stream`. Raises UnspeakableName."""
    own: tuple[Selected, ...] = ((("source", (stream.source,)),),), ((("stream", (stream.name,)),),)
    where = f'{_where(own, (mark.time, mark.time + 1))} AND "incarnation"::field = {string(mark.incarnation)}'
    return f'SELECT count("incarnation"::field) FROM {_from(place, LEDGER)} WHERE {where}'  # noqa: S608 (all quoted)


def layout_statement(place: Place, measurements: Iterable[str]) -> str:
    """Return the statement for the fields of `measurements` with their types.

    There is none for the keys of tags: it would speak of the database's default policy, whatever is asked.
    """
    return "SHOW FIELD KEYS FROM " + ", ".join(_from(place, name) for name in measurements)


def all_fields_statement(place: Place) -> str:
    """Return the statement for the fields of all measurements with their types."""
    return f"SHOW FIELD KEYS FROM {identifier(place.policy)}./.*/"


def measurements_statement(place: Place) -> str:
    """Return the statement for the names of all measurements: plain, it would speak of the default policy's."""
    return f"SHOW MEASUREMENTS ON {identifier(place.database)}.{identifier(place.policy)}"


def probe_statement(place: Place) -> str:
    """Return a statement that costs nothing and shows whether the bucket can be read."""
    return f"{measurements_statement(place)} LIMIT 1"


def _from(place: Place, measurement: str) -> str:
    # The database too: so one request may ask about several buckets.
    return f"{identifier(place.database)}.{identifier(place.policy)}.{identifier(measurement)}"


def _where(conditions: Iterable[Selected], span: Span) -> str:
    return " AND ".join([*map(_any_alternative, conditions), f"time >= {span[0]:d} AND time < {span[1]:d}"])


def _any_alternative(selected: Selected) -> str:
    if len(selected) == 1:
        return " AND ".join(map(_condition, selected[0]))
    return "(" + " OR ".join("(" + " AND ".join(map(_condition, each)) + ")" for each in selected) + ")"


def _condition(condition: Condition) -> str:
    key, values = condition
    if not values:  # no value at all, or any
        return f"{identifier(key)}::tag {'=' if values is not None else '!='} ''"
    if "" in values:  # no tag has it in Flux; here it would mean the series without that tag
        raise UnspeakableName(key)
    return "(" + " OR ".join(f"{identifier(key)}::tag = {string(value)}" for value in values) + ")"


_READABLE: tuple[Selected, ...] = tuple((((tag, ()),),) for tag in SHADOWING)


def _quoted(text: str, quote: str) -> str:
    if not text or _CONTROL.search(text):
        raise UnspeakableName(text)
    return quote + text.replace("\\", "\\\\").replace(quote, f"\\{quote}") + quote
