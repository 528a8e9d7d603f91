"""`data-collector permissions`: the least that each token needs, as shell that stays shell whatever the names hold."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from telegraf_plugin import cli
from telegraf_plugin.commands.permissions import Grant, grants, script
from telegraf_plugin.config.load import load

PROGRAM = Path(sys.executable).parent / "data-collector"


def document() -> dict[str, Any]:
    def streams(*buckets: str) -> list[dict[str, str]]:
        return [{"bucket": bucket, "name": str(number)} for number, bucket in enumerate(buckets)]

    server = {"org": "o", "token": "${NOT_THERE_YET}"}
    return {
        "metadata_tags": ["source_bucket", "source"],  # both have a bucket power
        "central": {"url": "http://central:8086", "org": "main", "token_file": "/not/there/yet"},
        "sources": [
            {"name": "POD-1", "url": "http://pod-1:8086", "streams": streams("cpu", "power", "cpu"), **server},
            {"name": "POD-2", "url": "http://pod-2:8086", "streams": streams("power"), **server},
        ],
    }


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path, document())


def written(tmp_path: Path, content: dict[str, Any]) -> Path:
    path = tmp_path / "queries.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
    return path


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["permissions", *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def test_a_source_is_read_only_and_central_read_and_written_each_bucket_once(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = json.loads(printed(capsys, "--json", "--config", str(file)))["tokens"]
    assert [(t["server"], t["org"], t["read"], t["write"]) for t in found] == [
        ("central", "main", ["cpu", "power", "metrics"], ["cpu", "power", "metrics"]),
        ("POD-1", "o", ["cpu", "power"], []),
        ("POD-2", "o", ["power"], []),
    ]


def test_central_can_have_a_token_that_reads_and_one_that_writes(tmp_path: Path) -> None:
    content = document()
    content["central"]["metrics_bucket"] = "own"
    reads, writes, *sources = grants(load(written(tmp_path, content), {}, tokens=False), separate=True)
    assert (reads.read, reads.write) == (("cpu", "power", "own"), ())
    assert (writes.read, writes.write) == ((), ("cpu", "power", "own"))
    assert [grant.write for grant in sources] == [(), ()]


def test_the_bucket_of_own_metrics_is_the_configurations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = document()
    content["central"]["metrics_bucket"] = "own"
    assert "--name=own " in printed(capsys, "--config", str(written(tmp_path, content)), "central")


def test_a_flux_of_ones_own_is_remarked_on_since_it_may_read_more(tmp_path: Path) -> None:
    content = document()
    content["sources"][1]["streams"][0]["flux"] = "from(bucket: bucket) |> range(start: start, stop: stop)"
    *_, pod_2 = grants(load(written(tmp_path, content), {}, tokens=False))
    assert pod_2.remarks == ("POD-2/0 has a flux of its own: add the buckets that it names, if there are others",)
    assert "# POD-2/0 has a flux" in "\n".join(script(pod_2))


def test_one_server_can_be_asked_for_and_an_unknown_one_is_said(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys, "--config", str(file), "POD-2")
    assert out.startswith("# POD-2: http://pod-2:8086, organization o\n")
    assert out.count("influx auth create") == 1
    assert cli.main(["permissions", "--config", str(file), "POD-3"]) == 2
    told = capsys.readouterr().err
    assert "no server is called 'POD-3'; did you mean POD-" in told
    assert "there are: central, POD-1, POD-2" in told


def test_a_configuration_that_cannot_be_used_is_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = document()
    content["central"]["url"] = "ftp://central"
    assert cli.main(["permissions", "--config", str(written(tmp_path, content))]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"E! {tmp_path}/queries.yaml: central.url: expected http://host:port")


def test_help_has_an_example_and_the_exit_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["permissions", "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "sh pod-8.sh" in text
    assert "exit status: 0 printed, 2" in text


NASTY = ["a b", "$(touch made)", "`touch made`", "'; touch made; '", '"', "\\", "-n", "--name", "*", "#x", "ö ✓ 漢"]


def test_whatever_the_names_hold_they_stay_words_of_the_command(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    # Writes its arguments down, each ended by NUL, and answers a lookup with an ID.
    (folder / "influx").write_text(
        f'#!/bin/sh\nprintf "%s\\0" "$@" >> {shlex.quote(str(tmp_path / "calls"))}\n'
        f'printf "%s\\0" "$INFLUX_HOST" "$INFLUX_ORG" > {shlex.quote(str(tmp_path / "server"))}\n'
        '[ "$1" = bucket ] && printf "0123456789abcdef\\tname\\n"\n:\n'
    )
    (folder / "influx").chmod(0o755)
    org = "o $(touch made) ' \" `"
    grant = Grant("POD-1", "http://pod-1:8086", org, "a'b", tuple(NASTY), ("-n", "other"), ("a remark $(touch made)",))
    env = {"PATH": f"{folder}:{os.defpath}", "INFLUX_TOKEN": "t"}
    ended = subprocess.run(
        ["sh", "-eu"],
        input="\n".join(script(grant)),
        env=env,
        cwd=tmp_path,
        text=True,
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert not (tmp_path / "made").exists()
    assert (tmp_path / "server").read_text().split("\0")[:2] == ["http://pod-1:8086", org]
    calls = (tmp_path / "calls").read_text().split("\0")[:-1]
    lookups = [
        part for bucket in [*NASTY, "other"] for part in ("bucket", "list", f"--name={bucket}", "--hide-headers")
    ]
    identity = "0123456789abcdef"
    flags = [flag for bucket in NASTY for flag in (["--read-bucket"] + ["--write-bucket"] * (bucket == "-n"))]
    assert calls == [
        *lookups,
        *("auth", "create", "--description=a'b"),
        *(part for flag in [*flags, "--write-bucket"] for part in (flag, identity)),
    ]


def test_a_bucket_that_is_not_found_stops_the_commands(tmp_path: Path) -> None:
    (tmp_path / "influx").write_text('#!/bin/sh\n[ "$1" = auth ] && touch made\nexit 1\n')
    (tmp_path / "influx").chmod(0o755)
    grant = Grant("POD-1", "http://pod-1:8086", "o", "d", ("gone",), ())
    env = {"PATH": f"{tmp_path}:{os.defpath}", "INFLUX_TOKEN": "t"}
    for given in (env, {"PATH": env["PATH"]}):
        ended = subprocess.run(
            ["sh"], input="\n".join(script(grant)), env=given, cwd=tmp_path, text=True, capture_output=True, check=False
        )
        assert ended.returncode != 0
        assert not (tmp_path / "made").exists()


def test_an_org_by_its_id_is_handed_over_as_one() -> None:
    by_name = Grant("central", "http://c:8086", "central", "d", ("b",), ())
    by_id = Grant("central", "http://c:8086", "4f40396a93638c0c", "d", ("b",), ())
    assert "INFLUX_ORG=central" in "\n".join(script(by_name))
    assert "INFLUX_ORG_ID=4f40396a93638c0c" in "\n".join(script(by_id))


def test_of_an_influxdb_1_the_user_is_made_and_its_password_is_not_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("P", "the secret itself")
    content = document()
    streams = [{"database": "a 'b'"}, {"database": "a 'b'", "retention_policy": "week"}, {"database": "c"}]
    server = {"name": "POD-3", "url": "http://pod-3:8086", "streams": streams}
    content["sources"] += [{**server, "username": "u", "password": "${P}"}, {**server, "name": "POD-4"}]
    file = str(written(tmp_path, content))
    text = printed(capsys, "POD-3", "--config", file)
    assert "the secret itself" not in text
    calls = [shlex.split(line)[-1] for line in text.splitlines() if line.startswith("curl")]
    assert calls == [
        "q=CREATE USER \"u\" WITH PASSWORD '$PASSWORD'",
        'q=GRANT READ ON "a \'b\'" TO "u"',
        'q=GRANT READ ON "c" TO "u"',
    ]
    without = printed(capsys, "POD-4", "--config", file)
    assert all(line.startswith("#") for line in without.splitlines())
    (token,) = json.loads(printed(capsys, "POD-3", "--json", "--config", file))["tokens"]
    assert (token["v1"], token["user"], token["read"]) == (True, "u", ["a 'b'/autogen", "a 'b'/week", "c/autogen"])
