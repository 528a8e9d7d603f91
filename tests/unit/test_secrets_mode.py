"""Tokens as files, with the one queries.yaml: what scripts/collector refuses, and the systemd unit that uses it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab.engines import REPOSITORY
from lab.loopback import free_port
from tests.unit.start_bench import checkout, collector, environment, started
from tests.unit.test_lint import SETTINGS

TOKEN = "a-token-that-nobody-has"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A clone of its own, with a `.env` as docs/containers.md says: filled in, without the tokens."""
    made = checkout(tmp_path / "clone")
    values = {name: value for name, value in SETTINGS.items() if not name.endswith("_TOKEN")}
    (made / ".env").write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    return made


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    made = tmp_path / "secrets"
    made.mkdir()
    for name in ("central_token", "server_a_token", "server_b_token"):
        (made / name).write_text(TOKEN)
    return made


@pytest.mark.parametrize("name", ["INFLUXDB_CENTRAL_TOKEN", "SERVER_A_TOKEN", "SERVER_C_TOKEN"])
def test_a_token_in_the_environment_is_refused_beside_files(folder: Path, secrets: Path, name: str) -> None:
    run = collector(folder, "--check", env={"COLLECTOR_SECRETS": str(secrets), name: TOKEN})
    assert run.returncode == 2
    assert f"E! environment: {name}: set although COLLECTOR_SECRETS is" in run.stderr
    assert TOKEN not in run.stderr


def test_a_token_file_that_telegraf_could_not_use_is_named(folder: Path, secrets: Path) -> None:
    file = secrets / "central_token"
    file.write_text(TOKEN + "\n")
    run = collector(folder, "--check", env={"COLLECTOR_SECRETS": f"{secrets}/"})
    assert (run.returncode, f"{file} ends with a newline" in run.stderr) == (2, True)
    file.write_text("")
    run = collector(folder, "--check", env={"COLLECTOR_SECRETS": str(secrets)})
    assert (run.returncode, f"{file} is empty" in run.stderr) == (2, True)
    file.unlink()
    run = collector(folder, "--check", env={"COLLECTOR_SECRETS": str(secrets)})
    assert (run.returncode, f"{file} cannot be read: No such file" in run.stderr) == (2, True)


def test_telegraf_gets_the_reference_and_no_token(folder: Path, secrets: Path) -> None:
    arguments, found = started(collector(folder, env={"COLLECTOR_SECRETS": f"{secrets}/"}))
    assert arguments == ["--config", "telegraf.conf", "--config", "config/secrets.conf"]
    assert found["INFLUXDB_CENTRAL_TOKEN"] == "@{secrets:central_token}"
    assert ("COLLECTOR_QUERIES" in found, found["COLLECTOR_SECRETS"]) == (False, str(secrets))
    assert TOKEN not in str(found)


@pytest.mark.parametrize("written", ["secrets", "./secrets/", "config//../secrets", "{}//secrets", "/{}/secrets"])
def test_telegraf_gets_an_absolute_path_whatever_is_written(folder: Path, secrets: Path, written: str) -> None:
    """Its secret store calls any other "directory traversal", and refuses to send."""
    here = secrets.rename(folder / "secrets")
    with (folder / ".env").open("a") as file:
        file.write(f"COLLECTOR_SECRETS={written.format(folder)}\n")
    found = started(collector(folder))[1]
    assert found["COLLECTOR_SECRETS"] == str(here)
    assert collector(folder, "--check").returncode == 0


def test_a_link_to_the_folder_stays_one(folder: Path, secrets: Path) -> None:
    """It may lead to other tokens later, as they are rotated."""
    (folder / "current").symlink_to(secrets)
    found = started(collector(folder, env={"COLLECTOR_SECRETS": "current"}))[1]
    assert found["COLLECTOR_SECRETS"] == f"{folder}/current"


@pytest.mark.parametrize("command", ["status", "check", "doctor"])
def test_commands_take_the_tokens_from_files_as_exec_in_the_container_has_it(
    command: str, folder: Path, secrets: Path
) -> None:
    """`docker compose exec data-collector data-collector status`: the container's environment and folder, no `.env`."""
    (folder / ".env").unlink()
    values = {name: value for name, value in SETTINGS.items() if not name.endswith("_TOKEN")}
    nobody = {name: "http://127.0.0.1:1" for name in values if name.endswith("_URL")}
    tokens = {name: "" for name in SETTINGS if name.endswith("_TOKEN")}  # as .env.example leaves them
    port = {"HEALTH_CHECK_PORT": str(free_port())}
    run = subprocess.run(
        ["data-collector", command],
        env=environment(folder, {**values, **nobody, **tokens, "COLLECTOR_SECRETS": str(secrets), **port}),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if command == "check":
        expected = "nothing to change in config/queries.yaml with telegraf.conf\n"
        assert (run.returncode, run.stdout, run.stderr) == (0, expected, "")
    else:
        assert "connection refused" in run.stdout + run.stderr  # so far it came: nothing listens there
    assert "_TOKEN" not in run.stdout + run.stderr


def test_a_token_whose_file_is_missing_is_not_asked_for_in_dotenv(folder: Path, secrets: Path) -> None:
    (secrets / "server_b_token").unlink()
    run = collector(folder, "--check", env={"COLLECTOR_SECRETS": str(secrets)})
    told = f"sources[1].token_file: the token file {secrets}/server_b_token cannot be read: No such file or directory"
    assert (run.returncode, run.stderr.splitlines()[0]) == (2, f"E! config/queries.yaml: {told}")
    assert ".env" not in run.stderr


@pytest.mark.parametrize("name", ["config/queries.secrets.yaml", "config/mine.yaml"])
def test_an_older_file_of_its_own_is_still_read_and_warned_of(folder: Path, secrets: Path, name: str) -> None:
    """As an earlier version had it, with `token_file`; who names the file by COLLECTOR_QUERIES is not warned."""
    text = (folder / "config" / "queries.yaml").read_text().replace("POD-8", "POD-9")
    for variable, file in {"INFLUXDB_CENTRAL": "central", "SERVER_A": "server_a", "SERVER_B": "server_b"}.items():
        old = f'token_file: "${{COLLECTOR_SECRETS}}/{file}_token"'
        text = text.replace(f'token: "${{{variable}_TOKEN}}"', old)
    (folder / name).write_text(text)
    by_itself = name.endswith("queries.secrets.yaml")
    env = {"COLLECTOR_SECRETS": str(secrets)} | ({} if by_itself else {"COLLECTOR_QUERIES": name})
    run = collector(folder, "--check", env=env)
    assert (run.returncode, run.stdout) == (0, f"nothing to change in {name} with telegraf.conf\n")
    warning = f"W! {name} is read, and config/queries.yaml is not: it does for token files as well by now; "
    assert run.stderr.startswith(warning) if by_itself else run.stderr == ""
    run = collector(folder, env=env)
    assert started(run)[1]["COLLECTOR_QUERIES"] == name
    assert run.stderr.startswith(warning) if by_itself else "W! " not in run.stderr


def test_where_compose_has_the_tokens_as_files_none_is_asked_for_in_dotenv(folder: Path, secrets: Path) -> None:
    """As docs/containers.md leaves `.env`, looked at on the host: to fill them in would stop the next start."""
    with (folder / ".env").open("a") as file:
        file.write("COMPOSE_FILE=docker-compose.yaml:docker-compose.secrets.yaml\n")
        file.write("INFLUXDB_CENTRAL_TOKEN=\nSERVER_A_TOKEN=\nSERVER_B_TOKEN=\n")
    run = collector(folder, "--check")
    assert run.returncode == 2
    assert "set it in .env" not in run.stderr
    for file_name, name in (("central_token", "INFLUXDB_CENTRAL_TOKEN"), ("server_a_token", "SERVER_A_TOKEN")):
        told = f"token: the token is a file, {file_name}, by COMPOSE_FILE, and {name} is empty, as it should be: "
        assert f"{told}have the container do this, or name the folder of the files: COLLECTOR_SECRETS=" in run.stderr
    assert collector(folder, "--check", env={"COLLECTOR_SECRETS": str(secrets)}).returncode == 0


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_the_systemd_unit_is_clean(tmp_path: Path) -> None:
    unit = tmp_path / "data-collector.service"
    text = (REPOSITORY / "systemd" / "data-collector.service").read_text()
    # It is checked that the program is there: here it is the repository's.
    unit.write_text(text.replace("=/opt/data-collector/scripts/", f"={REPOSITORY}/scripts/"))
    run = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.returncode, run.stdout + run.stderr) == (0, "")


def test_a_clone_whose_settings_are_filled_in_is_tested_like_any_other(tmp_path: Path) -> None:
    filled = tmp_path / "filled.env"
    filled.write_text("SERVER_A_TOKEN=of-the-clone\nHEALTH_CHECK_PORT=99999\n")  # each command would refuse it
    tests = ["tests/unit/test_command_line.py", "-k", "named_before_or_behind"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *tests],
        env={**os.environ, "COLLECTOR_ENV_FILE": str(filled)},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-2000:]
