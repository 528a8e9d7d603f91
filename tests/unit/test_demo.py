"""The demo, where `docker compose up` was before it: `logs` belongs to the container's user then."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from lab import checks, demo, screen
from lab.engines import REPOSITORY
from lab.points import FieldType, Point


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


@pytest.mark.parametrize(("text", "count"), [("", 1), ("1", 1), ("2", 2), ("8", 8)])
def test_so_many_shards_as_are_asked_for(text: str, count: int) -> None:
    assert demo._shards(text) == count


@pytest.mark.parametrize("text", ["0", "9", "-1", "2/8", "two", "1.5"])
def test_another_number_of_shards_is_refused(text: str) -> None:
    with pytest.raises(demo.CannotBegin, match="from 1 to 8 collectors that share the sources"):
        demo._shards(text)


def test_each_shard_has_logs_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "REPOSITORY", tmp_path)
    logs = [demo._logs(tmp_path, Console(file=io.StringIO()), name) for name in demo._names(2)]
    assert logs == [tmp_path / "logs" / "demo" / "shard-1", tmp_path / "logs" / "demo" / "shard-2"]
    assert demo._names(1) == [""]


def said(source: str, shard: str) -> Point:
    """What a collector says of one of its streams."""
    return Point("collector_stream", frozenset({("source", source)}), "shard", FieldType.STRING, shard, 1)


@pytest.mark.parametrize(
    ("points", "passed"),
    [
        ({said("POD-30", "1/2"), said("POD-8", "2/2")}, [True, True]),
        ({said("POD-30", "1/2"), said("POD-8", "2/2"), said("POD-30", "2/2")}, [True, False]),
        ({said("POD-30", "1/2")}, [True, False]),
        (set(), [False, False]),
    ],
)
def test_the_verdict_tells_who_read_what(points: set[Point], passed: list[bool]) -> None:
    found = checks._shares(2, points)
    assert [check.subject for check in found] == ["shard 1/2", "shard 2/2"]
    assert [check.name for check in found] == [
        "reads POD-30, and nothing else",
        "reads POD-8, and nothing else",
    ]
    assert [check.passed for check in found] == passed


def test_a_shard_without_a_source_reads_nothing() -> None:
    last = checks._shares(3, {said("POD-30", "1/3"), said("POD-8", "2/3")})[2]
    assert (last.name, last.found, last.passed) == ("reads nothing", "nothing", True)


@pytest.mark.parametrize(
    ("statuses", "text"),
    [
        ([200], "health: 200 every stream is read"),
        ([200, 503], "health: shard 1/2 200 every stream is read, shard 2/2 503 not every stream has been read"),
        ([0, 200], "health: shard 1/2 nobody answers yet, shard 2/2 200 every stream is read"),
    ],
)
def test_the_screen_tells_each_shards_health(statuses: list[int], text: str) -> None:
    assert screen.plain(screen.Snapshot(0, statuses), "title").endswith(text)


def test_own_metrics_of_two_shards_are_two_lines() -> None:
    shot = screen.Snapshot(0, [200, 200])
    row: dict[str, Any] = {"_measurement": "collector_health", "_field": "healthy", "_value": "1"}
    for shard in ("1/2", "2/2"):
        screen._take_own(shot, {**row, "shard": shard})
    assert sorted(shot.own) == ["collector_health 1/2", "collector_health 2/2"]


def test_own_metrics_of_which_nothing_is_shown_are_no_line() -> None:
    shot = screen.Snapshot(0, [200])
    for measurement, name in (("collector_origin", "oldest"), ("collector_stream", "lag"), ("collector_cycle", "x")):
        row = {"_measurement": measurement, "source": "POD-8", "stream": "telegraf", "_value": "1"}
        screen._take_own(shot, {**row, "_field": name})
    row = {"_measurement": "collector_stream", "source": "POD-8", "stream": "telegraf"}
    screen._take_own(shot, {**row, "_field": "points_read", "_value": "12"})
    assert shot.own == {"collector_stream POD-8 telegraf": {"points_read": "12"}}
    assert "collector_origin" not in screen.plain(shot, "demo")


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
