"""The watch on the ledger: when a bucket of central is looked at, and how far back."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator

import pytest

from telegraf_plugin import turns
from telegraf_plugin import watch as watch_module
from telegraf_plugin.errors import CentralError
from telegraf_plugin.stream.account import State
from telegraf_plugin.stream.ledger import MarkId
from tests.unit.watch_bench import HOUR, SECOND, A, B, C, Site, now, said
from tests.unit.worker_bench import soon

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


class Clock:
    """Stands in for the watch's module `time`: goes on by the test's word alone."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.sleep = time.sleep

    def monotonic(self) -> float:
        return self.seconds

    def time_ns(self) -> int:
        return 1_795_473_000 * SECOND + int((self.seconds - 1000.0) * SECOND)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(watch_module, "time", found)
    monkeypatch.setattr(turns, "time", found)
    return found


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[Site]:
    caplog.set_level(logging.INFO)
    with Site(monkeypatch) as found:
        yield found


def asked_in_some_rounds(site: Site) -> int:
    """How often bucket one was asked, when the other was looked at some times more."""
    asked = site.central.asks
    looks = asked.count("two")
    assert soon(lambda: asked.count("two") > looks + 5)
    return asked.count("one")


def test_marks_that_are_waited_for_are_looked_for_without_a_tick(site: Site) -> None:
    base, first = MarkId(now(), "me"), MarkId(now() + 1, "me")
    for stream in (A, B, C):
        site.worker.runs(stream, base)
    site.worker.runs(A, base, first)
    site.present(A, base, first)
    site.watch.start()
    assert soon(lambda: site.worker.present.get("POD-8/a") == {base, first})
    assert "POD-8/c" not in site.worker.present  # of the other bucket nothing is waited for


def test_a_bucket_that_fails_holds_up_no_other_and_is_told_once(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.central.away["one"] = CentralError("unauthorized", "look", permanent=True)
    site.watch.start()
    assert soon(lambda: "POD-8/c" in site.worker.loaded)
    assert soon(lambda: site.worker.answers.get("POD-8/a") == (False, None))
    asks = site.central.asks.count("one")
    assert soon(lambda: site.central.asks.count("one") > asks + 3)
    assert set(site.worker.loaded) == {"POD-8/c"}
    assert said(caplog, "cannot read the ledger in central's bucket one") == 1
    assert said(caplog, "needs read permission") == 1
    site.central.away["one"] = CentralError("refused", "start it")
    assert soon(lambda: said(caplog, "refused") == 1)  # another reason
    del site.central.away["one"]
    assert soon(lambda: len(site.worker.loaded) == 3)
    assert soon(lambda: site.worker.answers["POD-8/a"][0])
    assert said(caplog, "central's bucket one can be read again") == 1


def test_a_bucket_that_takes_its_time_holds_up_no_other(site: Site) -> None:
    asked, answer = site.central.asks, threading.Event()
    site.central.slow["one"] = answer
    for stream in (A, B, C):
        site.worker.runs(stream, MarkId(now(), "me"))
    site.watch.start()
    try:
        assert soon(lambda: asked.count("one") == 1)
        for number in range(3):
            seen = len(site.central.asked_since)
            site.watch.tick()
            assert soon(lambda seen=seen: len(site.central.asked_since) > seen), number  # type: ignore[misc]
        assert asked.count("one") == 1
        assert set(site.worker.present) == {"POD-8/c"}
        assert site.watch.away == []
    finally:
        answer.set()
    assert soon(lambda: {"POD-8/a", "POD-8/b"} <= set(site.worker.present))  # the tick that came meanwhile counts


def test_central_is_left_alone_for_as_long_as_it_asks_for_ticks_or_not(site: Site) -> None:
    asked = site.central.asks
    site.central.away["one"] = CentralError("limits requests", "wait", retry_after=3600.0)
    site.worker.runs(C, MarkId(now(), "me"))
    site.watch.start()
    assert soon(lambda: asked.count("one") == 1)
    for number in range(3):
        seen = asked.count("two")
        site.watch.tick()
        assert soon(lambda seen=seen: asked.count("two") > seen), number  # type: ignore[misc]
    assert asked.count("one") == 1


def test_a_bucket_that_failed_is_left_alone_for_a_while_and_looked_at_at_once_on_a_tick(
    site: Site, clock: Clock
) -> None:
    site.central.away["one"] = CentralError("refused", "start it")
    site.worker.states[C.label] = (State.STARTING, None, MarkId(clock.time_ns(), "me"))
    site.watch.start()
    assert asked_in_some_rounds(site) == 1
    assert asked_in_some_rounds(site) == 1
    site.watch.tick()
    assert soon(lambda: site.central.asks.count("one") == 2)
    assert asked_in_some_rounds(site) == 2


def test_a_bucket_whose_mark_is_long_on_its_way_is_left_alone_for_a_while_and_looked_at_at_once_on_a_tick(
    site: Site, clock: Clock
) -> None:
    site.worker.states[A.label] = (State.STARTING, None, MarkId(clock.time_ns() - 10 * SECOND, "me"))
    site.worker.runs(B, None)
    site.worker.states[C.label] = (State.STARTING, None, MarkId(clock.time_ns() + HOUR, "me"))
    site.watch.start()
    first = asked_in_some_rounds(site)
    clock.seconds += 0.9
    assert asked_in_some_rounds(site) == first
    site.watch.tick()
    assert soon(lambda: site.central.asks.count("one") > first)
    second = asked_in_some_rounds(site)
    assert asked_in_some_rounds(site) == second
    clock.seconds += 1.2  # the mark was 10.9 s old
    assert soon(lambda: site.central.asks.count("one") > second)


def test_a_tick_looks_over_a_day_now_and_then_and_else_over_an_hour(site: Site) -> None:
    for stream in (A, B):
        site.worker.runs(stream, MarkId(now(), "me"))
    site.worker.runs(C, None)
    site.watch.start()
    site.until(lambda: len(site.central.asked_since) >= 3)
    ages = [(now() - since) / HOUR for since in site.central.asked_since]
    assert ages[0] == pytest.approx(25, abs=0.1)
    assert ages[1:3] == pytest.approx([1, 1], abs=0.1)
