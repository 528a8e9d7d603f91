"""A watch on the ledger whose central and workers are stubs: what central has, and fails, is the test's to say."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from telegraf_plugin import turns
from telegraf_plugin.errors import CentralError
from telegraf_plugin.influxdb.central import CentralReader
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.definition import StreamId
from telegraf_plugin.lane import Reading
from telegraf_plugin.stream.account import State
from telegraf_plugin.stream.ledger import Origin
from telegraf_plugin.stream.backoff import Backoff
from telegraf_plugin.stream.ledger import Believed, Mark, MarkId
from telegraf_plugin.stream.request import Request
from telegraf_plugin.stream.spans import END, Spans
from telegraf_plugin.watch import LedgerWatch
from telegraf_plugin.worker import SourceWorker
from tests.unit.test_definition import STREAM
from tests.unit.worker_bench import PATIENCE, soon

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
A = replace(STREAM, name="a", central_bucket="one")
B = replace(STREAM, name="b", central_bucket="one")
C = replace(STREAM, name="c", central_bucket="two")
BELIEVED = Believed(Mark(MarkId(5, "before"), None, STREAM.hash, 0, 0), Spans())
ORIGIN = Origin(STREAM.hash, 1, 2, 1)


class Central:
    """Answers from what the test puts there; a bucket in `away` fails, one in `slow` answers when that is set."""

    url = "http://central:8086"

    def __init__(self) -> None:
        self.away: dict[str, CentralError] = {}
        self.slow: dict[str, threading.Event] = {}
        self.believed: dict[str, dict[StreamId, Believed]] = defaultdict(dict)
        self.present: dict[str, dict[StreamId, set[MarkId]]] = defaultdict(dict)
        self.unreadable: dict[StreamId, CentralError] = {}
        self.long: set[StreamId] = set()
        self.loads = 0
        self.damaged: set[MarkId] = set()
        self.strange_fails = False
        self.retention = 0
        self.asked: dict[str, Request] = {}
        self.asked_since: list[int] = []
        self.asks: list[str] = []
        self.mirrored: dict[StreamId, Origin] = {}

    def _ask(self, bucket: str) -> None:
        self.asks.append(bucket)
        if bucket in self.slow:
            self.slow[bucket].wait(2 * PATIENCE)
        if bucket in self.away:
            raise self.away[bucket]

    def bucket(self, name: str) -> Bucket | None:
        self._ask(name)
        return Bucket(self.retention, HOUR)

    def ledger(
        self,
        bucket: str,
        names: Iterable[StreamId],
        kept: int,
        steps: int,
        unreadable: Callable[[StreamId, CentralError], None],
    ) -> dict[StreamId, Believed | None]:
        self._ask(bucket)
        for name, error in self.unreadable.items():
            unreadable(name, error)
        self.loads += 1
        readable = [name for name in names if name not in self.unreadable and name not in self.long]
        return {name: self.believed[bucket].get(name) for name in readable}

    def mark_ids(self, bucket: str, start: int) -> Iterator[tuple[dict[StreamId, set[MarkId]], int, int]]:
        self._ask(bucket)
        self.asked_since.append(start)
        middle = start + 60 * SECOND
        for since, until in ((middle, END), (start, middle)):
            yield (
                {name: {m for m in marks if since <= m.time < until} for name, marks in self.present[bucket].items()},
                since,
                until,
            )

    def marks(self, bucket: str, name: StreamId, ids: Collection[MarkId]) -> list[Mark]:
        self._ask(bucket)
        if self.strange_fails:
            raise CentralError("no", "later")
        there = self.present[bucket].get(name, set()) - self.damaged
        return [Mark(mark, None, STREAM.hash, 0, 0) for mark in ids if mark in there]

    def origins(self) -> dict[StreamId, Origin]:
        self._ask("metrics")
        return self.mirrored

    def requests(self, bucket: str) -> dict[StreamId, Request]:
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
            raise SystemExit  # ends the watch's threads
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
    """A watch on three streams in two buckets, which polls without patience; with it end the watch's threads."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(turns, "POLL_SECONDS", 0.005)
        monkeypatch.setattr(turns, "RETRIES", Backoff(0.01, 0.01))
        self.central, self.worker = Central(), Worker()
        workers = [cast(SourceWorker, self.worker)]
        self.watch = LedgerWatch(cast(CentralReader, self.central), workers, "metrics")

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *_: object) -> None:
        self.worker.over = True
        self.watch.tick()
        for thread in threading.enumerate():
            if thread.name == "ledger":
                thread.join(PATIENCE)

    def until(self, holds: Callable[[], bool]) -> None:
        """Tick until it holds."""

        def probe() -> bool:
            self.watch.tick()
            return holds()

        assert soon(probe)

    def present(self, stream: object, *marks: MarkId) -> None:
        bucket = self.central.present[stream.central_bucket]  # type: ignore[attr-defined]
        bucket[("POD-8", stream.name)] = set(marks)  # type: ignore[attr-defined]


def said(caplog: pytest.LogCaptureFixture, text: str) -> int:
    return sum(text in record.getMessage() for record in caplog.records)


def now() -> int:
    return time.time_ns()
