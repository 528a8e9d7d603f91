"""The watch on the ledger: what it reads in central, what it tells the workers and what it says in the log."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from telegraf_plugin import watch as watch_module
from telegraf_plugin.errors import CentralError
from telegraf_plugin.influxdb.central import CentralReader
from telegraf_plugin.influxdb.client import Bucket
from telegraf_plugin.influxdb.ledger_rows import StreamName
from telegraf_plugin.lane import Reading
from telegraf_plugin.stream.account import Origin, State
from telegraf_plugin.stream.backoff import Backoff
from telegraf_plugin.stream.ledger import Believed, Mark, MarkId
from telegraf_plugin.stream.request import Kind, Request
from telegraf_plugin.stream.spans import END, Spans
from telegraf_plugin.watch import LedgerWatch
from telegraf_plugin.worker import SourceWorker
from tests.unit.test_definition import STREAM
from tests.unit.worker_bench import soon

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
A = replace(STREAM, name="a", central_bucket="one")
B = replace(STREAM, name="b", central_bucket="one")
C = replace(STREAM, name="c", central_bucket="two")
BELIEVED = Believed(Mark(MarkId(5, "before"), None, STREAM.hash, 0, 0), Spans())
ORIGIN = Origin(STREAM.hash, 1, 2, 1)


class Central:
    """Answers from what the test puts there; a bucket in `away` fails."""

    url = "http://central:8086"

    def __init__(self) -> None:
        self.away: dict[str, CentralError] = {}
        self.believed: dict[str, dict[StreamName, Believed]] = defaultdict(dict)
        self.present: dict[str, dict[StreamName, set[MarkId]]] = defaultdict(dict)
        self.unreadable: dict[StreamName, CentralError] = {}
        self.long: set[StreamName] = set()
        self.loads = 0
        self.damaged: set[MarkId] = set()
        self.strange_fails = False
        self.retention = 0
        self.asked: dict[str, Request] = {}
        self.asked_since: list[int] = []
        self.mirrored: dict[StreamName, Origin] = {}

    def _ask(self, bucket: str) -> None:
        if bucket in self.away:
            raise self.away[bucket]

    def bucket(self, name: str) -> Bucket | None:
        self._ask(name)
        return Bucket(self.retention, HOUR)

    def ledger(
        self,
        bucket: str,
        names: Iterable[StreamName],
        kept: int,
        steps: int,
        unreadable: Callable[[StreamName, CentralError], None],
    ) -> dict[StreamName, Believed | None]:
        self._ask(bucket)
        for name, error in self.unreadable.items():
            unreadable(name, error)
        self.loads += 1
        readable = [name for name in names if name not in self.unreadable and name not in self.long]
        return {name: self.believed[bucket].get(name) for name in readable}

    def mark_ids(self, bucket: str, start: int) -> Iterator[tuple[dict[StreamName, set[MarkId]], int, int]]:
        self._ask(bucket)
        self.asked_since.append(start)
        middle = start + 60 * SECOND
        for since, until in ((middle, END), (start, middle)):
            yield (
                {name: {m for m in marks if since <= m.time < until} for name, marks in self.present[bucket].items()},
                since,
                until,
            )

    def marks(self, bucket: str, name: StreamName, ids: Collection[MarkId]) -> list[Mark]:
        self._ask(bucket)
        if self.strange_fails:
            raise CentralError("no", "later")
        there = self.present[bucket].get(name, set()) - self.damaged
        return [Mark(mark, None, STREAM.hash, 0, 0) for mark in ids if mark in there]

    def origins(self) -> dict[StreamName, Origin]:
        self._ask("metrics")
        return self.mirrored

    def requests(self, bucket: str) -> dict[StreamName, Request]:
        self._ask(bucket)
        return {("POD-8", name): request for name, request in self.asked.items()}


class Worker:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.source = SimpleNamespace(name="POD-8", streams=(A, B, C))
        self.states: dict[str, tuple[State, MarkId | None, MarkId | None]] = {
            stream.label: (State.LOADING, None, None) for stream in self.source.streams
        }
        self.loaded: dict[str, tuple[Believed | None, Origin | None, set[MarkId]]] = {}
        self.answers: dict[str, tuple[bool, Bucket | None]] = {}
        self.present: dict[str, set[MarkId]] = {}
        self.lose: set[str] = set()
        self.told_strangers: list[tuple[str, MarkId]] = []
        self.stays_loading = False
        self.looks: list[tuple[str, int, int]] = []
        self.requests: list[tuple[str, str]] = []
        self.over = False
        self._known: set[MarkId] = set()

    def snapshot(self) -> dict[str, tuple[State, MarkId | None, MarkId | None]]:
        if self.over:
            raise SystemExit  # ends the watch's thread
        return dict(self.states)

    def load(self, label: str, reading: Reading) -> None:
        self.loaded[label] = reading.believed, reading.mirror, set(reading.known)
        if self.stays_loading:
            return
        self.states[label] = (State.STARTING, None, None)

    def seen(self, label: str, present: Collection[MarkId], since: int, until: int) -> tuple[bool, list[MarkId]]:
        self.looks.append((label, since, until))
        self.present[label] = {m for m in self.present.get(label, ()) if not since <= m.time < until} | set(present)
        if label in self.lose:
            self.lose.discard(label)
            self.states[label] = (State.LOADING, None, None)
            return True, []
        strange = sorted(mark for mark in present if mark.incarnation != "me" and mark not in self._known)
        return False, strange

    def known(self, label: str, marks: Collection[MarkId]) -> None:
        self._known.update(marks)

    def stranger(self, label: str, mark: Mark) -> None:
        self.told_strangers.append((label, mark.id))

    def ask(self, label: str, request: Request) -> None:
        self.requests.append((label, request.id))

    def central_answers(self, label: str, answers: bool, bucket: Bucket | None) -> None:
        self.answers[label] = answers, bucket

    def runs(self, stream: object, base: MarkId | None, first: MarkId | None = None) -> None:
        self.states[stream.label] = (State.RUNNING, base, first)  # type: ignore[attr-defined]


class Site:
    """A watch on three streams in two buckets."""

    def __init__(self) -> None:
        self.central, self.worker = Central(), Worker()
        workers = [cast(SourceWorker, self.worker)]
        self.watch = LedgerWatch(cast(CentralReader, self.central), workers, "metrics")

    def until(self, holds: Callable[[], bool]) -> None:
        """Tick until it holds."""

        def probe() -> bool:
            self.watch.tick()
            return holds()

        assert soon(probe)

    def present(self, stream: object, *marks: MarkId) -> None:
        bucket = self.central.present[stream.central_bucket]  # type: ignore[attr-defined]
        bucket[("POD-8", stream.name)] = set(marks)  # type: ignore[attr-defined]


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[Site]:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(watch_module, "POLL_SECONDS", 0.005)
    monkeypatch.setattr(watch_module, "RETRIES", Backoff(0.01, 0.01))
    found = Site()
    yield found
    found.worker.over = True
    found.watch.tick()
    for thread in threading.enumerate():
        if thread.name == "ledger":
            thread.join(5)


def said(caplog: pytest.LogCaptureFixture, text: str) -> int:
    return sum(text in record.getMessage() for record in caplog.records)


def now() -> int:
    return time.time_ns()


def test_what_the_ledger_says_is_told_to_streams_that_wait_for_it(site: Site) -> None:
    known = MarkId(now(), "other")
    site.central.believed["one"][("POD-8", "a")] = BELIEVED
    site.central.mirrored[("POD-8", "b")] = ORIGIN
    site.present(A, known)
    site.watch.start()
    assert soon(lambda: len(site.worker.loaded) == 3)
    assert site.worker.loaded == {
        "POD-8/a": (BELIEVED, None, {known}),
        "POD-8/b": (None, ORIGIN, set()),
        "POD-8/c": (None, None, set()),
    }
    assert soon(lambda: site.worker.answers.get("POD-8/c") == (True, Bucket(0, HOUR)))


def test_while_the_metrics_bucket_cannot_be_read_a_new_stream_waits_and_one_with_a_mark_does_not(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.central.away["metrics"] = CentralError("not there", "make it")
    site.central.believed["one"][("POD-8", "a")] = BELIEVED
    site.watch.start()
    assert soon(lambda: "POD-8/a" in site.worker.loaded)
    assert soon(lambda: said(caplog, "metrics (metrics)") == 1)
    time.sleep(0.05)
    assert set(site.worker.loaded) == {"POD-8/a"}
    assert said(caplog, "metrics (metrics)") == 1
    site.central.mirrored[("POD-8", "b")] = ORIGIN
    del site.central.away["metrics"]
    assert soon(lambda: len(site.worker.loaded) == 3)
    assert site.worker.loaded["POD-8/b"] == (None, ORIGIN, set())
    assert said(caplog, "metrics (metrics) can be read again") == 1


def test_a_bucket_that_fails_holds_up_no_other_and_is_told_once(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.central.away["one"] = CentralError("unauthorized", "look", permanent=True)
    site.watch.start()
    assert soon(lambda: "POD-8/c" in site.worker.loaded)
    assert soon(lambda: site.worker.answers.get("POD-8/a") == (False, None))
    time.sleep(0.05)
    assert set(site.worker.loaded) == {"POD-8/c"}
    assert said(caplog, "cannot read the ledger in central's bucket one") == 1
    assert said(caplog, "needs read permission") == 1
    site.central.away["one"] = CentralError("refused", "start it")
    assert soon(lambda: said(caplog, "refused") == 1)  # another reason
    del site.central.away["one"]
    assert soon(lambda: len(site.worker.loaded) == 3)
    assert soon(lambda: site.worker.answers["POD-8/a"][0])
    assert said(caplog, "central's bucket one can be read again") == 1


def test_marks_that_are_waited_for_are_looked_for_without_a_tick(site: Site) -> None:
    base, first = MarkId(now(), "me"), MarkId(now() + 1, "me")
    for stream in (A, B, C):
        site.worker.runs(stream, base)
    site.worker.runs(A, base, first)
    site.present(A, base, first)
    site.watch.start()
    assert soon(lambda: site.worker.present.get("POD-8/a") == {base, first})
    assert "POD-8/c" not in site.worker.present  # of the other bucket nothing is waited for


def test_a_central_that_lost_a_mark_is_told_and_the_ledger_read_again(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    for stream in (A, B, C):
        site.worker.runs(stream, MarkId(now(), "me"))
    site.worker.lose.add("POD-8/a")
    site.watch.start()
    site.until(lambda: "POD-8/a" in site.worker.loaded)
    assert said(caplog, "POD-8/a: central has lost its newest mark") == 1
    assert set(site.worker.loaded) == {"POD-8/a"}


def test_marks_of_strangers_are_read_and_told_and_each_run_is_said_once(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    for stream in (A, B, C):
        site.worker.runs(stream, MarkId(now(), "me"))
    strange = [MarkId(now() + number, "other") for number in range(2)]
    site.present(A, *strange)
    site.watch.start()
    site.until(lambda: len(site.worker.told_strangers) == 2)
    assert site.worker.told_strangers == [("POD-8/a", mark) for mark in strange]
    site.present(A, *strange, MarkId(now(), "third"))
    site.until(lambda: len(site.worker.told_strangers) == 3)
    assert said(caplog, "another run of the collector writes as well (other)") == 1
    assert said(caplog, "another run of the collector writes as well (third)") == 1


def test_a_mark_that_does_not_come_is_said_once_and_once_when_one_comes(
    site: Site, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_module, "OVERDUE_SECONDS", 0.05)
    first = MarkId(now() - 31 * SECOND, "me")
    for stream in (B, C):
        site.worker.runs(stream, None)
    site.worker.states[A.label] = (State.STARTING, None, first)
    site.watch.start()
    site.until(lambda: said(caplog, "POD-8/a: what was printed does not arrive in central's bucket one") == 1)
    for _ in range(3):
        site.watch.tick()
        time.sleep(0.02)
    assert said(caplog, "does not arrive") == 1
    site.present(A, first)
    site.until(lambda: said(caplog, "POD-8/a: what is printed arrives in central's bucket one again") == 1)
    assert site.worker.present["POD-8/a"] == {first}


def test_what_comes_late_by_centrals_own_outage_accuses_no_output(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """At the end of an outage the marks are as old as it was long, and Telegraf has yet to send them."""
    for stream in (B, C):
        site.worker.runs(stream, None)
    site.worker.states[A.label] = (State.STARTING, None, MarkId(now() - 600 * SECOND, "me"))
    site.central.away["one"] = CentralError("connection refused", "")
    site.watch.start()
    site.until(lambda: said(caplog, "cannot read the ledger in central's bucket one") == 1)
    assert site.watch.away == ["one"]
    del site.central.away["one"]
    site.until(lambda: said(caplog, "central's bucket one can be read again") == 1)
    looked = len(site.central.asked_since)
    site.until(lambda: len(site.central.asked_since) > looked + 2)
    assert said(caplog, "does not arrive") == 0
    assert site.watch.away == []


def test_a_mark_that_takes_a_while_is_not_overdue(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    for stream in (B, C):
        site.worker.runs(stream, None)
    site.worker.states[A.label] = (State.STARTING, None, MarkId(now() - 5 * SECOND, "me"))
    site.watch.start()
    site.until(lambda: "POD-8/a" in site.worker.present)
    assert said(caplog, "does not arrive") == 0


def test_requests_are_handed_to_their_stream_at_each_tick(site: Site) -> None:
    for stream in (A, B, C):
        site.worker.runs(stream, MarkId(now(), "me"))
    site.central.asked["b"] = Request("7", Kind.REPAIR, Spans.of([(1, 2)]), False, 7)
    site.watch.start()
    site.until(lambda: bool(site.worker.requests))
    assert set(site.worker.requests) == {("POD-8/b", "7")}


def test_a_tick_looks_over_a_day_now_and_then_and_else_over_an_hour(site: Site) -> None:
    for stream in (A, B):
        site.worker.runs(stream, MarkId(now(), "me"))
    site.worker.runs(C, None)
    site.watch.start()
    site.until(lambda: len(site.central.asked_since) >= 3)
    ages = [(now() - since) / HOUR for since in site.central.asked_since]
    assert ages[0] == pytest.approx(25, abs=0.1)
    assert ages[1:3] == pytest.approx([1, 1], abs=0.1)


def test_a_ledger_that_is_long_or_cannot_be_read_holds_up_no_other(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.central.long.add(("POD-8", "a"))
    site.central.unreadable[("POD-8", "c")] = CentralError("of format 9", "run that version", permanent=True)
    site.watch.start()
    assert soon(lambda: "POD-8/b" in site.worker.loaded)
    loads = site.central.loads
    site.until(lambda: site.central.loads > loads + 3)
    assert set(site.worker.loaded) == {"POD-8/b"}
    assert said(caplog, "POD-8/c: of format 9; run that version") == 1
    site.central.long.clear()
    site.central.unreadable.clear()
    site.until(lambda: len(site.worker.loaded) == 3)


def test_a_ledger_that_waits_for_its_source_is_not_read_again_at_each_look(site: Site) -> None:
    site.worker.stays_loading = True
    site.watch.start()
    assert soon(lambda: len(site.worker.loaded) == 3)
    loads = site.central.loads
    looks = 0

    def looked() -> bool:
        nonlocal looks
        looks += 1
        return looks > 10

    site.until(looked)
    assert site.central.loads == loads


def test_strangers_marks_that_could_not_be_read_are_news_again(site: Site) -> None:
    for stream in (A, B, C):
        site.worker.runs(stream, MarkId(now(), "me"))
    strange, damaged = MarkId(now(), "other"), MarkId(now() + 1, "other")
    site.present(A, strange, damaged)
    site.central.damaged.add(damaged)
    site.central.strange_fails = True
    site.watch.start()
    site.until(lambda: "POD-8/a" in site.worker.present)
    assert site.worker.told_strangers == []
    site.central.strange_fails = False
    site.until(lambda: site.worker.told_strangers == [("POD-8/a", strange)])


def test_marks_that_central_does_not_keep_are_not_looked_for(site: Site) -> None:
    site.central.retention = 8 * HOUR
    for stream in (A, B, C):
        site.worker.runs(stream, MarkId(now() - 24 * HOUR, "me"))
    site.watch.start()
    site.until(lambda: len(site.central.asked_since) >= 2)
    assert all(now() - since < 8 * HOUR for since in site.central.asked_since)
    assert all(since < until for _, since, until in site.worker.looks)


def test_central_is_left_alone_for_as_long_as_it_asks_for_ticks_or_not(site: Site) -> None:
    asked: list[str] = []
    ask = site.central._ask

    def count(bucket: str) -> None:
        asked.append(bucket)
        ask(bucket)

    site.central._ask = count  # type: ignore[method-assign]
    site.central.away["one"] = CentralError("limits requests", "wait", retry_after=3600.0)
    site.worker.runs(C, MarkId(now(), "me"))
    site.watch.start()
    assert soon(lambda: asked.count("one") == 1)
    for number in range(3):
        seen = asked.count("two")
        site.watch.tick()
        assert soon(lambda seen=seen: asked.count("two") > seen), number  # type: ignore[misc]
    assert asked.count("one") == 1
