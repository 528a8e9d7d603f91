"""A worker whose source is a stub: what it is asked and when it answers is the test's to say.

Central is the writer: what is printed is there at once, unless the test holds it back.
"""

from __future__ import annotations

import queue
import re
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from telegraf_plugin import worker as worker_module
from telegraf_plugin.config import Credential, Server, Source, Timeouts
from telegraf_plugin.errors import CentralError, OutputClosed, TransientError
from telegraf_plugin.gate import Gate
from telegraf_plugin.influxdb.central import CentralReader
from telegraf_plugin.influxdb.flux import Query
from telegraf_plugin.lane import Reading
from telegraf_plugin.lanework import Held
from telegraf_plugin.stream.account import State
from telegraf_plugin.stream.definition import Start
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.status import Attempt
from telegraf_plugin.telegraf.writer import LineWriter
from telegraf_plugin.worker import SourceWorker
from tests.fakes import END, table
from tests.unit.test_definition import STREAM

PATIENCE = 10.0
"""Seconds within which what must happen happens, on the slowest machine."""
SECOND = 1_000_000_000
MARK = re.compile(rb"^collector_ledger,.*stream=(\w+) .*id=\"(\d+)@(\w+)\"", re.MULTILINE)

Answer = bytes | Exception | Callable[[], bytes]
EMPTY = Reading(None, None, ())
"""There is no ledger."""
REPLY = b""
"""Two points of the span that is asked for."""


def reply(query: Query) -> bytes:
    start = query.parameters["start"]
    assert not isinstance(start, str)
    content = table(values=["1.5", "2.5"])
    for second in range(2):
        at = (start + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")
        content = content.replace(b"2026-11-24T10:00:%02d.123456789Z" % second, at.encode())
    return content + END


class StubClient:
    """Answers the query of each stream by its script, and by two points when that is used up."""

    url = "http://pod-8:8086"
    clock_skew = None

    def __init__(self) -> None:
        self.script: dict[str, deque[Answer]] = defaultdict(deque)
        self.asked: list[str] = []
        self.asked_at: dict[str, list[float]] = defaultdict(list)
        self.at_once = self.most_at_once = 0
        self.cut = ""  # the stream whose replies are cut short
        self._lock = threading.Lock()

    def bucket(self, name: str) -> None:
        return None

    def redact(self, text: str) -> str:
        return text

    def query(self, query: Query) -> Iterator[bytes]:
        stream = query.text.split()[0]
        if "collector_ledger" in query.text and "incarnation" in query.text:  # whether this is central itself
            yield END
            return
        with self._lock:
            self.asked.append(stream)
            self.asked_at[stream].append(time.monotonic())
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            answer = self.script[stream].popleft() if self.script[stream] else REPLY
        try:
            if isinstance(answer, Exception):
                raise answer
            content = answer if isinstance(answer, bytes) else answer()
            if "start" not in query.parameters:  # the probe
                content = content or END
            whole = content or reply(query)
            yield whole.removesuffix(END) if stream == self.cut else whole
        finally:
            with self._lock:
                self.at_once -= 1


class StubCentral:
    """Fails whatever it is asked."""

    clock_skew = None
    url = "http://central:8086"

    def __init__(self) -> None:
        self.asked = 0

    def count(self, *_: object) -> int:
        self.asked += 1
        raise CentralError("central is away", "hint")

    def blocks(self, *_: object) -> Iterator[object]:
        self.asked += 1
        raise CentralError("central is away", "hint")


class Echo:
    """Stands for writer, Telegraf and central: the marks that are written are there at once, while `open`."""

    def __init__(self) -> None:
        self.open = True
        self.closed = False
        self.lines = 0
        self.present: dict[str, set[MarkId]] = defaultdict(set)
        self.worker: SourceWorker | None = None

    def write(self, lines: bytes) -> None:
        if self.closed:
            raise OutputClosed("standard output is closed")
        self.lines += lines.count(b"\n")
        for name, time_, incarnation in MARK.findall(lines):
            self.present[name.decode()].add(MarkId(int(time_), incarnation.decode()))
        self.flush()

    def flush(self) -> None:
        if self.open and self.worker is not None:
            for name, marks in list(self.present.items()):
                self.worker.seen(f"POD-8/{name}", set(marks))


class Block:
    """A reply that is held back until it is let through."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._open = threading.Event()

    def __call__(self) -> bytes:
        self.reached.set()
        assert self._open.wait(PATIENCE)
        return REPLY

    def open(self) -> None:
        self._open.set()


class Bench:
    """A worker, its stubs, and what it says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, names: str, concurrent_queries: int, limit: int) -> None:
        self.client, self.central, self.echo = StubClient(), StubCentral(), Echo()
        monkeypatch.setattr(worker_module, "QueryClient", lambda *_args, **_kwargs: self.client)
        # A Flux of one's own is asked once, and its first word tells the stub which it is.
        streams = tuple(
            replace(STREAM, name=name, flux=f"{name} start stop", start=Start(ago=100 * SECOND))
            for name in names.split()
        )
        source = Source(
            name="POD-8",
            server=Server("http://pod-8:8086", "org", Credential("a-token")),
            streams=streams,
            concurrent_queries=concurrent_queries,
            timeouts=Timeouts(1.0, 1.0, 1.0),
        )
        self._said: queue.SimpleQueue[Attempt | None] = queue.SimpleQueue()
        self.held: list[Held] = []
        self.closed = threading.Event()
        self.ticks = 0
        self.gate = Gate(limit)
        self.worker = self.echo.worker = SourceWorker(
            source,
            cast(CentralReader, self.central),
            {STREAM.central_bucket: self.gate},
            cast(LineWriter, self.echo),
            "me",
            on_attempt=self._said.put,
            on_idle=self._idle,
            on_held=self.held.append,
            on_closed=self.closed.set,
        )
        self.labels = [stream.label for stream in streams]

    def start(self, loaded: bool = True) -> Bench:
        """Start the threads; with `loaded` there is no ledger, and the first marks are back."""
        self.worker.start()
        if loaded:
            for label in self.labels:
                self.worker.load(label, EMPTY)
            self.until(State.RUNNING)
        return self

    def until(self, state: State) -> None:
        """Wait until all streams are in `state`."""
        assert soon(lambda: all(found[0] is state for found in self.worker.snapshot().values()))

    def _idle(self, name: str, tick: int) -> None:
        assert name == "POD-8"
        assert 0 < tick <= self.ticks
        self._said.put(None)

    def next(self, timeout: float = PATIENCE) -> Attempt | None:
        """What the worker says next, None that it is idle; queue.Empty when it says nothing."""
        return self._said.get(timeout=timeout)

    def attempt(self) -> Attempt:
        """The next attempt."""
        said = self.next()
        assert said is not None, "idle, where an attempt was due"
        return said

    def cycle(self) -> list[Attempt]:
        """All attempts until the worker says that it has done what the tick asked for, by their streams' names."""
        attempts = []
        while (said := self.next()) is not None:
            attempts.append(said)
        return sorted(attempts, key=lambda attempt: attempt.stream.name)

    def tick(self) -> list[Attempt]:
        """One tick, served."""
        self.ask()
        return self.cycle()

    def ask(self) -> None:
        """One tick."""
        self.ticks += 1
        self.worker.tick(self.ticks)


def soon(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE
    while not holds() and time.monotonic() < end:
        time.sleep(0.002)
    return holds()


def names_of(attempts: list[Attempt]) -> list[str]:
    return [attempt.stream.name for attempt in attempts]


def transient(retry_after: float | None = None) -> TransientError:
    return TransientError("what", "hint", retry_after)
