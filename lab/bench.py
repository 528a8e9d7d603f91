"""`python -m lab.bench`: what the plugin costs, on real influxd, printed as a table.

    pipeline  the decoder and the encoder alone, on a recorded reply of the same server
    end       source to central through Telegraf: values a second until the last one can be read there

BENCH_VALUES sets the number of values (default 5,000,000). The machine's noise is part of every figure: compare
within one run.
"""

from __future__ import annotations

import os
import random
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from lab.influxd import InfluxServer
from lab.loopback import wait_until
from lab.measured import peak_memory, write_config

VALUES = int(os.environ.get("BENCH_VALUES", "5000000"))
FIELDS = ("usage_idle", "usage_iowait", "usage_system", "usage_user", "usage_guest")
SERIES = 1000
SECOND = 1_000_000_000

QUERIES = """
central: {{url: "{url}", org: bench, token: "${{TOKEN}}"}}
sources:
  - name: POD-8
    url: "{url}"
    org: bench
    token: "${{TOKEN}}"
    streams: [{{bucket: telegraf, central_bucket: copy, lookback: 1m, start: -20m}}]
"""
RENAME = r"""
[[processors.regex]]
  [[processors.regex.tags]]
    key = "host"
    pattern = '^POD-(\d+)$'
    replacement = "pod_${1}"
"""


def fill(server: InfluxServer, values: int) -> int:
    """Write `values` values, of SERIES series with FIELDS each, into the last ten minutes; return how many it was."""
    chance = random.Random(8)
    rounds = values // (SERIES * len(FIELDS))
    newest = time.time_ns() // SECOND * SECOND - 5 * SECOND
    step = 500 * SECOND // rounds
    batch: list[str] = []

    def send() -> None:
        server.write("telegraf", "\n".join(batch).encode())
        batch.clear()

    for series in range(SERIES):
        tags = f"cpu,cpu=cpu{series % 16},host=host-{series // 16}"
        for number in range(rounds):
            fields = ",".join(f"{name}={chance.random() * 100:.4f}" for name in FIELDS)
            batch.append(f"{tags} {fields} {newest - number * step}")
        if len(batch) >= 50_000:
            send()
    send()
    return rounds * SERIES * len(FIELDS)


def pipeline(server: InfluxServer) -> None:
    """Decode, and decode and encode, a recorded reply in memory."""
    from telegraf_plugin.influxdb.annotated_csv import Decoder
    from telegraf_plugin.stream.block import Block
    from telegraf_plugin.stream.digest import Digest
    from telegraf_plugin.stream.mapping import MetadataTag, TagMapper
    from telegraf_plugin.telegraf.line_protocol import LineMapper, encode

    flux = 'from(bucket: "telegraf") |> range(start: -15m) |> filter(fn: (r) => r.host =~ /^host-[0-9]$/)'
    reply = server.query_csv(flux).encode()
    mapper = TagMapper("POD-8", "telegraf", (MetadataTag.HOST, MetadataTag.SOURCE_BUCKET, MetadataTag.FIELD))

    def run(then: Callable[[Block], object] | None) -> int:
        decoder = Decoder()
        values = 0
        for start in range(0, len(reply), 65536):
            for block in decoder.feed(reply[start : start + 65536]):
                values += len(block)
                if then is not None:
                    then(block)
        decoder.finish()
        return values

    def written(block: Block) -> object:
        mapped = lines.mapped(block)
        return mapped and encode(mapped)

    def proved(block: Block) -> object:
        mapped = lines.mapped(block)
        if mapped is not None:
            digest.add(mapped)
        return mapped and encode(mapped)

    lines, digest = LineMapper(mapper), Digest((b"host",))
    steps = (("decoder alone", None), ("decoder and encoder", written), ("decoder, digest and encoder", proved))
    for name, then in steps:
        times = []
        for _ in range(3):
            began = time.perf_counter()
            values = run(then)
            times.append(time.perf_counter() - began)
        row(name, values, sorted(times)[1], "median of 3")


def end_to_end(server: InfluxServer, folder: Path, values: int) -> None:
    """Copy the window through Telegraf into a bucket of the same server, until all of it can be counted there."""
    from lab.telegraf import TelegrafProcess

    server.create_bucket("copy")
    server.create_bucket("metrics")
    (folder / "logs").mkdir()
    queries = folder / "queries.yaml"
    queries.write_text(QUERIES.format(url=server.url))
    config = write_config(folder, server.url, "copy", "telegraf", "1h", org="bench", rounded=False, more=RENAME)
    count = (
        'from(bucket: "copy") |> range(start: -20m) |> filter(fn: (r) => r._measurement == "cpu")'
        ' |> group() |> count() |> keep(columns: ["_value"])'
    )

    def landed() -> int:
        numbers = re.findall(r"^,_?[a-z]*,\d+,(\d+)", server.query_csv(count), re.M)
        return sum(map(int, numbers))

    with TelegrafProcess(config, {"TOKEN": server.token, "CENTRAL_TOKEN": server.token}, folder) as telegraf:
        began = time.perf_counter()
        wait_until(lambda: landed() == values, "all values in central", 600, every_s=0.5)
        took = time.perf_counter() - began
        peaks = f"VmHWM plugin {peak_memory(telegraf.plugin_pid()):.1f}, Telegraf {peak_memory(telegraf.pid):.1f} MiB"
    row("source to central by Telegraf", values, took, peaks)


def row(name: str, values: int, seconds: float, note: str) -> None:
    """Print one figure."""
    print(f"{name:32} {values:>10,} values {seconds:8.2f} s {values / seconds:>12,.0f} values/s  {note}", flush=True)


def main() -> None:
    """Run the benchmarks."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started ends
    with tempfile.TemporaryDirectory() as name, InfluxServer("bench", "telegraf") as server:
        folder = Path(name)
        values = fill(server, VALUES)
        pipeline(server)
        end_to_end(server, folder, values)


if __name__ == "__main__":
    main()
