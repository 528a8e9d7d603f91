"""preview: the lines of a span, as they are after the real Telegraf's processors, and their outputs."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from lab import engines
from lab.engines import REPOSITORY
from lab.influxd import InfluxServer
from tests.engines.operator_site import SECOND, Operator
from tests.unit.start_bench import own_python

CONF = REPOSITORY / "telegraf.conf"


@pytest.fixture
def operator(tmp_path: Path, pod: InfluxServer, central: InfluxServer, request: pytest.FixtureRequest) -> Operator:
    bucket = request.node.name.replace("[", "-").replace("]", "")  # where telegraf.conf has patterns
    pod.create_bucket(bucket)
    central.create_bucket(bucket)
    shutil.copy(CONF, tmp_path / "telegraf.conf")
    made = Operator(tmp_path, pod, central, bucket)
    variables = {
        "INFLUXDB_CENTRAL_URL": central.url,
        "INFLUXDB_CENTRAL_TOKEN": central.token,
        "INFLUXDB_CENTRAL_ORG": central.org,
        "INFLUXDB_CENTRAL_BUCKET": "metrics",
        "SERVER_A_BUCKET": bucket,
        "SERVER_B_BUCKET": "pods",
        "SERVER_B_BUCKET_2": "power",
    }
    made.env |= variables | {"PATH": os.pathsep.join([made.env["PATH"], str(engines.telegraf().parent)])}
    return made


def write(operator: Operator) -> int:
    at = time.time_ns() - 20 * SECOND + 123
    lines = [
        f"rack,host=POD-8,name=a\\ b volts=230.5 {at}",
        f"rack,host=POD-8,name=a\\ b serial=18446744073709551615u {at}",
    ]
    lines.append(f'rack,host=x note="one\\" line\nanother > line" {at}')
    operator.pod.write(operator.bucket, "\n".join(lines).encode())
    return at


def test_lines_on_standard_output_and_where_they_go_on_standard_error(operator: Operator) -> None:
    at = write(operator)
    ended = operator.run("preview", operator.label)
    assert ended.returncode == 0, ended.stderr
    lines = sorted(ended.stdout.splitlines())
    added = f"source_bucket={operator.bucket}"
    assert lines == [
        f'rack,field=note,host=x,{added} note="one\\" line\\nanother > line" {at}',
        f"rack,field=serial,host=POD-8,name=a\\ b,{added} serial=18446744073709551615u {at}",
        f"rack,field=volts,host=POD-8,name=a\\ b,{added} volts=230.5 {at}",
    ]
    assert f"rack\tpod_8\t2\toutputs.influxdb_v2[system] (bucket {operator.bucket})" in ended.stderr
    assert "nothing was sent" in ended.stderr
    now = time.time_ns()
    assert not operator.central.points(operator.bucket, now - 600 * SECOND, now + SECOND)


def test_the_processors_are_the_real_telegrafs(operator: Operator) -> None:
    at = write(operator)
    report = operator.json("preview", operator.label)
    assert report["processed"]
    assert len(report["after"]) == 3
    volts = next(each for each in report["after"] if "volts" in each["line"])
    assert "host=pod_8" in volts["line"]
    assert volts["line"].endswith(f" {at}")
    assert volts["outputs"] == [{"output": "outputs.influxdb_v2[system]", "bucket": operator.bucket}]
    note = next(each for each in report["after"] if "note" in each["line"])
    assert note["line"].endswith(f'note="one\\" line\nanother > line" {at}')


def test_a_token_that_is_a_reference_to_a_secret_store_is_not_needed(operator: Operator) -> None:
    write(operator)
    operator.env["INFLUXDB_CENTRAL_TOKEN"] = "@{secrets:central_token}"
    assert operator.json("preview", operator.label)["processed"]


def test_the_telegraf_of_the_clone_is_used_and_without_one_names_are_those_before_the_processors(
    operator: Operator, tmp_path: Path
) -> None:
    write(operator)
    operator.program = own_python(tmp_path)
    operator.env["PATH"] = os.defpath
    built = tmp_path / ".engines" / "bin" / "telegraf"
    built.parent.mkdir(parents=True)
    built.symlink_to(engines.telegraf())
    ended = operator.run("preview", operator.label)
    assert ended.returncode == 0
    assert "rack\tpod_8\t2\t" in ended.stderr
    built.unlink()
    operator.env["PATH"] = "/nowhere:/bin"
    ended = operator.run("preview", operator.label)
    assert ended.returncode == 0
    assert "telegraf is neither on PATH nor in .engines/bin" in ended.stderr
    assert "rack\tPOD-8\t2\t" in ended.stderr


def test_lines_that_no_output_takes_are_status_1(operator: Operator) -> None:
    write(operator)
    operator.env["SERVER_A_BUCKET"] = "another"
    ended = operator.run("preview", operator.label)
    assert ended.returncode == 1
    assert "nowhere: no output takes it" in ended.stderr


def test_a_limit_and_a_span(operator: Operator) -> None:
    write(operator)
    report = operator.json("preview", operator.label, "--limit", "2")
    assert (len(report["lines"]), report["more"]) == (2, True)
    assert operator.json("preview", operator.label, "--from=-10s")["lines"] == []
