"""The collector as it is, one step at a time: its threads are called, not started, and all it meets is a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from typing import TYPE_CHECKING
from unittest.mock import patch

from telegraf_plugin import lanework as lanework_module
from telegraf_plugin import watch as watch_module
from telegraf_plugin import worker as worker_module
from telegraf_plugin.config import Credential, Server, Source, Timeouts
from telegraf_plugin.errors import CentralError, NoRoom
from telegraf_plugin.gate import Gate
from telegraf_plugin.influxdb import source as source_reader
from telegraf_plugin.influxdb.central import CentralReader
from telegraf_plugin.influxdb.passage import Tally
from telegraf_plugin.lane import Lane
from telegraf_plugin.printer import Printer
from telegraf_plugin.runner import JobRunner
from telegraf_plugin.stream.account import Account, State
from telegraf_plugin.stream.block import Block
from telegraf_plugin.stream.course import Course
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.flow import Load
from telegraf_plugin.stream.jobs import Compare, Compared, Prove, Proved
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.spans import Span
from telegraf_plugin.stream.status import Attempt
from telegraf_plugin.telegraf.writer import LineWriter
from telegraf_plugin.watch import LedgerWatch
from telegraf_plugin.worker import SourceWorker
from tests.model.clients import Reader, SourceClient, blocks_of
from tests.model.outside import Key, Question, label_of, name_of, selected

if TYPE_CHECKING:
    from tests.model.world import World

FLOW_LIMIT = 24
BUCKET = "landing"
MOST_STEPS = 400
"""Steps in a row that are still no endless loop."""


class Collector:
    """One run of the plugin. Whatever it does to the outside is a point of the world, where something may happen."""

    def __init__(self, world: World, run: str) -> None:
        self.world, self.run = world, run
        self.gate = ModelGate(world, self)
        self.ticks = 0
        self._turn = 0
        central = Reader(world)
        self.clients = {name: SourceClient(world, name) for name in world.sources}
        self.workers = [self._worker_of(name, central) for name in world.sources]
        self.client, self.worker = self.clients[world.streams[0].source], self.workers[0]
        self.watch = LedgerWatch(central, self.workers, "metrics")

    def _worker_of(self, name: str, central: CentralReader) -> SourceWorker:
        world, client = self.world, self.clients[name]
        server = Server(client.url, "org", Credential("a-token"))
        streams = tuple(stream for stream in world.streams if stream.source == name)
        with patch.object(worker_module, "QueryClient", lambda *_args: client):
            worker = SourceWorker(
                Source(name, server, streams, 1, Timeouts(1.0, 1.0, 1.0)),
                central,
                {BUCKET: self.gate},
                Writer(world, self.run),
                self.run,
                on_attempt=self._attempted,
                on_idle=lambda *_args: None,
                on_held=lambda _held: None,
                on_closed=lambda: None,
                sweep=world.sweep,
            )
        worker._runner = worker._lane_work._runner = ModelRunner(client, central, world)
        return worker

    def account(self, stream: str) -> Account:
        """Return the account of the stream of that name."""
        label = label_of(stream)
        return next(worker.lanes[label].account for worker in self.workers if label in worker.lanes)

    def tick(self) -> None:
        """Have Telegraf ask for the newest points."""
        self.ticks += 1
        for worker in self.workers:
            worker.tick(self.ticks)
        self.look(ticked=True)

    def look(self, ticked: bool = False) -> None:
        """Have the ledger's watch look into central once, as its thread does."""
        self.world.at()
        bases = {name: self.account(name).book.base for name in self.world.names}
        for bucket, streams in self.watch._streams.items():
            try:
                self.watch._look(bucket, streams, ticked)
                self.watch._answers(bucket, None)
            except CentralError as error:
                self.watch._answers(bucket, error)
        for name in bases:
            if self.account(name).state is State.LOADING:  # it begins anew: what was printed counts as an earlier run's
                for each in [each for each in self.world.fresh if each[0] == name]:
                    del self.world.fresh[each]
                    self.world.said.pop(each, None)
        if any(self.account(name).book.base != base for name, base in bases.items()):
            self.world.phase = "mark back"
        self.world.at()

    def step(self) -> bool:
        """Do the next thing, as one of the threads of a worker does, each in turn; False when there is none."""
        self.world.at()
        self._turn += 1
        turn = self._turn % len(self.workers)
        return any(self._step_of(worker) for worker in self.workers[turn:] + self.workers[:turn])

    def _step_of(self, worker: SourceWorker) -> bool:
        now, at = self.world.time.monotonic(), worker._instant()
        lanes = list(worker.lanes.values())
        worker._turn = (worker._turn + 1) % len(lanes)
        turned = lanes[worker._turn :] + lanes[: worker._turn]
        for lane in sorted(turned, key=lambda each: not each.account.course.due):
            task = worker._task(lane, now, at)
            if task is not None:
                self._do(worker, lane, task)
                return True
        worker._say_idle()
        return False

    def _do(self, worker: SourceWorker, lane: Lane, task: object) -> None:
        lane.busy = True
        try:
            worker._do(lane, task)  # type: ignore[arg-type]
        finally:
            lane.busy, lane.asleep_until = False, 0.0

    def work(self) -> None:
        """Do whatever there is to do."""
        for _ in range(MOST_STEPS):
            if not self.step():
                return
        self.world.wrong("the collector finds no end")

    def _attempted(self, attempt: Attempt) -> None:
        there = self.world.sources[attempt.stream.source]
        if attempt.error is not None and not (there.silent or there.failures):
            self.world.wrong(f"unexpected: {attempt.error!r} {attempt.error.__cause__!r}")


class Writer(LineWriter):
    """Standard output: what is written is Telegraf's."""

    def __init__(self, world: World, run: str) -> None:
        self._world, self._run = world, run

    def write(self, data: bytes) -> None:
        """Take lines."""
        self._world.at()
        self._world.printed(data, self._run)
        self._world.at()


class ModelGate(Gate):
    """The gate: while one waits for room Telegraf sends, when all is well, and the watch looks once."""

    def __init__(self, world: World, collector: Collector) -> None:
        super().__init__(FLOW_LIMIT)
        self._world, self._collector = world, collector

    def enter(self, stream: str, load: Load, live: bool, before_waiting: Callable[[], None]) -> None:
        """As `Gate.enter`, where the watch is a thread of its own."""
        if not self._flow.has_room(load, live):
            if self._flow.unmarked(stream):
                before_waiting()
            self._world.at()
            if self._world.flowing:
                self._world.telegraf.send_all(self._world.now)
            self._collector.look()
        if not self._flow.has_room(load, live):
            raise NoRoom("no room")
        self._flow.printed(stream, load)


class ModelPassage:
    """Reads a span of the source; between two chunks something may happen."""

    def __init__(self, client: SourceClient, stream: StreamDefinition, span: Span, tally: Tally) -> None:
        self._client, self._stream, self._span, self._tally = client, stream, span, tally

    def blocks(self) -> Iterator[tuple[list[Block], bool]]:
        """As `Passage.blocks`: of one instant, as InfluxDB answers from a snapshot."""
        self._client.ask(Question.POINTS, self._span)
        stream, span = self._stream, self._span
        if span[0] % stream.unit or span[1] % stream.unit:
            self._client.world.wrong(f"{stream.label} is read by parts of windows: {span}")
        points = self._client.there.points[name_of(stream.source, stream.name)]
        for block in list(blocks_of(stream, selected(stream, points, span), span)):
            self._tally.points += len(block)
            yield [block], False


class ModelSource(source_reader.SourceReader):
    """What is asked of the source in Flux, done on the model."""

    def __init__(self, client: SourceClient) -> None:
        super().__init__(client)
        self._asked = client

    def _points(self, stream: StreamDefinition) -> dict[Key, int]:
        return self._asked.there.points[name_of(stream.source, stream.name)]

    def count(self, stream: StreamDefinition, span: Span) -> int:
        self._asked.ask(Question.COUNT, span)
        return sum(span[0] <= time < span[1] for _, time in self._points(stream))

    def exists(self, stream: StreamDefinition, span: Span) -> bool:
        self._asked.ask(Question.EXISTS, span)
        return any(span[0] <= time < span[1] for _, time in self._points(stream))

    def first(self, stream: StreamDefinition, stop: int) -> int | None:
        self._asked.ask()
        first = min((time for _, time in self._points(stream) if time < stop), default=None)
        return first - first % stream.unit if first is not None else None

    def has_mark(self, stream: StreamDefinition, mark: MarkId) -> bool:
        return False

    def probe(self, stream: StreamDefinition, now: int) -> None:
        self._asked.ask()


class ModelRunner(JobRunner):
    """The runner, with what is Flux in it done on the model."""

    def __init__(self, client: SourceClient, central: CentralReader, world: World) -> None:
        super().__init__(client, central)
        self._source, self._world = ModelSource(client), world

    def prove(self, course: Course, job: Prove) -> Proved:
        outcome = super().prove(course, job)
        self._world.phase = "compared"
        self._world.at()
        return outcome

    def compare(self, course: Course, job: Compare, printer: Printer | None, tally: Tally) -> Compared:
        outcome = super().compare(course, job, printer, tally)
        self._world.phase = "compared"
        self._world.at()
        return outcome


def patched(time: SimpleNamespace) -> ExitStack:
    """Put the model's clock and reading in the place of the real ones, until the stack is closed."""
    stack = ExitStack()
    for module in (worker_module, lanework_module, watch_module):
        stack.enter_context(patch.object(module, "time", time))
    stack.enter_context(patch.object(source_reader, "Passage", ModelPassage))
    return stack
