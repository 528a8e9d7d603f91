"""`python -m lab.wide`: what leaving the tag `field` out is worth, on real engines, beside the limit of either.

BENCH_VALUES values (1,000,000) of BENCH_SERIES (100) series with ten fields each, over four hours, land in a central of
their own each time, through Telegraf: ready lines by `cat`, with `field` and wide, then the collector, with `field` and
wide. Printed for each: how long it took, the processors' seconds of all programs, and what central's data take on its
disk. BENCH_ROUNDS (1) times, by turns: the machine's noise is part of every figure.
"""

from __future__ import annotations

import os
import random
import re
import signal
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lab.bench import SECOND
from lab.influxd import InfluxServer
from lab.loopback import wait_until
from lab.measured import peak_memory, processor_seconds, write_config
from lab.process import children
from lab.telegraf import TelegrafProcess

VALUES = int(os.environ.get("BENCH_VALUES", "1000000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "1"))
NAMES = ("user", "system", "idle", "active", "nice", "iowait", "irq", "softirq", "steal", "guest")
FIELDS = tuple(f"usage_{name}" for name in NAMES)
SERIES = int(os.environ.get("BENCH_SERIES", "100"))
HOURS = 4
VARIANTS = ("cat, with field", "cat, wide", "collector, with field", "collector, wide")
OPTIONS = {"STORAGE_CACHE_SNAPSHOT_WRITE_COLD_DURATION": "3s"}
"""Of central: what was written leaves its log soon."""

QUERIES = """
central: {{url: "{central}", org: central, token: "${{CENTRAL_TOKEN}}"}}
metadata_tags: [{tags}]
sources:
  - name: POD-8
    url: "{source}"
    org: bench
    token: "${{SOURCE_TOKEN}}"
    streams: [{{bucket: telegraf, lookback: 30s, start: -5h}}]
"""


class Figures(NamedTuple):
    """Of one run: seconds until all could be counted in central, the programs' processor seconds, MiB of memory of
    what feeds Telegraf, MB on central's disk.
    """

    took: float
    source: float
    plugin: float
    telegraf: float
    central: float
    memory: float
    disk: float


def lines(began: int, tags: str = "") -> Iterator[str]:
    """Yield the lines of the source, or of central with `tags` behind its own, all of a series side by side."""
    chance = random.Random(8)
    rounds = VALUES // (SERIES * len(FIELDS))
    step = HOURS * 3600 * SECOND // rounds
    for series in range(SERIES):
        head = f"cpu,cpu=cpu{series % 16},host=host-{series // 16:02}{tags}"
        for number in range(rounds):
            fields = ",".join(f"{name}={chance.random() * 100:.4f}" for name in FIELDS)
            yield f"{head} {fields} {began + number * step}"


def one_field_each(wide: Iterator[str]) -> Iterator[str]:
    """Yield each field of the lines by itself, with the tag `field`."""
    for line in wide:
        head, fields, at = line.split(" ")
        series, _, bucket = head.rpartition(",")
        for each in fields.split(","):
            yield f"{series},field={each.partition('=')[0]},{bucket} {each} {at}"


def disk(server: InfluxServer) -> float:
    """Return how many MB the server's data take, when all of it has left the log for its files."""

    def size(folder: str) -> int:
        files = (each for each in (server.folder / "engine" / folder).rglob("*") if each.is_file())
        return sum(each.stat().st_blocks * 512 for each in files)  # the files of series are mostly holes

    wait_until(lambda: size("wal") < 100_000, "central's files", 60, 0.5)
    return size("data") / 1e6


def run(variant: str, source: InfluxServer, folder: Path, began: int) -> Figures:
    """Have all values land in a new central, and return what that took."""
    by_cat, wide = variant.startswith("cat"), variant.endswith("wide")
    values = VALUES // (SERIES * len(FIELDS)) * SERIES * len(FIELDS)
    with InfluxServer("central", "telegraf", options=OPTIONS) as central:
        central.create_bucket("metrics")
        tags = "host, source_bucket" + ("" if wide else ", field")
        queries = folder / "queries.yaml"
        queries.write_text(QUERIES.format(central=central.url, source=source.url, tags=tags))
        ready = folder / f"{'wide' if wide else 'field'}.lines"
        config = write_config(
            folder,
            central.url,
            "telegraf",
            "telegraf",
            "1h",
            buffer=2 * values if by_cat else 200_000,  # cat waits for nobody
            rounded=False,
            command=["sh", "-c", f"cat {ready}; while read -r tick; do :; done"] if by_cat else (),
        )
        count = (
            f'from(bucket: "telegraf") |> range(start: time(v: {began - 1})) |> filter(fn: (r) => '
            'r._measurement == "cpu") |> group() |> count() |> keep(columns: ["_value"])'
        )

        def landed() -> bool:
            return sum(map(int, re.findall(r"^,_?[a-z]*,\d+,(\d+)", central.query_csv(count), re.M))) == values

        before, central_before = processor_seconds(source.pid), processor_seconds(central.pid)
        begin = time.perf_counter()
        with TelegrafProcess(
            config, {"CENTRAL_TOKEN": central.token, "SOURCE_TOKEN": source.token}, folder
        ) as telegraf:
            wait_until(landed, f"all values in central: {variant}", 600, 0.25)
            took = time.perf_counter() - begin
            (plugin,) = children(telegraf.pid)
            used = (
                processor_seconds(source.pid) - before,
                processor_seconds(plugin),
                processor_seconds(telegraf.pid),
                processor_seconds(central.pid) - central_before,
            )
            memory = peak_memory(plugin)
        return Figures(took, *used, memory, disk(central))


def main() -> None:
    """Run all, and print the medians."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started ends
    began = (time.time_ns() - HOURS * 3600 * SECOND) // SECOND * SECOND - 60 * SECOND
    with tempfile.TemporaryDirectory() as name, InfluxServer("bench", "telegraf") as source:
        folder = Path(name)
        batch: list[str] = []
        for line in lines(began):
            batch.append(line)
            if len(batch) == 20_000:
                source.write("telegraf", "\n".join(batch).encode())
                batch.clear()
        if batch:
            source.write("telegraf", "\n".join(batch).encode())
        bucket = ",source_bucket=telegraf"
        with (folder / "wide.lines").open("w") as wide, (folder / "field.lines").open("w") as narrow:
            wide.writelines(f"{line}\n" for line in lines(began, bucket))
            narrow.writelines(f"{line}\n" for line in one_field_each(lines(began, bucket)))
        found: dict[str, list[Figures]] = defaultdict(list)
        for _ in range(ROUNDS):
            for variant in VARIANTS:
                found[variant].append(run(variant, source, folder, began))
    print(f"{VALUES:,} values, {len(FIELDS)} fields a line, {ROUNDS} runs of each, medians")
    print(f"{'':22} {'s':>6} {'values/s':>9}   processor s: source plugin Telegraf central   plugin MiB   disk MB")
    for variant, several in found.items():
        all_ = Figures(*(statistics.median(each) for each in zip(*several, strict=True)))
        used = f"{all_.source:6.1f} {all_.plugin:6.2f} {all_.telegraf:8.1f} {all_.central:7.1f}"
        print(
            f"{variant:22} {all_.took:6.1f} {VALUES / all_.took:9,.0f}{used:>44} {all_.memory:12.1f} {all_.disk:9.1f}"
        )


if __name__ == "__main__":
    main()
