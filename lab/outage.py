"""`python -m lab.outage`: six hours without central, over BENCH_VALUES values (5,000,000), on real engines.

Central holds a ledger that ends six hours ago, and is down when the collector starts, as it would be towards the end
of such an outage. Live points go on being written. Then central comes back. Printed: how long until the live points
are there, until everything is, until everything is proved, and what memory that took. BENCH_BIN names the folder of
another version's `data-collector`, over the same data.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

from lab.bench.data import SECOND, make
from lab.bench.landed import count
from lab.influxd import InfluxServer
from lab.loopback import wait_until
from lab.measured import peak_memory, write_config
from lab.telegraf import TelegrafProcess, program_path
from telegraf_plugin.stream.ledger import Mark, MarkId
from telegraf_plugin.telegraf.metrics import point

VALUES = int(os.environ.get("BENCH_VALUES", "5000000"))
HOURS = 6
SEED = 8
AWAY_SECONDS = 20.0
MIN_LIVE = 5

QUERIES = """
central: {{url: "{central}", org: central, token: "${{CENTRAL_TOKEN}}"}}
sources:
  - name: POD-8
    url: "{source}"
    org: bench
    token: "${{SOURCE_TOKEN}}"
    streams: [{{bucket: telegraf, lookback: 30s}}]
"""


def live_points(server: InfluxServer, began: int) -> int:
    """Return how many live points are in the bucket since `began` (ns)."""
    flux = (
        f'from(bucket: "telegraf") |> range(start: time(v: {began}), stop: 2100-01-01T00:00:00Z)'
        f' |> filter(fn: (r) => r._measurement == "live") |> group() |> count()'
    )
    return sum(map(int, re.findall(r"^,_?[a-z]*,\d+,.*,(\d+)", server.query_csv(flux), re.M)))


def newest(server: InfluxServer, bucket: str, measurement: str, field: str) -> str:
    """Return the newest value of a field, empty when there is none."""
    flux = (
        f'from(bucket: "{bucket}") |> range(start: -1h, stop: 2100-01-01T00:00:00Z) |> filter(fn: (r) => '
        f'r._measurement == "{measurement}" and r._field == "{field}") |> last() |> keep(columns: ["_value"])'
    )
    found = re.findall(r"^,_?[a-z]*,\d+,(.*)", server.query_csv(flux), re.M)
    return found[-1].strip() if found else ""


def ledger(began: int) -> bytes:
    """Return a mark as a collector left it at `began` (ns): everything up to then is proved."""
    from telegraf_plugin.stream.definition import StreamDefinition
    from telegraf_plugin.stream.mapping import MetadataTag

    tags = (MetadataTag.HOST, MetadataTag.SOURCE_BUCKET, MetadataTag.FIELD)
    stream = StreamDefinition("POD-8", "telegraf", "telegraf", "telegraf", (), (), (), None, None, 30 * SECOND, tags)
    mark = Mark(MarkId(began, "0" * 8), None, stream.hash, began, began)
    names = {"source": "POD-8", "stream": "telegraf", "source_bucket": "telegraf"}
    return point("collector_ledger", names, mark.fields(), began)


def row(name: str, values: int, seconds: float, note: str) -> None:
    """Print one figure."""
    print(f"{name:32} {values:>10,} values {seconds:8.2f} s {values / seconds:>12,.0f} values/s  {note}", flush=True)


def main() -> None:
    """Run it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started ends
    with (
        tempfile.TemporaryDirectory() as name,
        InfluxServer("bench", "telegraf") as source,
        InfluxServer("central", "telegraf") as central,
    ):
        folder = Path(name)
        began = (time.time_ns() - HOURS * 3600 * SECOND) // SECOND * SECOND - 60 * SECOND
        data = make(SEED, VALUES, began, began + HOURS * 3600 * SECOND)
        data.write(source, "telegraf")
        values = data.values
        central.create_bucket("metrics")
        central.write("telegraf", ledger(began))
        (folder / "queries.yaml").write_text(QUERIES.format(central=central.url, source=source.url))
        config = write_config(folder, central.url, "telegraf", "telegraf", "2s", more="[[inputs.internal]]")
        central.kill()
        ended = threading.Event()

        def live() -> None:
            number = 0
            while not ended.wait(0.5):
                source.write("telegraf", f"live,host=POD-8 number={number}i {time.time_ns()}".encode())
                number += 1

        environment = {"CENTRAL_TOKEN": central.token, "SOURCE_TOKEN": source.token}
        if other := os.environ.get("BENCH_BIN"):
            environment["PATH"] = os.pathsep.join([other, program_path()])
        with TelegrafProcess(config, environment, folder) as telegraf:
            feeder = threading.Thread(target=live, daemon=True)
            feeder.start()
            time.sleep(AWAY_SECONDS)
            central.start()
            back = time.perf_counter()
            wait_until(lambda: live_points(central, began) >= MIN_LIVE, "live points in central", 120, 0.1)
            first_live = time.perf_counter() - back
            there = count(central, data)
            wait_until(lambda: count(central, data) == values, "all values in central", 900, 0.5)
            landed = time.perf_counter() - back
            stop = time.time_ns() - 60 * SECOND

            def proved() -> bool:
                first = newest(central, "telegraf", "collector_ledger", "proved").partition(" ")[0]
                start, _, end = first.partition("/")
                return bool(end) and int(start) <= began and int(end) >= stop

            wait_until(proved, "all proved", 600, 0.5)
            all_proved = time.perf_counter() - back
            memory = peak_memory(telegraf.plugin_pid()), peak_memory(telegraf.pid)
            dropped = newest(central, "metrics", "internal_write", "metrics_dropped")
            ended.set()
            feeder.join()
    print(f"six hours without central: {values:,} values, of which {there:,} were there with the first live points")
    row("live points there", MIN_LIVE, first_live, "after central came back")
    row("everything landed", values, landed, f"Telegraf dropped {dropped}")
    row("everything proved", values, all_proved, "the newest settles 30 s (the lookback) after it was printed")
    print(f"VmHWM plugin {memory[0]:.1f} MiB (limit 64 MB = 61.0 MiB), Telegraf {memory[1]:.1f} MiB")


if __name__ == "__main__":
    main()
