"""Whether what the demo's sources hold is in central, by the lab's own reading of it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from lab.checks import OWN
from lab.containers.servers import BUCKETS, Server
from lab.expect import difference, expected_points
from lab.feed import EXCLUDED_FIELD
from lab.points import Point


class Stream(NamedTuple):
    """A source by its name in queries.yaml and its server's, a bucket of it, and fields that are left out."""

    source: str
    server: str
    bucket: str
    excluded: tuple[str, ...] = ()


STREAMS = (
    Stream("POD-8", "pod-8", BUCKETS.telegraf),
    Stream("POD-30", "pod-30", BUCKETS.pods),
    Stream("POD-30", "pod-30", BUCKETS.power, (EXCLUDED_FIELD,)),
)


def assert_all_landed(
    servers: Mapping[str, Server],
    start_ns: int,
    stop_ns: int,
    timeout_s: float = 120,
    streams: Iterable[Stream] = STREAMS,
) -> int:
    """Wait until central has exactly what the sources have in [start_ns, stop_ns); how many points that is."""
    deadline = time.monotonic() + timeout_s
    total = 0
    for source, name, bucket, excluded in streams:
        while True:
            # Read anew each time: what is written late belongs to the span, too.
            held = servers[name].points(bucket, start_ns, stop_ns)
            expected = expected_points(held, source, bucket, exclude_fields=excluded)
            unlike = difference(expected, _landed(servers["central"], bucket, start_ns, stop_ns))
            if expected and not unlike:
                break
            assert time.monotonic() < deadline, f"{source}/{bucket}: {unlike or 'the source holds nothing'}"
            time.sleep(1)
        total += len(expected)
    return total


def _landed(central: Server, bucket: str, start_ns: int, stop_ns: int) -> set[Point]:
    points = central.points(bucket, start_ns, stop_ns)
    return {point for point in points if not point.measurement.startswith(OWN)}
