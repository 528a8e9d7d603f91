"""What goes on when nothing is behind: a cycle that brings 1,000 points, and one of 1,000 streams that bring none."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from lab.bench.config import RENAME, queries, stream
from lab.bench.data import SECOND
from lab.bench.ways import say
from lab.influxd import InfluxServer
from lab.loopback import wait_until
from lab.measured import Meter, write_config
from lab.telegraf import TelegrafProcess

COPY = "copy"
AHEAD_S = 0.3
"""So long before a tick the points that it is to bring are written."""


def settled(interval_s: int) -> int:
    """Return the lookback (s): three intervals; as shipped it is five, which would take long to settle."""
    return 3 * interval_s


@contextmanager
def collector(
    sources: Mapping[InfluxServer, Sequence[str]], central: InfluxServer, interval_s: int, folder: Path
) -> Iterator[TelegrafProcess]:
    """The collector as shipped but for its interval: a stream a bucket of each source."""
    central.create_bucket("metrics")
    keys = f"central_bucket: {COPY}, lookback: {settled(interval_s)}s, start: -10m"
    named = [
        (f"POD-{number}", server, [stream(each, keys) for each in buckets])
        for number, (server, buckets) in enumerate(sources.items())
    ]
    (folder / "queries.yaml").write_text(queries(central, named, wide=False, read="auto"))
    config = write_config(folder, central.url, COPY, "data-*", f"{interval_s}s", more=RENAME)
    tokens = {f"SOURCE_TOKEN_{number}" if number else "SOURCE_TOKEN": each.token for number, each in enumerate(sources)}
    with TelegrafProcess(config, {"CENTRAL_TOKEN": central.token, **tokens}, folder) as telegraf:
        yield telegraf


def counted(server: InfluxServer, bucket: str, measurement: str, field: str, start: int, stop: int) -> int:
    """Return how many values of a field a bucket holds in a span (ns)."""
    reply = server.query_csv(
        f'from(bucket: "{bucket}") |> range(start: time(v: {start}), stop: time(v: {stop})) |> filter(fn: (r) => '
        f'r._measurement == "{measurement}" and r._field == "{field}") |> group() |> count()'
        ' |> keep(columns: ["_value"])'
    )
    rows = (line.split(",") for line in reply.splitlines())
    return sum(int(row[3]) for row in rows if len(row) > 3 and row[3].isdigit())


def meter_of(telegraf: TelegrafProcess, sources: Sequence[InfluxServer], central: InfluxServer) -> Meter:
    """A meter of all that take part."""
    meter = Meter()
    meter.add("plugin", telegraf.plugin_pid())
    meter.add("Telegraf", telegraf.pid)
    meter.add("central", central.pid)
    for number, source in enumerate(sources):
        meter.add(f"source {number}" if len(sources) > 1 else "source", source.pid)
    return meter


def steady(points: int = 1000, streams: int = 3, interval_s: int = 10, ticks: int = 6) -> dict[str, float]:
    """Bring `points` a tick, over `streams` streams; return s from the tick until all can be read, and s of use."""
    each = -(-points // streams)
    with (
        tempfile.TemporaryDirectory() as name,
        InfluxServer("bench", "data-0") as source,
        InfluxServer("central", COPY) as central,
    ):
        buckets = [f"data-{number}" for number in range(streams)]
        for bucket in buckets[1:]:
            source.create_bucket(bucket)
        delays: list[float] = []
        with collector({source: buckets}, central, interval_s, Path(name)) as telegraf:
            meter = meter_of(telegraf, [source], central)
            for number in range(-2, ticks):
                tick = (time.time() + AHEAD_S) // interval_s * interval_s + interval_s
                time.sleep(max(tick - AHEAD_S - time.time(), 0.0))
                if number == 0:  # the first ones warm it up
                    meter = meter_of(telegraf, [source], central)
                begin = time.time_ns()
                lines = "\n".join(f"steady,host=POD-8,n={at % 50} usage={at}.5 {begin + at}" for at in range(each))
                for bucket in buckets:
                    source.write(bucket, lines.encode())

                def there(begin: int = begin) -> bool:
                    found = counted(central, COPY, "steady", "usage", begin, begin + SECOND)
                    return found == each * streams

                wait_until(there, "the tick's points in central", 60, 0.02)
                if number >= 0:
                    delays.append(time.time() - tick)
            time.sleep(max(tick + interval_s - AHEAD_S - time.time(), 0.0))
            used = meter.read()
    result: dict[str, float] = {"points": each * streams, "streams": streams, "interval": interval_s, "ticks": ticks}
    result |= {"delay": statistics.median(delays), "least": min(delays), "most": max(delays)}
    result |= {key: value.processor / ticks for key, value in used.items()} | {"memory": used["plugin"].memory}
    say(f"steady: {result}")
    return result


def idle(streams: int = 1000, interval_s: int = 12, ticks: int = 5) -> dict[str, float]:
    """Have `streams` streams (an even number) of two sources bring nothing; return s of use a cycle."""
    names = {side: [f"data-{side}-{number}" for number in range(streams // 2)] for side in range(2)}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sources = {stack.enter_context(InfluxServer("bench", each[0])): each for each in names.values()}
        central = stack.enter_context(InfluxServer("central", COPY))
        at = time.time_ns() - 60 * SECOND

        def furnish(server: InfluxServer, bucket: str) -> None:
            if not bucket.endswith("-0"):
                server.create_bucket(bucket)
            server.write(bucket, f"idle,host=POD-8 usage=1.5 {at}".encode())

        with ThreadPoolExecutor(4) as pool:
            list(
                pool.map(lambda each: furnish(*each), [(s, each) for s, each_of in sources.items() for each in each_of])
            )
        say(f"idle: {streams} buckets are there")
        telegraf = stack.enter_context(collector(sources, central, interval_s, folder))

        def there() -> bool:
            return counted(central, COPY, "idle", "usage", at, at + SECOND) == streams

        wait_until(there, "a point of each bucket in central", 600, 1.0)
        say("idle: all is copied")
        time.sleep(settled(interval_s) + 2 * interval_s)
        meter, begin = meter_of(telegraf, [*sources], central), time.time_ns()
        time.sleep(ticks * interval_s)
        used, end = meter.read(), time.time_ns()
        cycles = counted(central, "metrics", "collector_cycle", "requests_total", begin, end)
    result: dict[str, float] = {"streams": streams, "interval": interval_s, "cycles": cycles}
    result |= {key: value.processor / max(cycles, 1) for key, value in used.items()} | {"memory": used["plugin"].memory}
    say(f"idle: {result}")
    return result
