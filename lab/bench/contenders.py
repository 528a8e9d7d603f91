"""The ways by which values come to central, each a small class: what is run, and what has to land."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.bench.config import RENAME, queries, stream
from lab.bench.data import Data
from lab.bench.landed import BUCKET, Arrival, Landing, wait
from lab.bench.replication import replicate
from lab.influxd import InfluxServer
from lab.measured import Meter, Use, write_config
from lab.telegraf import TelegrafProcess

SETTLED = {"STORAGE_CACHE_SNAPSHOT_WRITE_COLD_DURATION": "3s"}
"""Of a source: what was written leaves its log for its files soon, as it has at a source that runs for long."""
SCRIPT = "influxdb-client: query, Point, write_api"
START = "lookback: 30s, start: -5h"


@dataclass(frozen=True)
class Stage:
    """Where a contender is run: a source with the data, a new central, a folder of its own."""

    source: InfluxServer
    central: InfluxServer
    folder: Path
    data: Data


Outcome = tuple[Arrival, dict[str, Use]]
"""What arrived when, and what each process has used."""


class Contender(ABC):
    """One way. `share` is how much of the values it is given: those that are slow get less."""

    name: str
    share: float = 1.0
    landing: Landing

    @abstractmethod
    def run(self, stage: Stage) -> Outcome:
        """Have the values of the stage land in its central."""


class ByTelegraf(Contender):
    """What feeds Telegraf: `name` as in the table, `wide` for all fields of a series and time in one line."""

    feeder: str

    def __init__(self, name: str, wide: bool) -> None:
        self.name, self.wide = name, wide
        self.landing = Landing(renamed=True, source_bucket=True, field=not wide)

    @abstractmethod
    def prepare(self, stage: Stage) -> Path:
        """Write all files, and return Telegraf's."""

    @contextmanager
    def running(self, config: Path, stage: Stage, meter: Meter) -> Iterator[TelegrafProcess]:
        """Telegraf, read by the meter as is what feeds it."""
        tokens = {"CENTRAL_TOKEN": stage.central.token, "SOURCE_TOKEN": stage.source.token}
        with TelegrafProcess(config, tokens, stage.folder) as telegraf:
            meter.add("Telegraf", telegraf.pid, new=True)
            meter.add(self.feeder, telegraf.plugin_pid(), new=True)
            yield telegraf

    def run(self, stage: Stage) -> Outcome:
        """From Telegraf's start on, so that what its feeder needs to begin counts; files are ready before."""
        config, meter = self.prepare(stage), Meter()
        meter.add("source", stage.source.pid)
        meter.add("central", stage.central.pid)
        began = time.perf_counter()
        with self.running(config, stage, meter):
            arrival = wait(stage.central, stage.data, began)
            return arrival, meter.read()


class Cat(ByTelegraf):
    """Ready lines: the limit of Telegraf and central. It proves nothing, and waits for nobody."""

    feeder = "cat"

    def prepare(self, stage: Stage) -> Path:
        """Write the lines, unless they are there."""
        ready = stage.folder.parent / f"{'wide' if self.wide else 'field'}.{stage.data.values}.lines"
        if not ready.exists():
            tags = f",source_bucket={BUCKET}"
            with ready.open("w") as file:
                file.writelines(stage.data.wide_lines(tags) if self.wide else stage.data.field_lines(tags))
        command = ["sh", "-c", f"cat {ready}; while read -r tick; do :; done"]
        return configured(stage, command, buffer=2 * stage.data.values)


class Collector(ByTelegraf):
    """The collector: `read` as in queries.yaml. `streams`: how many share the data, by their tag `rack`."""

    feeder = "plugin"

    def __init__(self, name: str, read: str, wide: bool, streams: int = 1) -> None:
        super().__init__(name, wide)
        self.read, self.streams = read, streams

    def prepare(self, stage: Stage) -> Path:
        """Write queries.yaml and telegraf.conf."""
        streams = [stream(BUCKET, START)]
        if self.streams > 1:
            racks = (f"name: s{number}, tags: {{rack: r{number}}}" for number in range(self.streams))
            streams = [stream(BUCKET, f"{START}, {each}") for each in racks]
        sources = [("POD-8", stage.source, streams)]
        (stage.folder / "queries.yaml").write_text(queries(stage.central, sources, self.wide, self.read))
        return configured(stage)


def configured(stage: Stage, command: list[str] | None = None, buffer: int = 200_000) -> Path:
    """Write telegraf.conf, as shipped but for one output of data; return where it is."""
    return write_config(
        stage.folder,
        stage.central.url,
        BUCKET,
        BUCKET,
        "1h",
        buffer=buffer,
        rounded=False,
        more=RENAME,
        command=command or (),
    )


class Script(Contender):
    """What one would write first: influxdb-client's query, a Point a record, its batching write_api."""

    name = SCRIPT
    share = 0.1
    landing = Landing(renamed=True, source_bucket=True, field=True)

    def run(self, stage: Stage) -> Outcome:
        """Run it as a program of its own, which tells what it has used."""
        meter = Meter()
        meter.add("source", stage.source.pid)
        meter.add("central", stage.central.pid)
        span = [str(stage.data.began), str(stage.data.ended + 1)]
        servers = [part for each in (stage.source, stage.central) for part in (each.url, each.org, each.token)]
        began = time.perf_counter()
        command = [sys.executable, "-m", "lab.bench.client_script", BUCKET, *span, *servers]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        arrival = wait(stage.central, stage.data, began, patience_s=5.0)
        return arrival, {"script": Use(**json.loads(told)), **meter.read()}


class FluxTo(Contender):
    """`to()` of the source into central, a quarter of an hour at a time, as a task would. It adds no tag."""

    name = "Flux to()"
    share = 0.25
    landing = Landing()
    step_ns = 900 * 10**9

    def run(self, stage: Stage) -> Outcome:
        """Ask the source, span by span."""
        meter = Meter()
        meter.add("source", stage.source.pid)
        meter.add("central", stage.central.pid)
        central = stage.central
        there = f'bucket: "{BUCKET}", host: "{central.url}", org: "{central.org}", token: "{central.token}"'
        began = time.perf_counter()
        for start in range(stage.data.began, stage.data.ended + 1, self.step_ns):
            stop = min(start + self.step_ns, stage.data.ended + 1)
            stage.source.query_csv(
                f'from(bucket: "{BUCKET}") |> range(start: time(v: {start}), stop: time(v: {stop}))'
                f" |> to({there}) |> filter(fn: (r) => false)"
            )
        arrival = wait(central, stage.data, began, patience_s=5.0)
        return arrival, meter.read()


class Replication(Contender):
    """Edge Data Replication: what is written anew to a source is passed on. It takes no backlog and adds no tag."""

    name = "Edge Data Replication, of new writes"
    landing = Landing()

    def run(self, stage: Stage) -> Outcome:
        """Write the agents' lines to a source of its own; its work counts with the passing on."""
        with ExitStack() as stack:
            source = stack.enter_context(InfluxServer("bench", BUCKET))
            replicate(source, BUCKET, stage.central, BUCKET)
            batches = list(stage.data.batches())
            meter = Meter()
            meter.add("source", source.pid)
            meter.add("central", stage.central.pid)
            began = time.perf_counter()
            for batch in batches:
                source.write(BUCKET, batch)
            arrival = wait(stage.central, stage.data, began)
            return arrival, meter.read()


CAT_FIELD, CAT_WIDE = "cat of ready lines, with `field`", "cat of ready lines, wide"
FLUX_FIELD, FLUX_WIDE = "the collector, Flux, with `field`", "the collector, Flux, wide"
INFLUXQL_FIELD, INFLUXQL_WIDE = "the collector, InfluxQL, with `field`", "the collector, InfluxQL, wide"


def contenders() -> list[Contender]:
    """Return all ways, in the order of the table."""
    return [
        Cat(CAT_FIELD, wide=False),
        Cat(CAT_WIDE, wide=True),
        Collector(FLUX_FIELD, "flux", wide=False),
        Collector(FLUX_WIDE, "flux", wide=True),
        Collector(INFLUXQL_FIELD, "influxql", wide=False),
        Collector(INFLUXQL_WIDE, "influxql", wide=True),
        Script(),
        FluxTo(),
        Replication(),
    ]
