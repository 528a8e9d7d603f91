"""One source's reads: each tick and after failures, no more at a time than allowed, and one stream's trouble its own.

The client is a stub; what it is asked and when it answers is the test's to say. Nothing here waits for time to pass,
but for retries, whose delays are cut to milliseconds.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise

import pytest

from telegraf_plugin import worker as worker_module
from telegraf_plugin.config import Credential, Server, Source, Timeouts
from telegraf_plugin.errors import BadReply, PermanentError, SourceError, TransientError
from telegraf_plugin.influxdb.flux import Query
from telegraf_plugin.stream import retry
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.status import Attempt
from telegraf_plugin.telegraf.writer import LineWriter
from telegraf_plugin.worker import SourceWorker
from tests.fakes import END, table
from tests.unit.test_definition import STREAM

PATIENCE = 10.0
"""Seconds within which what must happen happens, on the slowest machine."""

REPLY = table(values=["1.5", "2.5"]) + END
Answer = bytes | Exception | Callable[[], bytes]


class StubClient:
    """Answers the query of each stream by its script, and by REPLY when that is used up."""

    url = "http://pod-8:8086"
    clock_skew = None

    def __init__(self) -> None:
        self.script: dict[str, deque[Answer]] = defaultdict(deque)
        self.asked: list[str] = []
        self.asked_at: dict[str, list[float]] = defaultdict(list)
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()

    def bucket(self, name: str) -> None:
        return None

    def redact(self, text: str) -> str:
        return text

    def query(self, query: Query) -> Iterator[bytes]:
        stream = query.text.split()[0]
        with self._lock:
            self.asked.append(stream)
            self.asked_at[stream].append(time.monotonic())
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            answer = self.script[stream].popleft() if self.script[stream] else REPLY
        try:
            if isinstance(answer, Exception):
                raise answer
            yield answer if isinstance(answer, bytes) else answer()
        finally:
            with self._lock:
                self.at_once -= 1


class Gate:
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
    """A worker, its stub, and what it says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, names: str, concurrent_queries: int, descriptor: int) -> None:
        self.client = StubClient()
        monkeypatch.setattr(worker_module, "QueryClient", lambda *_args, **_kwargs: self.client)
        # A Flux of one's own is asked once, whatever hour it is, and its first word tells the stub which it is.
        streams = tuple(replace(STREAM, name=name, flux=f"{name} start stop") for name in names.split())
        source = Source(
            name="POD-8",
            server=Server("http://pod-8:8086", "org", Credential("a-token")),
            streams=streams,
            concurrent_queries=concurrent_queries,
            timeouts=Timeouts(1.0, 1.0, 1.0),
        )
        self._said: queue.SimpleQueue[Attempt | None] = queue.SimpleQueue()
        self.closed = threading.Event()
        self.ticks = 0
        self.worker = SourceWorker(
            source,
            LineWriter(descriptor),
            on_attempt=self._said.put,
            on_idle=self._idle,
            on_closed=self.closed.set,
            oldest=lambda _stream, _now: -(2**63),
        )
        self.worker.start()

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
        """All attempts until the worker says that it has done what the tick asked for."""
        attempts = []
        while (said := self.next()) is not None:
            attempts.append(said)
        return attempts

    def tick(self) -> list[Attempt]:
        """One tick, served."""
        self.ask()
        return self.cycle()

    def ask(self) -> None:
        """One tick."""
        self.ticks += 1
        self.worker.tick(self.ticks)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Bench]]:
    descriptor = os.open(os.devnull, os.O_WRONLY)

    def make(names: str = "a b c", concurrent_queries: int = 1) -> Bench:
        return Bench(monkeypatch, names, concurrent_queries, descriptor)

    yield make
    os.close(descriptor)


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_DELAY", 0.002)


def names_of(attempts: list[Attempt]) -> list[str]:
    return [attempt.stream.name for attempt in attempts]


def transient(retry_after: float | None = None) -> TransientError:
    return TransientError("what", "hint", retry_after)


# Ticks


def test_a_tick_reads_every_stream_once_and_then_the_source_is_idle(bench: Callable[..., Bench]) -> None:
    site = bench("a b c")
    for _ in range(3):
        attempts = site.tick()
        assert names_of(attempts) == ["a", "b", "c"]
        assert [(each.points_read, each.points_sent, each.error) for each in attempts] == [(2, 2, None)] * 3
    assert site.client.asked == ["a", "b", "c"] * 3


def test_nothing_is_read_before_the_first_tick(bench: Callable[..., Bench]) -> None:
    early, ticked = bench("a"), bench("b")
    ticked.tick()
    assert early.client.asked == []


def test_ticks_that_come_while_the_source_is_busy_are_one(bench: Callable[..., Bench]) -> None:
    site = bench("a b")
    gate = Gate()
    site.client.script["a"].append(gate)
    site.ask()
    assert gate.reached.wait(PATIENCE)
    for _ in range(3):
        site.ask()
    gate.open()
    assert names_of(site.cycle()) == ["a", "b"]
    assert names_of(site.cycle()) == ["a", "b"]
    assert names_of(site.tick()) == ["a", "b"]  # no other cycle came in between
    assert site.client.asked == ["a", "b"] * 3


@pytest.mark.parametrize(("concurrent_queries", "streams"), [(1, "a b c d"), (2, "a b c d"), (3, "a b c"), (4, "a b")])
def test_as_many_queries_run_at_a_time_as_are_allowed_and_no_more(
    bench: Callable[..., Bench], concurrent_queries: int, streams: str
) -> None:
    site = bench(streams, concurrent_queries)
    together = min(concurrent_queries, len(streams.split()))
    barrier = threading.Barrier(together)

    def meet() -> bytes:
        barrier.wait(PATIENCE)
        return REPLY

    for name in streams.split():
        site.client.script[name].append(meet)
    attempts = site.tick()
    assert sorted(names_of(attempts)) == streams.split()
    assert [each.error for each in attempts] == [None] * len(attempts)
    assert site.client.most_at_once == together


def test_as_many_queries_run_at_a_time_in_the_cycle_of_a_missed_tick(bench: Callable[..., Bench]) -> None:
    site = bench("a b", 2)
    gate = Gate()
    site.client.script["a"].append(gate)
    site.ask()
    assert gate.reached.wait(PATIENCE)
    assert site.attempt().stream.name == "b"
    site.ask()
    barrier = threading.Barrier(2)

    def meet() -> bytes:
        barrier.wait(PATIENCE)
        return REPLY

    for name in ("a", "b"):
        site.client.script[name].append(meet)
    gate.open()
    assert names_of(site.cycle()) == ["a"]
    attempts = site.cycle()
    assert sorted(names_of(attempts)) == ["a", "b"]
    assert [each.error for each in attempts] == [None, None]


# Failures


def test_one_streams_failure_is_its_own(bench: Callable[..., Bench]) -> None:
    site = bench("a b c")
    error = PermanentError("not found (404)", "check the bucket")
    site.client.script["b"].append(error)
    attempts = site.tick()
    assert [(each.stream.name, each.error) for each in attempts] == [("a", None), ("b", error), ("c", None)]
    assert [each.error for each in site.tick()] == [None, None, None]


@pytest.mark.parametrize("bug", [KeyError("what"), RecursionError(), MemoryError(), UnicodeError("x"), ValueError()])
def test_an_unexpected_exception_is_its_streams_own(bench: Callable[..., Bench], bug: Exception) -> None:
    site = bench("a b c")
    site.client.script["b"].append(bug)
    a, b, c = site.tick()
    assert (a.error, c.error) == (None, None)
    assert type(b.error) is PermanentError
    assert b.error.summary == f"unexpected: {type(bug).__name__}"
    assert b.error.__cause__ is bug
    assert [each.error for each in site.tick()] == [None, None, None]


def test_a_damaged_reply_is_its_streams_own_and_what_came_before_counts(bench: Callable[..., Bench]) -> None:
    site = bench("a b")
    site.client.script["a"].append(REPLY.removesuffix(END))
    a, b = site.tick()
    assert type(a.error) is BadReply
    assert (a.points_read, a.points_sent) == (2, 2)
    assert b.error is None


def test_when_nobody_reads_the_lines_that_is_said(bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    reader, descriptor = os.pipe()
    os.close(reader)
    site = Bench(monkeypatch, "a", 1, descriptor)
    site.ask()
    assert site.closed.wait(PATIENCE)
    os.close(descriptor)


# Retries


@pytest.mark.parametrize("error", [transient(), BadReply("what", "hint")])
@pytest.mark.usefixtures("quick_retries")
def test_what_may_pass_by_itself_is_tried_again_until_it_has(bench: Callable[..., Bench], error: SourceError) -> None:
    site = bench("a b")
    site.client.script["a"].extend([error] * 4)
    assert [each.error for each in site.tick()] == [error, None]
    assert [(each.stream.name, each.error) for each in (site.attempt() for _ in range(4))] == [
        ("a", error),
        ("a", error),
        ("a", error),
        ("a", None),
    ]
    assert names_of(site.tick()) == ["a", "b"]  # no retry after the success
    at = site.client.asked_at["a"]
    waits = [after - before for before, after in pairwise(at[:5])]
    assert [wait >= least for wait, least in zip(waits, (0.002, 0.004, 0.008, 0.016), strict=True)] == [True] * 4


@pytest.mark.usefixtures("quick_retries")
def test_what_somebody_must_mend_waits_for_the_next_tick(bench: Callable[..., Bench]) -> None:
    site = bench("mend pass")
    site.client.script["mend"].extend([PermanentError("what", "hint")] * 2)
    site.client.script["pass"].extend([transient()] * 5)
    site.tick()
    assert [site.attempt().stream.name for _ in range(5)] == ["pass"] * 5
    assert Counter(site.client.asked) == {"mend": 1, "pass": 6}
    site.tick()
    assert Counter(site.client.asked) == {"mend": 2, "pass": 7}


def test_a_tick_is_a_retry(bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_DELAY", 50.0)
    site = bench("a")
    site.client.script["a"].append(transient())
    assert [each.error is None for each in site.tick() + site.tick()] == [False, True]


@pytest.mark.usefixtures("quick_retries")
def test_the_delay_grows_over_ticks_and_begins_anew_after_a_success(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(worker_module, "retry_delay", lambda failures, _error: asked.append(failures))
    site = bench("a")
    site.client.script["a"].extend([transient(), transient(), REPLY, transient()])
    for _ in range(4):
        site.tick()
    assert asked == [1, 2, 1]


def test_a_stream_that_the_server_wants_left_alone_is_left_alone_by_ticks(bench: Callable[..., Bench]) -> None:
    site = bench("a b")
    site.client.script["a"].append(transient(retry_after=3600.0))
    assert names_of(site.tick()) == ["a", "b"]
    assert names_of(site.tick()) == ["b"]
    assert names_of(site.tick()) == ["b"]
    assert Counter(site.client.asked) == {"a": 1, "b": 3}


def test_a_source_whose_every_stream_is_left_alone_is_idle_at_once(bench: Callable[..., Bench]) -> None:
    site = bench("a")
    site.client.script["a"].append(transient(retry_after=3600.0))
    assert names_of(site.tick()) == ["a"]
    assert site.tick() == []


@pytest.mark.usefixtures("quick_retries")
def test_a_stream_that_was_left_alone_is_tried_when_its_time_has_come(bench: Callable[..., Bench]) -> None:
    site = bench("a b")
    site.client.script["a"].append(transient(retry_after=0.05))
    assert names_of(site.tick()) == ["a", "b"]
    site.ask()  # before its time, most likely, and no matter if not
    came = [site.next() for _ in range(3)]
    assert sorted(each.stream.name for each in came if each is not None) == ["a", "b"]
    first, second = site.client.asked_at["a"]
    assert second - first >= 0.05


@pytest.mark.usefixtures("quick_retries")
def test_a_tick_that_comes_during_a_retry_is_served_after_it(bench: Callable[..., Bench]) -> None:
    site = bench("a b")
    gate = Gate()
    site.client.script["a"].extend([transient(), gate])
    site.tick()
    assert gate.reached.wait(PATIENCE)
    for _ in range(2):
        site.ask()
    gate.open()
    assert site.attempt().stream.name == "a"
    assert names_of(site.cycle()) == ["a", "b"]
    assert names_of(site.tick()) == ["a", "b"]
    assert Counter(site.client.asked) == {"a": 4, "b": 3}


# What is read


def test_the_window_ends_at_the_last_full_second(bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_795_471_200_999_999_999
    monkeypatch.setattr(time, "time_ns", lambda: now)
    (attempt,) = bench("a").tick()
    stream: StreamDefinition = attempt.stream
    assert (attempt.start, attempt.stop) == (now // 10**9 * 10**9 - stream.lookback, now // 10**9 * 10**9)


def test_a_tick_goes_before_retries_that_are_due(bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    """Or streams that fail slowly, one retry after the other, would keep the healthy ones from ever being read."""
    monkeypatch.setattr(worker_module, "retry_delay", lambda *_: 0.0)
    site, gate = bench("a b c"), Gate()
    site.client.script["a"] += [TransientError("slow", "hint"), gate]
    site.client.script["b"] += [TransientError("slow", "hint")]
    assert names_of(site.tick()) == ["a", "b", "c"]
    assert gate.reached.wait(PATIENCE)  # a's retry is under way, and b's is due
    site.ask()
    gate.open()
    assert names_of(site.cycle()) == ["a", "a", "b", "c"]
