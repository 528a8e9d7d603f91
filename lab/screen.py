"""The demo's live view: central's last five minutes, the collector's own figures, and its health."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPException
from itertools import groupby

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lab.checks import OWN, TELEGRAFS_OWN, Check
from lab.loopback import HttpRefused
from lab.points import BadReply, nanoseconds
from lab.site import Site
from lab.telegraf import TelegrafProcess

_ARRIVALS = """
data = from(bucket: "{bucket}") |> range(start: -5m)
data |> count() |> group(columns: ["host", "_measurement"]) |> sum() |> yield(name: "points")
data |> last() |> keep(columns: ["_time", "host", "_measurement"])
  |> group(columns: ["host", "_measurement"]) |> max(column: "_time") |> yield(name: "newest")
"""
# Fields of all types in one answer: each stays in its own table.
_OWN = """
from(bucket: "{bucket}") |> range(start: -1m) |> filter(fn: (r) => r._measurement =~ /^{own}/) |> last()
"""

# Of the collector's own metrics, what fits on a line; the bucket has them all.
_SHOWN = ("healthy", "failing", "points_read", "points_sent", "points_dropped", "failures_total", "duration_seconds")


@dataclass
class Arrival:
    """What central holds of one measurement of one host: points of the last 5 min, the newest's time (ns)."""

    points: int = 0
    newest_ns: int = 0


@dataclass
class Snapshot:
    """One look at central and at each collector's health. `error` says why a part is missing; empty when none is."""

    at_ns: int
    health: list[int]
    arrivals: dict[tuple[str, str, str], Arrival] = field(default_factory=dict)  # by bucket, host, measurement
    own: dict[str, dict[str, str]] = field(default_factory=dict)  # by series: field, value
    error: str = ""


def look(site: Site, health_ports: Sequence[int], now_ns: int) -> Snapshot:
    """A look taken now; `now_ns` (ns since 1970 UTC) is what ages are counted from. Errors are kept in it.

    `health_ports` are the collectors': one, or one a shard.
    """
    shot = Snapshot(now_ns, [TelegrafProcess.health(port) for port in health_ports])
    names = site.buckets
    try:
        for bucket in (names.telegraf, names.power, names.pods, names.metrics):
            for row in _rows(site.central.query_csv(_ARRIVALS.format(bucket=bucket))):
                _take_arrival(shot, bucket, row)
        for row in _rows(site.central.query_csv(_OWN.format(bucket=names.metrics, own=OWN))):
            _take_own(shot, row)
    except (OSError, HTTPException, HttpRefused, BadReply) as error:
        shot.error = f"central: {error}"
    return shot


def _take_arrival(shot: Snapshot, bucket: str, row: dict[str, str]) -> None:
    measurement = row["_measurement"]
    if measurement.startswith(TELEGRAFS_OWN):
        measurement = f"{TELEGRAFS_OWN}*"  # a dozen, which would fill the screen
    arrival = shot.arrivals.setdefault((bucket, row.get("host", ""), measurement), Arrival())
    if row["result"] == "points":
        arrival.points += int(row["_value"])
    else:
        arrival.newest_ns = max(arrival.newest_ns, nanoseconds(row["_time"]))


def _take_own(shot: Snapshot, row: dict[str, str]) -> None:
    if row["_field"] not in _SHOWN:  # a series of which nothing is shown, as collector_origin, is no line
        return
    tags = [row[key] for key in ("shard", "source", "stream") if row.get(key)]
    shot.own.setdefault(" ".join([row["_measurement"], *tags]), {})[row["_field"]] = row["_value"]


def _rows(reply: str) -> Iterator[dict[str, str]]:
    """The rows of annotated CSV by column name, defaults filled in. Raises BadReply for an error."""
    header: list[str] | None = None
    default: list[str] = []
    for row in csv.reader(io.StringIO(reply, newline="")):
        if not row:
            continue
        if row[0].startswith("#"):
            header = None
            default = row if row[0] == "#default" else default
        elif header is None:
            header = row
        elif "error" in header[:2] or len(row) != len(header):
            raise BadReply(",".join(row).strip())
        else:
            filled = (value or default[at] for at, value in enumerate(row))
            yield dict(zip(header, filled, strict=True))


def clock(at_ns: int) -> str:
    """The time of day in UTC of a time in ns since 1970, `-` for 0."""
    return f"{datetime.fromtimestamp(at_ns // 10**9, UTC):%H:%M:%S}" if at_ns else "-"


def _age(shot: Snapshot, arrival: Arrival) -> str:
    return f"{clock(arrival.newest_ns)} ({max(0, shot.at_ns - arrival.newest_ns) / 1e9:.0f} s ago)"


def _health_text(statuses: Sequence[int]) -> str:
    told = [
        f"{status} {'every stream is read' if status == 200 else 'not every stream has been read'}"
        if status
        else "nobody answers yet"
        for status in statuses
    ]
    if len(told) == 1:
        return told[0]
    return ", ".join(f"shard {number}/{len(told)} {text}" for number, text in enumerate(told, 1))


def render(shot: Snapshot, title: str) -> RenderableType:
    """The look for a terminal."""
    arrivals = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in ("bucket", "host", "measurement"):
        arrivals.add_column(column, no_wrap=True)
    arrivals.add_column("points in 5 min", justify="right")
    arrivals.add_column("newest (UTC)", no_wrap=True)
    before = ""
    for (bucket, host, measurement), arrival in sorted(shot.arrivals.items()):
        shown = "" if bucket == before else bucket
        before = bucket
        arrivals.add_row(shown, host, measurement, f"{arrival.points:,}", _age(shot, arrival))
    own = Table(box=None, pad_edge=False, header_style="bold")
    own.add_column("own metrics", no_wrap=True)
    own.add_column("newest values", overflow="fold", style="dim")
    for series, fields in sorted(shot.own.items()):
        own.add_row(series, _fields(fields))
    health = Text.assemble("health: ", (_health_text(shot.health), "green" if set(shot.health) == {200} else "yellow"))
    parts: list[RenderableType] = [arrivals, "", own, "", health]
    if shot.error:
        parts.append(Text(shot.error, style="red"))
    return Group(*parts)


def plain(shot: Snapshot, title: str) -> str:
    """The look as lines of text, for a pipe or a log."""
    lines = [f"{clock(shot.at_ns)} {title}; health: {_health_text(shot.health)}"]
    for (bucket, host), items in groupby(sorted(shot.arrivals.items()), key=lambda item: item[0][:2]):
        arrived = {measurement: arrival for (_, _, measurement), arrival in items}
        newest = max(arrived.values(), key=lambda arrival: arrival.newest_ns)
        counts = ", ".join(f"{measurement} {arrival.points}" for measurement, arrival in arrived.items())
        lines.append(f"  {bucket} {host or '(no host)'}: {counts}; newest {_age(shot, newest)}")
    lines += [f"  {series}: {_fields(fields)}" for series, fields in sorted(shot.own.items())]
    return "\n".join([*lines, f"  {shot.error}"] if shot.error else lines)


def _fields(fields: dict[str, str]) -> str:
    shown = [name for name in _SHOWN if name in fields]
    return " ".join(f"{name}={fields[name][:8]}" for name in shown)


def verdict_table(checks: list[Check]) -> Table:
    """The checks as a table; what to look at stands with those that failed."""
    table = Table(title="verdict", title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in ("", "of", "check", "found"):
        table.add_column(column, overflow="fold")
    for check in checks:
        mark = Text("pass", style="green") if check.passed else Text("FAIL", style="bold red")
        found = check.found if check.passed else f"{check.found}\nlook at: {check.look_at}"
        table.add_row(mark, Text(check.subject), Text(check.name), Text(found))
    return table
