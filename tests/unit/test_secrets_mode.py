"""Tokens as files: config/queries.secrets.yaml, what scripts/collector refuses, and the systemd unit that uses it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from lab.engines import REPOSITORY

TOKEN = "a-token-that-nobody-has"


def collector(env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """`scripts/collector --check` of this repository; only what is said of COLLECTOR_SECRETS is of interest."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        [str(REPOSITORY / "scripts" / "collector"), "--check"],
        env={"PATH": path, "INFLUXDB_CENTRAL_BUCKET": "metrics", **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    for name in ("central_token", "server_a_token", "server_b_token"):
        (tmp_path / name).write_text(TOKEN)
    return tmp_path


def test_the_two_queries_differ_in_where_tokens_come_from_only() -> None:
    plain = (REPOSITORY / "config" / "queries.yaml").read_text()
    expected = re.sub(r"^ *## instead of token:\n.*\n", "", plain, flags=re.MULTILINE)
    for variable, file in {"INFLUXDB_CENTRAL": "central", "SERVER_A": "server_a", "SERVER_B": "server_b"}.items():
        expected = expected.replace(
            f'token: "${{{variable}_TOKEN}}"', f'token_file: "${{COLLECTOR_SECRETS}}/{file}_token"'
        )
    assert (REPOSITORY / "config" / "queries.secrets.yaml").read_text() == expected


@pytest.mark.parametrize("name", ["INFLUXDB_CENTRAL_TOKEN", "SERVER_A_TOKEN", "SERVER_C_TOKEN"])
def test_a_token_in_the_environment_is_refused_beside_files(secrets: Path, name: str) -> None:
    run = collector({"COLLECTOR_SECRETS": str(secrets), name: TOKEN})
    assert run.returncode == 2
    assert f"{name} set although COLLECTOR_SECRETS is" in run.stderr
    assert TOKEN not in run.stderr


def test_a_token_file_that_telegraf_could_not_use_is_named(secrets: Path) -> None:
    file = secrets / "central_token"
    file.write_text(TOKEN + "\n")
    run = collector({"COLLECTOR_SECRETS": f"{secrets}/"})
    assert (run.returncode, f"{file} ends with a newline" in run.stderr) == (2, True)
    file.unlink()
    run = collector({"COLLECTOR_SECRETS": str(secrets)})
    assert (run.returncode, f"{file} is empty, not there" in run.stderr) == (2, True)


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
