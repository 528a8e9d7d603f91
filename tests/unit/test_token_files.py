"""Where COLLECTOR_SECRETS is set, `token: "${NAME}"` is a file in that folder, read anew for each who asks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from telegraf_plugin.config.load import load
from telegraf_plugin.config.variables import token_file, tokens_as_files
from telegraf_plugin.errors import ConfigurationError

TOKEN = "a-token-of-a-test"
SERVER = {"url": "http://a:1", "org": "o", "token": "${SERVER_A_TOKEN}"}


def queries(folder: Path, **of_the_source: Any) -> Path:
    source = {**SERVER, "url": "http://b:1", "name": "s", "streams": [{"bucket": "b"}], **of_the_source}
    file = folder / "queries.yaml"
    central = {**SERVER, "token": "${INFLUXDB_CENTRAL_TOKEN}"}
    file.write_text(yaml.safe_dump({"central": central, "sources": [source]}))
    return file


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets of ${this}"
    folder.mkdir()
    for name in ("central_token", "server_a_token"):
        (folder / name).write_text(f"{TOKEN}-{name}")
    return folder


@pytest.mark.parametrize("held", [{}, {"SERVER_A_TOKEN": ""}, {"SERVER_A_TOKEN": "${SERVER_A_TOKEN}"}])
def test_a_variable_without_a_token_is_its_file(tmp_path: Path, secrets: Path, held: dict[str, str]) -> None:
    reference = {"INFLUXDB_CENTRAL_TOKEN": "@{secrets:central_token}"}  # what Telegraf's outputs get
    config = load(queries(tmp_path), {"COLLECTOR_SECRETS": str(secrets), **reference, **held})
    source = config.sources[0].server.credential
    assert (config.central.credential.file, source.file) == (secrets / "central_token", secrets / "server_a_token")
    assert source.read() == f"{TOKEN}-server_a_token"
    (secrets / "server_a_token").write_text("another-token-by-now")
    assert source.read() == "another-token-by-now"


def test_a_variable_with_a_token_and_a_file_that_is_named_stay(tmp_path: Path, secrets: Path) -> None:
    env = {"COLLECTOR_SECRETS": str(secrets), "OTHER": TOKEN}
    assert load(queries(tmp_path, token="${OTHER}"), env).sources[0].server.credential.read() == TOKEN
    own = tmp_path / "own"
    own.write_text(TOKEN)
    file = queries(tmp_path)
    document = yaml.safe_load(file.read_text())
    del document["sources"][0]["token"]
    document["sources"][0]["token_file"] = str(own)
    file.write_text(yaml.safe_dump(document))
    assert load(file, env).sources[0].server.credential.file == own


def test_both_are_one_too_many_here_as_well(tmp_path: Path, secrets: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"sources\[0\]: expected either token or token_file"):
        load(queries(tmp_path, token_file="x"), {"COLLECTOR_SECRETS": str(secrets)})


@pytest.mark.parametrize("raw", [None, [], "x", {}, {"central": 1, "sources": "x"}, {"sources": [None, 1, {}]}])
def test_what_is_no_configuration_is_left_to_those_who_say_so(raw: Any) -> None:
    assert tokens_as_files(raw, {"COLLECTOR_SECRETS": "/s"}) == raw


def test_nothing_is_changed_where_tokens_are_variables() -> None:
    raw = {"central": dict(SERVER), "sources": [dict(SERVER)]}
    assert tokens_as_files(raw, {}) is raw
    assert tokens_as_files(raw, {"COLLECTOR_SECRETS": ""}) is raw


def test_the_file_is_called_as_the_variable() -> None:
    names = {"INFLUXDB_CENTRAL_TOKEN": "central_token", "SERVER_A_TOKEN": "server_a_token", "POD31": "pod31"}
    assert {name: token_file(name) for name in names} == names
