"""The core between a source and a central that do what the test says: no threads, and time is the test's.

What is printed is in central at once, marks too, while `open`. Commands wait until the test has them done.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import replace

from telegraf_plugin.errors import CentralError, NoRoom, SourceError
from telegraf_plugin.stream import jobs
from telegraf_plugin.stream.attempts import Attempt
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.clocks import Clocks
from telegraf_plugin.stream.collector import Collector
from telegraf_plugin.stream.commands import (
    Adopt,
    Asked,
    Command,
    LedgerCommand,
    LedgerOutcome,
    LedgerPart,
    LedgerResult,
    LookUp,
    LookUpSource,
    MarkIds,
    MarkPrinted,
    Outcome,
    Probe,
    ReadLedger,
    ReadMarkIds,
    ReadMarks,
    ReadOrigins,
    ReadRequests,
    Result,
    SourceLookedUp,
)
from telegraf_plugin.stream.definition import Start, StreamDefinition, StreamId
from telegraf_plugin.stream.digest import Digest
from telegraf_plugin.stream.events import Event, Idle, Moved, News, Tick, Wake
from telegraf_plugin.stream.flow import Load
from telegraf_plugin.stream.ledger import Believed, Mark, MarkId, Origin
from telegraf_plugin.stream.notes import Note
from telegraf_plugin.stream.pause import Pause
from telegraf_plugin.stream.request import Request
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.stream.task import StreamTask
from telegraf_plugin.telegraf.inflight import InFlightWindow
from tests.unit.test_definition import STREAM

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
BEGIN = 1_795_473_000 * SECOND
"""Half past an hour: no hour ends under a test, at which reads are cut."""
POINTS = 2
"""What each copy brings."""


def stream(name: str, **changes: object) -> StreamDefinition:
    """Return a stream of POD-8 that began a hundred seconds ago."""
    start = Start(ago=100 * SECOND)
    return replace(STREAM, **{"name": name, "start": start, **changes})  # type: ignore[arg-type]


class Site:
    """A collector, and what it meets."""

    def __init__(self, *streams: StreamDefinition, at_once: int = 1, limit: int = 100_000, sweep: float = 0.0) -> None:
        self.now = BEGIN
        self.streams = streams or (stream("a"), stream("b"), stream("c"))
        buckets = {each.central_bucket for each in self.streams}
        self.windows = {bucket: InFlightWindow(limit, wait=lambda *_: False) for bucket in buckets}
        by_source: dict[str, list[StreamDefinition]] = defaultdict(list)
        for each in self.streams:
            by_source[each.source].append(each)
        sources = [(name, listed, at_once) for name, listed in by_source.items()]
        self.collector = Collector(sources, self.windows, "me", "metrics", "http://central:8086", sweep)
        self.script: dict[str, deque[Result]] = defaultdict(deque)  # what the next reads of a stream come to
        self.away: dict[str, CentralError] = {}  # by bucket, what the ledger's questions fail with
        self.slow: dict[str, int] = {}  # by bucket, how long (ns) a question of the ledger's takes
        self.uncounted: CentralError | None = None  # what comparisons fail with
        self.open = True
        self.present: dict[StreamId, dict[MarkId, Mark]] = defaultdict(dict)
        self.believed: dict[StreamId, Believed] = {}
        self.unreadable: dict[StreamId, CentralError] = {}
        self.long: set[StreamId] = set()
        self.origins: dict[StreamId, Origin] = {}
        self.requests: dict[StreamId, Request] = {}
        self.pauses: dict[StreamId, Pause] = {}
        self.kept: Bucket | None = None
        self.source_kept: Bucket | None = None
        self.skew: float | None = None
        self.stuck: dict[StreamId, list[Mark]] = defaultdict(list)
        self.damaged: set[MarkId] = set()
        self.commands: deque[Command] = deque()
        self.readings: deque[LedgerCommand] = deque()
        self.look_ups: list[LookUpSource] = []
        self.asked: list[LedgerCommand] = []
        self.done: list[Command] = []
        self.news: list[News] = []
        self.ticks = 0
        self.hand_in(Wake())

    def clocks(self) -> Clocks:
        """What both clocks say."""
        return Clocks(self.now, self.now - BEGIN + 1000 * SECOND)

    def task(self, name: str = "a") -> StreamTask:
        """The task of POD-8's stream of that name."""
        return self.collector.tasks[StreamId("POD-8", name)]

    def hand_in(self, event: Event) -> None:
        """Hand in an event, and keep what is to be done."""
        for action in self.collector.handle(event, self.clocks()):
            if isinstance(action, Command):
                self.commands.append(action)
            elif isinstance(action, LookUpSource):
                self.look_ups.append(action)
            else:
                self.readings.append(action)
        self.news += self.collector.news()

    def tick(self) -> None:
        """Telegraf asks for the newest points."""
        self.ticks += 1
        self.hand_in(Tick(self.ticks))

    def wait(self, seconds: float) -> None:
        """Let time pass, and wake the collector whenever it wants to be."""
        end = self.now + int(seconds * SECOND)
        while True:
            wakes_at = self.collector.wakes_at()
            due = end if wakes_at is None else max(self.now + wakes_at - self.clocks().steady, self.now)
            if due > end:
                break
            moved, self.now = due > self.now, due
            before = len(self.commands) + len(self.readings) + len(self.look_ups)
            self.hand_in(Wake())
            same = len(self.commands) + len(self.readings) + len(self.look_ups) == before
            if due == end or (same and not moved):
                break
        self.now = end

    def look(self) -> None:
        """Have the ledger read as far as it is asked for."""
        while self.readings:
            command = self.readings.popleft()
            self.asked.append(command)
            self.hand_in(LedgerOutcome(command, self._read(command), None))

    def do(self, command: Command | None = None) -> Command:
        """Do the next command, or this one."""
        command = command or self.commands.popleft()
        self.done.append(command)
        stats = Tally()
        result = self._result(command, stats)
        self.hand_in(Outcome(command, result, stats, SECOND // 100, self.skew))
        return command

    def work(self) -> list[Command]:
        """Do all that there is to do now, commands and readings; returns the commands."""
        before = len(self.done)
        for _ in range(10_000):
            self.look()
            if not self.commands:
                break
            self.do()
        return self.done[before:]

    def run(self, seconds: float = 5.0) -> list[Command]:
        """Work for so long: wait for whatever it waits for, and do it; returns the commands."""
        before, end = len(self.done), self.now + int(seconds * SECOND)
        while True:
            self.work()
            wakes_at = self.collector.wakes_at()
            due = end if wakes_at is None else self.now + max(wakes_at - self.clocks().steady, 0)
            if due >= end:
                break
            self.now = max(due, self.now + 1)
            self.hand_in(Wake())
        self.now = end
        return self.done[before:]

    def until(self, kind: type) -> None:
        """Do what there is to do until a command of that kind of job is handed out."""
        for _ in range(10_000):
            if any(isinstance(each.job, kind) for each in self.commands):
                return
            if self.commands:
                self.do()
            elif self.readings:
                self.look()
            else:
                self.wait(0.2)
        raise AssertionError(f"no {kind.__name__}")

    def cycle(self) -> list[Attempt]:
        """One tick, and all that is done in the second after it; returns the attempts, by their streams' names."""
        before = len(self.news)
        self.tick()
        self.run(1.0)
        return sorted(self.attempts(before), key=lambda each: each.stream.name)

    def start(self) -> Site:
        """There is no ledger, and the first marks are back."""
        self.run()
        self.news.clear()
        self.done.clear()
        self.asked.clear()
        return self

    def attempts(self, since: int = 0) -> list[Attempt]:
        """What was told of reads."""
        return [each for each in self.news[since:] if isinstance(each, Attempt)]

    def idle(self) -> list[int]:
        """The ticks of which it was said that all that they asked for is done."""
        return [each.tick for each in self.news if isinstance(each, Idle)]

    def moved(self) -> int:
        """How often it was said that something has arrived."""
        return sum(isinstance(each, Moved) for each in self.news)

    def said(self, text: str) -> int:
        """How often the log was told something."""
        return sum(text in each.text % each.values for each in self.news if isinstance(each, Note))

    def copies(self) -> Counter[str]:
        """How often each stream was copied."""
        return Counter(each.stream.name for each in self.done if isinstance(each.job, jobs.Copy))

    def looks(self, bucket: str) -> int:
        """How often marks were looked for in a bucket."""
        return sum(isinstance(each, ReadMarkIds) and each.bucket == bucket for each in self.asked)

    def flush(self) -> None:
        """Have what is stuck in Telegraf's buffer arrive."""
        for name, marks in self.stuck.items():
            self.present[name] |= {mark.id: mark for mark in marks}
        self.stuck.clear()

    # What is met

    def _mark(self, command: Command) -> MarkId:
        assert command.template is not None
        mark, _ = command.template.make(self.now)
        self.hand_in(MarkPrinted(command.stream.id, mark, command.template.origin))
        self.windows[command.stream.central_bucket].marked(command.stream.label, mark.id.time)
        self.stuck[command.stream.id].append(mark)
        if self.open:
            self.flush()
        return mark.id

    def _result(self, command: Command, stats: Tally) -> Result:
        script = self.script[command.stream.name]
        match command.job:
            case Adopt():
                return self.source_kept
            case Probe():
                return script.popleft() if script else None
            case jobs.Copy():
                if script and isinstance(script[0], SourceError | NoRoom):
                    return script.popleft()
                window = self.windows[command.stream.central_bucket]
                try:
                    window.enter(command.stream.label, Load(POINTS, POINTS), command.live, lambda: None)
                except NoRoom as error:
                    return error
                stats.points = stats.sent = POINTS
                return jobs.Copied(Digest(points=POINTS), POINTS, self._mark(command), POINTS)
            case jobs.Seek() | jobs.Foresee():
                return None if isinstance(command.job, jobs.Seek) else 0
        if isinstance(command.job, jobs.Job) and self.uncounted is not None:
            return self.uncounted
        return self._compared(command)

    def _compared(self, command: Command) -> Result:
        match command.job:
            case jobs.Land(points=points):
                return points
            case jobs.Check(pieces):
                return [jobs.Counted((spans[0][0], spans[-1][1]), POINTS, True) for spans in pieces]
            case jobs.Prove():
                return jobs.Proved(True)
            case jobs.Compare():
                return jobs.Compared()
            case jobs.Recheck():
                return jobs.Swept(True, POINTS)
        self._mark(command)
        return None

    def _read(self, command: LedgerCommand) -> LedgerResult:
        bucket = "metrics" if isinstance(command, ReadOrigins) else command.bucket
        self.now += self.slow.get(bucket, 0)
        if bucket in self.away:
            return self.away[bucket]
        answer: dict[type, Callable[[], LedgerResult]] = {
            LookUp: lambda: self.kept,
            ReadOrigins: lambda: self.origins,
            ReadRequests: lambda: Asked(self.requests, self.pauses),
        }
        match command:
            case ReadLedger(names=names):
                readable = [name for name in names if name not in self.unreadable and name not in self.long]
                return LedgerPart({name: self.believed.get(name) for name in readable}, dict(self.unreadable))
            case ReadMarkIds(start=start, until=until, asked=asked):
                since = max(start, until - HOUR) if until <= self.now else max(start, self.now - HOUR)
                found = {n: {m for m in marks if since <= m.time < until} for n, marks in self.present.items()}
                return MarkIds(found, since, until, Asked(self.requests, self.pauses) if asked else None)
            case ReadMarks(stream=name, ids=ids):
                return [self.present[name][each] for each in ids if each not in self.damaged]
        return answer[type(command)]()

    def look_up(self) -> None:
        """Answer how the sources keep their buckets."""
        for command in self.look_ups:
            self.hand_in(SourceLookedUp(command.stream, self.source_kept))
        self.look_ups.clear()


def foreign(time: int, name: str = "a", printed: object = ()) -> Mark:
    """Return a mark that another run has made of a stream."""
    return Mark(MarkId(time, "other"), None, stream(name).hash, 0, 0)
