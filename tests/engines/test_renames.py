"""Hosts that Telegraf renames are compared by the name that they have in central: by stream, by set, to the point."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.loopback import wait_until
from lab.site import Site
from lab.telegraf import program_path
from telegraf_plugin.stream.spans import Spans, span
from tests.engines.plugin_process import LEDGER
from tests.engines.stage import DAY, SECOND, Stage


def streams_of(stage: Stage, *streams: dict[str, Any]) -> None:
    """Have the collector read these streams of the stage's bucket in the place of its one."""
    file = stage.folder / "own.yaml"
    document = yaml.safe_load(file.read_text())
    document["sources"][0]["streams"] = [
        {"bucket": stage.name, "lookback": "3s", "start": "-60s", **stream} for stream in streams
    ]
    file.write_text(yaml.safe_dump(document))


def conf(stage: Stage, edit: Callable[[str], str]) -> None:
    """Give the stage a telegraf.conf of its own."""
    file = stage.folder / "telegraf.conf"
    text = file.read_text()
    file.unlink()
    file.write_text(edit(text))


def marks(stage: Stage, stream: str) -> list[dict[str, str]]:
    """The marks of one stream in central, the oldest first."""
    found: dict[int, dict[str, str]] = {}
    for point in stage.central.points(stage.name, stage.began - DAY, time.time_ns() + DAY):
        if point.measurement == LEDGER and point.tag("stream") == stream:
            found.setdefault(point.time_ns, {})[point.field] = point.value
    return [found[at] for at in sorted(found)]


def is_proved(stage: Stage, stream: str, at: int) -> bool:
    """Whether the newest mark calls `at` proved, and nothing held."""
    made = marks(stage, stream)
    return bool(made) and calls_proved(made[-1], at)


def calls_proved(mark: dict[str, str], at: int) -> bool:
    return bool(Spans.parse(mark["proved"]) & span(at, at + 1)) and mark["held"] == ""


def hosts(stage: Stage) -> dict[str | None, set[str]]:
    """What central has, by host."""
    found: dict[str | None, set[str]] = {}
    for point in stage.landed():
        found.setdefault(point.tag("host"), set()).add(point.value)
    return found


def verify(stage: Stage, at: int) -> dict[str, Any]:
    """What `data-collector verify` finds in the two seconds from `at` on."""
    span_ = [f"--from={_rfc3339(at)}", f"--to={_rfc3339(at + 2 * SECOND)}", "--json"]
    command = [sys.executable, "-m", "telegraf_plugin", "verify", *span_]
    environment = {"PATH": program_path(), **stage._env}
    ended = subprocess.run(command, cwd=stage.folder, env=environment, capture_output=True, check=False, text=True)
    assert ended.returncode in (0, 1), ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def _rfc3339(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at // SECOND))


@pytest.mark.timeout(300)
def test_a_host_that_central_lacks_is_found_though_another_stream_of_its_bucket_has_arrived(
    site: Site, tmp_path: Path
) -> None:
    stage = Stage(site, tmp_path, "split")
    streams_of(stage, {"name": "eight", "tags": {"host": "POD-8"}}, {"name": "nine", "tags": {"host": "POD-9"}})
    at = (time.time_ns() // SECOND - 20) * SECOND
    # The same measurement, field and number of points: only the host tells them apart.
    stage.write(*(f"cpu,host={host} usage={value} {at}" for host, value in (("POD-8", 1), ("POD-9", 1))))
    whole = (stage.folder / "telegraf.conf").read_text()
    first = '  [outputs.influxdb_v2.tagpass]\n    source_bucket = ["${SERVER_A_BUCKET}"]\n'
    assert first in whole
    # An output that loses one host's points on their way; the marks pass.
    conf(stage, lambda text: text.replace(first, f'{first}  [outputs.influxdb_v2.tagdrop]\n    host = ["pod_8"]\n', 1))
    with stage.collector():
        wait_until(lambda: is_proved(stage, "nine", at), "the proof of POD-9", 60, 0.5)
        assert hosts(stage) == {"pod_9": {"1"}}
        eight, nine = verify(stage, at)["streams"]
        assert (eight["missing"] + eight["held"], eight["equal"]) == (1, False)
        assert nine["equal"]
        assert not [mark for mark in marks(stage, "eight") if calls_proved(mark, at)]
    conf(stage, lambda _: whole)
    with stage.collector():
        wait_until(lambda: is_proved(stage, "eight", at), "the proof of POD-8", 150, 0.5)
    assert hosts(stage) == {"pod_8": {"1"}, "pod_9": {"1"}}
    assert verify(stage, at)["equal"]


@pytest.mark.timeout(300)
def test_two_hosts_that_get_one_name_are_named_and_hold_up_nobody(site: Site, tmp_path: Path) -> None:
    stage = Stage(site, tmp_path, "one name", start="-60s")
    at = (time.time_ns() // SECOND - 20) * SECOND
    stage.write(
        f"cpu,host=POD-8 usage=1 {at}",
        f"cpu,host=pod_8 usage=2 {at}",
        f"cpu,host=pod_8 usage=3 {at + SECOND}",
        f"cpu,host=web usage=4 {at}",
    )
    with stage.collector() as collector:
        said = collector.wait_for_log("W! .*overwritten.*", 60)
        assert "cpu,host=POD-8 usage and cpu,host=pod_8 usage" in said[0]
        stage.wait_for_proof(at + 2 * SECOND, 60)
        assert calls_proved(stage.marks()[-1], at)
        assert hosts(stage) == {"pod_8": {"1", "3"}, "web": {"4"}}
        assert "does not take" not in collector.log()


@pytest.mark.timeout(300)
def test_a_string_that_lost_its_carriage_return_at_the_source_is_sent_again(site: Site, tmp_path: Path) -> None:
    stage = Stage(site, tmp_path, "returns", start="-60s")
    at = (time.time_ns() // SECOND - 20) * SECOND
    stage.central.write(stage.name, f'log,field=text,host=pod_8,source_bucket=returns text="a\rb" {at}'.encode())
    stage.write(f'log,host=POD-8 text="ab" {at}', f'log,host=POD-8 text="c\rd" {at + SECOND}')
    with stage.collector():
        stage.wait_for_proof(at + 2 * SECOND, 60)
        # As somebody wrote it into central, or as the source had it when it was copied.
        stage.central.write(stage.name, f'log,field=text,host=pod_8,source_bucket=returns text="a\rb" {at}'.encode())
        assert [each["equal"] for each in verify(stage, at)["streams"]] == [False]
        repaired = subprocess.run(
            [sys.executable, "-m", "telegraf_plugin", "verify", "--from=-60s", "--repair"],
            cwd=stage.folder,
            env={"PATH": program_path(), **stage._env},
            check=False,
            capture_output=True,
            text=True,
        )
        assert repaired.returncode == 1, repaired
        wait_until(lambda: verify(stage, at)["equal"], "the repair", 60, 0.5)
