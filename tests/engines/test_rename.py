"""Renamed measurements and fields are proved by their new names: in narrow lines and wide, read by both languages."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.engines import REPOSITORY
from lab.loopback import HttpRefused, wait_until
from lab.site import Site
from lab.telegraf import program_path
from tests.engines.stage import SECOND, Stage

RENAME = {"measurements": {"cpu": "site cpu", "mem": "cpu"}, "fields": {"usage": "idle", "text": "said"}}
Named = set[tuple[str, str, str, int]]


def names(stage: Stage) -> Named:
    """What central has: measurement, field, value and time."""
    return {(point.measurement, point.field, point.value, point.time_ns) for point in stage.landed()}


def verify(stage: Stage, start: int, stop: int) -> dict[str, Any]:
    times = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at // SECOND)) for at in (start, stop)]
    command = [sys.executable, "-m", "telegraf_plugin", "verify", f"--from={times[0]}", f"--to={times[1]}", "--json"]
    environment = {"PATH": program_path(), **stage._env}
    ended = subprocess.run(command, cwd=stage.folder, env=environment, capture_output=True, check=False, text=True)
    assert ended.returncode in (0, 1), ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)["streams"][0]
    return found


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("way", "tags"), [("flux", ["field"]), ("influxql", [])])
def test_what_is_renamed_is_proved_mended_and_told_by_its_new_names(
    site: Site, tmp_path: Path, way: str, tags: list[str]
) -> None:
    stage = Stage(site, tmp_path, f"renamed {way}", start="-60s", rename=RENAME, metadata_tags=["source_bucket", *tags])
    file = stage.folder / "own.yaml"
    document = yaml.safe_load(file.read_text())
    document["sources"][0]["read"] = way
    file.write_text(yaml.safe_dump(document))
    at = (time.time_ns() // SECOND - 20) * SECOND
    stage.write(
        *(f'cpu,k=v usage={n},text="a{n}",other={n}i {at + n * SECOND}' for n in range(3)),
        f"mem usage=7 {at}",
        f'log text="one\rtwo",v=1 {at}',
        f"site\\ cpu usage=8 {at}",  # its name is another one's
        f"disk idle=9,usage=10 {at}",  # so is its field's
    )
    expected: Named = {
        *(("site cpu", field, value, at + n * SECOND) for n in range(3) for field, value in _fields(n)),
        ("cpu", "idle", "7", at),
        ("log", "said", "onetwo", at),  # as this test reads it; that it is whole, the proof says
        ("log", "v", "1", at),
        ("disk", "idle", "10", at),
    }
    with stage.collector() as collector:
        stage.wait_for_proof(at + 3 * SECOND, 60)
        assert names(stage) == expected
        dropped = stage.measured("collector_dropped")
        assert {point.tag("reason") for point in dropped} == {"name_taken"}
        said = collector.wait_for_log("W! .*name_taken.*", 30)
        assert "site cpu usage" in said[0] or "disk idle" in said[0]
        assert verify(stage, at, at + 5 * SECOND)["equal"]
        stage.delete_measurement("site cpu")
        found = verify(stage, at, at + 5 * SECOND)
        assert (found["missing"], found["extra"], found["equal"]) == (9, 0, False)
        assert stage.marks()[-1]["held"] == ""


def _fields(number: int) -> list[tuple[str, str]]:
    return [("idle", str(number)), ("said", f"a{number}"), ("other", str(number))]


@pytest.mark.timeout(300)
def test_another_rename_begins_where_the_proof_was_and_says_what_stands_there_twice(site: Site, tmp_path: Path) -> None:
    keys: dict[str, Any] = {"start": "-60s", "lookback": "10s"}
    stage = Stage(site, tmp_path, "another", rename={"measurements": {"m": "first"}}, **keys)
    at = (time.time_ns() // SECOND - 30) * SECOND
    stage.write(f"m v=1 {at}")
    with stage.collector() as collector:
        stage.wait_for_proof(at + SECOND, 60)
        fresh = time.time_ns() // SECOND * SECOND
        stage.write(f"m v=2 {fresh}")
        wait_until(lambda: ("first", "v", "2", fresh) in names(stage), "the fresh point", 30)
        stage.write_queries(rename={"measurements": {"m": "second"}}, **keys)
        said = collector.wait_for_log("W! .*was changed: from .* on it is copied so.*", 60)
        assert "were sent already, and may stand there in both forms" in said[0]
        later = time.time_ns() // SECOND * SECOND
        stage.write(f"m v=3 {later}")
        stage.wait_for_proof(later + SECOND, 60)
        # Nothing is lost, what was proved is not copied again, and what was not is there by both names.
        assert names(stage) == {
            ("first", "v", "1", at),
            ("first", "v", "2", fresh),
            ("second", "v", "2", fresh),
            ("second", "v", "3", later),
        }


def test_an_old_name_is_taken_away_as_the_document_says(site: Site) -> None:
    text = (REPOSITORY / "docs" / "configuration.md").read_text()
    examples = re.findall(
        r"influx delete --bucket (\S+) --start (\S+) --stop (\S+)(?: \\\n)? +--predicate '(.*)'", text
    )
    (bucket, start, stop, measurement), (*same, field) = examples
    assert same == [bucket, start, stop]
    site.central.create_bucket("renamed")

    def left(predicate: str) -> set[str]:
        at = int(datetime.fromisoformat(start).timestamp()) * SECOND
        lines = [f"cpu,field={name},host={host} {name}=1 {at}" for name in ("usage", "idle") for host in "ab"]
        lines += [f"cpu,host=a usage=2 {at}", f"mem,field=usage usage=1 {at}"]
        site.central.write("renamed", "\n".join(lines).encode())
        site.central.delete("renamed", predicate, start, stop)
        found = site.central.points("renamed", at, at + SECOND)
        return {f"{point.measurement} {point.field} {point.tag('field') or '-'} {point.tag('host')}" for point in found}

    every = left('_measurement="none"')
    assert len(every) == 6
    assert every - left(measurement) == {each for each in every if each.startswith("cpu ")}
    assert every - left(field) == {"cpu usage usage a", "cpu usage usage b"}
    assert left('_measurement!="cpu"') == every
    for predicate in ('_measurement="cpu" AND field="usage"', "host=a OR host=b", "host=~/a/"):
        with pytest.raises(HttpRefused, match="400"):
            left(predicate)
    with pytest.raises(HttpRefused, match="delete by field is not supported"):
        left('_measurement="cpu" AND _field="usage"')
