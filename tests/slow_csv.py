"""A second opinion on annotated CSV: slow, on Python's own csv module, straight from the specification.

https://docs.influxdata.com/influxdb/v2/reference/syntax/annotated-csv/ ; independent of the plugin and of the bench.
"""

from __future__ import annotations

import calendar
import csv
import io
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

csv.field_size_limit(16 * 1024 * 1024)  # beyond what InfluxDB takes, for long strings

_ANNOTATIONS = ("#datatype", "#group", "#default")
_OWN = ("_time", "_value", "_field", "_measurement")
_BOUNDS = ("_start", "_stop")
_NUMBER = r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
_VALUES = {
    "double": re.compile(rf"[+-]?{_NUMBER}", re.ASCII),
    "long": re.compile(r"-?\d+", re.ASCII),
    "unsignedLong": re.compile(r"\d+", re.ASCII),
    "boolean": re.compile("true|false"),
}
_NAMES = {
    "double": "float",
    "long": "integer",
    "unsignedLong": "unsigned",
    "boolean": "boolean",
    "string": "string",
}
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z", re.ASCII)


class SlowPoint(NamedTuple):
    """One point, in bytes as they mean: `type` by InfluxDB's word, `value` the text of it."""

    measurement: bytes
    tags: tuple[tuple[bytes, bytes], ...]
    field: bytes
    type: str
    time_ns: int
    value: bytes


@dataclass
class Reading:
    """What a reply says: points in its order, rows that are no points by reason, and where it stops making sense."""

    points: list[SlowPoint] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    refused: str | None = None


class _RefusedError(Exception):
    pass


def read(reply: bytes, escaped: bool = False) -> Reading:
    """Read a whole reply. With `escaped`, strings have their backslashes and carriage returns as `\\\\` and `\\r`."""
    reading = Reading()
    try:
        _read(reply, escaped, reading)
    except _RefusedError as refused:
        reading.refused = str(refused)
    return reading


def _read(reply: bytes, escaped: bool, reading: Reading) -> None:
    annotations: dict[str, list[str]] = {}
    table: _Table | None = None
    ended = False
    for row in _rows(reply):
        table = _row(row, table, annotations, escaped, reading)
        ended = row in ([], [""])
    if not ended:
        raise _RefusedError("cut short: no empty row at its end")


def _rows(reply: bytes) -> Iterator[list[str]]:
    """The whole rows, without the last one where the reply does not end in a line end."""
    reader = csv.reader(io.StringIO(reply.decode("utf-8", "surrogateescape"), newline=""), strict=True)
    row: list[str] | None = None
    while True:
        try:
            following = next(reader, None)
        except csv.Error as error:
            if row is not None:
                yield row
            raise _RefusedError(str(error)) from None
        if following is None and row is not None and not reply.endswith(b"\r\n"):
            raise _RefusedError("cut short in a row")
        if row is not None:
            yield row
        if following is None:
            return
        # "\n" in a cell comes as CR LF.
        row = [cell.replace("\r\n", "\n") for cell in following]


def _row(
    row: list[str], table: _Table | None, annotations: dict[str, list[str]], escaped: bool, reading: Reading
) -> _Table | None:
    """Take one row; returns the table that is open after it."""
    if row in ([], [""]):
        annotations.clear()
        return None
    if row[0] in _ANNOTATIONS and table is None:
        annotations[row[0]] = row
        return None
    if row[0]:
        raise _RefusedError(f"not annotated CSV: {row}")
    if table is None:
        return _Table(annotations, row)
    table.take(row, escaped, reading)
    return table


class _Table:
    """The columns that rows stand under until the next empty row."""

    def __init__(self, annotations: dict[str, list[str]], header: list[str]) -> None:
        if header[1:] == ["error", "reference"]:
            raise _RefusedError("an error table")
        if set(annotations) != set(_ANNOTATIONS) or any(len(row) != len(header) for row in annotations.values()):
            raise _RefusedError(f"header {header} under annotations {annotations}")
        # Annotation, result and table are the first three, by position: tags may be called like them.
        columns = list(enumerate(header))[3:]
        self.defaults = annotations["#default"]
        types = annotations["#datatype"]
        first: dict[str, int] = {}
        for at, name in columns:
            first.setdefault(name, at)
        if not set(_OWN) <= set(first):
            raise _RefusedError(f"not points: {header}")
        self.own = {name: first[name] for name in _OWN}
        self.type = types[self.own["_value"]]
        if self.type not in _NAMES:
            raise _RefusedError(f"no field is of type {self.type}")
        self.hidden = len(first) != len(columns) or "" in first
        self.tags = [(name, at) for name, at in first.items() if name not in (*_OWN, *_BOUNDS)]
        if not self.hidden and any(types[at] != "string" for _, at in self.tags):
            raise _RefusedError(f"a tag that is not a string: {header} {types}")

    def take(self, row: list[str], escaped: bool, reading: Reading) -> None:
        if len(row) != len(self.defaults):
            raise _RefusedError(f"{len(row)} cells under {len(self.defaults)} columns")
        # "The value to use for rows with an empty value".
        cells = [cell or default for cell, default in zip(row, self.defaults, strict=True)]
        tags = [(name, cells[at]) for name, at in self.tags if cells[at]]
        words = [cells[self.own["_measurement"]], cells[self.own["_field"]], *(word for tag in tags for word in tag)]
        if not all(map(_is_utf8, words)):
            reading.dropped["not_utf8"] += 1
            return
        if self.hidden:
            reading.dropped["shadowed_tag"] += 1
            return
        time_ns = _nanoseconds(cells[self.own["_time"]])
        value = cells[self.own["_value"]]
        if self.type == "string":
            if not _is_utf8(value):
                reading.dropped["not_utf8"] += 1
                return
            value = _unescaped(value) if escaped else value
        elif value in ("", "NaN", "+Inf", "-Inf", "Inf"):
            reading.dropped["not_a_value"] += 1
            return
        elif not _VALUES[self.type].fullmatch(value):
            raise _RefusedError(f"not of type {self.type}: {value!r}")
        reading.points.append(
            SlowPoint(
                _bytes(cells[self.own["_measurement"]]),
                tuple(sorted((_bytes(name), _bytes(value)) for name, value in tags)),
                _bytes(cells[self.own["_field"]]),
                _NAMES[self.type],
                time_ns,
                _bytes(value),
            )
        )


def _nanoseconds(text: str) -> int:
    match = _TIME.fullmatch(text)
    if match is None:
        raise _RefusedError(f"not a time: {text!r}")
    try:
        seconds = calendar.timegm(time.strptime(match[1], "%Y-%m-%dT%H:%M:%S"))
    except ValueError as error:
        raise _RefusedError(str(error)) from None
    return seconds * 10**9 + int((match[2] or "").ljust(9, "0"))


def _unescaped(text: str) -> str:
    found, at = "", 0
    while at < len(text):
        pair = text[at : at + 2]
        known = {"\\\\": "\\", "\\r": "\r"}.get(pair)
        found += text[at] if known is None else known
        at += 1 if known is None else 2
    return found


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _is_utf8(text: str) -> bool:
    return not any("\udc80" <= char <= "\udcff" for char in text)  # what surrogateescape makes of other bytes
