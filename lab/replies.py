"""`python -m lab.replies`: what a reply costs the server that gives it, by language and by how it is packed.

The same points (BENCH_VALUES, 1,000,000) are read by the plugin's own readers, by turns, REPEATS times each; printed
are medians: time, bytes, and the server's and the reader's processor time. It all goes over the loopback of a network
namespace of its own, which carries nothing else; with `--link RATE` (as `10mbit`) `tc` bounds its speed. Needs root.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from lab.bench.data import make
from lab.influxd import InfluxServer
from lab.measured import processor_seconds
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.source import SourceReader
from telegraf_plugin.stream.definition import ReadWay, Start, StreamDefinition
from telegraf_plugin.stream.mapping import MetadataTag
from telegraf_plugin.stream.spans import Span
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.stream.units import SECOND
from telegraf_plugin.transport import STRAIGHT, Compression

VALUES = int(os.environ.get("BENCH_VALUES", "1000000"))
REPEATS = 5
SEED = 8
STREAM = StreamDefinition(
    source="POD-8",
    name="telegraf",
    bucket="telegraf",
    central_bucket="copy",
    measurements=(),
    exclude_fields=(),
    tags=(),
    aggregate=None,
    flux=None,
    lookback=60 * SECOND,
    start=Start(ago=SECOND),
    metadata_tags=(MetadataTag.HOST, MetadataTag.SOURCE_BUCKET),
)
WAYS = [(way, packed) for way in (ReadWay.FLUX, ReadWay.INFLUXQL) for packed in (Compression.NONE, Compression.GZIP)]


@dataclass(frozen=True)
class Cost:
    """What one read took: seconds of time and of processors, and bytes over the wire."""

    wall: float
    server: float
    reader: float
    bytes: int


def received() -> int:
    """Return how many bytes this network namespace's loopback has carried."""
    line = next(each for each in Path("/proc/net/dev").read_text().splitlines() if each.strip().startswith("lo:"))
    return int(line.split(":")[1].split()[0])


def read(server: InfluxServer, way: ReadWay, packed: Compression, span: Span) -> Cost:
    """Read the points of the span once."""
    transport = replace(STRAIGHT, compression=packed)
    client = QueryClient(server.url, server.org, lambda: server.token, 5, 60, 600, transport)
    reader, tally = SourceReader(client, way), Tally()
    wall, theirs, ours, there = time.monotonic(), processor_seconds(server.pid), time.process_time(), received()
    points = sum(len(block) for blocks, _ in reader.blocks(STREAM, span, tally) for block in blocks)
    assert points == tally.points > 0
    return Cost(
        time.monotonic() - wall, processor_seconds(server.pid) - theirs, time.process_time() - ours, received() - there
    )


def measure(values: int) -> None:
    """Print the table."""
    with InfluxServer("bench", "telegraf") as server:
        now = time.time_ns() // SECOND * SECOND
        span = (now - 600 * SECOND, now)
        data = make(SEED, values, *span)
        data.write(server, "telegraf")
        costs: dict[tuple[ReadWay, Compression], list[Cost]] = {way: [] for way in WAYS}
        for number in range(REPEATS + 1):
            for way in WAYS:
                cost = read(server, *way, span)
                if number:  # the first one warms it up
                    costs[way].append(cost)
        print(f"{data.values:,} values, median of {REPEATS}", flush=True)
        for (language, packed), each in costs.items():
            wall, theirs, ours = (
                statistics.median(getattr(cost, name) for cost in each) for name in ("wall", "server", "reader")
            )
            print(
                f"{language.value:9} {packed.value:5} {wall:6.2f} s  server {theirs:5.2f} s  reader {ours:5.2f} s  "
                f"{statistics.median(cost.bytes for cost in each) / 1e6:7.1f} MB",
                flush=True,
            )


def apart(rate: str | None) -> int:
    """Measure in a namespace whose loopback carries nothing else, as fast as `rate`; returns the exit status."""
    shape = "ip link set lo mtu 1500 up"
    if rate is not None:
        shape += f" && tc qdisc add dev lo root tbf rate {rate} burst 32kbit latency 400ms"
    run = f"{shape} && exec {sys.executable} -m lab.replies --here"
    return subprocess.call(["/usr/bin/unshare", "--net", "/bin/sh", "-c", run])


def main() -> int:
    """Measure, in a namespace unless this is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--link", metavar="RATE", help="how fast the loopback is, such as 10mbit")
    parser.add_argument("--here", action="store_true", help="in this namespace, with what else its loopback carries")
    arguments = parser.parse_args()
    if not arguments.here:
        return apart(arguments.link)
    measure(VALUES)
    return 0


if __name__ == "__main__":
    sys.exit(main())
