"""One source's work: each tick and after failures, no more at a time than allowed, and one stream's trouble its own.

Nothing here waits for time to pass, but for retries, whose delays are cut to milliseconds.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import pytest

from telegraf_plugin import lane as lane_module
from telegraf_plugin.errors import BadReply, PermanentError, SourceError, TransientError
from telegraf_plugin.stream import retry
from telegraf_plugin.stream.backoff import Backoff
from tests.unit.worker_bench import PATIENCE, REPLY, SECOND, Bench, Block, names_of, soon, transient


@pytest.fixture(autouse=True)
def half_past(monkeypatch: pytest.MonkeyPatch) -> None:
    """No hour ends under a test, at which reads are cut."""
    ahead = 1_795_473_000 * SECOND - time.time_ns()
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + ahead)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Bench]:
    def make(names: str = "a b c", concurrent_queries: int = 1, limit: int = 100_000, loaded: bool = True) -> Bench:
        return Bench(monkeypatch, names, concurrent_queries, limit).start(loaded)

    return make


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "RETRIES", Backoff(0.05, 60.0))


# Ticks


def test_a_tick_reads_every_stream_once_and_then_the_source_is_idle(bench: Callable[..., Bench]) -> None:
    site = bench("a b c")
    for _ in range(3):
        attempts = site.tick()
        assert sorted(names_of(attempts)) == ["a", "b", "c"]
        assert [(each.points_read, each.points_sent, each.error) for each in attempts] == [(2, 2, None)] * 3
    assert Counter(site.client.asked) == {"a": 3, "b": 3, "c": 3}


def test_nothing_is_read_before_the_first_tick(bench: Callable[..., Bench]) -> None:
    early, ticked = bench("a"), bench("b")
    ticked.tick()
    assert early.client.asked == []


def test_ticks_that_come_while_the_source_is_busy_are_one(bench: Callable[..., Bench]) -> None:
    site = bench("a")
    gate = Block()
    site.client.script["a"].append(gate)
    site.ask()
    assert gate.reached.wait(PATIENCE)
    for _ in range(3):
        site.ask()
    gate.open()
    assert names_of(site.cycle()) == ["a"]
    assert names_of(site.tick()) == ["a"]  # no other cycle came in between
    assert site.client.asked == ["a"] * 2


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
    site.client.cut = "a"
    a, b = site.tick()
    assert type(a.error) is BadReply
    assert (a.points_read, a.points_sent) == (2, 2)
    assert b.error is None


def test_when_nobody_reads_the_lines_that_is_said(bench: Callable[..., Bench]) -> None:
    site = bench("a")
    site.echo.closed = True
    site.ask()
    assert site.closed.wait(PATIENCE)


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
    assert [wait >= least for wait, least in zip(waits, (0.05, 0.1, 0.2, 0.4), strict=True)] == [True] * 4


@pytest.mark.usefixtures("quick_retries")
def test_what_somebody_must_mend_waits_for_the_next_tick(bench: Callable[..., Bench]) -> None:
    site = bench("mend pass")
    site.client.script["mend"].extend([PermanentError("what", "hint")] * 2)
    site.client.script["pass"].extend([transient()] * 4)
    tried = names_of(site.tick())
    while tried.count("pass") < 5:  # the first retries may be due before the source is said to be idle
        said = site.next()
        tried += [said.stream.name] if said is not None else []
    assert Counter(site.client.asked) == {"mend": 1, "pass": 5}
    site.tick()
    assert Counter(site.client.asked) == {"mend": 2, "pass": 6}


def test_a_tick_is_a_retry(bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "RETRIES", Backoff(50.0, 60.0))
    site = bench("a")
    site.client.script["a"].append(transient())
    assert [each.error is None for each in site.tick() + site.tick()] == [False, True]


@pytest.mark.usefixtures("quick_retries")
def test_the_delay_grows_over_ticks_and_begins_anew_after_a_success(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(lane_module, "retry_delay", lambda failures, _error: asked.append(failures))
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
def test_a_tick_that_comes_during_a_retry_is_served_by_it(bench: Callable[..., Bench]) -> None:
    site = bench("a b")
    gate = Block()
    site.client.script["a"].extend([transient(), gate])
    site.tick()
    assert gate.reached.wait(PATIENCE)
    for _ in range(2):
        site.ask()
    gate.open()
    assert site.attempt().stream.name == "a"
    assert names_of(site.cycle()) == ["b"]
    assert names_of(site.tick()) == ["a", "b"]
    assert Counter(site.client.asked) == {"a": 3, "b": 3}


# What is read


def test_a_read_ends_at_the_last_full_second_and_goes_over_the_last_fifteen_again(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time_ns() // SECOND * SECOND + SECOND - 1
    monkeypatch.setattr(time, "time_ns", lambda: now)
    site = bench("a")
    stop = now // SECOND * SECOND
    (first,), (second,) = site.tick(), site.tick()
    assert (first.start, first.stop) == (stop - 100 * SECOND, stop)
    assert (second.start, second.stop) == (stop - 15 * SECOND, stop)


def test_retries_that_are_due_keep_no_healthy_stream_from_being_read(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_module, "retry_delay", lambda *_: 0.0)
    site = bench("a b c")
    for name in "ab":
        site.client.script[name] += [TransientError("slow", "hint")] * 100_000

    def reads_of_c(number: int) -> bool:
        return site.client.asked.count("c") >= number

    for tick in range(1, 6):
        before = len(site.client.asked)
        site.ask()
        began = len(site.client.asked)  # others were read while the tick waited for its turn
        assert soon(partial(reads_of_c, tick))
        assert site.client.asked.index("c", before) - began <= 4
    for name in "ab":
        site.client.script[name].clear()
