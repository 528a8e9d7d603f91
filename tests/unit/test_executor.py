"""Who has commands done: threads that decide nothing, exactly one outcome for each, a failure is one of them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from telegraf_plugin.config import Source as ConfiguredSource
from telegraf_plugin.errors import (
    BadReply,
    CentralError,
    NoRoom,
    OutputClosed,
    PermanentError,
    SourceError,
    TransientError,
)
from telegraf_plugin.execution import executor as executor_module
from telegraf_plugin.execution.executor import Executor, SourceDoer, Told, read_ledger
from telegraf_plugin.influxdb.central import CentralReader
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.source import SourceReader
from telegraf_plugin.stream import jobs
from telegraf_plugin.stream.account import Account
from telegraf_plugin.stream.block import Block, FieldType
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.clocks import Instant
from telegraf_plugin.stream.commands import (
    Adopt,
    Asked,
    Command,
    LedgerPart,
    LookUp,
    LookUpSource,
    MarkIds,
    MarkPrinted,
    Outcome,
    PrintMark,
    Probe,
    ReadLedger,
    ReadMarkIds,
    SourceLookedUp,
    StreamJob,
)
from telegraf_plugin.stream.definition import StreamDefinition, StreamId
from telegraf_plugin.stream.flow import Load
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.spans import END, Span, span
from telegraf_plugin.stream.status import Effort
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.telegraf.inflight import InFlightWindow
from telegraf_plugin.telegraf.printer import Printer
from telegraf_plugin.telegraf.writer import LineWriter
from tests.unit.config_bench import BASE, CENTRAL_TOKEN, POD_TOKEN, loaded
from tests.unit.core_bench import BEGIN, HOUR, SECOND, stream
from tests.unit.test_inflight import soon

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


@pytest.fixture
def bench() -> Bench:
    return Bench()


# One command


def test_a_copy_prints_lines_and_the_mark_behind_them_which_is_told_first(bench: Bench) -> None:
    outcome = bench.do(jobs.Copy(WHOLE, live=True))
    assert isinstance(outcome.result, jobs.Copied)
    assert (outcome.stats.points, outcome.stats.sent, outcome.skew) == (2, 2, 1.5)
    lines, mark = bench.output.lines
    assert lines.count(b"\n") == 2
    assert mark.startswith(b"collector_ledger,")
    assert bench.output.told_before == [0, 1]
    (told,) = bench.output.told
    assert (told.stream, told.mark.id) == (A.id, outcome.result.mark)
    assert told.mark.printed == span(*WHOLE) == told.mark.sent
    assert bench.window.lines() == 3


def test_each_mark_of_a_command_is_later_and_what_is_mirrored_goes_with_the_first(bench: Bench) -> None:
    printer = Printer(
        command(PrintMark()), cast(LineWriter, bench.output), bench.window, bench.output.told.append, lambda: bench.now
    )
    printer.mark()
    bench.now -= HOUR  # the clock goes back
    printer.mark()
    first, second = bench.output.told
    assert second.mark.id.time == first.mark.id.time + 1
    assert (first.mirrored is None, second.mirrored is None) == (False, True)
    assert [b"collector_origin" in lines for lines in bench.output.lines] == [True, False]


@pytest.mark.parametrize(
    ("job", "result"), [(Adopt(), Bucket(0, HOUR)), (Probe(BEGIN), None), (jobs.Land(WHOLE, 2), 2)]
)
def test_what_prints_nothing_brings_what_was_asked_for(bench: Bench, job: StreamJob, result: object) -> None:
    assert bench.do(job).result == result
    assert bench.output.lines == []


@pytest.mark.parametrize("failure", [TransientError("busy", "wait"), PermanentError("no", "act"), BadReply("cut", "-")])
def test_a_failure_of_the_source_is_an_outcome_and_what_came_before_counts(bench: Bench, failure: SourceError) -> None:
    bench.source.fails = failure
    outcome = bench.do(jobs.Copy(WHOLE, live=True))
    assert outcome.result is failure
    assert (outcome.stats.points, outcome.stats.sent) == (2, 2)
    assert bench.output.lines[-1].startswith(b"collector_ledger,")  # nothing is left without a mark behind it


@pytest.mark.parametrize("bug", [KeyError("what"), RecursionError(), MemoryError(), UnicodeError("x"), ValueError()])
def test_an_unexpected_exception_is_its_commands_own(bench: Bench, bug: Exception) -> None:
    bench.source.fails = bug
    result = bench.do(Probe(BEGIN)).result
    assert type(result) is PermanentError
    assert result.summary == f"unexpected: {type(bug).__name__}"
    assert result.__cause__ is bug


def test_a_failure_of_central_and_a_window_that_stays_full_are_outcomes(bench: Bench) -> None:
    bench.central.fails = CentralError("away", "wait")
    assert bench.do(jobs.Land(WHOLE, 2)).result is bench.central.fails
    bench.window.enter("another", Load(1000, 3), True, lambda: None)
    assert isinstance(bench.do(jobs.Copy(WHOLE, live=True)).result, NoRoom)


def test_when_nobody_reads_the_lines_that_is_no_outcome(bench: Bench) -> None:
    bench.output.closed = True
    with pytest.raises(OutputClosed):
        bench.do(jobs.Copy(WHOLE, live=True))


@pytest.mark.parametrize("failure", [None, TransientError("away", "wait")])
def test_how_a_bucket_is_kept_is_told_and_a_failure_says_nothing(bench: Bench, failure: SourceError | None) -> None:
    bench.source.fails = failure
    expected = bench.source.kept if failure is None else None
    assert bench.doer.look_up(LookUpSource(A)) == SourceLookedUp(A, expected)


# The ledger


def test_each_question_to_the_ledger_has_one_outcome() -> None:
    central = Central()
    reader = cast(CentralReader, central)
    names = (A.id, StreamId("POD-8", "b"))
    told = read_ledger(reader, ReadLedger("b", names, 0, 4))
    assert isinstance(told.result, LedgerPart)
    assert dict(told.result.found) == {names[1]: None}
    assert list(told.result.unreadable) == [names[0]]
    assert told.skew == -0.5
    assert read_ledger(reader, ReadMarkIds("b", 5, END)).result == MarkIds({A.id: {MarkId(7, "me")}}, 6, END)
    both = MarkIds({A.id: {MarkId(7, "me")}}, 6, END, Asked())
    assert read_ledger(reader, ReadMarkIds("b", 5, END, asked=True)).result == both
    central.fails = CentralError("away", "wait")
    assert read_ledger(reader, LookUp("b")).result is central.fails


# Threads

CONFIG = """
  - name: POD-30
    url: http://pod-30:8086
    org: org
    token: ${POD_TOKEN}
    streams:
      - bucket: telegraf
"""


class Threads:
    """An executor with stubs for its servers."""

    def __init__(self, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sources: dict[str, Source] = {}
        self.output, self.central = Output(), Central()
        self.told: queue.SimpleQueue[Told] = queue.SimpleQueue()
        self.closed = threading.Event()
        config = loaded(tmp_path, BASE, {"CENTRAL_TOKEN": CENTRAL_TOKEN, "POD_TOKEN": POD_TOKEN})  # type: ignore[arg-type]
        (source,) = config.sources
        both = tuple(
            replace(source, name=name, streams=tuple(replace(each, source=name) for each in source.streams))
            for name in ("POD-8", "POD-30")
        )
        config = replace(config, sources=both)
        self.streams = {each.name: each.streams[0] for each in both}

        def reader(of: ConfiguredSource, client: str) -> Source:
            assert client == of.name
            return self.sources.setdefault(client, Source())

        monkeypatch.setattr(executor_module, "client_of", lambda each: each.name)
        monkeypatch.setattr(executor_module, "reader_of", reader)
        windows = {each.central_bucket: InFlightWindow(1000) for each in config.streams}
        self.executor = Executor(
            config,
            cast(CentralReader, self.central),
            windows,
            cast(LineWriter, self.output),
            self.told.put,
            self.closed.set,
        )

    def submit(self, job: StreamJob, source: str = "POD-8") -> None:
        self.executor.submit(command(job, self.streams[source]))

    def next(self) -> Told:
        """What is told next, but of marks."""
        while isinstance(told := self.told.get(timeout=10), MarkPrinted):
            pass
        return told


@pytest.fixture
def threads(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> Threads:
    return Threads(tmp_path, monkeypatch)


def test_a_source_that_hangs_holds_up_nobody_but_itself(threads: Threads) -> None:
    threads.sources["POD-8"].hangs = threading.Event()
    for _ in range(10):
        threads.submit(Probe(BEGIN))
    threads.submit(Probe(BEGIN), "POD-30")
    told = threads.next()
    assert isinstance(told, Outcome)
    assert told.command.stream.source == "POD-30"
    threads.executor.submit(LookUp("b"))
    assert not isinstance(threads.next(), Outcome)
    threads.sources["POD-8"].hangs.set()
    for _ in range(10):
        assert isinstance(threads.next(), Outcome)
    with pytest.raises(queue.Empty):
        threads.told.get(timeout=0.02)  # one outcome for each


def test_a_source_has_as_many_in_hand_as_may_be_and_one_more(threads: Threads) -> None:
    threads.sources["POD-8"].hangs = threading.Event()
    for _ in range(50):
        threads.submit(Probe(BEGIN))
    threads.submit(Probe(BEGIN), "POD-30")
    threads.next()
    assert len(threads.executor._pool.threads("POD-8")) == 2  # a query at a time, and how a bucket is kept
    threads.sources["POD-8"].hangs.set()


def test_when_nobody_reads_the_lines_that_is_said(threads: Threads) -> None:
    threads.output.closed = True
    threads.submit(jobs.Copy(WHOLE, live=True))
    assert threads.closed.wait(10)


def test_it_tells_what_was_asked_for_and_who_is_waited_for(threads: Threads) -> None:
    assert threads.executor.look("") == (Effort(5, 6), False)
    assert threads.executor.look("POD-8") == (Effort(3, 4), False)
    threads.sources["POD-8"].hangs = threading.Event()
    threads.submit(Probe(BEGIN))
    assert soon(lambda: bool(threads.executor._pool.threads("POD-8")))
    threads.central.asking |= threads.executor._pool.threads("POD-8")
    assert soon(lambda: threads.executor.look("POD-8")[1])
    threads.sources["POD-8"].hangs.set()
