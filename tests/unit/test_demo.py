"""The demo, where `docker compose up` was before it: `logs` belongs to the container's user then."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from lab import demo
from lab.engines import REPOSITORY


@pytest.mark.parametrize("taken", ["telegraf.log", "collector.log"])
def test_the_demo_logs_elsewhere_when_a_log_is_not_its_own(
    taken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "logs" / "demo" / taken).mkdir(parents=True)  # what root cannot write to either
    (tmp_path / "own").mkdir()
    monkeypatch.setattr(demo, "REPOSITORY", tmp_path)
    said = io.StringIO()
    assert demo._logs(tmp_path / "own", Console(file=said, width=200)) == tmp_path / "own"
    assert "cannot be written" in said.getvalue()
    assert "sudo chown -R $USER logs" in said.getvalue()


@pytest.mark.parametrize("taken", ["logs", "logs/demo"])
def test_so_does_one_that_finds_no_folder(taken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / taken).parent.mkdir(exist_ok=True)
    (tmp_path / taken).write_text("")
    monkeypatch.setattr(demo, "REPOSITORY", tmp_path)
    assert demo._logs(tmp_path, Console(file=io.StringIO(), width=200)) == tmp_path


def test_the_log_of_a_collector_in_the_clone_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "REPOSITORY", tmp_path)
    (tmp_path / "logs" / "demo").mkdir(parents=True)
    (tmp_path / "logs" / "collector.log").write_text("of the collector\n")
    (tmp_path / "logs" / "demo" / "collector.log").write_text("of an earlier demo\n")
    (tmp_path / "own").mkdir()
    said = io.StringIO()
    logs = demo._logs(tmp_path / "own", Console(file=said))
    place = demo._place(tmp_path / "own", logs)
    assert (logs, said.getvalue()) == (tmp_path / "logs" / "demo", "")
    assert (place / "logs").resolve() == logs
    assert (logs / "collector.log").read_text() == ""
    assert (tmp_path / "logs" / "collector.log").read_text() == "of the collector\n"


def test_a_clone_with_a_site_of_its_own_is_told_so_and_not_that_points_are_missing(tmp_path: Path) -> None:
    shipped = (REPOSITORY / "config" / "queries.yaml").read_text()
    names = ("INFLUXDB_CENTRAL", "SERVER_A", "SERVER_B")
    variables = {f"{name}_{what}": "not-a-token" for name in names for what in ("ORG", "TOKEN", "BUCKET", "BUCKET_2")}
    variables |= {f"{name}_URL": f"http://127.0.0.1:{port}" for port, name in enumerate(names, 1)}
    variables |= {"SERVER_A_BUCKET": "a", "SERVER_B_BUCKET": "b", "SERVER_B_BUCKET_2": "c"}
    file = tmp_path / "queries.yaml"
    file.write_text(shipped)
    demo._look_at_the_sources(file, variables)
    file.write_text(
        f"{shipped}\n"
        '  - {name: POD-31, url: "${SERVER_C_URL}", org: o, token: "${SERVER_A_TOKEN}", streams: [{bucket: cooling}]}\n'
    )
    with pytest.raises(demo.CannotBegin, match=r"SERVER_C_URL is not set; .*take a fresh clone"):
        demo._look_at_the_sources(file, variables)
    with pytest.raises(demo.CannotBegin, match=r"reads POD-31 as well; .*take a fresh clone"):
        demo._look_at_the_sources(file, variables | {"SERVER_C_URL": "http://127.0.0.1:4"})
