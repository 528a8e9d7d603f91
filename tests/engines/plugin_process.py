"""The plugin alone, as Telegraf would run it: its own process, ticks on stdin, lines from stdout, log on stderr."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import yaml
from line_protocol_parser import parse_line

from lab.loopback import wait_until
from lab.telegraf import program_path
from tests.engines.landing import NOWHERE, Landing
from tests.engines.reading import in_its_language

PROGRAM = Path(sys.executable).parent / "data-collector"
TOKEN = "a-token-of-no-server"
LEDGER = "collector_ledger"
SHORT_S = 20
"""How far back a stream looks and begins where nothing else is said."""

Section = dict[str, Any]
T = TypeVar("T")


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


def data_of(lines: list[Line]) -> list[Line]:
    """Those that are neither the collector's own metrics nor its marks."""
    return [line for line in lines if "source_bucket" in line.tags and line.measurement != LEDGER]


def read_line(text: str) -> Line:
    parsed = cast(dict[str, Any], parse_line(text))
    return Line(parsed["measurement"], parsed["tags"], parsed["fields"], parsed["time"])


def queries(*sources: Section) -> Section:
    """A queries.yaml with these sources; whoever runs it gives it a central (`Landing.place`)."""
    central = {"url": NOWHERE, "org": "central", "token": "${CENTRAL_TOKEN}"}
    document: Section = {"central": central, "sources": list(sources)}
    if len(sources) > 1:  # whose buckets may have one name, and then land in one place
        document["metadata_tags"] = ["host", "source_bucket", "field", "source"]
    return document


def source(name: str, url: str, *streams: Section, token: str = "${TOKEN}", **keys: Any) -> Section:
    """One source; without `streams` it reads the whole of a bucket called `data`, of the last 20 s at first.

    All of that is live: one read, at the first tick (`past_the_hour`).
    """
    return {
        "name": name,
        "url": url,
        "org": "o",
        "token": token,
        "streams": list(streams or [{"bucket": "data", "lookback": f"{SHORT_S}s", "start": f"-{SHORT_S}s"}]),
    } | keys


def past_the_hour() -> None:
    """Wait where the last SHORT_S seconds are parts of two hours: a full hour cuts what is read into two reads."""
    time.sleep(max(SHORT_S + 2 - time.time() % 3600, 0.0))


class PluginProcess:
    """`data-collector` with a queries.yaml of one's own. A context that ends it for sure.

    `folder` gets queries.yaml, stderr.txt and logs/collector.log. Its stdout is read as it comes, unless
    `read_stdout` is False, and handed to `landing`: one of its own unless given, for which it has to be closed.
    """

    def __init__(
        self,
        folder: Path,
        document: Section,
        env: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        read_stdout: bool = True,
        landing: Landing | None = None,
    ) -> None:
        self.landing = landing or Landing()
        self._own_landing = landing is None
        document = self.landing.place(document, env or {})
        past_the_hour()
        config = folder / "queries.yaml"
        config.write_text(yaml.safe_dump(in_its_language(document), allow_unicode=True), "utf-8")
        self.log_file = folder / "logs" / "collector.log"
        self._stderr_file = folder / "stderr.txt"
        self._output = bytearray()
        self._lock = threading.Lock()
        self._reader: threading.Thread | None = None
        self._reading = threading.Event()
        self._reading.set()
        self.began = time.monotonic()
        with self._stderr_file.open("wb") as stderr:
            self.popen = subprocess.Popen(
                [str(PROGRAM), "--config", str(config), *arguments],
                env={
                    "PATH": program_path(),
                    "TOKEN": TOKEN,
                    "CENTRAL_TOKEN": self.landing.server.token,
                    **(env or {}),
                },
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
        self._reading.set()
        if self._reader is not None:
            self._reader.join(10)
        for stream in (self.popen.stdin, self.popen.stdout):
            with contextlib.suppress(OSError):
                cast(Any, stream).close()
        if self._own_landing:
            self.landing.close()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        while self._reading.wait() and (data := os.read(self.popen.stdout.fileno(), 1 << 16)):
            with self._lock:
                self._output += data
            self.landing.feed(data)

    # What Telegraf does

    def tick(self, newlines: int = 1) -> float:
        """Ask for a cycle; returns the time.monotonic() of it."""
        assert self.popen.stdin is not None
        at = time.monotonic()
        os.write(self.popen.stdin.fileno(), b"\n" * newlines)
        return at

    def cycle(self, timeout_s: float = 15.0) -> None:
        """Tick, and wait until the cycle is told of: everything that was due has been read, or has failed."""
        before = len(self.of("collector_health"))
        self.tick()
        self.wait_for_health(before + 1, timeout_s)

    def wait_for_health(self, count: int, timeout_s: float = 15.0) -> None:
        """Wait for so many health lines; raises TimeoutError with the log."""
        try:
            wait_until(lambda: len(self.of("collector_health")) >= count, f"{count} health lines", timeout_s, 0.02)
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.stderr}") from None

    def tick_until(self, probe: Callable[[], T | None], what: str, timeout_s: float = 20.0) -> T:
        """Tick every second until `probe` is true, and return what it gave; raises TimeoutError with the log."""
        deadline = time.monotonic() + timeout_s
        while True:
            self.tick()
            try:
                return wait_until(probe, what, 1.0, 0.05)
            except TimeoutError as error:
                if time.monotonic() >= deadline:
                    raise TimeoutError(f"{error}\n{self.stderr}") from None

    def healthy(self) -> bool:
        """Whether it says that all is well."""
        told = self.of("collector_health")
        return bool(told) and told[-1].fields["healthy"] == 1

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

    def stop_reading(self) -> None:
        """Read its stdout no more, as a Telegraf that hangs."""
        self._reading.clear()

    def resume_reading(self) -> None:
        """The end of `stop_reading`."""
        self._reading.set()

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

    @property
    def data(self) -> list[Line]:
        """The lines so far that are neither the collector's own metrics nor its marks."""
        return data_of(self.lines)

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
        return data_of(self.lines)

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
    landing: Landing | None = None,
) -> Finished:
    """`data-collector` from its start, through one cycle if there are ticks, which come all at once, to its end."""
    with PluginProcess(folder, document, env, arguments, landing=landing) as plugin:
        if ticks:
            plugin.tick(ticks)
            wait_until(lambda: plugin.of("collector_health") or plugin.popen.poll() is not None, "a cycle", timeout_s)
        plugin.end_of_input()
        status = plugin.wait(timeout_s)
        log = plugin.log_file.read_text("utf-8") if plugin.log_file.is_file() else ""
        return Finished(status, plugin.output, plugin.stderr, log, time.monotonic() - plugin.began)
