"""The plugin alone, as Telegraf would run it: its own process, ticks on stdin, lines from stdout, log on stderr."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import yaml
from line_protocol_parser import parse_line

from lab.loopback import wait_until
from lab.telegraf import program_path

PROGRAM = Path(sys.executable).parent / "data-collector"
TOKEN = "a-token-of-no-server"
CENTRAL_TOKEN = "a-token-of-central"

Section = dict[str, Any]


@dataclass(frozen=True)
class Line:
    """One line of line protocol."""

    measurement: str
    tags: dict[str, str]
    fields: dict[str, Any]
    time_ns: int


def read_lines(output: bytes) -> list[Line]:
    """The lines of `output`; raises AssertionError when the last one is not whole."""
    assert output == b"" or output.endswith(b"\n"), f"half a line: {output[-200:]!r}"
    return [read_line(line) for line in output.decode().split("\n")[:-1]]


def read_line(text: str) -> Line:
    parsed = cast(dict[str, Any], parse_line(text))
    return Line(parsed["measurement"], parsed["tags"], parsed["fields"], parsed["time"])


def queries(*sources: Section) -> Section:
    """A queries.yaml with these sources."""
    central = {"url": "http://127.0.0.1:9", "org": "central", "token": "${CENTRAL_TOKEN}"}
    return {"central": central, "sources": list(sources)}


def source(name: str, url: str, *streams: Section, token: str = "${TOKEN}", **keys: Any) -> Section:
    """One source; without `streams` it reads the whole of a bucket called `data`.

    A window of one second never crosses a full hour, where the plugin asks twice and a fake would answer twice.
    """
    return {
        "name": name,
        "url": url,
        "org": "o",
        "token": token,
        "streams": list(streams or [{"bucket": "data", "lookback": "1s"}]),
    } | keys


class PluginProcess:
    """`data-collector` with a queries.yaml of one's own. A context that ends it for sure.

    `folder` gets queries.yaml, stderr.txt and logs/collector.log. Its stdout is read as it comes, unless
    `read_stdout` is False.
    """

    def __init__(
        self,
        folder: Path,
        document: Section,
        env: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        read_stdout: bool = True,
    ) -> None:
        config = folder / "queries.yaml"
        config.write_text(yaml.safe_dump(document, allow_unicode=True), "utf-8")
        self.log_file = folder / "logs" / "collector.log"
        self._stderr_file = folder / "stderr.txt"
        self._output = bytearray()
        self._lock = threading.Lock()
        self._reader: threading.Thread | None = None
        self.began = time.monotonic()
        with self._stderr_file.open("wb") as stderr:
            self.popen = subprocess.Popen(
                [str(PROGRAM), "--config", str(config), *arguments],
                env={"PATH": program_path(), "TOKEN": TOKEN, "CENTRAL_TOKEN": CENTRAL_TOKEN, **(env or {})},
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                process_group=0,
            )
        if read_stdout:
            self._reader = threading.Thread(target=self._read, name="plugin-stdout", daemon=True)
            self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.popen.kill()
        self.popen.wait()
        if self._reader is not None:
            self._reader.join(10)
        for stream in (self.popen.stdin, self.popen.stdout):
            with contextlib.suppress(OSError):
                cast(Any, stream).close()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        while data := os.read(self.popen.stdout.fileno(), 1 << 16):
            with self._lock:
                self._output += data

    # What Telegraf does

    def tick(self, newlines: int = 1) -> float:
        """Ask for a cycle; returns the time.monotonic() of it."""
        assert self.popen.stdin is not None
        at = time.monotonic()
        os.write(self.popen.stdin.fileno(), b"\n" * newlines)
        return at

    def end_of_input(self) -> float:
        """Close stdin; returns the time.monotonic() of it."""
        assert self.popen.stdin is not None
        self.popen.stdin.close()
        return time.monotonic()

    def wait(self, timeout_s: float = 10.0) -> int:
        """The exit status, once it has ended and everything it printed was read."""
        status = self.popen.wait(timeout_s)
        if self._reader is not None:
            self._reader.join(timeout_s)
        return status

    # What it says

    @property
    def output(self) -> bytes:
        """Everything read from its stdout so far."""
        with self._lock:
            return bytes(self._output)

    @property
    def lines(self) -> list[Line]:
        """The whole lines of its stdout so far."""
        output = self.output
        return read_lines(output[: output.rfind(b"\n") + 1])

    def of(self, measurement: str) -> list[Line]:
        """The lines so far of one measurement."""
        return [line for line in self.lines if line.measurement == measurement]

    @property
    def stderr(self) -> str:
        return self._stderr_file.read_text("utf-8")

    def logged(self, pattern: str) -> list[str]:
        """The whole lines of stderr so far in which the regular expression is found."""
        text = self.stderr
        whole = text[: text.rfind("\n") + 1].split("\n")[:-1]
        return [line for line in whole if re.search(pattern, line)]

    def wait_for_log(self, pattern: str, count: int = 1, timeout_s: float = 10.0) -> list[str]:
        """The first `count` lines of stderr with the pattern; raises TimeoutError, AssertionError when it ended."""

        def probe() -> list[str] | None:
            ended = self.popen.poll()
            found = self.logged(pattern)
            if len(found) >= count:
                return found[:count]
            assert ended is None, f"the plugin ended ({ended}):\n{self.stderr}"
            return None

        try:
            return wait_until(probe, f"{count} times {pattern!r} on stderr", timeout_s, every_s=0.01)
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.stderr}") from None

    def ready(self) -> Self:
        """Wait until it serves ticks and signals."""
        self.wait_for_log("^I! collector started")
        return self


@dataclass(frozen=True)
class Finished:
    """A run that has ended."""

    status: int
    output: bytes
    stderr: str
    log: str
    seconds: float

    @property
    def lines(self) -> list[Line]:
        return read_lines(self.output)

    def of(self, measurement: str) -> list[Line]:
        return [line for line in self.lines if line.measurement == measurement]

    @property
    def data(self) -> list[Line]:
        """The lines that are not the collector's own metrics."""
        return [line for line in self.lines if "source_bucket" in line.tags]

    @property
    def errors(self) -> list[str]:
        return [line for line in self.stderr.splitlines() if line.startswith("E! ")]

    def stream(self, label: str) -> dict[str, Any]:
        """The fields of the last collector_stream line of `source/stream`."""
        found = [x.fields for x in self.of("collector_stream") if f"{x.tags['source']}/{x.tags['stream']}" == label]
        assert found, f"no collector_stream of {label}:\n{self.stderr}"
        return found[-1]


def run_once(
    folder: Path,
    document: Section,
    env: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
    ticks: int = 1,
    timeout_s: float = 30.0,
) -> Finished:
    """`echo | data-collector`, to its end."""
    with PluginProcess(folder, document, env, arguments) as plugin:
        if ticks:
            plugin.tick(ticks)
        plugin.end_of_input()
        status = plugin.wait(timeout_s)
        log = plugin.log_file.read_text("utf-8") if plugin.log_file.is_file() else ""
        return Finished(status, plugin.output, plugin.stderr, log, time.monotonic() - plugin.began)
