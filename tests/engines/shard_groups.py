"""A bucket whose field changes its type at a shard group's end, and what is read on both sides of it."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta

from lab.influxd import InfluxServer
from lab.loopback import open_url
from lab.points import FieldType, Point, read_points
from tests.engines.corpus import SECOND

HOUR = 3_600 * SECOND
DAY = 24 * HOUR


def set_shard_duration(server: InfluxServer, bucket: str, seconds: int) -> None:
    """What `influx bucket update --shard-group-duration` does."""
    headers = {"Authorization": f"Token {server.token}", "Content-Type": "application/json"}
    with open_url("GET", f"{server.url}/api/v2/buckets?name={bucket}", headers=headers) as reply:
        bucket_id = json.loads(reply.read())["buckets"][0]["id"]
    rule = {"type": "expire", "everySeconds": 0, "shardGroupDurationSeconds": seconds}
    body = json.dumps({"retentionRules": [rule]}).encode()
    with open_url("PATCH", f"{server.url}/api/v2/buckets/{bucket_id}", body, headers) as reply:
        assert json.loads(reply.read())["retentionRules"][0]["shardGroupDurationSeconds"] == seconds


def nanoseconds_of(when: datetime) -> int:
    return int(when.timestamp()) * SECOND


def last_monday(now: int) -> int:
    """The last Monday 00:00 UTC that is at least an hour ago: where a 7-day group begins."""
    when = datetime.fromtimestamp(now // SECOND, UTC) - timedelta(hours=1)
    return nanoseconds_of((when - timedelta(days=when.weekday())).replace(hour=0, minute=0, second=0, microsecond=0))


def last_midnight(now: int) -> int:
    """The last midnight UTC that is at least an hour ago."""
    return (now - HOUR) // DAY * DAY


def changing(boundary: int) -> tuple[list[str], list[str], set[Point]]:
    """Lines before and from `boundary` on, whose field has two types, and the points that they are."""
    integers = [boundary - HOUR, boundary - 2, boundary - 1]
    floats = [boundary, boundary + 1, boundary + HOUR - 1]
    tags = frozenset({("host", "h")})
    points = {Point("changing", tags, "v", FieldType.INTEGER, str(n), at) for n, at in enumerate(integers)}
    points |= {Point("changing", tags, "v", FieldType.FLOAT, f"{n}.5", at) for n, at in enumerate(floats)}
    before = [f"changing,host=h v={n}i {at}" for n, at in enumerate(integers)]
    return before, [f"changing,host=h v={n}.5 {at}" for n, at in enumerate(floats)], points


def read_by_hour(server: InfluxServer, bucket: str, start: int, stop: int) -> set[Point]:
    """The points around the two boundaries, one query an hour, so that no shard group's end is inside one."""
    found: set[Point] = set()
    for boundary in {last_monday(stop), last_midnight(stop)}:
        for hour in (boundary - HOUR, boundary):
            if start <= hour < stop:
                found |= points_of(
                    server, f'from(bucket: "{bucket}") |> range(start: time(v: {hour}), stop: time(v: {hour + HOUR}))'
                )
    return found


def points_of(server: InfluxServer, flux: str) -> set[Point]:
    return set(read_points(io.StringIO(server.query_csv(flux), newline="")))
