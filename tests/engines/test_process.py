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

import pytest

from lab.loopback import wait_until
from telegraf_plugin import __version__
from telegraf_plugin.plugin import FIRST_INTERVAL
from tests.behaviours import END, HTML, chunked, endless, good, hang, table
from tests.engines.plugin_process import SHORT_S, PluginProcess, Section, queries, read_lines, run_once, source
from tests.fakes import FakeSource

FULL = table(values=["1.5", "2.5", "3.5"])


# Ticks


def test_newlines_that_come_together_are_one_tick(tmp_path: Path) -> None:
    with FakeSource(good(FULL)) as fake:
        run = run_once(tmp_path, queries(source("s", fake.url)), ticks=7)
        assert run.status == 0
        assert len(fake.requests) == 1
        assert len(run.data) == 3


def test_ticks_that_come_while_a_source_is_busy_count_as_one(tmp_path: Path) -> None:
    # It begins where it was adopted, and what is live ends at the tick: all must be live however late that is, or the
    # second or two between are a backlog, and a read of their own.
    stream = {"bucket": "data", "lookback": f"{2 * SHORT_S}s", "start": f"-{SHORT_S}s"}
    with FakeSource(good(END)) as fake, PluginProcess(tmp_path, queries(source("s", fake.url, stream))) as plugin:
        plugin.ready().tick_until(plugin.healthy, "good health")
        fake.become(hang)
        asked, cycles, reads = (len(fake.requests), *(len(plugin.logged(x)) for x in (" cycle: ", "^I! read s/data ")))
        plugin.tick()
        wait_until(lambda: len(fake.requests) > asked, "the read", 5)
        for number in range(1, 6):
            plugin.tick()
            plugin.wait_for_log("^[IW]! cycle: ", count=cycles + number)
        assert len(fake.requests) == asked + 1
        fake.become(good(FULL))
        # The hung read fails; the ticks that were missed meanwhile are one more read, and a retry is not due then.
        plugin.wait_for_log("^I! read s/data ", count=reads + 1)
        plugin.end_of_input()
        assert plugin.wait() == 0
        assert len(plugin.logged("^I! read s/data ")) == reads + 1  # what it asks beside that compares
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


def test_nothing_is_read_when_its_input_ends_before_a_tick(tmp_path: Path) -> None:
    with FakeSource(good(FULL)) as fake:
        run = run_once(tmp_path, queries(source("s", fake.url)), ticks=0)
        assert (run.status, run.output, fake.requests) == (0, b"", [])


def test_without_a_tick_it_begins_by_itself_and_takes_that_for_no_interval(tmp_path: Path) -> None:
    with FakeSource(good(FULL)) as fake, PluginProcess(tmp_path, queries(source("s", fake.url))) as plugin:
        plugin.ready().wait_for_health(1)
        assert plugin.healthy()
        assert len(plugin.data) == 3
        plugin.cycle()
        intervals = [line.fields["interval_seconds"] for line in plugin.of("collector_stream")]
        assert intervals == [FIRST_INTERVAL / 10**9] * 2
        plugin.cycle()
        assert plugin.of("collector_stream")[-1].fields["interval_seconds"] < FIRST_INTERVAL / 10**9


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
        well = {"healthy": 1, "streams": 1, "failing": 0, "paused": 0, "version": __version__}
        assert plugin.lines[-1].fields == well


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
            _fill_the_pipe(plugin)
            at = time.monotonic()
            plugin.popen.terminate()
            assert plugin.popen.wait(10) == 0
            assert time.monotonic() - at < 2.0


def test_end_of_input_ends_it_in_time_while_stdout_is_not_read(tmp_path: Path) -> None:
    with FakeSource(endless) as fake, PluginProcess(tmp_path, queries(source("s", fake.url))) as plugin:
        _fill_the_pipe(plugin)
        closed = plugin.end_of_input()
        assert plugin.popen.wait(8) == 0
        assert time.monotonic() - closed < 6.0  # 4 s for the cycle in hand, 1.5 s for a write in hand


def _fill_the_pipe(plugin: PluginProcess) -> None:
    """Have it print, and nobody read, until it can print no more."""
    assert plugin.popen.stdout is not None
    descriptor = plugin.popen.stdout.fileno()
    plugin.ready().tick()
    wait_until(lambda: len(plugin.output) > 100_000, "some output", 20)
    plugin.stop_reading()
    wait_until(lambda: _waiting(descriptor) >= 65536 - 4096, "the pipe to be full", 20)


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


def test_html_is_not_taken_for_data(tmp_path: Path) -> None:
    with FakeSource(HTML) as fake:
        run = run_once(tmp_path, queries(source("s", fake.url)))
    assert run.data == []
    assert run.stream("s/data")["failures"] == 1
