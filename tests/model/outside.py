"""What lies outside of the collector: a source, a Telegraf, a central. They do what the world tells them."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from enum import Enum, auto

from line_protocol_parser import parse_line

from telegraf_plugin.stream import ledger, names
from telegraf_plugin.stream.block import FieldType
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.ledger import Mark, Origin
from telegraf_plugin.stream.pause import Pause
from telegraf_plugin.stream.request import Request
from telegraf_plugin.stream.spans import NOTHING, Span, Spans

SECOND = 1_000_000_000
INTERVAL = 10 * SECOND
"""How often Telegraf asks for the newest points."""
HOUR = 3600 * SECOND
"""How long a shard group lasts, on both sides."""
BUFFER_LIMIT = 80
"""Metrics that an output of Telegraf holds: well above what may be in flight."""
BATCH = 7

Key = tuple[str, int]
"""A point's measurement and time (Unix ns)."""
Points = dict[str, dict[Key, int]]
"""Points by stream."""


TYPES = {"m": FieldType.INTEGER, "n": FieldType.FLOAT, "s": FieldType.STRING}
"""What type the one field of a measurement has."""
_TEXTS = {FieldType.INTEGER: b"%d", FieldType.FLOAT: b"%d.25", FieldType.STRING: b"v%d"}


def name_of(source: str, stream: str) -> str:
    """Return by what name the model knows a stream: those of the source `pod` by their own."""
    return f"{source}/{stream}".removeprefix("pod/")


def label_of(name: str) -> str:
    """Return the label of the stream that the model knows by `name`."""
    return name if "/" in name else f"pod/{name}"


def selected(stream: StreamDefinition, points: dict[Key, int], whole: Span | None = None) -> dict[Key, int]:
    """Return what a stream selects of `points`: all, or an aggregate's sums, of what lies in `whole` alone."""
    if stream.aggregate is None:
        return points
    sums: dict[Key, int] = defaultdict(int)
    for (measurement, time), value in points.items():
        if whole is None or whole[0] <= time < whole[1]:
            sums[measurement, time - time % stream.aggregate.every] += value
    return sums


def text_of(measurement: str, value: int) -> bytes:
    """Return the value of a point as InfluxDB writes it: numbers stand for all values here."""
    return _TEXTS[TYPES[measurement]] % value


class Question(Enum):
    """What a server is asked for, apart from the ledger."""

    COUNT = auto()
    POINTS = auto()
    EXISTS = auto()


@dataclass
class Failures:
    """What a server does not answer though it answers all else: some questions, or whatever touches `spans`."""

    questions: set[Question] = field(default_factory=set)
    spans: Spans = NOTHING
    failed: int = 0

    def fails(self, question: Question, whole: Span) -> bool:
        """Say whether the question about `whole` fails, and count it."""
        fails = question in self.questions or self.spans.touches(whole)
        self.failed += fails
        return fails

    def end(self) -> None:
        """Answer everything again."""
        self.questions, self.spans = set(), NOTHING

    def __bool__(self) -> bool:
        return bool(self.questions or self.spans)


class ModelSource:
    """The points that are there to be copied, by stream; a clock that may be `ahead` (ns).

    `retention`: how long (ns) it keeps them, 0 for ever.
    """

    def __init__(self) -> None:
        self.points: Points = defaultdict(dict)
        self.ahead = 0
        self.silent = False
        self.failures = Failures()
        self.retention = 0

    def expire(self, now: int) -> None:
        """Lose what is too old."""
        _expire(self.points, now - self.retention if self.retention else None)


@dataclass(frozen=True, slots=True)
class Point:
    """A line of data: printed by `run`."""

    run: str
    stream: str
    key: Key
    value: int


@dataclass(frozen=True, slots=True)
class MarkOf:
    """A mark of a stream."""

    stream: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class OriginOf:
    """A mirrored origin of a stream."""

    stream: str
    origin: Origin
    time: int


@dataclass(frozen=True, slots=True)
class ClaimOf:
    """What a run says of a lease, as central has it: `row` without its time."""

    row: tuple[tuple[str, str], ...]
    time: int

    @property
    def series(self) -> tuple[str, str]:
        """By which of them the newest counts."""
        there = dict(self.row)
        return there["run"], there["role"]


Line = Point | MarkOf | OriginOf | ClaimOf


def parse(text: bytes, run: str) -> list[Line]:
    """Return the lines of what the collector wrote."""
    return [_parsed(parse_line(line), run) for line in text.decode().splitlines()]


def _parsed(line: dict[str, dict[str, str]], run: str) -> Line:
    kind, tags, fields, time = str(line["measurement"]), line["tags"], line["fields"], int(str(line["time"]))
    if kind == names.LEASE:
        return ClaimOf((("run", tags["run"]), ("role", tags["role"]), ("_value", str(fields["claim"]))), time)
    name = name_of(tags["source"], tags["stream"])
    if kind == ledger.MEASUREMENT:
        return MarkOf(name, Mark.read({key: str(value) for key, value in fields.items()}))
    if kind == "collector_origin":
        origin, began, oldest = (int(fields[field]) for field in ("origin", "began", "oldest"))
        mirrored = Origin(fields["definition"], origin, began, oldest, Spans.parse(fields.get("islands", "")))
        return OriginOf(name, mirrored, time)
    return Point(run, name, (kind, time), int(float(str(fields["v"]).lstrip("v"))))


def _expire(points: Points, oldest: int | None) -> None:
    if oldest is not None:
        for name, there in points.items():
            points[name] = {key: value for key, value in there.items() if key[1] >= oldest}


@dataclass
class ModelCentral:
    """What central holds; `refused` measurements are left out of what is written (422, a partial write).

    `conflicts`: in which shard group (its start, ns) somebody else has written a measurement's field as a boolean: what
    is sent for it there is refused. `ever`: what it has held since the collector was started, whatever became of it.
    `looks`: how many more the ledger takes, since it is long, before anything of it is known.
    """

    points: Points = field(default_factory=lambda: defaultdict(dict))
    marks: dict[str, dict[int, Mark]] = field(default_factory=lambda: defaultdict(dict))
    origins: dict[str, OriginOf] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    silent: bool = False
    conflicts: set[tuple[str, int]] = field(default_factory=set)
    requests: dict[str, Request] = field(default_factory=dict)
    pauses: dict[str, Pause] = field(default_factory=dict)
    failures: Failures = field(default_factory=Failures)
    ever: set[tuple[str, Key]] = field(default_factory=set)
    retention: int = 0
    metrics_silent: bool = False
    looks: int = 0
    claims: dict[tuple[str, str], ClaimOf] = field(default_factory=dict)

    def land(self, batch: list[Line]) -> None:
        """Take what was sent."""
        for line in batch:
            if isinstance(line, MarkOf):
                self.marks[line.stream][line.mark.id.time] = line.mark
            elif isinstance(line, OriginOf):
                if line.stream not in self.origins or self.origins[line.stream].time <= line.time:
                    self.origins[line.stream] = line
            elif isinstance(line, ClaimOf):
                there = self.claims.get(line.series)
                self.claims[line.series] = line if there is None or there.time <= line.time else there
            elif line.key[0] not in self.refused and not self.conflicts_with(line.key):
                self.points[line.stream][line.key] = line.value
                self.ever.add((line.stream, line.key))

    def conflicts_with(self, key: Key) -> bool:
        """Say whether the field has another type there."""
        return (key[0], key[1] // HOUR * HOUR) in self.conflicts

    def expire(self, now: int) -> None:
        """Lose what is too old, of points and marks."""
        if self.retention:
            _expire(self.points, now - self.retention)
            for name, marks in self.marks.items():
                self.marks[name] = {time: mark for time, mark in marks.items() if time >= now - self.retention}
            self.pauses = {name: each for name, each in self.pauses.items() if each.time >= now - self.retention}

    def copy(self) -> ModelCentral:
        """Return a backup."""
        points: Points = defaultdict(dict, {name: dict(there) for name, there in self.points.items()})
        marks: dict[str, dict[int, Mark]] = defaultdict(dict, {name: dict(there) for name, there in self.marks.items()})
        return ModelCentral(points, marks, dict(self.origins), requests=dict(self.requests), pauses=dict(self.pauses))

    def put_back(self, backup: ModelCentral) -> None:
        """Go back to `backup`."""
        again = backup.copy()
        self.points, self.marks, self.origins = again.points, again.marks, again.origins
        self.requests, self.pauses = again.requests, again.pauses

    def empty(self) -> None:
        """Lose the bucket of the data, with the ledger and what was asked for; that of the metrics stays."""
        self.points.clear()
        self.marks.clear()
        self.requests.clear()
        self.pauses.clear()


class Reply(Enum):
    """What becomes of a batch."""

    WELL = auto()
    REJECTED = auto()
    """4xx: Telegraf drops the batch."""
    LOST = auto()
    """It lands, but Telegraf does not learn of it and sends it again."""
    LATE = auto()
    """It has not landed yet, and will at some time; Telegraf sends it again."""


class ModelTelegraf:
    """A buffer for each output, first in, first out."""

    def __init__(self, central: ModelCentral) -> None:
        self.buffers: dict[str, deque[Line]] = {"data": deque(), "metrics": deque()}
        self.late: list[tuple[int, list[Line]]] = []
        """Requests that have not landed, with the time at which they were sent (ns)."""
        self.unheard = 0
        """How many of the oldest lines of data have landed once already: their replies were lost."""
        self.overflowed = 0
        self._central = central

    def take(self, line: Line) -> None:
        """Buffer a line; the oldest goes when there are too many."""
        buffer = self.buffers["metrics" if isinstance(line, OriginOf | ClaimOf) else "data"]
        buffer.append(line)
        if len(buffer) > BUFFER_LIMIT:
            buffer.popleft()
            self.overflowed += 1

    def send(self, output: str, reply: Reply, now: int, size: int = BATCH) -> bool:
        """Send the next batch of `output`; says whether there was one that central took or refused."""
        buffer = self.buffers[output]
        batch = list(buffer)[:size]
        if not batch or self._central.silent:
            return False
        if reply is Reply.LATE:
            self.late.append((now, batch))
            return False
        if reply is not Reply.REJECTED:
            self._central.land(batch)
        if reply is not Reply.LOST:
            self.drop(output, len(batch))
        elif output == "data":
            self.unheard = max(self.unheard, len(batch))
        return True

    def send_all(self, now: int) -> None:
        """Send whatever there is."""
        for output in self.buffers:
            while self.send(output, Reply.WELL, now):
                pass

    def land_late(self, number: int) -> None:
        """Have a late request land."""
        batch = self.late.pop(number)[1]
        self._central.land(batch)
        there = [at for at, line in enumerate(self.buffers["data"]) if any(line is each for each in batch)]
        self.unheard = max([self.unheard, *(at + 1 for at in there)])

    def drop(self, output: str, count: int) -> None:
        """Lose the `count` oldest lines of `output`."""
        for _ in range(min(count, len(self.buffers[output]))):
            self.buffers[output].popleft()
        if output == "data":
            self.unheard = max(self.unheard - count, 0)

    def lines(self, run: str | None = None) -> int:
        """Return how many lines of data are buffered, of `run` or of all, that have not landed at least once."""
        waiting = list(self.buffers["data"])[self.unheard :]
        return sum(isinstance(line, Point) and run in (None, line.run) for line in waiting)
