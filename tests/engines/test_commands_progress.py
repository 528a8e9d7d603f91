"""A backfill beside a running collector: the plan's estimate against what is then seen, and what is said meanwhile."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
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
LOOKBACK = 20
HOURS = 25
SERIES = 4


@pytest.fixture(scope="module")
def began() -> int:
    return time.time_ns() // SECOND * SECOND


@pytest.fixture(scope="module")
def site(began: int) -> Iterator[Site]:
    """POD-30's power has two days of four points every ten seconds."""
    with Site() as found:
        for day in range(2):
            first = began - (day * 8640 + 1) * 10 * SECOND
            lines = [
                f"electric_current,rack=R{rack} current={n} {first - n * 10 * SECOND}"
                for n in range(8640)
                for rack in range(SERIES)
            ]
            found.pod_30.write("power_monitoring", "\n".join(lines).encode())
        yield found


@pytest.fixture
def place(site: Site, tmp_path: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """A collector that has just started; its folder and environment."""
    folder = work_folder(tmp_path / "work")
    document = yaml.safe_load((REPOSITORY / "config" / "queries.yaml").read_text())
    for source in document["sources"]:
        for stream in source["streams"]:
            stream |= {"lookback": f"{LOOKBACK}s", "start": "-1m", "max_lag": "1m"}
    (folder / "mine.yaml").write_text(yaml.safe_dump(document))
    env = site.environment(1, free_port()) | {"COLLECTOR_QUERIES": "mine.yaml", "PATH": program_path()}
    with TelegrafProcess(folder / "telegraf.conf", env, folder):
        yield folder, env


def run(place: tuple[Path, dict[str, str]], *words: str) -> subprocess.CompletedProcess[str]:
    folder, env = place
    command = [str(PROGRAM), *words, "--config", "mine.yaml"]
    return subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, timeout=240, check=False)


def backfill(place: tuple[Path, dict[str, str]], start: int, stop: int) -> tuple[dict[str, Any], float, str]:
    """Have [start, stop) copied; return the report, how long it took (s), and what was said meanwhile."""
    stamps = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at // SECOND)) for at in (start, stop)]
    before = time.monotonic()
    ended = run(place, "backfill", STREAM, f"--from={stamps[0]}", f"--to={stamps[1]}", "--json")
    took = time.monotonic() - before
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return json.loads(ended.stdout), took, ended.stderr


def test_the_estimate_is_within_a_factor_of_two_in_the_first_minute_and_later(
    place: tuple[Path, dict[str, str]], began: int
) -> None:
    wait_until(lambda: run(place, "status", STREAM).returncode == 0, "a good status", 60, every_s=0.5)
    origin = began - 60 * SECOND
    report, took, said = backfill(place, origin - HOURS * HOUR, origin)
    plan = report["plan"]
    assert plan["seconds_waiting_for_proof"] > 0
    assert plan["seconds"] / 2 < took < plan["seconds"] * 2
    waiting = re.search(r"copied, waiting for its proof until (\S+ \S+Z), \d+\.\d% proved as of (\S+ \S+Z)", said)
    assert waiting is not None, said
    assert waiting[1] > waiting[2]
    assert "all copied, " in said
    wait_until(lambda: json.loads(run(place, "status", STREAM, "--json").stdout)["streams"][0]["told_at"] > 0, "s", 30)
    told = json.loads(run(place, "status", STREAM, "--json").stdout)
    assert told["version"] == __version__
    status = told["streams"][0]
    assert status["left_seconds"] in (None, 0)
    assert status["request"] is None

    report, took, said = backfill(place, origin - 46 * HOUR, origin - HOURS * HOUR)
    plan = report["plan"]
    assert plan["seconds_waiting_for_proof"] == 0
    assert plan["seconds"] / 2 < took < plan["seconds"] * 2
    end = time.strftime("--to=%Y-%m-%dT%H:%M:%SZ", time.gmtime(origin // SECOND))
    assert run(place, "verify", STREAM, "--from=-44h", end).returncode == 0


def test_the_estimate_of_a_backfill_without_points_is_seconds_also_just_after_a_start(
    place: tuple[Path, dict[str, str]], began: int
) -> None:
    """Two months in which there is nothing: empty time is skipped, and what is not printed waits for no proof."""
    wait_until(lambda: run(place, "status", STREAM).returncode == 0, "a good status", 60, every_s=0.5)
    report, took, _ = backfill(place, began - 90 * 24 * HOUR, began - 30 * 24 * HOUR)
    plan = report["plan"]
    assert (plan["points"], plan["seconds_waiting_for_proof"]) == (0, 0)
    assert plan["seconds"] / 3 < took < plan["seconds"] * 3  # of some seconds, of which a look takes two


def test_when_the_proof_may_begin_stands_whatever_ticks_pass(
    place: tuple[Path, dict[str, str]], site: Site, began: int
) -> None:
    wait_until(lambda: run(place, "status", STREAM).returncode == 0, "a good status", 60, every_s=0.5)
    begin = time.strftime("--from=%Y-%m-%dT%H:%M:%SZ", time.gmtime((began - HOUR) // SECOND))
    assert run(place, "backfill", STREAM, begin, "--no-wait").returncode == 0
    seen: dict[int, int] = {}

    def looked() -> bool:
        site.pod_30.write("power_monitoring", f"electric_current,rack=R9 current=1 {time.time_ns()}".encode())
        request = json.loads(run(place, "status", STREAM, "--json").stdout)["streams"][0]["request"]
        if request is not None and request["copied_share"] == 1 and request["proof_not_before"] is not None:
            seen[request["as_of"]] = request["proof_not_before"]
        return len(seen) >= 4

    wait_until(looked, "four marks that tell of it", LOOKBACK + 20, every_s=0.3)
    assert len(set(seen.values())) == 1
    assert all(as_of < until <= as_of + LOOKBACK * SECOND for as_of, until in seen.items())
