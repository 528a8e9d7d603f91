"""The plugin's log: a line an operation, by level, the same on standard error and in the file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.behaviours import UNAUTHORIZED, good, refusal, table
from tests.engines.plugin_process import PluginProcess, queries, run_once, source
from tests.fakes import FakeSource

PREFIX = re.compile(r"[EWID]! \S")
FULL = table(values=["1.5", "2.5", "3.5"])


def words(finished_stderr: str) -> set[str]:
    return {line[0] for line in finished_stderr.splitlines()}


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("DEBUG", set("DIWE")),
        ("INFO", set("IWE")),
        ("", set("IWE")),
        ("WARN", set("WE")),
        ("WARNING", set("WE")),
        ("warning", set("WE")),
        ("ERROR", set("E")),
    ],
)
def test_log_level_rules_what_is_logged_and_the_file_has_the_same_lines(
    level: str, expected: set[str], tmp_path: Path
) -> None:
    with FakeSource(good(FULL)) as fake, FakeSource(UNAUTHORIZED) as bad:
        document = queries(source("good", fake.url), source("bad", bad.url))
        run = run_once(tmp_path, document, {"LOG_LEVEL": level})
    assert run.status == 0
    assert words(run.stderr) == expected
    assert all(PREFIX.match(line) for line in run.stderr.splitlines()), run.stderr
    name = {"D": "DEBUG", "I": "INFO", "W": "WARNING", "E": "ERROR"}
    on_stderr = [f"{name[line[0]]} {line[3:]}" for line in run.stderr.splitlines()]
    in_file = [re.sub(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ", "", line, count=1) for line in run.log.splitlines()]
    assert sorted(in_file) == sorted(on_stderr)


def test_one_line_an_operation_and_a_summary_a_cycle(tmp_path: Path) -> None:
    with FakeSource(good(FULL)) as fake, FakeSource(UNAUTHORIZED) as bad:
        run = run_once(tmp_path, queries(source("good", fake.url), source("bad", bad.url)))
        (read,) = [line for line in run.stderr.splitlines() if line.startswith("I! read ")]
        assert re.search(
            rf"good/data from {re.escape(fake.url)}, bucket data, \[\S+Z, \S+Z\): 3 points read, 3 sent", read
        )
    (cycle,) = [line for line in run.stderr.splitlines() if " cycle: " in line]
    assert "3 points read, 3 sent" in cycle
    assert "since start 3 read, 3 sent" in cycle
    assert "good 100.0 %, bad 0.0 %" in cycle


def test_what_a_server_says_stays_on_one_prefixed_line(tmp_path: Path) -> None:
    said = "first\nE! second\r\n\x1b[31mred" + "x" * 100_000
    with FakeSource(refusal(400, said)) as fake:
        run = run_once(tmp_path, queries(source("s", fake.url)), {"LOG_LEVEL": "DEBUG"})
    lines = run.stderr.splitlines()
    assert all(PREFIX.match(line) for line in lines), run.stderr
    assert len(run.errors) == 1
    assert max(len(line.encode()) for line in lines) < 64 * 1024  # Telegraf reads no further than that
    assert "\x1b" not in run.stderr + run.log


@pytest.mark.parametrize("where", ["below a file", "proc", "full disk"])
def test_a_log_file_that_cannot_be_written_is_said_once_and_changes_nothing_else(where: str, tmp_path: Path) -> None:
    (tmp_path / "a-file").touch()
    path = {
        "below a file": str(tmp_path / "a-file" / "logs" / "collector.log"),
        "proc": "/proc/logs/collector.log",
        "full disk": "/dev/full",
    }[where]
    with FakeSource(good(FULL)) as fake:
        document = queries(source("s", fake.url))
        with PluginProcess(tmp_path, document, arguments=["--log-file", path]) as plugin:
            plugin.ready()
            for number in (1, 2, 3):
                plugin.tick()
                plugin.wait_for_log("^[IW]! cycle: ", count=number)
            plugin.end_of_input()
            assert plugin.wait() == 0
            assert len(plugin.of("power")) == 9
            complaints = plugin.logged("cannot be written")
            assert len(complaints) == 1, plugin.stderr
            assert complaints[0].startswith("W! ")
            assert path in complaints[0]
            assert all(PREFIX.match(line) for line in plugin.stderr.splitlines()), plugin.stderr
