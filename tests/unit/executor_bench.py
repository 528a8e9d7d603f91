"""A doer and an executor between stubs: a source and a central that fail or hang as the test says, and an output."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import cast

import pytest

from telegraf_plugin.errors import CentralError, OutputClosed
from telegraf_plugin.execution.executor import SourceDoer
from telegraf_plugin.influxdb.central import CentralReader
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.source import SourceReader
from telegraf_plugin.stream import jobs
from telegraf_plugin.stream.account import Account
from telegraf_plugin.stream.block import Block, FieldType
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.clocks import Instant
from telegraf_plugin.stream.commands import Asked, Command, MarkPrinted, Outcome, PrintMark, StreamJob
from telegraf_plugin.stream.definition import StreamDefinition, StreamId
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.spans import Span, span
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.telegraf.inflight import InFlightWindow
from telegraf_plugin.telegraf.writer import LineWriter
from tests.unit.core_bench import BEGIN, HOUR, SECOND, stream

WHOLE = (BEGIN - 60 * SECOND, BEGIN)
A = stream("a")
BLOCK = Block(b"m", (), b"f", FieldType.FLOAT, [b"%d" % (BEGIN - n * SECOND) for n in range(2)], [b"1", b"2"])


class Source(SourceReader):
    """Gives two points, or fails, or hangs, as the test says."""

    def __init__(self) -> None:
        client = SimpleNamespace(url="http://pod-8:8086", redact=lambda text: text, requests=3, clock_skew=1.5)
        super().__init__(cast(QueryClient, client))
        self.values = 4
        self.fails: Exception | None = None
        self.hangs: threading.Event | None = None
        self.kept: Bucket | None = Bucket(0, HOUR)

    def _meet(self) -> None:
        if self.hangs is not None:
            self.hangs.wait(10)
        if self.fails is not None:
            raise self.fails

    def blocks(self, _stream: StreamDefinition, _span: Span, tally: Tally) -> Iterator[tuple[list[Block], bool]]:
        tally.points += len(BLOCK)
        yield [BLOCK], False
        self._meet()

    def bucket(self, _stream: StreamDefinition) -> Bucket | None:
        self._meet()
        return self.kept

    def probe(self, _stream: StreamDefinition, _now: int) -> None:
        self._meet()

    def has_mark(self, _stream: StreamDefinition, _mark: MarkId) -> bool:
        return False


class Central:
    """Answers, or fails."""

    url, clock_skew, times_asked, values = "http://central:8086", -0.5, 5, 6

    def __init__(self) -> None:
        self.fails: CentralError | None = None
        self.asking: set[int] = set()

    def _meet(self) -> None:
        if self.fails is not None:
            raise self.fails

    def count(self, _stream: StreamDefinition, _span: Span) -> int:
        self._meet()
        return 2

    def bucket(self, _name: str) -> Bucket:
        self._meet()
        return Bucket(0, HOUR)

    def ledger(
        self, _bucket: str, names: tuple[StreamId, ...], _kept: int, _steps: int, unreadable: Callable[..., None]
    ) -> dict[StreamId, None]:
        self._meet()
        unreadable(names[0], CentralError("of format 9", "run that version"))
        return dict.fromkeys(names[1:])

    def mark_ids(self, _bucket: str, start: int, until: int) -> Iterator[tuple[dict[StreamId, set[MarkId]], int, int]]:
        self._meet()
        yield {A.id: {MarkId(7, "me")}}, start + 1, until
        pytest.fail("one step at a time")

    def marks_and_requests(
        self, bucket: str, start: int, until: int
    ) -> tuple[dict[StreamId, set[MarkId]], int, int, Asked]:
        return (*next(self.mark_ids(bucket, start, until)), Asked())

    def is_asked_by(self, thread: int) -> bool:
        return thread in self.asking


class Output:
    """Standard output."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.told_before: list[int] = []
        self.closed = False
        self.told: list[MarkPrinted] = []

    def write(self, lines: bytes) -> None:
        if self.closed:
            raise OutputClosed("standard output is closed")
        self.lines.append(lines)
        self.told_before.append(len(self.told))


class Bench:
    """A doer between its stubs."""

    def __init__(self) -> None:
        self.source, self.central, self.output = Source(), Central(), Output()
        self.window = InFlightWindow(1000, wait=lambda *_: False)
        self.now = BEGIN
        self.doer = SourceDoer(
            self.source,
            cast(CentralReader, self.central),
            {A.central_bucket: self.window},
            cast(LineWriter, self.output),
            self.output.told.append,
            lambda: self.now,
            lambda: self.now,
        )

    def do(self, job: StreamJob) -> Outcome:
        return self.doer.do(command(job))


def command(job: StreamJob, of: StreamDefinition = A) -> Command:
    account = Account(of, "me")
    account.adopt(None, None, BEGIN - HOUR, Instant(BEGIN, BEGIN, 0))
    printing = span(*WHOLE) if isinstance(job, jobs.Copy) else span(0, 0)
    prints = isinstance(job, jobs.Copy | jobs.Compare | PrintMark)
    template = account.template(Instant(BEGIN, BEGIN, 0), printing) if prints else None
    return Command(of, job, frozenset({HOUR}), None, template)
