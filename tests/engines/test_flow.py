"""What is in flight stays bounded whatever waits at the source, and whatever central does."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from lab.influxd import InfluxServer
from lab.loopback import wait_until
from lab.site import Site
from tests.engines.landing import Landing
from tests.engines.memory import LIMIT_MIB, peak_mib
from tests.engines.plugin_process import LEDGER, PluginProcess, queries, source
from tests.engines.stage import SECOND, Stage

LIMIT = 10_000
BACKLOG = 150_000
PAUSE_S = 13.0
"""Longer than a read waits for room."""


def backlog(begin: int, points: int) -> list[bytes]:
    """Batches of lines of 100 series, in the 20 minutes from `begin` on."""
    step = 1200 * SECOND // points
    lines = [f"m,k=s{number % 100} v={number}i {begin + number * step}" for number in range(points)]
    return ["\n".join(lines[at : at + 50_000]).encode() for at in range(0, points, 50_000)]


@pytest.mark.timeout(300)
def test_a_backlog_waits_at_the_source_while_central_is_paused(site: Site, tmp_path: Path) -> None:
    stage = Stage(site, tmp_path, "flow", start="-30m", max_in_flight=LIMIT)
    for batch in backlog(time.time_ns() - 1500 * SECOND, BACKLOG):
        site.pod_8.write("flow", batch)
    with stage.collector() as collector:
        counting = 'from(bucket: "flow") |> range(start: -1h) |> filter(fn: (r) => r._measurement == "m") '

        def landed() -> int:
            rows = site.central.query_csv(counting + "|> group() |> count()").split("\r\n")
            return sum(int(row.split(",")[-1]) for row in rows if row.startswith(",,"))

        wait_until(lambda: landed() > 2 * LIMIT, "the first of the backlog", 60, 0.2)
        site.central.pause()
        try:
            time.sleep(PAUSE_S)
        finally:
            site.central.resume()
        reached = landed()
        assert reached < BACKLOG, "all was over before the pause"
        wait_until(lambda: landed() == BACKLOG, "the whole backlog", 150, 0.5)
        stage.wait_for_all(30)
        in_flight = [int(p.value) for p in stage.measured("collector_stream") if p.field == "in_flight"]
        assert 0 < max(in_flight) <= LIMIT, in_flight
        writes = [p for p in stage.measured("internal_write") if p.tag("alias") == "system"]
        held = [int(p.value) for p in writes if p.field == "buffer_size"]
        assert max(held) <= LIMIT + 100, held  # and marks
        assert {p.value for p in writes if p.field in ("metrics_dropped", "metrics_rejected")} == {"0"}
        assert "dropped" not in collector.log()


def test_lines_that_are_printed_and_have_not_landed_are_bounded(influx: InfluxServer, tmp_path: Path) -> None:
    influx.create_bucket("bounded")
    for batch in backlog(time.time_ns() - 1500 * SECOND, 50_000):
        influx.write("bounded", batch)
    document = queries(source("s", influx.url, {"bucket": "bounded", "start": "-30m"}))
    document["max_in_flight"] = LIMIT
    with Landing() as landing, PluginProcess(tmp_path, document, {"TOKEN": influx.token}, landing=landing) as plugin:
        plugin.ready().tick()
        wait_until(lambda: plugin.output.count(b"\nm,") > LIMIT, "the first of the backlog", 30)
        landing.pause()
        time.sleep(3)
        assert LIMIT // 8 <= landing.waiting() <= LIMIT + 100, plugin.stderr  # and marks
        before = plugin.output.count(b"\nm,")
        time.sleep(2)
        assert plugin.output.count(b"\nm,") == before
        landing.resume()
        wait_until(lambda: plugin.output.count(b"\nm,") >= 50_000, "the whole backlog", 60, 0.2)
        bucket = landing.bucket("bounded")
        now = time.time_ns()
        wait_until(
            lambda: (
                sum(p.measurement == "m" for p in landing.server.points(bucket, now - 1800 * SECOND, now)) == 50_000
            ),
            "all points in central",
            30,
            1.0,
        )
        assert plugin.output.count(b"\nm,") == 50_000  # each once


def test_what_is_printed_and_has_not_landed_is_bounded_in_bytes(influx: InfluxServer, tmp_path: Path) -> None:
    """50,000 lines of 20 kB, fewer than may be in flight, took Telegraf to 1.3 GB."""
    influx.create_bucket("long")
    now = time.time_ns() // SECOND * SECOND
    text, points, limit = "x" * 20_000, 2000, 16 * 2**20
    for start in range(0, points, 500):
        lines = (f'long v="{text}{n}" {now - 1500 * SECOND + n * SECOND // 2}' for n in range(start, start + 500))
        influx.write("long", "\n".join(lines).encode())
    document = queries(source("s", influx.url, {"bucket": "long", "start": "-30m"}))
    document["max_in_flight_size"] = "16MiB"
    with Landing() as landing, PluginProcess(tmp_path, document, {"TOKEN": influx.token}, landing=landing) as plugin:
        plugin.ready().tick()
        wait_until(lambda: plugin.output.count(b"\nlong,") > 50, "the first of the backlog", 30)
        landing.pause()
        wait_until(lambda: landing.waiting_bytes() > limit // 4, "what is in flight", 30, 0.2)
        counts = [0]

        def stands_still() -> bool:
            counts.append(plugin.output.count(b"\nlong,"))
            return counts[-1] == counts[-2]

        wait_until(stands_still, "that no more is printed", 30, 1.0)
        assert counts[-1] < points
        assert landing.waiting_bytes() <= limit * 3 // 4 + 2**21, plugin.stderr  # a backlog's share, and a piece
        landing.resume()
        wait_until(lambda: plugin.output.count(b"\nlong,") >= points, "the whole backlog", 60, 0.2)
        assert peak_mib(plugin.popen.pid) < LIMIT_MIB
        bucket = landing.bucket("long")

        def landed() -> int:
            return sum(p.measurement == "long" for p in landing.server.points(bucket, now - 1800 * SECOND, now))

        plugin.tick_until(lambda: landed() == points, "all points in central", 60)


def test_what_telegraf_drops_is_sent_again(influx: InfluxServer, tmp_path: Path) -> None:
    influx.create_bucket("dropped")
    now = time.time_ns()
    lines = [f"m,k=s{n % 7} v={n}i {now - 50 * SECOND + n * 40_000_000}" for n in range(1000)]
    influx.write("dropped", "\n".join(lines).encode())
    document = queries(source("s", influx.url, {"bucket": "dropped", "lookback": "2s", "start": "-60s"}))
    with Landing() as landing, PluginProcess(tmp_path, document, {"TOKEN": influx.token}, landing=landing) as plugin:
        landing.drop(lambda line: line.startswith(b"m,") and b"k=s3" in line)
        plugin.ready().tick_until(lambda: len(plugin.of("m")) >= 1000, "the points")
        landing.drop(lambda _: False)
        bucket = landing.bucket("dropped")

        def arrived() -> bool:
            points = landing.server.points(bucket, now - 60 * SECOND, now)
            return sum(point.measurement != LEDGER for point in points) == 1000

        plugin.tick_until(arrived, "what was dropped", 40)
