"""The collector as it is, one step at a time: its threads are called, not started, and all it meets is a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import groupby
from types import SimpleNamespace
from typing import TYPE_CHECKING
from unittest.mock import patch

from telegraf_plugin import runner as runner_module
from telegraf_plugin import watch as watch_module
from telegraf_plugin import worker as worker_module
from telegraf_plugin.central import CentralReader, StreamName
from telegraf_plugin.config import Credential, Server, Source, Timeouts
from telegraf_plugin.errors import CentralError, NoRoom, TransientError
from telegraf_plugin.gate import Gate
from telegraf_plugin.influxdb.client import Bucket, QueryClient
from telegraf_plugin.lane import Lane
from telegraf_plugin.passage import Tally
from telegraf_plugin.printer import Printer
from telegraf_plugin.runner import JobRunner
from telegraf_plugin.stream.account import Account, Origin
from telegraf_plugin.stream.block import Block, FieldType
from telegraf_plugin.stream.course import Course
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.digest import Group
from telegraf_plugin.stream.jobs import Compare, Compared, Counted, Prove, Proved
from telegraf_plugin.stream.ledger import Mark, MarkId, newest_believable
from telegraf_plugin.stream.spans import Span
from telegraf_plugin.stream.status import Attempt
from telegraf_plugin.telegraf.writer import LineWriter
from telegraf_plugin.watch import LedgerWatch
from telegraf_plugin.worker import SourceWorker
from tests.model.outside import SECOND, Key

if TYPE_CHECKING:
    from tests.model.world import World

FLOW_LIMIT = 24
CHUNK = 3
"""Points that a chunk of a reply holds."""
BUCKET = "landing"
MOST_STEPS = 400
"""Steps in a row that are still no endless loop."""


class Collector:
    """One run of the plugin. Whatever it does to the outside is a point of the world, where something may happen."""

    def __init__(self, world: World, run: str) -> None:
        self.world, self.run = world, run
        self.gate = ModelGate(world, self)
        self.client = SourceClient(world)
        self._ticks = 0
        server = Server("http://source:8086", "org", Credential("a-token"))
        source = Source("pod", server, world.streams, 1, Timeouts(1.0, 1.0, 1.0))
        central = Reader(world)
        with patch.object(worker_module, "QueryClient", lambda *_args: self.client):
            self.worker = SourceWorker(
                source,
                central,
                {BUCKET: self.gate},
                Writer(world, run),
                run,
                on_attempt=self._attempted,
                on_idle=lambda *_args: None,
                on_held=lambda _held: None,
                on_closed=lambda: None,
            )
        self.worker._runner = ModelRunner(self.client, central, world)
        self.watch = LedgerWatch(central, [self.worker], "metrics")

    def account(self, stream: str) -> Account:
        """Return the account of the stream of that name."""
        return self.worker.lanes[f"pod/{stream}"].account

    def tick(self) -> None:
        """Have Telegraf ask for the newest points."""
        self._ticks += 1
        self.worker.tick(self._ticks)
        self.look(ticked=True)

    def look(self, ticked: bool = False) -> None:
        """Have the ledger's watch look into central once, as its thread does."""
        self.world.at("look")
        bases = {stream.name: self.account(stream.name).book.base for stream in self.world.streams}
        for bucket, streams in self.watch._streams.items():
            try:
                self.watch._look(bucket, streams, ticked)
                self.watch._answers(bucket, None)
            except CentralError as error:
                self.watch._answers(bucket, error)
        if any(self.account(name).book.base != base for name, base in bases.items()):
            self.world.phase = "mark back"
        self.world.at("looked")

    def step(self) -> bool:
        """Do the next thing, as one of the worker's threads does; False when there is none."""
        self.world.at("step")
        worker = self.worker
        now, at = self.world.time.monotonic(), worker._instant()
        lanes = list(worker.lanes.values())
        worker._turn = (worker._turn + 1) % len(lanes)
        turned = lanes[worker._turn :] + lanes[: worker._turn]
        for lane in sorted(turned, key=lambda each: not each.account.course.due):
            task = worker._task(lane, now, at)
            if task is not None:
                self._do(lane, task)
                return True
        worker._say_idle()
        return False

    def _do(self, lane: Lane, task: object) -> None:
        lane.busy = True
        try:
            self.worker._do(lane, task)  # type: ignore[arg-type]
        finally:
            lane.busy = False

    def work(self) -> None:
        """Do whatever there is to do."""
        for _ in range(MOST_STEPS):
            if not self.step():
                return
        self.world.wrong("the collector finds no end")

    def _attempted(self, attempt: Attempt) -> None:
        if attempt.error is not None and not self.world.source.silent:
            self.world.wrong(f"unexpected: {attempt.error!r} {attempt.error.__cause__!r}")


class Writer(LineWriter):
    """Standard output: what is written is Telegraf's."""

    def __init__(self, world: World, run: str) -> None:
        self._world, self._run = world, run

    def write(self, data: bytes) -> None:
        """Take lines."""
        self._world.at("write")
        self._world.printed(data, self._run)
        self._world.at("written")


class ModelGate(Gate):
    """The gate: while one waits for room Telegraf sends, when all is well, and the watch looks once."""

    def __init__(self, world: World, collector: Collector) -> None:
        super().__init__(FLOW_LIMIT)
        self._world, self._collector = world, collector

    def enter(self, stream: str, lines: int, live: bool, before_waiting: Callable[[], None]) -> None:
        """As `Gate.enter`, where the watch is a thread of its own."""
        if not self._flow.has_room(lines, live):
            if self._flow.unmarked(stream):
                before_waiting()
            self._world.at("no room")
            if self._world.flowing:
                self._world.telegraf.send_all(self._world.now)
            self._collector.look()
        if not self._flow.has_room(lines, live):
            raise NoRoom("no room")
        self._flow.printed(stream, lines)


class SourceClient(QueryClient):
    """The source's side."""

    def __init__(self, world: World) -> None:
        self.url = "http://source:8086"
        self.clock_skew = None
        self._world = world

    def bucket(self, name: str) -> Bucket | None:
        """Say nothing of how it is kept."""
        self.ask()
        return None

    def redact(self, text: str) -> str:
        """Blot out nothing."""
        return text

    def ask(self) -> None:
        """Ask the source, which says what time it is."""
        self._world.at("source")
        if self._world.source.silent:
            raise TransientError("silent", "wait")
        self.clock_skew = (self._world.source.ahead - self._world.collector_ahead) / SECOND


def blocks_of(stream: StreamDefinition, points: dict[Key, int], span: Span) -> Iterator[Block]:
    """Yield the points of `span` in blocks, as they are in central."""
    there = sorted((key, value) for key, value in points.items() if span[0] <= key[1] < span[1])
    tags = ((b"source_bucket", stream.bucket.encode()), (b"stream", stream.name.encode()))
    for measurement, group in groupby(there, key=lambda item: item[0][0]):
        items = list(group)
        for first in range(0, len(items), CHUNK):
            some = items[first : first + CHUNK]
            times, values = [b"%d" % key[1] for key, _ in some], [b"%d" % value for _, value in some]
            yield Block(measurement.encode(), tags, b"v", FieldType.INTEGER, times, values)


class ModelPassage:
    """Reads a span of the source; between two chunks something may happen."""

    def __init__(self, client: SourceClient, stream: StreamDefinition, span: Span, tally: Tally) -> None:
        self._client, self._stream, self._span, self._tally = client, stream, span, tally

    def blocks(self) -> Iterator[tuple[list[Block], bool]]:
        """As `Passage.blocks`: of one instant, as InfluxDB answers from a snapshot."""
        self._client.ask()
        points = self._client._world.source.points[self._stream.name]
        for block in list(blocks_of(self._stream, points, self._span)):
            self._tally.points += len(block)
            yield [block], False


class ModelRunner(JobRunner):
    """The runner, with what is Flux in it done on the model."""

    def __init__(self, client: SourceClient, central: CentralReader, world: World) -> None:
        super().__init__(client, central)
        self._source, self._world = client, world

    def _count(self, course: Course, span: Span) -> Counted:
        self._source.ask()
        points = self._world.source.points[course.stream.name]
        here = sum(map(len, blocks_of(course.stream, points, span)))
        return Counted(span, here, here == self._central.count(course.stream, span))

    def prove(self, course: Course, job: Prove) -> Proved:
        outcome = super().prove(course, job)
        self._world.phase = "compared"
        self._world.at("compared")
        return outcome

    def compare(self, course: Course, job: Compare, printer: Printer, tally: Tally) -> Compared:
        outcome = super().compare(course, job, printer, tally)
        self._world.phase = "compared"
        self._world.at("compared")
        return outcome

    def first(self, stream: StreamDefinition, stop: int) -> int | None:
        self._source.ask()
        return min((time for _, time in self._world.source.points[stream.name] if time < stop), default=None)

    def probe(self, stream: StreamDefinition, now: int) -> None:
        self._source.ask()


class Reader(CentralReader):
    """Central's side."""

    def __init__(self, world: World) -> None:
        self.url = "http://central:8086"
        self._world = world

    def _ask(self) -> None:
        self._world.at("central")
        if self._world.central.silent:
            raise CentralError("silent", "wait")

    def count(self, stream: StreamDefinition, span: Span) -> int:
        self._ask()
        return sum(map(len, blocks_of(stream, self._world.central.points[stream.name], span)))

    def blocks(self, stream: StreamDefinition, span: Span) -> Iterator[tuple[list[Block], bool]]:
        self._ask()
        yield list(blocks_of(stream, self._world.central.points[stream.name], span)), False

    def types(self, bucket: str, span: Span, group: Group) -> set[str]:
        return set()

    def bucket(self, name: str) -> Bucket | None:
        return None

    def ledger(self, bucket: str, names: Iterable[StreamName]) -> dict[StreamName, Mark]:
        self._ask()
        found = {name: newest_believable(self._world.central.marks[name[1]].values()) for name in names}
        return {name: mark for name, mark in found.items() if mark is not None}

    def mark_ids(self, bucket: str, start: int) -> dict[StreamName, set[MarkId]]:
        self._ask()
        return {
            ("pod", name): {mark.id for time, mark in marks.items() if time >= start}
            for name, marks in self._world.central.marks.items()
        }

    def mark(self, bucket: str, name: StreamName, mark: MarkId) -> Mark | None:
        self._ask()
        found = self._world.central.marks[name[1]].get(mark.time)
        return found if found is not None and found.id == mark else None

    def origins(self) -> dict[StreamName, Origin]:
        self._ask()
        return {("pod", name): line.origin for name, line in self._world.central.origins.items()}


def patched(time: SimpleNamespace) -> ExitStack:
    """Put the model's clock and reading in the place of the real ones, until the stack is closed."""
    stack = ExitStack()
    for module in (worker_module, watch_module):
        stack.enter_context(patch.object(module, "time", time))
    stack.enter_context(patch.object(runner_module, "Passage", ModelPassage))
    return stack
