"""backfill: the plan, the request point, and the progress by marks that the test writes as the plugin would."""

from __future__ import annotations

import json
import re
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab.influxd import InfluxServer
from lab.loopback import wait_until
from telegraf_plugin.stream.pause import Pause, Paused
from telegraf_plugin.stream.spans import NOTHING, Spans
from tests.engines.operator_site import HOUR, PROGRAM, SECOND, Operator

NOW = time.time_ns() // SECOND * SECOND
ORIGIN = NOW - HOUR
START = NOW - 5 * HOUR
# Not "-5h": the tests run some minutes after they were collected.
FROM = datetime.fromtimestamp(START // SECOND, UTC).strftime("--from=%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def operator(tmp_path: Path, pod: InfluxServer, central: InfluxServer, request: pytest.FixtureRequest) -> Operator:
    """A stream that begins an hour ago, with 4 hours of 60 points before that."""
    bucket = request.node.name
    pod.create_bucket(bucket)
    central.create_bucket(bucket, retention_s=3 * 3600 if "retention" in bucket else 0)
    pod.write(bucket, "\n".join(f"m v={n} {START + n * 60 * SECOND}" for n in range(240)).encode())
    made = Operator(tmp_path, pod, central, bucket)
    made.mark(ORIGIN, NOTHING)
    return made


def test_a_dry_run_plans_and_asks_for_nothing(operator: Operator) -> None:
    report = operator.json("backfill", operator.label, FROM, "--dry-run")
    plan = report["plan"]
    assert 238 <= plan["points"] <= 240
    assert 4 <= plan["windows"] <= 5
    assert plan["spans"][-1][1] == ORIGIN
    assert report["request"] is None
    assert operator.requests() == []
    ended = operator.run("backfill", operator.label, FROM, "--dry-run")
    assert ended.returncode == 0
    assert "points in" in ended.stdout
    assert re.search(r"about \d.* points a second\), done about \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ\n", ended.stdout)


def test_a_plan_says_that_a_backlog_is_paused(operator: Operator) -> None:
    operator.mark(ORIGIN, NOTHING, pause=Pause("x", Paused.BACKLOG, NOW))
    ended = operator.run("backfill", operator.label, FROM, "--dry-run")
    assert ended.returncode == 0
    assert "its backlog is paused since" in ended.stdout
    assert "it waits until data-collector resume" in ended.stdout


def test_what_centrals_retention_would_refuse_is_told_and_left_out(operator: Operator) -> None:
    plan = operator.json("backfill", operator.label, FROM, "--dry-run")["plan"]
    since = (time.time_ns() - NOW) // (60 * SECOND) + 1  # minutes, a point each, that central's retention has moved on
    assert 115 - since <= plan["points"] <= 121
    assert 118 <= plan["refused_points"] <= 122 + since
    assert plan["spans"][0][0] == plan["refused_spans"][0][1]
    assert "central keeps nothing older" in operator.run("backfill", operator.label, FROM, "--dry-run").stdout


def test_a_request_is_a_point_that_the_same_command_finds_again(operator: Operator) -> None:
    first = operator.json("backfill", operator.label, "--from=-4h", "--no-wait")
    again = operator.json("backfill", operator.label, "--from=-3h", "--no-wait")
    assert again["request"]["id"] == first["request"]["id"]
    (asked,) = operator.requests()
    assert (asked["id"], asked["kind"], asked["cancelled"]) == (first["request"]["id"], "backfill", "false")
    assert Spans.parse(asked["spans"]).hull == tuple(first["request"]["spans"][0])
    more = operator.json("backfill", operator.label, FROM, "--no-wait")
    assert more["request"]["id"] != first["request"]["id"]
    assert len(operator.requests()) == 2


def test_what_is_proved_is_not_asked_for_again(operator: Operator) -> None:
    operator.mark(ORIGIN, Spans.of([(START - HOUR, ORIGIN - HOUR)]))
    report = operator.json("backfill", operator.label, FROM, "--no-wait")
    assert report["request"]["spans"] == [[ORIGIN - HOUR, ORIGIN]]
    operator.mark(ORIGIN, Spans.of([(START - HOUR, ORIGIN)]), request=report["request"]["id"])
    ended = operator.run("backfill", operator.label, FROM)
    assert ended.returncode == 0
    assert "nothing to do" in ended.stdout


def test_it_watches_until_the_marks_carry_its_id(operator: Operator) -> None:
    command = [str(PROGRAM), "backfill", "--config", "queries.yaml", operator.label, FROM, "--json"]
    with subprocess.Popen(command, env=operator.env, cwd=operator.folder, stdout=subprocess.PIPE, text=True) as running:
        (asked,) = wait_until(operator.requests, "the request", 20)
        operator.mark(ORIGIN, Spans.of([(ORIGIN - 2 * HOUR, ORIGIN)]))
        half = operator.json("status", status=1)["streams"][0]["request"]
        assert half["stage"] == "running"
        assert 0.45 < half["proved_share"] < 0.55
        assert running.poll() is None
        operator.mark(START, Spans.of([(START - HOUR, ORIGIN)]), request=asked["id"])
        out, _ = running.communicate(timeout=20)
    assert running.returncode == 0
    assert json.loads(out)["request"]["stage"] == "done"


def test_cancel_takes_the_request_back_and_is_safe_to_repeat(operator: Operator) -> None:
    asked = operator.json("backfill", operator.label, FROM, "--no-wait")["request"]["id"]
    assert operator.json("backfill", operator.label, "--cancel")["cancelled"] == asked
    assert operator.json("backfill", operator.label, "--cancel")["cancelled"] is None
    assert [each["cancelled"] for each in operator.requests()] == ["false", "true"]
    assert {each["id"] for each in operator.requests()} == {asked}


def test_a_token_that_may_not_write_is_told_so(operator: Operator) -> None:
    operator.env["CENTRAL_TOKEN"] = operator.central.token_for(read=[operator.bucket, "metrics"])
    ended = operator.run("backfill", operator.label, FROM, "--no-wait")
    assert ended.returncode == 2
    assert f"the token may not write to bucket {operator.bucket} (403)" in ended.stderr
    assert "data-collector permissions central" in ended.stderr
    assert operator.requests() == []


def test_without_a_ledger_there_is_nobody_to_ask(tmp_path: Path, pod: InfluxServer, central: InfluxServer) -> None:
    pod.create_bucket("never")
    central.create_bucket("never")
    ended = Operator(tmp_path, pod, central, "never").run("backfill", "POD-1/never", FROM)
    assert ended.returncode == 2
    assert "there is no mark of it in central" in ended.stderr


def test_without_from_it_says_what_is_needed(operator: Operator) -> None:
    ended = operator.run("backfill", operator.label)
    assert ended.returncode == 2
    assert "--from is needed, or --cancel" in ended.stderr


def test_a_source_cannot_ask_for_anything(operator: Operator) -> None:
    line = f'collector_request,source=POD-1,stream={operator.bucket},source_bucket=b,field=id id="x",kind="backfill"'
    operator.central.write(operator.bucket, f'{line},spans="1/2",cancelled=false {time.time_ns()}'.encode())
    assert operator.json("status", status=1)["streams"][0]["request"] is None
