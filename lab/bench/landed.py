"""What has landed in central, compared value by value: right, wrong, lacking, and what nobody wrote.

Central is asked by InfluxQL, each field by itself; MessagePack tells whole numbers from others, times are in ns.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import msgpack

from lab.bench.data import Data
from lab.expect import renamed_host
from lab.influxd import InfluxServer
from lab.loopback import open_url

BUCKET = "telegraf"
OWN = "collector_ledger"
_Tags = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Landing:
    """What a way of copying does to tags: whether POD-8 is renamed, and which it adds."""

    renamed: bool = False
    source_bucket: bool = False
    field: bool = False

    def tags(self, own: tuple[tuple[str, str], ...], field: str) -> _Tags:
        """Return the tags in central of a series' values of one field."""
        tags = dict(own)
        if self.renamed:
            tags["host"] = renamed_host(tags["host"])
        if self.source_bucket:
            tags["source_bucket"] = BUCKET
        if self.field:
            tags["field"] = field
        return frozenset(tags.items())


@dataclass(frozen=True)
class Landed:
    """How many values are right, have another value or type, are not there; and are there though nobody wrote them."""

    right: int
    wrong: int
    lacking: int
    extra: int

    @property
    def all_right(self) -> bool:
        """True where nothing is wrong, lacking or too much."""
        return self.wrong == self.lacking == self.extra == 0


def statement(server: InfluxServer, text: str) -> Iterator[dict[str, Any]]:
    """Yield the series, some rows of each at a time, of the reply to an InfluxQL statement. Raises RuntimeError."""
    parameters = urlencode({"db": BUCKET, "q": text, "epoch": "ns", "chunked": "true", "chunk_size": 10_000})
    headers = {"Authorization": f"Token {server.token}", "Accept": "application/x-msgpack"}
    with open_url("GET", f"{server.url}/query?{parameters}", headers=headers) as reply:
        for document in msgpack.Unpacker(reply, raw=False, strict_map_key=False, max_buffer_size=2**28):
            for result in document["results"]:
                if "error" in result:
                    raise RuntimeError(f"{text}: {result['error']}")
                yield from result.get("series", ())


def fields_there(server: InfluxServer) -> set[tuple[str, str]]:
    """Return measurements and their fields, without the collector's own."""
    found = statement(server, "SHOW FIELD KEYS")
    return {(each["name"], row[0]) for each in found for row in each["values"] if each["name"] != OWN}


def compare(server: InfluxServer, data: Data, landing: Landing) -> Landed:
    """Compare all that central has with what it has to have."""
    due: dict[tuple[str, str], dict[_Tags, tuple[Any, Any]]] = {}
    for each in data.series:
        for field, values in each.fields.items():
            due.setdefault((each.measurement, field), {})[landing.tags(each.tags, field)] = each.times, values
    right = wrong = extra = 0
    for measurement, field in sorted(due.keys() | fields_there(server)):
        expected = due.get((measurement, field), {})
        found: dict[_Tags, list[list[Any]]] = {}
        asked = f'SELECT "{field}" FROM "{measurement}" GROUP BY *'  # noqa: S608 names of our own
        for series in statement(server, asked):
            tags = frozenset((key, value) for key, value in series.get("tags", {}).items() if value)
            found.setdefault(tags, []).extend(series["values"])
        for tags, rows in found.items():
            times, values = expected.get(tags, ((), ()))
            good, bad = _matches(rows, times, values)
            right, wrong, extra = right + good, wrong + bad, extra + len(rows) - good - bad
    return Landed(right, wrong, data.values - right - wrong, extra)


def _matches(rows: list[list[Any]], times: Any, values: Any) -> tuple[int, int]:
    """Return how many rows are as they have to be, and how many have the time but another value or type."""
    kind = float if getattr(values, "typecode", "") == "d" else int
    if [row[0] for row in rows] == list(times) and [row[1] for row in rows] == list(values):
        right = sum(type(row[1]) is kind for row in rows)
        return right, len(rows) - right
    due = dict(zip(times, values, strict=True))
    known = [row for row in rows if row[0] in due]
    right = sum(row[1] == due[row[0]] and type(row[1]) is kind for row in known)
    return right, len(known) - right


def count(server: InfluxServer, data: Data) -> int:
    """Return how many values of the data's measurements there are since its beginning."""
    names = " or ".join(f'r._measurement == "{name}"' for name in sorted({each.measurement for each in data.series}))
    reply = server.query_csv(
        f'from(bucket: "{BUCKET}") |> range(start: time(v: {data.began - 1}), stop: 2100-01-01T00:00:00Z)'
        f' |> filter(fn: (r) => {names}) |> group(columns: ["_measurement"]) |> count() |> keep(columns: ["_value"])'
    )
    rows = (line.split(",") for line in reply.splitlines() if line.startswith(","))
    return sum(int(row[3]) for row in rows if len(row) > 3 and row[3].isdigit())


@dataclass(frozen=True)
class Arrival:
    """How many values came, and after how many seconds the first and the last of them could be read."""

    values: int
    first: float
    last: float


def wait(server: InfluxServer, data: Data, began: float, patience_s: float = 60.0) -> Arrival:
    """Wait until all values can be read, counted since `began` (`time.perf_counter`).

    Ends also when none has come for `patience_s`. How often is asked follows the pace: counting costs central time.
    """
    there, first, last = 0, 0.0, began
    while True:
        now_there = count(server, data)
        now = time.perf_counter()
        if now_there > there:
            there, last, first = now_there, now, first or now
        if there >= data.values or now - last > patience_s:
            return Arrival(there, max(first - began, 0.0), last - began)
        ahead = (now - began) * (data.values - there) / there if there else 0.0
        time.sleep(min(max(ahead / 3, 0.1), 1.0))
