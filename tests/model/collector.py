"""The collector as it is, one command at a time: what it meets is a model, and time is what the world says."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from telegraf_plugin.execution.executor import SourceDoer, read_claims, read_ledger
from telegraf_plugin.influxdb.source import SourceReader
from telegraf_plugin.stream import collector
from telegraf_plugin.stream.account import Account
from telegraf_plugin.stream.asking import PATIENCE
from telegraf_plugin.stream.attempts import Attempt
from telegraf_plugin.stream.block import Block
from telegraf_plugin.stream.clocks import Clocks
from telegraf_plugin.stream.commands import Command, LedgerCommand, LookUpSource
from telegraf_plugin.stream.definition import StreamDefinition, StreamId
from telegraf_plugin.stream.events import Begun, Event, Lost, Tick, Wake
from telegraf_plugin.stream.jobs import Compare, Prove
from telegraf_plugin.stream.lease import Lease, PrintClaim, ReadClaims
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.progress import State
from telegraf_plugin.stream.spans import Span
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.telegraf.inflight import InFlightWindow
from telegraf_plugin.telegraf.marks import claim_line
from telegraf_plugin.telegraf.writer import LineWriter
from tests.model.clients import Reader, SourceClient, blocks_of
from tests.model.outside import INTERVAL, Key, Question, label_of, name_of, selected

if TYPE_CHECKING:
    from tests.model.world import World

FLOW_LIMIT = 24
BUCKET = "landing"
MOST_STEPS = 400
"""Steps in a row that are still no endless loop."""


class Collector:
    """One run of the plugin, by its public door: events in, commands out, which are done here one by one.

    Whatever is done to the outside is a point of the world, where something may happen.
    """

    def __init__(self, world: World, run: str) -> None:
        self.world, self.run = world, run
        self.gate = InFlightWindow(FLOW_LIMIT, wait=self._wait, steady=world.steady)
        self.ticks = 0
        self.lost = False
        self.central = Reader(world)
        self.clients = {name: SourceClient(world, name) for name in world.sources}
        self.client = self.clients[world.streams[0].source]
        self.core = collector.Collector(
            [(name, [each for each in world.streams if each.source == name], 1) for name in world.sources],
            {BUCKET: self.gate},
            run,
            "metrics",
            self.central.url,
            world.sweep,
            dict.fromkeys(world.sources, world.restraint),
            partial(Lease, world.lease, run, INTERVAL, "", "") if world.lease else None,
        )
        self._writer = Writer(world, run)
        self.doers = {
            name: SourceDoer(
                ModelSource(client),
                self.central,
                {BUCKET: self.gate},
                self._writer,
                self._handle,
                world.clock,
                world.steady,
            )
            for name, client in self.clients.items()
        }
        self._commands: dict[str, deque[Command]] = {name: deque() for name in world.sources}
        self._readings: deque[LedgerCommand] = deque()
        self._claims: deque[ReadClaims] = deque()
        self._turn = 0
        self._handle(Wake())

    def account(self, stream: str) -> Account:
        """Return the account of the stream of that name."""
        return self.core.tasks[StreamId(*label_of(stream).split("/"))].account

    def values(self) -> int:
        """Return how many points the first source was asked for."""
        return self.doers[self.world.streams[0].source].source.values

    def _handle(self, event: Event) -> None:
        """Hand in an event; what is to be done waits until the world has it done."""
        for action in self.core.handle(event, Clocks(self.world.clock(), self.world.steady())):
            if isinstance(action, Command):
                self._commands[action.stream.source].append(action)
            elif not isinstance(action, LookUpSource):
                self._readings.append(action)
        for due in self.core.lease_actions():
            if isinstance(due, PrintClaim):
                self._writer.write(claim_line(self.world.lease, "", due.claim, due.time))
            else:
                self._claims.append(due)
        for news in self.core.news():
            if isinstance(news, Attempt):
                self._attempted(news)
            elif isinstance(news, Begun):
                self.tick()
            self.lost = self.lost or isinstance(news, Lost)

    def end(self) -> None:
        """End as Telegraf asks for it."""
        said = self.core.end(Clocks(self.world.clock(), self.world.steady()))
        if said is not None:
            self._writer.write(claim_line(self.world.lease, "", said.claim, said.time))

    def tick(self) -> None:
        """Have Telegraf ask for the newest points."""
        self.ticks += 1
        self._handle(Tick(self.ticks))
        self.look()

    def look(self, ticked: bool = False) -> None:
        """Have the ledger looked into once, when its time has come, or is about to; as for a tick if `ticked`."""
        self.world.at()
        if ticked:
            self.core.watch.tick()
        bases = {name: self.account(name).book.base for name in self.world.names}
        due = self.core.watch.wakes_at()
        if due is not None and 0 < due - self.world.steady() <= PATIENCE:
            self.world.now += due - self.world.steady()
        self._handle(Wake())
        while self._readings or self._claims:
            if self._claims:
                self._handle(read_claims(self.central, self._claims.popleft()))
            else:
                self._handle(read_ledger(self.central, self._readings.popleft()))
        for name in bases:
            if self.account(name).state is State.LOADING:  # it begins anew: what was printed counts as an earlier run's
                for each in [each for each in self.world.fresh if each[0] == name]:
                    del self.world.fresh[each]
                    self.world.said.pop(each, None)
        if any(self.account(name).book.base != base for name, base in bases.items()):
            self.world.phase = "mark back"
        self.world.at()

    def step(self) -> bool:
        """Do the next command, of each source in turn; False when there is none."""
        self.world.at()
        self._handle(Wake())
        self._turn += 1
        names = list(self._commands)
        turn = self._turn % len(names)
        for name in names[turn:] + names[:turn]:
            if self._commands[name]:
                command = self._commands[name].popleft()
                outcome = self.doers[name].do(command)
                if isinstance(command.job, Prove | Compare):
                    self.world.phase = "compared"
                    self.world.at()
                self._handle(outcome)
                return True
        return False

    def work(self) -> None:
        """Do whatever there is to do."""
        for _ in range(MOST_STEPS):
            if not self.step():
                return
        self.world.wrong("the collector finds no end")

    def _wait(self, moved: int, _seconds: float) -> bool:
        """While one waits for room Telegraf sends, when all is well, and the ledger is looked into once."""
        self.world.at()
        if self.world.flowing:
            self.world.telegraf.send_all(self.world.now)
        self.look()
        return self.gate.moved != moved

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


class ModelSource(SourceReader):
    """What is asked of the source, done on the model."""

    def __init__(self, client: SourceClient) -> None:
        super().__init__(client)
        self._asked = client

    def _points(self, stream: StreamDefinition) -> dict[Key, int]:
        return self._asked.there.points[name_of(stream.source, stream.name)]

    def blocks(self, stream: StreamDefinition, span: Span, tally: Tally) -> Iterator[tuple[list[Block], bool]]:
        """Yield what is there, chunk by chunk, of one instant, as InfluxDB answers from a snapshot."""
        self._asked.ask(Question.POINTS, span)
        if span[0] % stream.unit or span[1] % stream.unit:
            self._asked.world.wrong(f"{stream.label} is read by parts of windows: {span}")
        for block in list(blocks_of(stream, selected(stream, self._points(stream), span), span)):
            tally.points += len(block)
            self.values += len(block)
            yield [block], False

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
