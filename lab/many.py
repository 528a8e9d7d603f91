"""Many small streams of many sources, on few real servers: what a tick of theirs costs, and each process.

Each source is a name of its own at one of two servers, each stream a bucket there, so that the collector has as many
sources, streams and questions as it would with a server each; only the servers have less to keep. Streams land in four
buckets, by turns, as shipped.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.influxd import InfluxServer
from lab.measured import peak_memory, processor_seconds, write_config
from lab.telegraf import TelegrafProcess

LANDINGS = 4
LOOKBACK_TICKS = 5
"""As shipped: five minutes at a tick of one."""
WARM_UP_TICKS = 7
"""Until a stretch of the lookback has settled, and is proved at the same pace as others come."""
FEED_S = 5.0
POINTS = 2
"""Of each bucket, each FEED_S."""


@dataclass(frozen=True)
class Cost:
    """What one size of site cost a tick, in seconds of processor time and in requests; the plugin's MiB and threads."""

    streams: int
    sources: int
    plugin: float
    telegraf: float
    source: float
    central: float
    to_sources: float
    to_central: float
    memory: float
    threads: int

    def row(self) -> str:
        """Return it as a line of a markdown table."""
        numbers = f"{self.streams:,} | {self.sources} | {self.plugin:.2f} | {self.telegraf:.2f} | {self.source:.2f}"
        buckets = min(LANDINGS, self.streams // self.sources)
        numbers += f" | {self.central:.2f} | {self.to_sources:.0f} | {self.to_central / buckets:.1f}"
        return f"| {numbers} | {self.memory:.1f} | {self.threads} |"


HEAD = (
    "| Streams | Sources | plugin, s | Telegraf, s | sources, s | central, s | requests to sources"
    " | to central, a bucket | plugin, MiB | threads |\n|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
)


def queries(
    sources: int, each: int, servers: Sequence[InfluxServer], central: InfluxServer, interval_s: int, shipped: bool
) -> str:
    """Return queries.yaml for so many sources with so many streams each; `shipped`: with the tag `field`."""
    lines = [
        f'central: {{url: "{central.url}", org: central, token: "${{CENTRAL_TOKEN}}"}}',
        f"metadata_tags: [host, source_bucket, source{', field' if shipped else ''}]",
        "sources:",
    ]
    keys = f"lookback: {LOOKBACK_TICKS * interval_s}s, start: -1m"
    streams = ", ".join(f"{{bucket: data-{at}, central_bucket: landing-{at % LANDINGS}, {keys}}}" for at in range(each))
    for number in range(sources):
        at = number % len(servers)
        head = f'name: POD-{number}, url: "{servers[at].url}", org: bench, token: "${{SOURCE_TOKEN_{at}}}"'
        lines.append(f"  - {{{head}, streams: [{streams}]}}")
    return "\n".join(lines) + "\n"


def telegraf_conf(folder: Path, each: int, central: InfluxServer, interval_s: int) -> Path:
    """Write telegraf.conf with an output a landing bucket, and return where it is."""
    file = write_config(folder, central.url, "BUCKET", "ROUTES", f"{interval_s}s")
    text = file.read_text()
    begin = text.index("[[outputs.influxdb_v2]]")
    end = text.index("[[outputs.influxdb_v2]]", begin + 1)
    outputs = ""
    for at in range(min(LANDINGS, each)):
        routed = '", "'.join(f"data-{number}" for number in range(at, each, LANDINGS))
        outputs += text[begin:end].replace("BUCKET", f"landing-{at}").replace("ROUTES", routed)
    file.write_text(text[:begin] + outputs + text[end:])
    return file


@contextmanager
def fed(servers: Sequence[InfluxServer], each: int) -> Iterator[None]:
    """Have points written to the sources' buckets all the time."""
    ended = threading.Event()

    def feed() -> None:
        while not ended.wait(FEED_S):
            now = time.time_ns()
            lines = "\n".join(f"m{at},cpu=c{at} usage={now % 97}.5,idle=3i {now}" for at in range(POINTS))
            for server in servers:
                for bucket in range(each):
                    server.write(f"data-{bucket}", lines.encode())

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    try:
        yield
    finally:
        ended.set()
        feeder.join()


def requests(central: InfluxServer, measurement: str) -> int:
    """Return how many requests the plugin has counted by its last cycle."""
    flux = (
        f'from(bucket: "metrics") |> range(start: -10m) |> filter(fn: (r) => r._measurement == "{measurement}"'
        ' and r._field == "requests_total") |> last() |> group() |> sum() |> keep(columns: ["_value"])'
    )
    rows = [line.rpartition(",")[2] for line in central.query_csv(flux).splitlines()]
    return sum(int(value) for value in rows if value.isdigit())


def measure(streams: int, sources: int, interval_s: int, ticks: int, shipped: bool = False) -> Cost:
    """Run a site of so many streams at so many sources, each of a bucket of its own, and return what a tick costs.

    `shipped`: with the tag `field`, by which central is read by Flux; else it is read by InfluxQL.
    """
    each = streams // sources
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = [stack.enter_context(InfluxServer("bench", "data-0")) for _ in range(min(2, sources))]
        central = stack.enter_context(InfluxServer("central", "metrics"))
        for at in range(min(LANDINGS, each)):
            central.create_bucket(f"landing-{at}")
        for server in servers:
            for number in range(1, each):
                server.create_bucket(f"data-{number}")
        (folder / "queries.yaml").write_text(queries(sources, each, servers, central, interval_s, shipped))
        config = telegraf_conf(folder, each, central, interval_s)
        stack.enter_context(fed(servers, each))
        tokens = {f"SOURCE_TOKEN_{at}": server.token for at, server in enumerate(servers)}
        telegraf = stack.enter_context(TelegrafProcess(config, {"CENTRAL_TOKEN": central.token, **tokens}, folder))
        plugin = telegraf.plugin_pid()
        of_all = [plugin, telegraf.pid, central.pid, *(server.pid for server in servers)]

        def reading() -> list[float]:
            counted = [requests(central, name) for name in ("collector_source", "collector_cycle")]
            return [*map(processor_seconds, of_all), *map(float, counted)]

        time.sleep(WARM_UP_TICKS * interval_s - time.time() % interval_s + interval_s * 0.9)  # behind a tick's work
        before = reading()
        time.sleep(ticks * interval_s)
        used = [(after - begun) / ticks for begun, after in zip(before, reading(), strict=True)]
        own, of_telegraf, of_central, *of_sources = used[: len(of_all)]
        to_sources, to_central = used[len(of_all) :]
        threads = sum(1 for _ in Path(f"/proc/{plugin}/task").iterdir())
        use = own, of_telegraf, sum(of_sources), of_central
        return Cost(streams, sources, *use, to_sources, to_central, peak_memory(plugin), threads)
