"""InfluxDB's annotated CSV as points: a reader that owes nothing to the plugin's, exact and in no hurry.

In: the text of a reply to a query that keeps `from |> range`'s columns. Out: `Point`s.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

csv.field_size_limit(16 * 1024 * 1024)  # InfluxDB takes strings up to 1 MiB, csv's own limit is 128 KiB

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_TAGS = {"_start", "_stop", "_time", "_value", "_field", "_measurement"}


class BadReply(RuntimeError):
    """The server's reply is an error, or not annotated CSV."""


class FieldType(Enum):
    """A field's type, by its name in annotated CSV."""

    FLOAT = "double"
    INTEGER = "long"
    UNSIGNED = "unsignedLong"
    BOOLEAN = "boolean"
    STRING = "string"


class Point(NamedTuple):
    """One field's value at one time: `value` in InfluxDB's own text, `time_ns` since 1970 UTC."""

    measurement: str
    tags: frozenset[tuple[str, str]]
    field: str
    type: FieldType
    value: str
    time_ns: int

    def tag(self, key: str) -> str | None:
        """The value of a tag, None without it."""
        return dict(self.tags).get(key)

    def __str__(self) -> str:
        series = ",".join([self.measurement, *(f"{key}={value}" for key, value in sorted(self.tags))])
        return f"{series} {self.field}={self.value!r} ({self.type.name.lower()}) {self.time_ns}"


class _Table:
    """The columns of a run of tables, by position (names may repeat), from its annotations and header."""

    def __init__(self, types: list[str], group: list[str], header: list[str]) -> None:
        if len(types) < 3 or len(group) != len(types) or len(header) != len(types):
            raise BadReply(f"header without matching annotations: {header}")
        # The first three are the annotation's column, result and table; a tag may have the latter two's
        # names.
        names = {name: at for at, name in enumerate(header) if at > 2}
        try:
            self.time, self.value = names["_time"], names["_value"]
            self.field, self.measurement = names["_field"], names["_measurement"]
            self.type = FieldType(types[self.value])
        except (KeyError, ValueError) as error:
            raise BadReply(f"not a table of points ({error}): {header} {types}") from None
        self.width = len(header)
        self.tags = [
            (at, name) for at, name in enumerate(header) if at > 2 and group[at] == "true" and name not in _NOT_TAGS
        ]


def read_points(lines: Iterable[str]) -> Iterator[Point]:
    """The points of an annotated CSV reply, given with its line ends as they came (`newline=""`).

    The annotations `datatype` and `group` are needed. Raises BadReply for an error in mid-stream, and for
    anything else that is not a table of points.
    """
    annotations: dict[str, list[str]] = {}
    table: _Table | None = None
    for row in csv.reader(lines):
        if not row:
            continue
        if row[0].startswith("#"):
            if table is not None:
                annotations, table = {}, None
            annotations[row[0]] = row
        elif row[:2] == ["", "error"] and table is None:
            annotations = {"#error": row}
        elif row[0] or "#error" in annotations:
            raise BadReply(",".join(row).strip())  # the error's own row, or raw JSON after a panic
        elif table is None:
            table = _Table(annotations.get("#datatype", []), annotations.get("#group", []), row)
        elif len(row) != table.width:
            raise BadReply(f"a row of {len(row)} columns in a table of {table.width}: {row}")
        else:
            yield _point(row, table)
    if "#error" in annotations:
        raise BadReply("an error without text")


def _point(row: list[str], table: _Table) -> Point:
    value = row[table.value]
    if table.type is FieldType.STRING:
        value = value.replace("\r\n", "\n")  # the server's CSV writer turns newlines around
    return Point(
        row[table.measurement],
        frozenset((name, row[at]) for at, name in table.tags),
        row[table.field],
        table.type,
        value,
        nanoseconds(row[table.time]),
    )


def nanoseconds(text: str) -> int:
    """Nanoseconds since 1970 UTC of a time as InfluxDB writes it: `2026-11-24T00:15:02.123456789Z`."""
    if not text.endswith("Z"):
        raise BadReply(f"not a time in UTC: {text!r}")
    whole, _, fraction = text[:-1].partition(".")
    return _seconds(whole) * 1_000_000_000 + int(fraction.ljust(9, "0") or 0)


@lru_cache(maxsize=4096)
def _seconds(text: str) -> int:
    since = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC) - _EPOCH
    return since.days * 86_400 + since.seconds
