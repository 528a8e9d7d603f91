"""The commands on a source that is an InfluxDB 1.x: what doctor says, and the user that permissions makes."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.influxd import InfluxServer
from lab.influxd_v1 import ADMIN, ADMIN_PASSWORD, V1Server
from tests.engines.operator_site import SECOND, Operator

pytestmark = pytest.mark.influxdb_v1


class V1Operator(Operator):
    """The same with a source that is an InfluxDB 1.x; the database is called like the bucket in central."""

    def __init__(self, folder: Path, server: V1Server, central: InfluxServer, database: str) -> None:
        self.server = server
        env = {"TOKEN": server.password}
        super().__init__(folder, central, central, database, env=env)

    def configure(self, **changes: Any) -> None:
        source_keys = changes.pop("source", {})
        super().configure(**{"central_bucket": self.bucket, "name": self.bucket} | changes)
        file = self.folder / "queries.yaml"
        document = yaml.safe_load(file.read_text())
        (source,) = document["sources"]
        for key in ("org", "token", "read"):  # which way is told by the version, or by the test
            source.pop(key, None)
        (stream,) = source["streams"]
        stream.setdefault("database", stream.pop("bucket"))
        source |= {"url": self.server.url, "username": self.server.user, "password": "${TOKEN}"} | source_keys
        file.write_text(yaml.safe_dump(document))

    def checks(self, status: int) -> dict[str, dict[str, Any]]:
        """What doctor finds, by what it looks at: of the source and its stream."""
        found = self.json("doctor", status=status)["checks"]
        return {check["what"]: check for check in found if check["where"] != "central"}


@pytest.fixture(scope="module", params=["1.6", "1.13"])
def v1(request: pytest.FixtureRequest) -> Iterator[V1Server]:
    with V1Server(request.param) as running:
        yield running


def test_doctor_says_what_is_there_and_what_is_wrong(v1: V1Server, central: InfluxServer, tmp_path: Path) -> None:
    database = f"pods_{v1.version}"
    v1.create_database(database, f'CREATE RETENTION POLICY week ON "{database}" DURATION 8w REPLICATION 1')
    central.create_bucket(database)
    now = time.time_ns()
    v1.write(database, f"cpu,host=a usage=1.5 {now - SECOND}\nmem free=1i {now - SECOND}\n_tags v=1 {now}".encode())
    v1.write(database, f"old v=1 {now - SECOND}".encode(), "week")
    operator = V1Operator(tmp_path, v1, central, database)
    found = operator.checks(0)
    assert f"answers, InfluxDB {v1.version}." in found["reach"]["found"]
    assert "version" not in found
    assert found["clock"]["state"] == "ok"
    assert found[f"bucket {database}/autogen: read"]["found"] == "may be read, kept for ever"
    assert found["last hour"]["found"] == "2 points: cpu 1, mem 1"
    assert found["field types"]["found"].startswith("fields: 2, none")
    assert found["measurement _tags"]["state"] == "warning"
    assert "read: flux" in found["measurement _tags"]["remedy"]

    operator.configure(retention_policy="week")
    found = operator.checks(0)
    assert found["retention"]["found"] == "source kept 56 d; central kept for ever"
    assert found["last hour"]["found"] == "1 points: old 1"

    for wrong, what, text in (
        ({"retention_policy": "month"}, f"bucket {database}/month: read", "there are: autogen, week"),
        ({"database": "elsewhere"}, "bucket elsewhere/autogen: read", "requires READ on elsewhere"),
    ):
        operator.configure(**wrong)
        assert text in operator.checks(1)[what]["found"]
    operator.configure(source={"username": "nobody"})
    refused = operator.checks(1)["user"]
    assert "user or password is refused (401)" in refused["found"]
    assert "username and password" in refused["remedy"]

    operator.configure(source={"read": "flux"})
    if v1.version == "1.6":
        assert "no Flux that read: flux could use" in operator.checks(1)["version"]["found"]
    else:
        assert operator.checks(0)["last hour"]["found"] == "3 points: _tags 1, cpu 1, mem 1"


def test_the_commands_of_permissions_make_a_user_who_reads_and_nothing_else(
    v1: V1Server, central: InfluxServer, tmp_path: Path
) -> None:
    database = f"granted {v1.version}"
    v1.create_database(database, read=False)
    central.create_bucket(database)
    operator = V1Operator(tmp_path, v1, central, database)
    operator.configure(source={"username": 'the "new" one'})
    operator.env |= {"TOKEN": "its own password"}
    printed = operator.run("permissions", "POD-1")
    assert printed.returncode == 0, printed.stderr
    assert operator.env["TOKEN"] not in printed.stdout
    admin = {"INFLUX_USERNAME": ADMIN, "INFLUX_PASSWORD": ADMIN_PASSWORD, "PASSWORD": operator.env["TOKEN"]}
    env = {"PATH": os.environ["PATH"]} | admin
    made = subprocess.run(["sh", "-eu"], input=printed.stdout, env=env, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    assert "error" not in made.stdout
    assert operator.checks(0)[f"bucket {database}/autogen: read"]["state"] == "ok"
    (grants,) = v1.query('SHOW GRANTS FOR "the \\"new\\" one"')
    assert grants["values"] == [[database, "READ"]]


def test_a_server_of_another_version_than_its_keys_say(v1: V1Server, central: InfluxServer, tmp_path: Path) -> None:
    central.create_bucket(f"other {v1.version}")
    operator = V1Operator(tmp_path, v1, central, f"other {v1.version}")
    Operator.configure(operator)  # as of an InfluxDB 2
    operator.env |= {"TOKEN": "a-token-of-no-server"}
    file = tmp_path / "queries.yaml"
    document = yaml.safe_load(file.read_text())
    document["sources"][0]["url"] = v1.url
    file.write_text(yaml.safe_dump(document))
    found = operator.checks(1)["version"]
    assert found["found"].startswith(f"{v1.version}.")
    assert "is no InfluxDB 2" in found["found"]
    assert "username, password, and the database" in found["remedy"]
