"""Health over starts and reloads, looked at all the time: a start says nothing bad of what it has not looked at."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from lab.background import Background
from lab.loopback import free_port, wait_until
from lab.site import POD_8, POD_30, Site
from lab.telegraf import TelegrafProcess, work_folder

INTERVAL_S = 3
SECOND = 10**9


class Watch(Background):
    """Notes each change of health's answer, looked at every 100 ms."""

    def __init__(self, port: int) -> None:
        super().__init__("health")
        self._port = port
        self.seen: list[int] = []

    def work(self) -> None:
        while not self.ended(0.1):
            status = TelegrafProcess.health(self._port)
            if self.seen[-1:] != [status]:
                self.seen.append(status)


class Feed(Background):
    """Writes a point a second to POD-8 and to the first bucket of POD-30; the second one stays as it is."""

    def __init__(self, site: Site) -> None:
        super().__init__("feed")
        self._site = site

    def work(self) -> None:
        while not self.ended(1.0):
            line = f"m v=1i {time.time_ns() // SECOND * SECOND}".encode()
            self._site.pod_8.write(self._site.buckets.telegraf, line)
            self._site.pod_30.write(self._site.buckets.pods, line)


@dataclass
class Collected:
    """What collectors with one queries.yaml copy of the site, one after the other."""

    site: Site
    folder: Path
    port: int = field(default_factory=free_port)

    def write_queries(self, **pods: object) -> None:
        """Three streams; `pods` are more keys of the second one."""
        site, names = self.site, self.site.buckets
        central = {"url": site.central.url, "org": site.central.org, "token": "${INFLUXDB_CENTRAL_TOKEN}"}
        pod_8 = {"name": POD_8, "url": site.pod_8.url, "org": site.pod_8.org, "token": "${SERVER_A_TOKEN}"}
        pod_30 = {"name": POD_30, "url": site.pod_30.url, "org": site.pod_30.org, "token": "${SERVER_B_TOKEN}"}
        sources = [
            pod_8 | {"streams": [{"bucket": names.telegraf}]},
            pod_30 | {"streams": [{"bucket": names.pods, **pods}, {"bucket": names.power}]},
        ]
        document = {"central": central | {"metrics_bucket": names.metrics}, "sources": sources}
        (self.folder / "own.yaml").write_text(yaml.safe_dump(document))

    def collector(self, interval_s: int = INTERVAL_S) -> TelegrafProcess:
        env = self.site.environment(interval_s, self.port) | {"COLLECTOR_QUERIES": str(self.folder / "own.yaml")}
        return TelegrafProcess(self.folder / "telegraf.conf", env, cwd=self.folder)

    def log(self) -> str:
        return (self.folder / "logs" / "collector.log").read_text()


@pytest.fixture
def collected(site: Site, tmp_path: Path) -> Iterator[Collected]:
    made = Collected(site, work_folder(tmp_path / "work"))
    made.write_queries()
    site.pod_30.write(site.buckets.power, f"p v=1i {time.time_ns() - 60 * SECOND}".encode())
    with Feed(site):
        yield made


def test_neither_a_reload_nor_a_restart_says_that_central_lacks_what_it_has(collected: Collected) -> None:
    with Watch(collected.port) as watch:
        with collected.collector() as collector:
            wait_until(lambda: watch.seen[-1:] == [200], "health 200", 30)
            # Long enough that all of the time since a quiet stream's last mark would be more than it may be behind.
            _cycles(collected, 6)
            told = len(watch.seen)
            collected.write_queries(name="another")
            collector.wait_for_log("POD-30/another", 4 * INTERVAL_S)
            _cycles(collected, 4)
            assert watch.seen[told:] == [], collected.log()
        told, started = len(watch.seen), time.monotonic()
        with collected.collector():
            wait_until(lambda: watch.seen[told:][-1:] == [200], "health 200", 2 * INTERVAL_S + 1)
            assert time.monotonic() - started <= 2 * INTERVAL_S
            assert [status for status in watch.seen[told:] if status] == [503, 200]
            told = len(watch.seen)
            _cycles(collected, 4)
            assert watch.seen[told:] == []
    assert not re.search("lacked|failing|set aside", collected.log()), collected.log()


def test_a_long_interval_is_not_waited_for_at_a_start(collected: Collected) -> None:
    """The first tick of Telegraf may be minutes away: the plugin begins by itself."""
    for _ in range(2):
        with collected.collector(interval_s=86_400) as collector:
            wait_until(lambda: TelegrafProcess.health(collected.port) == 200, "health 200", 10)
            assert len(re.findall(" cycle: ", collector.log())) == collector.log().count("collector started")
    written = collected.site.central.points(collected.site.buckets.power, time.time_ns() - 120 * SECOND, time.time_ns())
    assert "p" in {point.measurement for point in written}


def _cycles(collected: Collected, count: int) -> None:
    """Wait until so many more cycles are over."""
    before = collected.log().count(" cycle: ")
    wait_until(lambda: collected.log().count(" cycle: ") >= before + count, f"{count} cycles", (count + 3) * INTERVAL_S)
