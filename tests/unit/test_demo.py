"""The demo, where `docker compose up` was before it: `logs` belongs to the container's user then."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from lab import demo


@pytest.mark.parametrize("taken", ["demo-telegraf.log", "collector.log"])
def test_the_demo_logs_elsewhere_when_a_log_is_not_its_own(
    taken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "logs" / taken).mkdir(parents=True)  # what root cannot write to either
    (tmp_path / "own").mkdir()
    monkeypatch.setattr(demo, "REPOSITORY", tmp_path)
    said = io.StringIO()
    assert demo._logs(tmp_path / "own", Console(file=said, width=200)) == tmp_path / "own"
    assert "cannot be written" in said.getvalue()
    assert "sudo chown -R $USER logs" in said.getvalue()


def test_the_demo_logs_where_it_says_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "REPOSITORY", tmp_path)
    said = io.StringIO()
    assert demo._logs(tmp_path / "own", Console(file=said)) == tmp_path / "logs"
    assert (tmp_path / "logs").is_dir()
    assert said.getvalue() == ""
