"""`python -m lab.ticks`: what a tick costs when nothing is wrong, on real engines.

3 streams with 1,000 points a minute, then 100 streams with 1,000,000: requests and values read on each side, and the
processors' time of plugin, Telegraf, source and central, as the difference between two moments some ticks apart. Then
the curve from 3 to 1,000 small streams on up to 100 sources (`lab.many`); `--sizes`, `--interval` and
`--shipped` choose of it.
"""

from __future__ import annotations

import argparse
import re
import signal
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from lab.influxd import InfluxServer
from lab.many import HEAD, POINTS
from lab.many import measure as many
from lab.measured import peak_memory, processor_seconds, write_config
from lab.telegraf import TelegrafProcess

INTERVAL_S = 15
LOOKBACK_S = 60
TICKS = 8
FEED_S = 5
CURVE = "3,10,30,100,300,1000"
CURVE_INTERVAL_S = 20
CURVE_TICKS = 4
WARM_UP_TICKS = 7
"""Until a stretch of the lookback has settled, and is proved at the same pace as others come."""

SOURCE = """
central: {{url: "{central}", org: central, token: "${{CENTRAL_TOKEN}}"}}
sources:
  - name: POD-8
    url: "{source}"
    org: bench
    token: "${{SOURCE_TOKEN}}"
    concurrent_queries: {queries}
    streams:
"""
STREAM = """      - {{bucket: "data-{number}", central_bucket: copy, lookback: {lookback}s, start: -1m}}
"""


@dataclass(frozen=True)
class Reading:
    """What was used by one moment: processors' seconds, requests and values read on each side."""

    plugin: float
    telegraf: float
    source: float
    central: float
    source_requests: int
    central_requests: int
    source_values: int
    central_values: int


def metric(central: InfluxServer, measurement: str, field: str) -> int:
    """Return the newest value of one of the plugin's own metrics."""
    flux = (
        f'from(bucket: "metrics") |> range(start: -10m) |> filter(fn: (r) => r._measurement == "{measurement}"'
        f' and r._field == "{field}") |> last() |> keep(columns: ["_value"])'
    )
    return sum(map(int, re.findall(r"^,_?[a-z]*,\d+,(\d+)", central.query_csv(flux), re.M)))


def read(telegraf: TelegrafProcess, source: InfluxServer, central: InfluxServer) -> Reading:
    """Take a reading."""
    return Reading(
        processor_seconds(telegraf.plugin_pid()),
        processor_seconds(telegraf.pid),
        processor_seconds(source.pid),
        processor_seconds(central.pid),
        metric(central, "collector_source", "requests_total"),
        metric(central, "collector_cycle", "requests_total"),
        metric(central, "collector_source", "values_read_total"),
        metric(central, "collector_cycle", "values_read_total"),
    )


def feed(source: InfluxServer, streams: int, a_minute: int, ended: threading.Event, fed: list[int]) -> None:
    """Write `a_minute` points, spread over `streams` buckets, each FEED_S until `ended`; `fed[0]` counts them."""
    each = max(a_minute * FEED_S // 60 // streams, 1)
    every = 60 * streams * each / a_minute  # s
    due = time.monotonic()
    while not ended.wait(max(due - time.monotonic(), 0.0)):
        due += every
        now = time.time_ns()
        lines = "\n".join(f"cpu,host=POD-8,cpu=cpu{at % 16} usage={at % 97}.5 {now - at * 1000}" for at in range(each))
        for stream in range(streams):
            source.write(f"data-{stream}", lines.encode())
            fed[0] += each


def measure(streams: int, a_minute: int) -> None:
    """Run one set-up and print what a tick costs."""
    with (
        tempfile.TemporaryDirectory() as name,
        InfluxServer("bench", "data-0") as source,
        InfluxServer("central", "copy") as central,
    ):
        folder = Path(name)
        central.create_bucket("metrics")
        for number in range(1, streams):
            source.create_bucket(f"data-{number}")
        queries = SOURCE.format(central=central.url, source=source.url, queries=1 if streams < 10 else 2)
        queries += "".join(STREAM.format(number=number, lookback=LOOKBACK_S) for number in range(streams))
        (folder / "queries.yaml").write_text(queries)
        config = write_config(folder, central.url, "copy", "data-*", f"{INTERVAL_S}s")
        ended = threading.Event()
        fed = [0]
        feeder = threading.Thread(target=feed, args=(source, streams, a_minute, ended, fed), daemon=True)
        feeder.start()
        environment = {"CENTRAL_TOKEN": central.token, "SOURCE_TOKEN": source.token}
        with TelegrafProcess(config, environment, folder) as telegraf:
            time.sleep(WARM_UP_TICKS * INTERVAL_S)
            before, fed_before = read(telegraf, source, central), fed[0]
            time.sleep(TICKS * INTERVAL_S)
            after = read(telegraf, source, central)
            points = (fed[0] - fed_before) / TICKS
            memory = peak_memory(telegraf.plugin_pid())
            ended.set()
            feeder.join()
    show(streams, points, before, after, memory)


def show(streams: int, points: float, before: Reading, after: Reading, memory: float) -> None:
    """Print the difference between two readings, a tick."""

    def a_tick(key: str) -> float:
        return float(getattr(after, key) - getattr(before, key)) / TICKS

    print(f"{streams} streams, {points * 60 / INTERVAL_S:,.0f} points a minute, a tick of {INTERVAL_S} s:")
    print(f"  requests    source {a_tick('source_requests'):8.1f}   central {a_tick('central_requests'):8.1f}")
    read_each = (a_tick("source_values") / points, a_tick("central_values") / points)
    print(f"  values read source {read_each[0]:8.2f}   central {read_each[1]:8.2f} times each point")
    used = "   ".join(f"{key} {a_tick(key):6.2f}" for key in ("plugin", "telegraf", "source", "central"))
    print(f"  processor   {used} s; VmHWM plugin {memory:.1f} MiB", flush=True)


def curve(sizes: list[int], interval_s: int, shipped: bool) -> None:
    """Print what a tick of small streams costs, by their number: ten of a source; `shipped`: with the tag `field`."""
    tags = "with the tag field, as shipped" if shipped else "without the tag field"
    each = f"{POINTS * 2} values of each every {FEED_S} s"
    print(f"small streams {tags}, {each}, a tick of {interval_s} s:\n{HEAD}", flush=True)
    for streams in sizes:
        print(many(streams, max(streams // 10, 1), interval_s, CURVE_TICKS, shipped).row(), flush=True)


def main() -> None:
    """Run all, or the curve of the sizes that are asked for."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started ends
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sizes", help="numbers of streams, by commas: that curve alone is measured")
    parser.add_argument("--interval", type=int, default=CURVE_INTERVAL_S, help="seconds of its tick")
    parser.add_argument("--shipped", action="store_true", help="with the tag field, by which central is read by Flux")
    asked = parser.parse_args()
    if asked.sizes is None:
        measure(3, 1_000)
        measure(100, 1_000_000)
    curve([int(size) for size in (asked.sizes or CURVE).split(",")], asked.interval, asked.shipped)


if __name__ == "__main__":
    main()
