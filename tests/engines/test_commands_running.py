"""The commands beside a running collector with Telegraf: status, backfill to its end, verify with a repair."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.engines import REPOSITORY
from lab.loopback import free_port, wait_until
from lab.site import Site
from lab.telegraf import TelegrafProcess, program_path, work_folder
from telegraf_plugin import __version__
from tests.engines.operator_site import HOUR, PROGRAM, SECOND

STREAM = "POD-30/power_monitoring"
POINTS = 120


@dataclass
class Running:
    site: Site
    folder: Path
    env: dict[str, str]
    began: int

    def run(self, *words: str, timeout_s: float = 150.0) -> subprocess.CompletedProcess[str]:
        command = [str(PROGRAM), words[0], "--config", "mine.yaml", *words[1:]]
        return subprocess.run(
            command, env=self.env, cwd=self.folder, capture_output=True, text=True, timeout=timeout_s, check=False
        )

    def status(self) -> dict[str, Any]:
        ended = self.run("status", STREAM, "--json")
        assert ended.returncode in (0, 1), ended.stderr
        found: dict[str, Any] = json.loads(ended.stdout)["streams"][0]
        return found


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The shipped collector with a short lookback; POD-30's power has a point a minute in the last two hours."""
    with Site() as site:
        folder = work_folder(tmp_path_factory.mktemp("site") / "work")
        document = yaml.safe_load((REPOSITORY / "config" / "queries.yaml").read_text())
        for source in document["sources"]:
            for stream in source["streams"]:
                stream |= {"lookback": "5s", "start": "-1m", "max_lag": "1m"}
        (folder / "mine.yaml").write_text(yaml.safe_dump(document))
        env = site.environment(1, free_port()) | {"COLLECTOR_QUERIES": "mine.yaml", "PATH": program_path()}
        began = time.time_ns() // SECOND * SECOND
        lines = [f"electric_current,rack=R1 current={n} {began - n * 60 * SECOND}" for n in range(POINTS)]
        site.pod_30.write("power_monitoring", "\n".join(lines).encode())
        with TelegrafProcess(folder / "telegraf.conf", env, folder):
            found = Running(site, folder, env, began)
            wait_until(lambda: found.run("status").returncode == 0, "a good status", 60, every_s=1)
            yield found


def test_status_tells_a_stream_as_it_stands(running: Running) -> None:
    wait_until(lambda: running.status()["healthy"], "a good status", 30, every_s=1)
    found = running.status()
    assert (found["state"], found["healthy"], found["held"], found["extras"]) == ("ok", True, 0, 0)
    assert found["lag_seconds"] < 60
    assert found["proved_up_to"] > running.began - HOUR
    plain = running.run("status")
    assert plain.returncode in (0, 1)
    assert plain.stdout.startswith("Stream\tState\tAs of\tLag\tProved up to\t")
    assert f"\n{STREAM}\t" in plain.stdout
    assert len(plain.stdout.splitlines()) == 5
    assert plain.stdout.splitlines()[-1] == f"data-collector {__version__}"


def test_history_is_copied_by_backfill_and_then_verified(running: Running) -> None:
    before = running.run("verify", STREAM, "--from=-3h", "--json")
    assert before.returncode == 1
    assert json.loads(before.stdout)["streams"][0]["missing"] >= POINTS - 3
    ended = running.run("backfill", STREAM, "--from=-3h")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "done" in ended.stdout
    assert running.run("backfill", STREAM, "--from=-170m").stdout.count("nothing to do") == 1
    after = running.run("verify", STREAM, "--from=-3h")
    assert after.returncode == 0, after.stdout
    assert f"{POINTS} points" in after.stdout


def test_a_value_that_was_spoilt_in_central_is_repaired(running: Running) -> None:
    assert running.run("backfill", STREAM, "--from=-3h").returncode == 0  # on a worker of its own it is not there yet
    at = running.began - 30 * 60 * SECOND
    found = [p for p in running.site.central.points("power_monitoring", at, at + 1) if p.field == "current"]
    assert len(found) == 1
    tags = ",".join(f"{key}={value}" for key, value in sorted(found[0].tags))
    running.site.central.write("power_monitoring", f"electric_current,{tags} current=-1 {at}".encode())
    spoilt = running.run("verify", STREAM, "--from=-1h", "--repair", "--json")
    assert spoilt.returncode == 1
    report = json.loads(spoilt.stdout)["streams"][0]
    assert (report["different"], report["missing"]) == (1, 0)
    wait_until(lambda: running.run("verify", STREAM, "--from=-1h").returncode == 0, "the repair", 90, every_s=2)
    wait_until(lambda: running.status()["request"] is None, "the end of the request", 60, every_s=1)


def test_the_doctor_finds_a_running_site_well(running: Running) -> None:
    ended = running.run("doctor")
    assert ended.returncode == 0, ended.stdout


def test_watch_says_it_again_and_again(running: Running) -> None:
    command = [str(PROGRAM), "status", "--config", "mine.yaml", "--watch", "--every", "0.5", "--json"]
    with subprocess.Popen(command, env=running.env, cwd=running.folder, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        looks = [json.loads(watching.stdout.readline()) for _ in range(3)]
        watching.terminate()
    assert all(len(look["streams"]) == 3 for look in looks)


def test_a_stream_that_is_paused_is_left_alone_is_well_and_goes_on_when_it_is_resumed(running: Running) -> None:
    def landed(value: int) -> bool:
        points = running.site.central.points("power_monitoring", running.began, time.time_ns() + HOUR)
        return any(point.measurement == "paused" and float(point.value) == value for point in points)

    def write(value: int) -> None:
        running.site.pod_30.write("power_monitoring", f"paused v={value} {time.time_ns()}".encode())

    backlog = running.run("pause", STREAM, "--backlog")
    assert backlog.returncode == 0, backlog.stderr
    assert "its backlog is paused since" in backlog.stdout
    write(1)
    wait_until(lambda: landed(1), "what is live beside a paused backlog", 30)
    whole = running.run("pause", STREAM, "--json")
    assert whole.returncode == 0, whole.stderr
    assert json.loads(whole.stdout)["taken"]
    wait_until(lambda: running.status()["state"] == "paused", "the state paused", 30, every_s=1)
    write(2)
    told = running.status()["told_at"]
    wait_until(lambda: running.status()["told_at"] > told + 3 * SECOND, "three more cycles", 30, every_s=1)
    found = running.status()
    assert (found["healthy"], found["paused"], found["lag_seconds"]) == (True, "stream", 0)
    assert found["waits"].startswith("paused since ")
    assert not landed(2)
    assert running.run("resume", STREAM).returncode == 0
    wait_until(lambda: landed(2), "what was left out", 30)
