"""doctor against things that are broken on purpose: each is found, with a remedy, and nothing is written."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.influxd import InfluxServer
from tests.engines.operator_site import HOUR, SECOND, Operator, mapped


@pytest.fixture
def operator(tmp_path: Path, pod: InfluxServer, central: InfluxServer, request: pytest.FixtureRequest) -> Operator:
    bucket = request.node.name.partition("[")[0]
    pod.create_bucket(bucket)
    central.create_bucket(bucket)
    now = time.time_ns()
    pod.write(bucket, f"cpu,host=a usage=1.5 {now - SECOND}\ncpu,host=a usage=2.5 {now - 2 * SECOND}\n".encode())
    pod.write(bucket, f"mem,host=a free=1i {now - SECOND}\n".encode())
    return Operator(tmp_path, pod, central, bucket)


def bad(report: Any) -> dict[str, Any]:
    """The checks that are not well, by what they look at."""
    return {check["what"]: check for check in report["checks"] if check["state"] == "bad"}


def clocks(report: Any) -> dict[str, str]:
    """How each server's clock is, by server."""
    return {check["where"]: check["state"] for check in report["checks"] if check["what"] == "clock"}


def test_all_that_is_well_is_told_with_what_was_found(operator: Operator) -> None:
    ended = operator.run("doctor")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.splitlines()[-1].startswith("all is well")
    assert "3 points: cpu 2, mem 1" in ended.stdout
    assert "clock\tok" in ended.stdout
    assert "source kept for ever; central kept for ever" in ended.stdout
    assert "fields: 2, none that central refuses" in ended.stdout


def test_nothing_is_written(operator: Operator) -> None:
    assert operator.run("doctor").returncode == 0
    now = time.time_ns()
    for bucket in (operator.bucket, "metrics"):
        assert not operator.central.points(bucket, now - HOUR, now + HOUR)
    assert len(operator.pod.points(operator.bucket, now - HOUR, now + HOUR)) == 3


def test_a_token_that_is_refused(operator: Operator) -> None:
    operator.env["TOKEN"] = "not-a-token-of-it"
    found = bad(operator.json("doctor", status=1))
    assert found["token"]["where"] == "POD-1"
    assert "401" in found["token"]["found"]
    assert "check the token" in found["token"]["remedy"]


def test_a_token_that_was_deactivated_is_told_from_a_bucket_that_is_not_there(operator: Operator) -> None:
    """InfluxDB answers such a token as if no bucket were there."""
    operator.pod.set_active(operator.env["TOKEN"], False)
    found = bad(operator.json("doctor", status=1))
    (check,) = found.values()
    assert check["found"].startswith("the token is inactive; InfluxDB says: not found (404)")
    assert check["remedy"].startswith("activate the token at its server")


def test_centrals_token_that_was_deactivated(operator: Operator) -> None:
    operator.central.set_active(operator.env["CENTRAL_TOKEN"], False)
    found = bad(operator.json("doctor", status=1))
    for what in (f"bucket {operator.bucket}: read", f"bucket {operator.bucket}: write", "bucket metrics: read"):
        assert found[what]["found"].startswith("the token is inactive; InfluxDB says: ")
        assert found[what]["remedy"].startswith("activate the token at its server")


def test_a_bucket_that_is_not_there_and_one_that_the_token_may_not_read(operator: Operator) -> None:
    operator.configure(bucket="nowhere", name="s", central_bucket=operator.bucket)
    report = operator.json("doctor", status=1)
    found = bad(report)
    assert "not found (404)" in found["bucket nowhere: read"]["found"]
    assert clocks(report) == {"central": "ok"}  # no reply was one that tells the source's time: no word of a proxy
    assert "data-collector permissions POD-1" in found["bucket nowhere: read"]["remedy"]


def test_a_central_token_that_only_reads(operator: Operator) -> None:
    operator.env["CENTRAL_TOKEN"] = operator.central.token_for(read=[operator.bucket, "metrics"])
    found = bad(operator.json("doctor", status=1))
    assert set(found) == {f"bucket {operator.bucket}: write", "bucket metrics: write"}
    assert "write permission" in found["bucket metrics: write"]["remedy"]


def test_a_central_token_that_only_writes(operator: Operator) -> None:
    operator.env["CENTRAL_TOKEN"] = operator.central.token_for(write=[operator.bucket, "metrics"])
    found = bad(operator.json("doctor", status=1))
    assert set(found) >= {f"bucket {operator.bucket}: read", "bucket metrics: read"}


def test_a_central_bucket_that_is_not_there(operator: Operator) -> None:
    operator.configure(central_bucket="absent")
    found = bad(operator.json("doctor", status=1))
    assert "create the bucket" in found["bucket absent: write"]["remedy"]


def test_a_field_of_another_type_in_central(operator: Operator) -> None:
    line = mapped(f"cpu,host=other usage=1i {time.time_ns() - SECOND}", "elsewhere", "usage")
    operator.central.write(operator.bucket, line.encode())
    found = bad(operator.json("doctor", status=1))
    assert "cpu usage: float at the source, integer in central" in found["field types"]["found"]
    assert "exclude_fields" in found["field types"]["remedy"]


def test_a_server_that_is_away_does_not_hide_the_others(operator: Operator) -> None:
    text = (operator.folder / "queries.yaml").read_text()
    (operator.folder / "queries.yaml").write_text(text.replace(operator.pod.url, "http://127.0.0.1:9"))
    report = operator.json("doctor", status=1)
    assert {(check["where"], check["what"]) for check in bad(report).values()} == {("POD-1", "reach")}
    assert any(check["what"] == "bucket metrics: read" for check in report["checks"])


def test_a_wrong_org(operator: Operator) -> None:
    text = (operator.folder / "queries.yaml").read_text()
    (operator.folder / "queries.yaml").write_text(text.replace("org: o\n", "org: another\n"))
    report = operator.json("doctor", status=1)
    (check,) = bad(report).values()
    assert "org" in check["remedy"]
    assert clocks(report) == {"central": "ok"}


def test_centrals_wrong_org(operator: Operator) -> None:
    text = (operator.folder / "queries.yaml").read_text()
    (operator.folder / "queries.yaml").write_text(text.replace("org: central\n", "org: another\n"))
    report = operator.json("doctor", status=1)
    assert all("org" in check["remedy"] for check in bad(report).values())
    assert clocks(report) == {"POD-1": "ok"}


def test_one_good_bucket_is_enough_to_tell_the_clock(operator: Operator) -> None:
    text = (operator.folder / "queries.yaml").read_text()
    streams = f"- bucket: nowhere\n    central_bucket: {operator.bucket}\n  - bucket: {operator.bucket}"
    document = yaml.safe_load(text)
    document["sources"][0]["streams"] = yaml.safe_load(streams.replace("\n  ", "\n"))
    (operator.folder / "queries.yaml").write_text(yaml.safe_dump(document))
    assert clocks(operator.json("doctor", status=1)) == {"central": "ok", "POD-1": "ok"}


def test_a_retention_shorter_than_the_sources_is_a_warning(operator: Operator) -> None:
    operator.central.create_bucket("brief", retention_s=3600)
    operator.configure(central_bucket="brief")
    operator.env["CENTRAL_TOKEN"] = operator.central.token
    report = operator.json("doctor")
    (check,) = [check for check in report["checks"] if check["what"] == "retention"]
    assert check["state"] == "warning"
    assert "central kept 1 h" in check["found"]


def test_no_points_in_the_last_hour_is_a_warning(operator: Operator) -> None:
    operator.configure(measurements=["cpu", "disk"])
    report = operator.json("doctor")
    (check,) = [check for check in report["checks"] if check["what"] == "last hour"]
    assert (check["state"], check["found"]) == ("warning", "2 points: cpu 2; none of disk")


def test_a_source_that_nobody_knows_is_status_2(operator: Operator) -> None:
    assert operator.run("doctor", "POD-9").returncode == 2
