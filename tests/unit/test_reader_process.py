"""The process that reads both files: the plugin gets what it would have read itself, and keeps what it takes small."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import yaml

from telegraf_plugin.config.reader_process import ReaderProcess, settings_of
from telegraf_plugin.errors import ConfigurationError
from telegraf_plugin.settings import read

CONF = """
[agent]
  interval = "20s"
[[processors.regex]]
  [[processors.regex.tags]]
    key = "host"
    pattern = '^POD-(\\d+)$'
    replacement = "pod_${1}"
"""
POD = {
    "name": "POD-1",
    "url": "https://pod-1:8086",
    "org": "o",
    "token": "${POD}",
    "tls_server_name": "pod",
    "quiet_hours": {"zone": "Europe/Berlin", "hours": ["22:00-06:00"]},
    "max_points_per_second": 1000,
    "streams": [
        {"bucket": "b", "rename": {"measurements": {"cpu": "processor"}}, "tags": {"host": ["POD-1"]}},
        {"bucket": "c", "aggregate": {"every": "5m", "fn": "max"}, "start": "2026-01-01"},
    ],
}
DOCUMENT = {"central": {"url": "http://central:8086", "org": "o", "token": "${CENTRAL}"}, "sources": [POD]}


@pytest.fixture
def queries(tmp_path: Path) -> Path:
    (tmp_path / "telegraf.conf").write_text(CONF)
    path = tmp_path / "queries.yaml"
    path.write_text(yaml.safe_dump(DOCUMENT))
    return path


@pytest.fixture
def environment(queries: Path) -> dict[str, str]:
    tokens = {"POD": "a-token-of-a-test", "CENTRAL": "a-token-of-central"}
    return os.environ | tokens | {"TELEGRAF_CONFIG_PATH": str(queries.parent / "telegraf.conf")}


def test_it_reads_what_the_plugin_would(queries: Path, environment: dict[str, str]) -> None:
    found = settings_of(queries, environment)
    assert found == read(queries, environment)
    assert found.interval == 20_000_000_000
    assert found.remarks
    renames = found.config.streams[0].renames
    assert renames is not None


def test_what_cannot_be_used_is_refused_with_all_its_problems(queries: Path, environment: dict[str, str]) -> None:
    queries.write_text(yaml.safe_dump(DOCUMENT | {"max_in_flight": 1, "sweep": "often", "central": {"url": "${NONE}"}}))
    with pytest.raises(ConfigurationError) as here:
        read(queries, environment)
    with pytest.raises(ConfigurationError) as there:
        settings_of(queries, environment)
    assert there.value.problems == here.value.problems
    assert [each.unset for each in there.value.problems] == [each.unset for each in here.value.problems]
    assert len(there.value.problems) > 3
    assert there.value.file == str(queries)


def test_a_process_that_is_killed_is_told(queries: Path, environment: dict[str, str]) -> None:
    reader = ReaderProcess(queries, environment)
    os.kill(reader.pid, signal.SIGKILL)
    with pytest.raises(OSError, match="ended with status -9"):
        reader.settings()


def test_a_process_that_cannot_be_started_is_told(
    queries: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    with pytest.raises(FileNotFoundError):
        ReaderProcess(queries, environment).settings()
