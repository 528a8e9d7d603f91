"""The health answer through good days and bad: 200 while every stream is read, else 503 within two intervals."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.loopback import free_port, wait_until
from lab.site import Site
from lab.telegraf import TelegrafProcess, work_folder
from tests.behaviours import UNAUTHORIZED, good, hang
from tests.fakes import FakeSource

INTERVAL_S = 3
FLUSH_S = 1.0


@dataclass
class Watched:
    site: Site
    collector: TelegrafProcess
    port: int

    def health(self) -> int:
        return TelegrafProcess.health(self.port)

    def wait_for_health(self, status: int, timeout_s: float) -> None:
        wait_until(lambda: self.health() == status, f"health {status}\n{self.collector.log_tail()}", timeout_s)

    def pod_8_lands(self, name: str, timeout_s: float = 3 * INTERVAL_S) -> None:
        """Write a point to POD-8 and see it in central."""
        at = time.time_ns() - 2 * 10**9
        bucket = self.site.buckets.telegraf
        self.site.pod_8.write(bucket, f"mem,host=POD-8,probe={name} free=1i {at}".encode())
        wait_until(
            lambda: name in {point.tag("probe") for point in self.site.central.points(bucket, at, at + 1)},
            f"the point {name} in central",
            timeout_s,
        )


@pytest.fixture(scope="module")
def watched(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A collector of the two real sources, well at the start; each test leaves it so."""
    folder = work_folder(tmp_path_factory.mktemp("watched") / "work")
    port = free_port()
    with TelegrafProcess(folder / "telegraf.conf", site.environment(INTERVAL_S, port), cwd=folder) as collector:
        yield Watched(site, collector, port)


def test_a_stopped_source_makes_it_503_within_two_intervals_and_its_return_200(watched: Watched) -> None:
    watched.wait_for_health(200, 30)
    stopped = time.monotonic()
    watched.site.pod_30.stop()
    try:
        watched.wait_for_health(503, 2 * INTERVAL_S + 5)
        assert time.monotonic() - stopped <= 2 * INTERVAL_S + FLUSH_S
        watched.pod_8_lands("while-pod-30-is-down")
        assert watched.health() == 503
    finally:
        watched.site.pod_30.start()
    watched.wait_for_health(200, 4 * INTERVAL_S)


def test_a_source_that_freezes_makes_it_503_within_two_intervals(watched: Watched) -> None:
    watched.wait_for_health(200, 30)
    frozen = time.monotonic()
    watched.site.pod_30.pause()
    try:
        watched.wait_for_health(503, 2 * INTERVAL_S + 5)
        assert time.monotonic() - frozen <= 2 * INTERVAL_S + FLUSH_S
        watched.pod_8_lands("while-pod-30-is-frozen")
        assert watched.health() == 503
    finally:
        watched.site.pod_30.resume()
    watched.wait_for_health(200, 6 * INTERVAL_S)


def test_a_killed_plugin_is_started_again_and_health_comes_back(watched: Watched) -> None:
    watched.wait_for_health(200, 30)
    before = watched.collector.plugin_pid()
    seen = len(watched.collector.log())
    os.kill(before, signal.SIGKILL)
    watched.collector.wait_for_log("collector started", 15, after=seen)
    assert watched.collector.plugin_pid() != before
    watched.collector.wait_for_log(r"cycle: .*success rate POD-8 100.0 %, POD-30 100.0 %", 4 * INTERVAL_S, after=seen)
    watched.pod_8_lands("after-the-kill")
    watched.wait_for_health(200, 2 * INTERVAL_S)


def test_it_is_503_until_all_streams_are_read_and_again_when_one_hangs(site: Site, tmp_path: Path) -> None:
    folder = work_folder(tmp_path / "work")
    port = free_port()
    with FakeSource(UNAUTHORIZED) as fake:
        env = site.environment(INTERVAL_S, port) | {"SERVER_B_URL": fake.url}
        with TelegrafProcess(folder / "telegraf.conf", env, cwd=folder) as collector:
            answers: set[int] = set()

            def health() -> int:
                answers.add(TelegrafProcess.health(port))
                return TelegrafProcess.health(port)

            wait_until(lambda: health() and len(re.findall("cycle: ", collector.log())) >= 2, "two cycles", 20)
            assert answers - {0} == {503}

            fake.become(good())
            wait_until(lambda: health() == 200, "health 200", 2 * INTERVAL_S + FLUSH_S)

            hung = time.monotonic()
            fake.become(hang)
            wait_until(lambda: health() == 503, "health 503", 2 * INTERVAL_S + 5)
            assert time.monotonic() - hung <= 2 * INTERVAL_S + FLUSH_S

            fake.become(good())
            wait_until(lambda: health() == 200, "health 200", 4 * INTERVAL_S)


def test_it_is_503_before_the_first_cycle(site: Site, tmp_path: Path) -> None:
    folder = work_folder(tmp_path / "work")
    port = free_port()
    # An interval so long that Telegraf's first tick does not come, and the plugin takes two seconds to begin by itself.
    with TelegrafProcess(folder / "telegraf.conf", site.environment(86_400, port), cwd=folder) as collector:
        collector.wait_for_log("collector started", 15)
        assert wait_until(lambda: TelegrafProcess.health(port), "an answer", 10) == 503
        assert "cycle: " not in collector.log()
