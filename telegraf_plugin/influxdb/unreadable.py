"""Series that break every question that meets them: found by InfluxQL, which they do not break, and then left out.

InfluxDB takes a tag called `_value`, `_time`, `_start` or `_stop`, and its Flux panics on it, as these are columns of
its own (docs/engines.md). InfluxQL knows no such columns: it names the series and counts their points.
"""

from __future__ import annotations

import csv
import io
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from telegraf_plugin.errors import SourceError
from telegraf_plugin.influxdb.influxql import SHADOWING as SHADOWING
from telegraf_plugin.stream.block import SeriesKey
from telegraf_plugin.stream.definition import StreamDefinition, UnreadableSeries

MAX_SERIES = 100
"""Series of one bucket that are left out one by one; where there are more, their measurements are left out whole."""
MAX_KEYS = 100
"""Tags by which a series is told from its neighbours."""
_ANY = " OR ".join(f"\"{tag}\" != ''" for tag in SHADOWING)
_COMMA, _EQUALS = re.compile(r"(?<!\\),"), re.compile(r"(?<!\\)=")
_ESCAPED_NAME, _ESCAPED_TAG = re.compile(r"\\([, ])"), re.compile(r"\\([,= ])")

InfluxQL = Callable[[str, str], bytes]
"""Asks about a bucket (the first) in InfluxQL (the second), and returns CSV. Raises SourceError."""


def is_panic(error: Exception) -> bool:
    """Say whether the server's query engine broke, as it does on such a series."""
    return isinstance(error, SourceError) and "panic" in error.summary


class Unreadables:
    """What is known of such series, by bucket of one source. Safe to use from several threads."""

    def __init__(self, ask: InfluxQL) -> None:
        self._ask = ask
        self._known: dict[str, tuple[UnreadableSeries, ...]] = {}
        self._lock = threading.Lock()

    def without(self, stream: StreamDefinition) -> StreamDefinition:
        """Return `stream` without what is known to break its questions; one with a Flux of its own as it is."""
        known = self._known.get(stream.bucket, ())
        if not known or stream.flux is not None:
            return stream
        chosen = (each for each in known if not stream.measurements or each.measurement in stream.measurements)
        return replace(stream, unreadable=tuple(chosen))

    def learned(self, stream: StreamDefinition) -> bool:
        """Ask the source for such series in the bucket of `stream`; returns whether some are new. Raises nothing."""
        if stream.flux is not None:
            return False
        try:
            found = find(lambda statement: self._ask(stream.bucket, statement))
        except SourceError:
            return False  # the question that broke says what is wrong
        with self._lock:
            known = self._known.get(stream.bucket, ())
            self._known[stream.bucket] = tuple(dict.fromkeys((*known, *found)))
            return self._known[stream.bucket] != known


def find(ask: Callable[[str], bytes]) -> tuple[UnreadableSeries, ...]:
    """Return all such series that `ask`, given InfluxQL, tells of. Raises SourceError."""
    keys = _column(ask(f"SHOW SERIES WHERE {_ANY} LIMIT {MAX_SERIES + 1}"), "key")
    if len(keys) > MAX_SERIES:
        names = _column(ask(f"SHOW MEASUREMENTS WHERE {_ANY}"), "name")
        return tuple(UnreadableSeries(name, None) for name in dict.fromkeys(names))
    found = []
    others: dict[str, list[str]] = {}
    for key in keys:
        measurement, tags = series_of(key)
        own = tuple(tag for tag in tags if tag[0] not in SHADOWING)
        if measurement not in others:
            named = re.sub(r'(["\\])', r"\\\1", measurement).replace("\n", "\\n")
            others[measurement] = _column(ask(f'SHOW TAG KEYS FROM "{named}"'), "tagKey")
        taken = {key for key, _ in own}
        further = tuple(key for key in others[measurement] if key not in taken and key not in SHADOWING)
        found.append(UnreadableSeries(measurement, own, further[:MAX_KEYS]))
    return tuple(found)


def series_of(key: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return measurement and tags of a series' `key` as InfluxDB writes it, such as `pdu,host=a\\ b,outlet=1`."""
    name, *rest = _COMMA.split(key)
    tags = (_EQUALS.split(tag, maxsplit=1) for tag in rest)
    pairs = ((_ESCAPED_TAG.sub(r"\1", tag[0]), _ESCAPED_TAG.sub(r"\1", tag[-1])) for tag in tags)
    return _ESCAPED_NAME.sub(r"\1", name), tuple(pairs)


def count_statement(start: int, stop: int) -> str:
    """Return the InfluxQL that counts the points of all such series in [start, stop), Unix ns, by series and field."""
    within = f"time >= {start:d} AND time < {stop:d}"
    return f"SELECT COUNT(*) FROM /.*/ WHERE ({_ANY}) AND {within} GROUP BY *"  # noqa: S608 (two numbers)


def counted(reply: bytes, stream: StreamDefinition) -> Iterator[tuple[SeriesKey, int]]:
    """Yield the series and fields of `stream` in the reply to `count_statement`, and how many points each has."""
    fields: list[str] = []
    for row in csv.reader(io.StringIO(reply.decode("utf-8", "replace"), newline="")):
        if row[:3] == ["name", "tags", "time"]:
            fields = [cell.removeprefix("count_") for cell in row[3:]]
            continue
        if len(row) < 3 or (stream.measurements and row[0] not in stream.measurements):
            continue
        tags = series_of(f"m,{row[1]}")[1]
        own = dict(tags)
        if any(own.get(key) not in values for key, values in stream.tags):
            continue
        for field, cell in zip(fields, row[3:], strict=False):
            if cell.isdigit() and cell != "0" and field not in stream.exclude_fields:
                pairs = tuple((key.encode(), value.encode()) for key, value in tags)
                yield (row[0].encode(), pairs, field.encode()), int(cell)


def _column(reply: bytes, name: str) -> list[str]:
    """Return the cells of one column of InfluxQL's CSV; none when it answers something else."""
    rows: Iterable[list[str]] = csv.reader(io.StringIO(reply.decode("utf-8", "replace"), newline=""))
    place, found = None, []
    try:
        for row in rows:
            if row[:2] == ["name", "tags"]:
                place = row.index(name) if name != "name" or "name" not in row[2:] else row.index("name", 2)
            elif place is not None and len(row) > place:
                found.append(row[place])
    except (csv.Error, ValueError):
        return []
    return found
