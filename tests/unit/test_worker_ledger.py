"""One source's work with ledger and central: first marks, room, a central that fails or went back in time."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from telegraf_plugin import gate as gate_module
from telegraf_plugin.errors import TransientError
from telegraf_plugin.lane import Reading
from telegraf_plugin.stream.account import State
from telegraf_plugin.stream.definition import Start
from telegraf_plugin.stream.ledger import Believed, Mark, MarkId
from telegraf_plugin.stream.spans import NOTHING, Spans
from telegraf_plugin.stream.status import Attempt
from tests.unit.test_definition import STREAM
from tests.unit.worker_bench import EMPTY, SECOND, Bench, Block, names_of, soon


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


def test_nothing_is_read_or_printed_before_the_ledger_is_known(bench: Callable[..., Bench]) -> None:
    site = bench("a", loaded=False)
    site.ask()
    with pytest.raises(queue.Empty):
        site.next(timeout=0.05)
    site.worker.central_answers("POD-8/a", False, None)
    assert site.next() is None  # there is nothing to wait for
    assert site.worker.late == set()
    assert site.client.asked == []
    assert site.echo.lines == 0


def test_only_a_mark_is_printed_until_it_is_back(bench: Callable[..., Bench]) -> None:
    site = bench("a b", loaded=False)
    site.echo.open = False
    for label in site.labels:
        site.worker.load(label, EMPTY)
    site.until(State.STARTING)
    assert soon(lambda: set(site.echo.present) == {"a", "b"})
    site.ask()
    with pytest.raises(queue.Empty):
        site.next(timeout=0.05)
    assert site.worker.late == set()  # it is not the source that is slow
    assert site.client.asked == []
    assert site.echo.lines == 4  # a mark and an origin each
    site.echo.open = True
    site.echo.flush()
    assert names_of(site.cycle()) == ["a", "b"]


def test_a_stream_whose_mark_does_not_come_holds_up_no_other(bench: Callable[..., Bench]) -> None:
    site = bench("a b", loaded=False)
    site.worker.load("POD-8/a", EMPTY)
    assert soon(lambda: site.worker.snapshot()["POD-8/a"][0] is State.RUNNING)
    assert site.worker.snapshot()["POD-8/b"][0] is State.LOADING
    site.ask()
    assert site.attempt().stream.name == "a"


def test_marks_come_back_and_make_room(bench: Callable[..., Bench]) -> None:
    site = bench("a")
    site.echo.open = False
    site.tick()
    assert site.gate.lines("POD-8/a") == 3  # two points and the mark behind them
    site.echo.open = True
    site.echo.flush()
    assert site.gate.lines() == 0
    assert site.worker.progress()["POD-8/a"][1] == 0


def test_a_stream_without_room_is_given_up_without_failing(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate_module, "PATIENCE_SECONDS", 0.02)
    site = bench("a", limit=4)
    site.echo.open = False
    assert [attempt.error for attempt in site.tick()] == [None]
    assert site.gate.lines() == 3
    (probe,) = site.tick()  # two lines more have no room; the source answers
    assert (probe.points_read, probe.points_sent, probe.error) == (0, 0, None)
    site.echo.open = True
    site.echo.flush()
    assert [attempt.error for attempt in site.tick()] == [None]


def test_a_central_that_lost_a_mark_is_read_again_and_gone_on_with(bench: Callable[..., Bench]) -> None:
    site = bench("a")
    site.tick()
    site.echo.present.clear()
    lost, strangers = site.worker.seen("POD-8/a", set())
    assert (lost, strangers) == (True, [])
    assert site.worker.snapshot()["POD-8/a"][:2] == (State.LOADING, None)
    site.worker.load("POD-8/a", EMPTY)
    site.until(State.RUNNING)
    attempt = site.attempt()
    assert attempt.stop - attempt.start >= 100 * SECOND  # from the origin that this run remembers


def test_a_ledger_that_went_back_is_believed_before_what_this_run_remembers(bench: Callable[..., Bench]) -> None:
    site = bench("a")
    site.tick()
    site.echo.present.clear()
    assert site.worker.seen("POD-8/a", set())[0]
    account = site.worker.lanes["POD-8/a"].account
    later = account.course.origin + 60 * SECOND
    mark = Mark(MarkId(1, "before"), None, account.stream.hash, later, later)
    site.echo.present["a"].add(mark.id)
    site.worker.load("POD-8/a", Reading(Believed(mark, NOTHING), None, ()))
    assert soon(lambda: account.state is not State.LOADING)
    assert account.course.origin == later


def test_while_central_fails_the_source_is_read(bench: Callable[..., Bench]) -> None:
    site = bench("a")
    site.worker.central_answers("POD-8/a", True, None)
    site.tick()
    assert [attempt.error for attempt in site.tick()] == [None]
    assert site.central.asked == 1
    assert [attempt.error for attempt in site.tick()] == [None]
    assert site.central.asked == 1  # it is left alone for a while


def test_marks_that_strangers_made_are_told_once(bench: Callable[..., Bench]) -> None:
    site = bench("a")
    site.echo.open = False
    other = MarkId(7, "other")
    present = site.echo.present["a"] | {other}
    assert site.worker.seen("POD-8/a", present) == (False, [other])
    assert site.worker.seen("POD-8/a", present) == (False, [other])  # until somebody has looked at it
    site.worker.known("POD-8/a", [other])
    assert site.worker.seen("POD-8/a", present) == (False, [])


def test_a_source_that_had_nothing_to_be_asked_is_asked_all_the_same(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream that begins in the future is healthy only while its source answers."""
    site = bench("a")
    site.tick()
    course = site.worker.lanes["POD-8/a"].account.course
    course.origin = time.time_ns() + 10**15
    course.stream = replace(course.stream, start=Start(date=course.origin))
    course.pending.clear()
    site.client.script["from(bucket:"].append(TransientError("away", "hint"))
    (attempt,) = _after(site, 1)
    assert attempt.error is not None
    assert attempt.start == attempt.stop


def _after(site: Bench, attempts: int) -> list[Attempt]:
    """Ask, and take so many attempts, before or after the source says that it is idle."""
    site.ask()
    found: list[Attempt] = []
    while len(found) < attempts:
        said = site.next()
        if said is not None:
            found.append(said)
    return found


def test_a_newer_reading_that_comes_while_one_is_adopted_is_adopted_next(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What landed between the two is news: known without being adopted, it would never be compared."""
    site = bench("a", loaded=False)
    between, block, asked = MarkId(7, "other"), Block(), []

    def bucket(name: str) -> None:
        asked.append(name)
        block()

    monkeypatch.setattr(site.client, "bucket", bucket)
    site.echo.present["a"].add(between)
    site.worker.load("POD-8/a", EMPTY)
    assert block.reached.wait(10)
    newer = Believed(Mark(between, None, STREAM.hash, 1, 2), Spans())
    site.worker.load("POD-8/a", Reading(newer, None, [between]))
    account = site.worker.lanes["POD-8/a"].account
    assert account.strangers([between]) == [between]  # the reading that is being adopted did not have it
    block.open()
    assert soon(lambda: account.book.started)
    assert account.began == 2
    assert len(asked) == 2
    assert account.strangers([between]) == []
