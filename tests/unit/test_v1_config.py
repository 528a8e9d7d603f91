"""queries.yaml of an InfluxDB 1.x: what its keys mean, and where its password comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from telegraf_plugin.cli import _secrets
from telegraf_plugin.config import Login
from telegraf_plugin.config.load import load
from telegraf_plugin.influxdb.connect import client_of, reader_of
from telegraf_plugin.influxdb.source import SourceReader
from telegraf_plugin.influxdb.v1_client import V1Client
from telegraf_plugin.influxdb.v1_source import V1SourceReader
from tests.unit.config_bench import BASE, loaded

V1 = BASE.replace("    org: pod\n", "    username: reader\n").replace(
    'token: "${POD_TOKEN}"', 'password: "${PASSWORD}"'
)
V1 = V1.replace("bucket: telegraf", "database: telegraf")


@pytest.fixture
def env(environment: dict[str, str]) -> dict[str, str]:
    return environment | {"PASSWORD": "pass: wörd"}


def test_database_and_policy_are_a_bucket(tmp_path: Path, env: dict[str, str]) -> None:
    more = "\n      - {database: telegraf, retention_policy: week, name: weekly, central_bucket: telegraf}\n"
    config = loaded(tmp_path, V1 + more, env)
    assert [(each.bucket, each.name, each.central_bucket) for each in config.streams] == [
        ("telegraf/autogen", "telegraf_autogen", "telegraf/autogen"),
        ("telegraf/week", "weekly", "telegraf"),
    ]
    (source,) = config.sources
    assert source.server.v1
    assert not config.central.v1
    assert source.server.credential.read() == "reader:pass: wörd"
    assert "wörd" not in repr(config)


def test_the_stream_is_the_same_when_its_server_has_become_an_influxdb_2(tmp_path: Path, env: dict[str, str]) -> None:
    (before,) = loaded(tmp_path, V1, env).streams
    (after,) = loaded(tmp_path, BASE.replace("bucket: telegraf", "bucket: telegraf/autogen"), env).streams
    assert (before.id, before.hash, before.central_bucket) == (after.id, after.hash, after.central_bucket)


def test_the_password_is_what_the_log_blots_out(tmp_path: Path, env: dict[str, str]) -> None:
    assert _secrets(loaded(tmp_path, V1, env)) == [env["CENTRAL_TOKEN"], "pass: wörd"]


def test_a_server_without_users_needs_neither(tmp_path: Path, env: dict[str, str]) -> None:
    without = V1.replace("    username: reader\n", "").replace('    password: "${PASSWORD}"\n', "")
    (source,) = loaded(tmp_path, without, env).sources
    assert source.server.credential == Login()
    assert (source.server.credential.read(), source.server.secret) == ("", "")


@pytest.mark.parametrize("content", ["pass: wörd", "pass: wörd\n", "pass: wörd\r\n"])
def test_a_file_holds_it_as_a_folder_of_secrets_does(tmp_path: Path, env: dict[str, str], content: str) -> None:
    (tmp_path / "server_c_password").write_bytes(content.encode())
    named = V1.replace('password: "${PASSWORD}"', f'password_file: "{tmp_path}/server_c_password"')
    by_folder = V1.replace("PASSWORD", "SERVER_C_PASSWORD")
    (tmp_path / "central_token").write_text(env["CENTRAL_TOKEN"])
    for text in (named, by_folder):
        (source,) = loaded(tmp_path, text, env | {"COLLECTOR_SECRETS": str(tmp_path)}).sources
        assert source.server.credential.read() == "reader:pass: wörd"


def test_for_permissions_the_password_need_not_be_there(tmp_path: Path, environment: dict[str, str]) -> None:
    file = tmp_path / "queries.yaml"
    file.write_text(V1)
    assert load(file, environment, tokens=False).sources[0].server.v1


@pytest.mark.parametrize(
    ("text", "client", "reader"),
    [
        (BASE, False, SourceReader),
        (V1, True, V1SourceReader),
        (V1 + "    read: influxql\n", True, V1SourceReader),
        (V1 + "    read: flux\n", True, SourceReader),
    ],
    ids=["2", "1", "1 by InfluxQL", "1 by Flux"],
)
def test_who_asks_is_chosen_by_the_version(
    tmp_path: Path, env: dict[str, str], text: str, client: bool, reader: type
) -> None:
    (source,) = loaded(tmp_path, text, env).sources
    found = client_of(source)
    assert isinstance(found, V1Client) == client
    assert type(reader_of(source, found)) is reader
