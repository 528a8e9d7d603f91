"""The plugin as a process: ticks, ends, signals, what it prints where, and what it never prints."""

from __future__ import annotations

import fcntl
import json
import re
import signal
import struct
import termios
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lab.loopback import HOST, free_port, wait_until
from tests.engines.landing import shared_central
from tests.engines.plugin_process import (
    SHORT_S,
    TOKEN,
    PluginProcess,
    Section,
    queries,
    read_lines,
    run_once,
    source,
)
from tests.fakes import (
    END,
    HTML,
    UNAUTHORIZED,
    Exchange,
    FakeSource,
    begin_chunked,
    chunked,
    endless,
    good,
    hang,
    plain,
    refusal,
    table,
)

PREFIX = re.compile(r"[EWID]! \S")
FULL = table(values=["1.5", "2.5", "3.5"])


def words(finished_stderr: str) -> set[str]:
    return {line[0] for line in finished_stderr.splitlines()}


# Ticks


def test_newlines_that_come_together_are_one_tick(tmp_path: Path) -> None:
    with FakeSource(good(FULL)) as fake:
        run = run_once(tmp_path, queries(source("s", fake.url)), ticks=7)
        assert run.status == 0
        assert len(fake.requests) == 1
        assert len(run.data) == 3


def test_ticks_that_come_while_a_source_is_busy_count_as_one(tmp_path: Path) -> None:
    with FakeSource(hang) as fake, PluginProcess(tmp_path, queries(source("s", fake.url))) as plugin:
        plugin.ready().tick()
        wait_until(lambda: fake.requests, "the first read", 5)
        for number in range(1, 6):
            plugin.tick()
            plugin.wait_for_log("^[IW]! cycle: ", count=number)
        assert len(fake.requests) == 1
        fake.become(good(FULL))
        # The hung read fails; the ticks that were missed meanwhile are one more read, and a retry is not due then.
        plugin.wait_for_log("^I! read s/data ")
        plugin.end_of_input()
        assert plugin.wait() == 0
        assert len(fake.requests) == 2
        assert len(plugin.of("power")) == 3


def test_a_tick_reads_the_last_seconds_again_and_they_land_on_themselves(tmp_path: Path) -> None:
    with FakeSource(good(FULL)) as fake, PluginProcess(tmp_path, queries(source("s", fake.url))) as plugin:
        plugin.ready().tick_until(plugin.healthy, "good health")
        for _ in range(2):
            before = len(plugin.data)
            plugin.cycle()
            assert len(plugin.data) == before + 3
        bucket, now = plugin.landing.bucket("data"), time.time_ns()
        wait_until(lambda: not plugin.landing.waiting(), "all lines in central", 5)
        landed = plugin.landing.server.points(bucket, now - 120 * 10**9, now)
        assert sorted(point.value for point in landed if point.field == "watts") == ["1.5", "2.5", "3.5"]
        ranges = [re.findall(r"start: (\S+), stop: (\S+)\)", json.loads(r.body)["query"])[0] for r in fake.requests]
        lengths = [datetime.fromisoformat(stop) - datetime.fromisoformat(start) for start, stop in ranges]
        assert lengths[0] == timedelta(seconds=SHORT_S)
        assert timedelta(seconds=15) <= lengths[-1] < timedelta(seconds=SHORT_S)


def test_nothing_is_read_before_the_first_tick(tmp_path: Path) -> None:
    with FakeSource(good(FULL)) as fake:
        run = run_once(tmp_path, queries(source("s", fake.url)), ticks=0)
        assert (run.status, run.output, fake.requests) == (0, b"", [])


# The end


def test_end_of_input_lets_the_cycle_in_hand_finish(tmp_path: Path) -> None:
    pieces = [FULL, *([b",,0" + FULL.rpartition(b"\r\n,,0")[2]] * 4), END]
    with (
        FakeSource(chunked(*pieces, every_s=0.25)) as fake,
        PluginProcess(tmp_path, queries(source("s", fake.url))) as plugin,
    ):
        plugin.ready().tick()
        wait_until(lambda: fake.requests, "the read", 10)
        assert not plugin.of("collector_health")
        plugin.end_of_input()
        assert plugin.wait() == 0, plugin.stderr
        assert [line.fields["watts"] for line in plugin.data] == [1.5, 2.5, 3.5, 3.5, 3.5, 3.5, 3.5]
        assert plugin.lines[-1].measurement == "collector_health"
        assert plugin.lines[-1].fields == {"healthy": 1, "streams": 1, "failing": 0}


def test_end_of_input_with_a_hanging_source_ends_in_time_and_says_so(tmp_path: Path) -> None:
    with FakeSource(hang) as fake, FakeSource(good(FULL)) as other:
        document = queries(source("bad", fake.url), source("good", other.url))
        with PluginProcess(tmp_path, document) as plugin:
            plugin.ready().tick()
            plugin.wait_for_log("^I! read good/data")
            closed = plugin.end_of_input()
            assert plugin.wait() == 0
            assert time.monotonic() - closed < 4.5
            assert len(plugin.of("power")) == 3
            assert plugin.of("collector_health")[-1].fields["healthy"] == 0
            read_lines(plugin.output)  # whole lines only


def test_end_of_input_when_idle_ends_at_once(tmp_path: Path) -> None:
    with FakeSource(good(FULL)) as fake, PluginProcess(tmp_path, queries(source("s", fake.url))) as plugin:
        plugin.ready().tick()
        plugin.wait_for_log("^I! cycle: ")
        closed = plugin.end_of_input()
        assert plugin.wait() == 0
        assert time.monotonic() - closed < 1.0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_within_two_seconds_while_a_source_hangs(number: int, tmp_path: Path) -> None:
    with FakeSource(hang) as fake, PluginProcess(tmp_path, queries(source("s", fake.url))) as plugin:
        plugin.ready().tick()
        wait_until(lambda: fake.requests, "the request", 5)
        at = time.monotonic()
        plugin.popen.send_signal(number)
        assert plugin.wait() == 0
        assert time.monotonic() - at < 2.0


def test_sigterm_in_mid_stream_leaves_whole_lines(tmp_path: Path) -> None:
    with FakeSource(endless) as fake, PluginProcess(tmp_path, queries(source("s", fake.url))) as plugin:
        plugin.ready().tick()
        wait_until(lambda: len(plugin.output) > 5_000_000, "some output", 20)
        at = time.monotonic()
        plugin.popen.terminate()
        assert plugin.wait() == 0
        assert time.monotonic() - at < 2.0
        assert plugin.output.endswith(b"\n")
        assert {line.rpartition(b" ")[0] for line in plugin.output.splitlines() if line.startswith(b"power")} == {
            b"power,field=watts,host=s,source_bucket=data watts=1.5"
        }


def test_sigterm_ends_it_within_two_seconds_while_stdout_is_not_read(tmp_path: Path) -> None:
    with FakeSource(endless) as fake:
        document = queries(source("s", fake.url))
        with PluginProcess(tmp_path, document) as plugin:
            assert plugin.popen.stdout is not None
            descriptor = plugin.popen.stdout.fileno()
            plugin.ready().tick()
            wait_until(lambda: len(plugin.output) > 100_000, "some output", 20)
            plugin.stop_reading()
            wait_until(lambda: _waiting(descriptor) >= 65536 - 4096, "the pipe to be full", 20)
            at = time.monotonic()
            plugin.popen.terminate()
            assert plugin.popen.wait(10) == 0
            assert time.monotonic() - at < 2.0


def test_end_of_input_ends_it_in_time_while_stdout_is_not_read(tmp_path: Path) -> None:
    with FakeSource(endless) as fake, PluginProcess(tmp_path, queries(source("s", fake.url))) as plugin:
        assert plugin.popen.stdout is not None
        descriptor = plugin.popen.stdout.fileno()
        plugin.ready().tick()
        wait_until(lambda: len(plugin.output) > 100_000, "some output", 20)
        plugin.stop_reading()
        wait_until(lambda: _waiting(descriptor) >= 65536 - 4096, "the pipe to be full", 20)
        closed = plugin.end_of_input()
        assert plugin.popen.wait(8) == 0
        assert time.monotonic() - closed < 6.0  # 4 s for the cycle in hand, 1.5 s for a write in hand


def _waiting(descriptor: int) -> int:
    return int(struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, b"\0" * 4))[0])


def test_a_closed_stdout_ends_it_with_status_1_and_a_word(tmp_path: Path) -> None:
    with (
        FakeSource(good(FULL)) as fake,
        PluginProcess(tmp_path, queries(source("s", fake.url)), read_stdout=False) as plugin,
    ):
        plugin.ready()
        assert plugin.popen.stdout is not None
        plugin.popen.stdout.close()
        plugin.tick()
        assert plugin.popen.wait(10) == 1
        assert len(plugin.logged("^E! .*Telegraf does not read any more; ending")) == 1
        assert "Traceback" not in plugin.stderr


# Standard output is the lines' alone

_STRAY = """
import os, subprocess, sys, threading
begin = threading.Thread.start
def start(self):
    print("stray_print value=1")
    sys.__stdout__.write("stray_dunder value=1\\n"); sys.__stdout__.flush()
    os.write(1, b"stray_descriptor value=1\\n")
    subprocess.run(["echo", "stray_child value=1"])
    begin(self)
threading.Thread.start = start
"""


def test_stray_prints_do_not_reach_stdout(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(_STRAY)
    with FakeSource(good(FULL)) as fake:
        run = run_once(tmp_path, queries(source("s", fake.url)), {"PYTHONPATH": str(tmp_path)})
    assert run.status == 0
    assert len(run.data) == 3
    assert b"stray" not in run.output
    for kind in ("print", "dunder", "descriptor", "child"):
        assert f"stray_{kind} value=1" in run.stderr  # or the test would prove nothing


# What is refused at the start


def test_an_invalid_configuration_ends_with_status_2_and_every_problem_by_its_key_path(tmp_path: Path) -> None:
    with FakeSource(good()) as fake:
        document: Section = {
            "central": {"url": "central:8086", "org": "central", "token": "${CENTRAL_TOKEN}"},
            "sources": [
                source("a", fake.url, {"bucket": "x", "lookback": "soon", "measurments": ["cpu"]}),
                source("b", fake.url, {"bucket": "x"}, token="pasted-secret-token-9431"),
                source("b", fake.url, {"bucket": "${UNSET_BUCKET}"}, concurrent_queries=0),
            ],
        }
        run = run_once(tmp_path, document, ticks=1)
        assert fake.requests == []
    assert (run.status, run.output) == (2, b"")
    lines = run.stderr.splitlines()
    assert all(line.startswith("E! ") for line in lines), run.stderr
    for path in (
        "central.url",
        "sources[0].streams[0].lookback",
        "sources[0].streams[0].measurments",
        "sources[1].token",
        "sources[2].streams[0].bucket",
        "sources[2].concurrent_queries",
    ):
        assert len([line for line in lines if f" {path}: " in line]) == 1, f"{path}\n{run.stderr}"
    assert "UNSET_BUCKET" in run.stderr
    assert "pasted-secret" not in run.stderr + run.log


def test_sources_and_streams_of_one_name_are_refused(tmp_path: Path) -> None:
    twice = [source("a", "http://h:1", {"bucket": "x"}, {"bucket": "x"}), source("a", "http://h:1")]
    run = run_once(tmp_path, queries(*twice))
    assert (run.status, run.output) == (2, b"")
    assert len([line for line in run.errors if " sources[0].streams[1].name: " in line]) == 1
    assert len([line for line in run.errors if " sources[1].name: " in line]) == 1


def test_a_missing_file_ends_with_status_2(tmp_path: Path) -> None:
    run = run_once(tmp_path, queries(source("a", "http://h:1")), arguments=["--config", "nowhere.yaml"])
    assert (run.status, run.output) == (2, b"")
    assert run.stderr.startswith("E! nowhere.yaml: ")


def test_a_wrong_log_level_ends_with_status_2(tmp_path: Path) -> None:
    run = run_once(tmp_path, queries(source("a", "http://h:1")), {"LOG_LEVEL": "LOUD"})
    assert (run.status, run.output) == (2, b"")
    assert all(line.startswith("E! ") for line in run.stderr.splitlines())
    assert "LOG_LEVEL" in run.stderr
    assert "WARN" in run.stderr


# The log


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


# Tokens

SECRETS = {
    "TOKEN_OK": "tok-good-Zk3J9wq71==",
    "TOKEN_401": "tok-401-hV8s2LmPq0==",
    "TOKEN_ECHO": "tok-echo-Qm4T7xYd5==",
    "TOKEN_REFUSED": "tok-refused-Lr2N8bVc6==",
    "TOKEN_HANG": "tok-hang-Jf6W1gKz3==",
    "TOKEN_PLACE": "tok-place-Xs9D4hRu8==",
}
FILE_TOKEN = "tok-file-Gy7A3kWi9=="


def echo(exchange: Exchange) -> None:
    """Answer with all that was asked, the header with the token too, as some proxies do."""
    said = f"bad request: {dict(exchange.request.headers)}"
    refusal(400, said)(exchange)


def elsewhere(exchange: Exchange) -> None:
    token = exchange.request.headers["authorization"].partition(" ")[2]
    plain(302, b"", {"Location": f"http://login.example.org/?token={token}"})(exchange)


def page(exchange: Exchange) -> None:
    token = exchange.request.headers["authorization"]
    plain(200, f"<html>you sent {token}</html>".encode(), {"Content-Type": "text/html"})(exchange)


def mid_stream(exchange: Exchange) -> None:
    token = exchange.request.headers["authorization"]
    begin_chunked(exchange)
    exchange.chunk(FULL)
    exchange.chunk(b"\r\n#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n")
    exchange.chunk(f",you sent {token},\r\n".encode())
    exchange.chunk(b"")


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_tokens_appear_nowhere(level: str, tmp_path: Path) -> None:
    token_file = tmp_path / "secret"
    token_file.write_text(FILE_TOKEN + "\n")
    with (
        FakeSource(good(FULL)) as fine,
        FakeSource(UNAUTHORIZED) as unauthorized,
        FakeSource(echo, same=True) as echoing,
        FakeSource(hang) as hanging,
        FakeSource(elsewhere, same=True) as redirecting,
        FakeSource(page, same=True) as paging,
        FakeSource(mid_stream) as breaking,
    ):
        from_file = source("file", echoing.url, token_file=str(token_file))
        del from_file["token"]
        document = queries(
            source("fine", fine.url, token="${TOKEN_OK}"),
            source("unauthorized", unauthorized.url, token="${TOKEN_401}"),
            source("echo", echoing.url, token="${TOKEN_ECHO}"),
            source("refused", f"http://{HOST}:{free_port()}", token="${TOKEN_REFUSED}"),
            source("hang", hanging.url, token="${TOKEN_HANG}", timeouts={"read": "1s"}),
            source("elsewhere", redirecting.url, token="${TOKEN_PLACE}"),
            source("page", paging.url, token="${TOKEN_PLACE}"),
            source("breaking", breaking.url, token="${TOKEN_PLACE}"),
            from_file,
        )
        with PluginProcess(tmp_path, document, {**SECRETS, "LOG_LEVEL": level}) as plugin:
            plugin.ready()
            command = Path(f"/proc/{plugin.popen.pid}/cmdline").read_text()
            plugin.tick()
            plugin.wait_for_log("^[IW]! cycle: ")
            plugin.end_of_input()
            assert plugin.wait() == 0
            assert len(plugin.logged("^E! failed ")) >= 8, plugin.stderr
            said = {
                "stdout": plugin.output.decode(),
                "stderr": plugin.stderr,
                "log file": plugin.log_file.read_text("utf-8"),
                "ps": command,
            }
        # The tokens did go where they belong.
        assert fine.requests[0].headers["authorization"] == f"Token {SECRETS['TOKEN_OK']}"
        assert f"Token {FILE_TOKEN}" in {request.headers["authorization"] for request in echoing.requests}
    found = [
        (where, secret)
        for where, text in said.items()
        for secret in (*SECRETS.values(), FILE_TOKEN, shared_central().token)
        if secret in text
    ]
    assert found == []


def test_tokens_are_not_in_the_log_when_the_configuration_is_refused(tmp_path: Path) -> None:
    document: dict[str, Any] = queries(source("s", "http://h:1", {"bucket": "x", "wrong": "${TOKEN}"}))
    run = run_once(tmp_path, document, {"LOG_LEVEL": "DEBUG"})
    assert run.status == 2
    assert "sources[0].streams[0].wrong" in run.stderr
    for secret in (TOKEN, shared_central().token):
        assert secret not in run.stderr + run.log + run.output.decode()


def test_html_is_not_taken_for_data(tmp_path: Path) -> None:
    with FakeSource(HTML) as fake:
        run = run_once(tmp_path, queries(source("s", fake.url)))
    assert run.data == []
    assert run.stream("s/data")["failures"] == 1
