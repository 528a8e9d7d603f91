"""`Trial`: one stream over Kafka, from POD-8 to central, and what a fault did to it in words for docs/kafka.md."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from lab.assembly import Assembly
from lab.chaos.spans import SpanList
from lab.expect import difference, expected_points
from lab.influxd import InfluxServer
from lab.kafka_way import SITE_CONF, KafkaWay, several_brokers
from lab.loopback import free_port, wait_until
from lab.points import Point
from lab.process import children
from lab.site import POD_8, Site
from lab.telegraf import TelegrafProcess

BUCKET = "telegraf"
TOPIC = f"collector.{BUCKET}"
OWN = "collector_"
LEDGER = f"{OWN}ledger"
SECOND = 10**9
LOOKBACK_S = 10
IN_FLIGHT = 10_000
QUERIES = f"""
central:
  url: "${{INFLUXDB_CENTRAL_URL}}"
  org: "${{INFLUXDB_CENTRAL_ORG}}"
  token: "${{INFLUXDB_CENTRAL_TOKEN}}"
  metrics_bucket: "${{INFLUXDB_CENTRAL_BUCKET}}"
metadata_tags: [host, source_bucket, field]
max_in_flight: {IN_FLIGHT}
sources:
  - name: {POD_8}
    url: "${{SERVER_A_URL}}"
    org: "${{SERVER_A_ORG}}"
    token: "${{SERVER_A_TOKEN}}"
    streams:
      - bucket: "${{SERVER_A_BUCKET}}"
        lookback: {LOOKBACK_S}s
        start: -1m
"""


class Trial(Assembly):
    """Broker, reader and collector on a site; a context that starts and ends them."""

    def __init__(self, folder: Path, site: Site, urls: Mapping[str, str], nodes: int = 1) -> None:
        """`urls` are the collector's addresses in place of the site's own, by variable; not the reader's."""
        self.folder, self.site, self._urls = folder, site, urls
        self.way = KafkaWay(folder, site, nodes=nodes)
        self.began = time.time_ns() - 60 * SECOND
        self._written = 0

    def assemble(self, stack: ExitStack) -> None:
        """Start it all."""
        stack.enter_context(self.way)
        work = self.folder / "collector"
        (work / "config").mkdir(parents=True)
        (work / "logs").mkdir()
        (work / "config" / "queries.yaml").write_text(QUERIES)
        conf = several_brokers(SITE_CONF, self.way.kafka, work)
        env = {**self.site.environment(1, free_port()), **self._urls, **self.way.environment}
        self.collector = stack.enter_context(TelegrafProcess(conf, env, cwd=work))

    def write(self, count: int, value: int = 1, at: int | None = None) -> int:
        """Write `count` points to the source, a microsecond apart, from `at` on (now); where they begin, in ns."""
        at = time.time_ns() - SECOND // 2 if at is None else at
        lines = [f"cpu,host=h{n % 7} v={value}i {at + n * 1000}" for n in range(count)]
        self.site.pod_8.write(BUCKET, "\n".join(lines).encode())
        self._written += count
        return at

    def central(self) -> set[Point]:
        """The points of central's bucket, without the collector's own: the ledger's, and what verify asks for."""
        return {point for point in self._points(self.site.central) if not point.measurement.startswith(OWN)}

    def lacking(self) -> str:
        """What central does not hold as the source does; empty when all is equal."""
        return difference(expected_points(self._points(self.site.pod_8), POD_8, BUCKET), self.central())

    def wait_equal(self, timeout_s: float = 120.0) -> float:
        """Wait until central holds what the source does, in seconds. Raises TimeoutError with what it lacks."""
        began = time.monotonic()
        try:
            wait_until(lambda: not self.lacking(), "central to hold what the source does", timeout_s, 0.2)
        except TimeoutError as error:
            log = self.collector.log_tail(8)
            raise TimeoutError(f"{error}\n{self.lacking()}\n{log}\n{self.way.reader.log_tail(8)}") from None
        return time.monotonic() - began

    def wait_proved(self, at: int, timeout_s: float = 120.0) -> float:
        """Wait until a mark calls the instant `at` proved, in seconds. Raises TimeoutError."""
        began = time.monotonic()

        def proved() -> bool:
            marks = [p for p in self._points(self.site.central) if p.measurement == LEDGER and p.field == "proved"]
            newest = max(marks, key=lambda point: point.time_ns, default=None)
            return newest is not None and at in SpanList.parse(newest.value)

        wait_until(proved, f"{at} to be proved", timeout_s, 0.3)
        return time.monotonic() - began

    def tick(self) -> None:
        """Wait until the plugin has had a tick."""
        self.collector.wait_for_log("cycle: ", after=len(self.collector.log()))

    def health(self) -> int:
        """The status of the site's health check."""
        return self.collector.health(int(self.collector.env["HEALTH_CHECK_PORT"]))

    def kill_plugin(self) -> None:
        """Kill the plugin, and wait until Telegraf has started it again."""
        killed = self.collector.plugin_pid()
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: [pid for pid in children(self.collector.pid) if pid != killed], "another plugin", 30.0)

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `data-collector` where the collector runs, with its settings."""
        env = {**self.collector.env, "INFLUXDB_CENTRAL_URL": self.site.central.url}
        return subprocess.run(
            ["data-collector", *words],
            cwd=self.collector.cwd,
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def ends(self, time: str = "latest") -> list[int]:
        """The topic's next offsets, or its first ones that are still there (`earliest`), by partition."""
        return self.way.kafka.ends(TOPIC, time)

    def _points(self, server: InfluxServer) -> set[Point]:
        return server.points(BUCKET, self.began, time.time_ns() + 60 * SECOND)


def seen(what: str) -> None:
    """Say what was seen: printed, and appended to the file KAFKA_SEEN."""
    print(f"seen: {what}", flush=True)
    if file := os.environ.get("KAFKA_SEEN"):
        with Path(file).open("a", encoding="utf-8") as out:
            out.write(f"- {what}\n")
