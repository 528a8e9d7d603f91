"""No diagnosis stops delivery, arrived means compared, and a start looks before it speaks or prints again."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
import yaml

from lab.loopback import wait_until
from lab.site import Site
from lab.telegraf import TelegrafProcess
from tests.engines.stage import SECOND, Stage
from tests.meddler import Meddler

ERROR = b'{"code":"internal error","message":"memory allocation limit reached"}'
IN_TIME_S = 10.0
"""Interval 1 s, Telegraf's flush 1 s, and a busy machine."""


def arrives(stage: Stage, line: str) -> float:
    """Write a point of now and return how many seconds it takes until central has it."""
    at = time.time_ns()
    stage.write(f"{line} {at}")
    wait_until(lambda: at in {point.time_ns for point in stage.landed()}, f"{line} of now", IN_TIME_S, 0.1)
    return (time.time_ns() - at) / SECOND


@pytest.mark.timeout(300)
def test_a_tag_that_telegraf_adds_is_named_and_live_data_goes_on(site: Site, tmp_path: Path) -> None:
    stage = Stage(site, tmp_path, "tagged", lookback="3s", start="-30s")
    conf = stage.folder / "telegraf.conf"
    text = conf.read_text()
    conf.unlink()  # it leads to the one that is shipped
    conf.write_text('[global_tags]\n  dc = "eu"\n' + text)
    with stage.collector() as collector:
        arrives(stage, "cpu,host=POD-8 idle=1")
        said = collector.wait_for_log("E! .*central lacks .* of field 'idle' of measurement 'cpu'.*", 60)
        assert "differs: " in said[0]
        assert "dc=eu" in said[0]
        assert "refuse" not in said[0]
        slowest = max(arrives(stage, f"cpu,host=POD-{number} idle={number}") for number in range(15))
        assert slowest < IN_TIME_S
        stage.wait_for_health(503, 10)  # nothing can be proved of what was held: that is no good health
        errors = [point.value for point in stage.measured("collector_stream") if point.field == "last_error"]
        assert any("central lacks" in each for each in errors)


@pytest.mark.timeout(300)
def test_one_old_point_of_another_type_holds_up_no_point_of_now(site: Site, tmp_path: Path) -> None:
    """Central has the field as an integer in one shard group, an hour long, three hours ago."""
    stage = Stage(site, tmp_path, "sharded", lookback="3s", start="earliest")
    stage.central.set_shard_groups("sharded", 3600)
    stage.source.set_shard_groups("sharded", 3600)
    old = time.time_ns() - 3 * 3600 * SECOND
    stage.central.write(stage.name, f"cpu,host=x,field=idle,source_bucket=sharded idle=1i {old}\n".encode())
    stage.write(*(f"cpu,host=POD-{number} idle={number}.5 {old + number}" for number in range(5)))
    with stage.collector() as collector:
        arrives(stage, "cpu,host=POD-8 idle=1.5")
        said = collector.wait_for_log("E! .*central lacks .* of field 'idle' of measurement 'cpu'.*", 90)
        assert "refused: it is float here and integer in central" in said[0]
        assert max(arrives(stage, f"cpu,host=POD-{number} idle={number}.5") for number in range(10)) < IN_TIME_S
        # What is of now is proved as well: the hold is of that hour.
        now = time.time_ns()
        wait_until(lambda: stage.proved().touches((now - 2 * SECOND, now)), "proof of now", 30, 0.2)


@pytest.mark.timeout(300)
def test_what_cannot_be_counted_in_central_has_not_arrived_and_that_is_bad_health(site: Site, tmp_path: Path) -> None:
    stage = Stage(site, tmp_path, "uncounted", lookback="5s", start="-30s")

    def refuse(path: str, body: bytes) -> tuple[int, bytes] | None:
        reads_data = path.startswith("/api/v2/query") and b"collector_" not in body.replace(b"!= ", b"")
        return (500, ERROR) if broken and (b"count()" in body or reads_data) else None

    broken = False
    with Meddler(stage.central.url, refuse) as meddler:
        document = yaml.safe_load((stage.folder / "own.yaml").read_text())
        document["central"]["url"] = meddler.url
        (stage.folder / "own.yaml").write_text(yaml.safe_dump(document))
        with stage.collector() as collector:
            stage.wait_for_health(200, 30)
            broken = True
            arrives(stage, "m v=1")
            stage.wait_for_health(503, 20)
            said = collector.wait_for_log("E! .*cannot be compared with central's bucket uncounted.*", 20)
            assert "memory allocation limit" in said[0]
            arrives(stage, "m v=2")  # what is new goes on
            broken = False
            stage.wait_for_health(200, 40)
            collector.wait_for_log("W! .*can be compared with central again", 20)
        assert meddler.refused


@pytest.mark.timeout(300)
def test_after_a_restart_nothing_is_accused_and_nothing_is_printed_twice(site: Site, tmp_path: Path) -> None:
    stage = Stage(site, tmp_path, "again", interval_s=2, lookback="20s", start="-600s")
    now = time.time_ns()
    stage.write(*(f"m,host=POD-8 v={number}i {now - number * SECOND}" for number in range(500)))
    with stage.collector():
        stage.wait_for_all(40)
        stage.wait_for_proof(now - 300 * SECOND, 60)
        stage.wait_for_health(200, 30)
    before = len(stage.log())
    with stage.collector() as collector:
        took = stage.wait_for_health(200, 20)
        assert took < 15
        wait_until(lambda: collector.log()[before:].count("cycle:") >= 4, "four cycles", 30)
        log = collector.log()[before:]
    assert "lacked points" not in log
    assert "lacks" not in log
    sent = sum(int(found) for found in re.findall(r"points read, (\d+) sent", log))
    assert sent < 100  # what is live, and no history


def test_a_reload_is_no_bad_health(site: Site, tmp_path: Path) -> None:
    stage = Stage(site, tmp_path, "reloaded", interval_s=1, lookback="10s", start="-60s")
    with stage.collector() as collector:
        arrives(stage, "m v=1")
        stage.wait_for_health(200, 30)
        document = yaml.safe_load((stage.folder / "own.yaml").read_text())
        document["sources"][0]["streams"][0]["max_lag"] = "5m"
        (stage.folder / "own.yaml").write_text(yaml.safe_dump(document))
        seen: set[int] = set()

        def reloaded() -> bool:
            seen.add(TelegrafProcess.health(stage.port))
            return collector.log().count("collector started") >= 2

        wait_until(reloaded, "the reload", 20, 0.1)
        begun = len(collector.log())

        def five_cycles() -> bool:
            seen.add(TelegrafProcess.health(stage.port))
            return collector.log()[begun:].count("cycle: ") >= 5

        wait_until(five_cycles, "five cycles", 20, 0.1)
        assert seen == {200}


def test_a_point_now_and_then_that_cannot_pass_is_nothing_that_central_lacks(site: Site, tmp_path: Path) -> None:
    """Spans without such a point, whose counts are alike, had those with one copied anew at each tick: bad health."""
    stage = Stage(site, tmp_path, "now and then", interval_s=3, lookback="60s", start="-30s")
    with stage.collector():
        stage.wait_for_health(200, 20)
        for number in range(30):
            at = time.time_ns()
            stage.write(f"m,k=v v={number}i {at}", *([f"a\tb,k=v v=1i {at}"] if number % 9 == 0 else []))
            wait_until(lambda at=at: time.time_ns() > at + SECOND, "the next second")  # type: ignore[misc]
        wait_until(lambda: len(stage.landed()) == 30, "all that can pass", 20, 0.2)
    lags = [float(point.value) for point in stage.measured("collector_stream") if point.field == "lag_seconds"]
    assert max(lags) < 15
    assert "(unwritable_name)" in stage.log()
