"""InfluxQL statements. Names become quoted identifiers, values quoted strings; what neither can carry is refused. Pure.

https://docs.influxdata.com/influxdb/v2/reference/syntax/influxql/spec/ : within quotes a backslash escapes a quote, a
newline and itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from telegraf_plugin.stream.spans import Span

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


def rows_statement(place: Place, measurement: str, tags: Iterable[tuple[str, tuple[str, ...]]], span: Span) -> str:
    """Return the statement for all points of `measurement` in `span`, a row a time and series.

    `tags`: keys with the values that are taken, any of them. Raises UnspeakableName.
    """
    return f"SELECT *::field {selected(place, measurement, tags, span)} GROUP BY *"


def selected(place: Place, measurement: str, tags: Iterable[tuple[str, tuple[str, ...]]], span: Span) -> str:
    """Return the clauses FROM and WHERE for the points of `measurement` in `span` with any of the values of `tags`.

    Raises UnspeakableName.
    """
    conditions = [_any_of(key, values) for key, values in tags]
    conditions.append(f"time >= {span[0]:d} AND time < {span[1]:d}")
    return f"FROM {_from(place, measurement)} WHERE {' AND '.join(conditions)}"


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


def _from(place: Place, measurement: str) -> str:
    return f"{identifier(place.policy)}.{identifier(measurement)}"


def _any_of(key: str, values: tuple[str, ...]) -> str:
    if "" in values:  # no tag has it in Flux; here it would mean the series without that tag
        raise UnspeakableName(key)
    return "(" + " OR ".join(f"{identifier(key)}::tag = {string(value)}" for value in values) + ")"


def _quoted(text: str, quote: str) -> str:
    if not text or _CONTROL.search(text):
        raise UnspeakableName(text)
    return quote + text.replace("\\", "\\\\").replace(quote, f"\\{quote}") + quote
