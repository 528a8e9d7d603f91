"""The demo's verdict: whether all that the sources hold landed in central as the README promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.expect import METADATA_TAGS, difference, expected_points
from lab.feed import EXCLUDED_FIELD, MACHINE_MEASUREMENTS, POD_MEASUREMENTS, POWER_MEASUREMENTS
from lab.influxd import InfluxServer
from lab.points import Point
from lab.site import POD_8, POD_30, Site
from lab.telegraf import TelegrafProcess
from telegraf_plugin.config.shards import by_shard

# The collector's own measurements; where one stands in a bucket of data it is book-keeping, not data.
OWN = "collector_"
TELEGRAFS_OWN = "internal_"
STREAM = f"{OWN}stream"


@dataclass(frozen=True)
class Check:
    """One line of the verdict: `found` is what was seen, `look_at` where to look when it did not pass."""

    subject: str
    name: str
    passed: bool
    found: str
    look_at: str


@dataclass(frozen=True)
class Stream:
    """One bucket of one source, and what central's bucket of the same name has to hold of it."""

    source: str
    server: InfluxServer
    bucket: str
    measurements: Mapping[str, str]  # with a host of theirs, as named in central
    exclude_fields: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Source and bucket, as in `POD-8 telegraf`."""
        return f"{self.source} {self.bucket}"


def streams(site: Site) -> list[Stream]:
    """The three streams of the site, as `lab.feed` fills them."""
    names = site.buckets
    return [
        Stream(POD_8, site.pod_8, names.telegraf, MACHINE_MEASUREMENTS),
        Stream(POD_30, site.pod_30, names.power, POWER_MEASUREMENTS, (EXCLUDED_FIELD,)),
        Stream(POD_30, site.pod_30, names.pods, POD_MEASUREMENTS),
    ]


def verdict(site: Site, health_ports: Sequence[int], start_ns: int, stop_ns: int) -> list[Check]:
    """The checks, done now, on everything with a time from `start_ns` to `stop_ns` (ns since 1970 UTC).

    `health_ports` are the collectors': one, or one a shard.
    `stop_ns` has to lie far enough back for a cycle to have read it and Telegraf to have flushed it. Raises
    what the servers' errors raise (OSError, HttpRefused, BadReply).
    """
    shards = [f"shard {number}/{len(health_ports)}" for number in range(1, len(health_ports) + 1)]
    names = shards if len(shards) > 1 else ["collector"]
    checks = [_health(name, port) for name, port in zip(names, health_ports, strict=True)]
    for stream in streams(site):
        in_central = site.central.points(stream.bucket, start_ns, stop_ns)
        landed = {point for point in in_central if not point.measurement.startswith(OWN)}
        checks.append(_measurements(stream, landed))
        if stream.exclude_fields:
            checks.append(_excluded(stream, landed))
        checks.append(_tags(stream, landed))
        checks.append(_complete(stream, stream.server.points(stream.bucket, start_ns, stop_ns), landed))
    own = site.central.points(site.buckets.metrics, start_ns, stop_ns)
    if len(shards) > 1:
        checks += _shares(len(shards), own)
    checks.append(_own_metrics(site, own))
    return checks


def _health(collector: str, port: int) -> Check:
    status = TelegrafProcess.health(port)
    return Check(
        collector,
        "health answers 200",
        status == 200,
        str(status) if status else "nobody answers",
        "logs/collector.log: the last summary line says which stream failed",
    )


def _measurements(stream: Stream, landed: set[Point]) -> Check:
    there = {(point.measurement, point.tag("host")) for point in landed}
    missing = [f"{name} of {host}" for name, host in stream.measurements.items() if (name, host) not in there]
    hosts: dict[str, list[str]] = {}
    for measurement, host in stream.measurements.items():
        hosts.setdefault(host, []).append(measurement)
    wanted = "; ".join(f"{', '.join(names)} of {host}" for host, names in hosts.items())
    return Check(
        stream.name,
        f"in central: {wanted}",
        not missing,
        f"missing: {', '.join(missing)}" if missing else _count(landed),
        "logs/collector.log: is the stream read? Telegraf's log: is its output refused?",
    )


def _excluded(stream: Stream, landed: set[Point]) -> Check:
    there = [point for point in landed if point.field in stream.exclude_fields]
    return Check(
        stream.name,
        f"no field {', '.join(stream.exclude_fields)}",
        not there and bool(landed),
        f"{len(there)} of {len(landed)} points, such as {there[0]}" if there else _count(landed),
        "config/queries.yaml: the stream's exclude_fields",
    )


def _tags(stream: Stream, landed: set[Point]) -> Check:
    def right(point: Point) -> bool:
        tags = dict(point.tags)
        return bool(tags.get("host")) and (tags.get("source_bucket"), tags.get("field")) == (
            stream.bucket,
            point.field,
        )

    wrong = [point for point in landed if not right(point)]
    return Check(
        stream.name,
        f"every point has the tags {', '.join(METADATA_TAGS)}",
        not wrong and bool(landed),
        f"{len(wrong)} of {len(landed)} not, such as {wrong[0]}" if wrong else _count(landed),
        "config/queries.yaml: metadata_tags",
    )


def _complete(stream: Stream, held: set[Point], landed: set[Point]) -> Check:
    expected = expected_points(held, stream.source, stream.bucket, exclude_fields=stream.exclude_fields)
    unlike = difference(expected, landed)
    return Check(
        stream.name,
        "same set of points as the source: value, type, nanosecond",
        not unlike and bool(expected),
        unlike or (f"{len(expected)} points, all equal" if expected else "the source holds nothing"),
        "logs/collector.log: points read; internal_write in metrics: metrics_dropped, metrics_rejected",
    )


def _shares(count: int, own: set[Point]) -> list[Check]:
    """Who has read what, by what each shard says of itself in central."""
    read = {
        (point.value, point.tag("source")) for point in own if (point.measurement, point.field) == (STREAM, "shard")
    }
    checks = []
    for number, share in by_shard((POD_8, POD_30), count).items():
        shard = f"{number}/{count}"
        found = sorted(source for name, source in read if name == shard and source)
        checks.append(
            Check(
                f"shard {shard}",
                f"reads {' and '.join(share)}, and nothing else" if share else "reads nothing",
                found == sorted(share),
                ", ".join(found) or "nothing",
                f"logs/demo/shard-{number}/collector.log: which sources does it read?",
            )
        )
    return checks


def _own_metrics(site: Site, points: set[Point]) -> Check:
    names = {point.measurement for point in points}
    wanted = {STREAM, f"{OWN}source"}
    routed = [point for point in points if point.tag("source_bucket") is not None]
    has_internal = any(name.startswith(TELEGRAFS_OWN) for name in names)
    return Check(
        "collector",
        f"{OWN}* and {TELEGRAFS_OWN}* are in {site.buckets.metrics}, without source_bucket",
        wanted <= names and has_internal and not routed,
        f"{len(routed)} with source_bucket, such as {routed[0]}" if routed else ", ".join(sorted(names)) or "nothing",
        "telegraf.conf: inputs.internal and the output to INFLUXDB_CENTRAL_BUCKET",
    )


def _count(points: set[Point]) -> str:
    return f"{len(points)} points"
