"""The world of one example: what happens in it, and what must hold whenever nobody is in the midst of an act."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.pause import Pause, Paused
from telegraf_plugin.stream.request import Kind, Request
from telegraf_plugin.stream.restraint import UNRESTRAINED, Restraint
from telegraf_plugin.stream.spans import Span, Spans, span
from tests.model import checks
from tests.model.checks import LOOKBACK
from tests.model.collector import Collector
from tests.model.outside import (
    INTERVAL,
    SECOND,
    Key,
    MarkOf,
    ModelCentral,
    ModelSource,
    ModelTelegraf,
    Point,
    Reply,
    label_of,
    name_of,
    parse,
    selected,
)
from tests.model.streams import BEGIN, HISTORY, STREAMS


class Killed(BaseException):
    """The collector is gone, in the midst of what it did."""


class World:
    """Source, Telegraf, central, and the collector when it is up.

    `trail`: the phases of all points so far.

    `phase`: what the collector did last, of the cycle's acts; `crashes` counts the kills by it. `problems`: what was
    found that must not be. `flowing`: Telegraf sends while the collector waits for room. `sweep`, `restraint`: the
    collector's. `lease`: of which it is one of several, if it is; `cut_off`: it alone cannot reach central.

    `excused`: points of which the ledger cannot know better, since central lost them, or the source changed them when
    they had settled (`excused_once`: ever); `foreign_among`: those of them that another collector's mark tells of.
    `prints`: how often each point was printed. `fresh`: what this run has printed, with the time of the mark before it;
    `said`: what of it is said to have arrived though central never had it, and since which tick.
    """

    def __init__(
        self, streams: tuple[StreamDefinition, ...] = STREAMS, sweep: float = 0.0, restraint: Restraint = UNRESTRAINED
    ) -> None:
        self.streams, self.sweep, self.restraint = streams, sweep, restraint
        self.excused: set[tuple[str, Key]] = set()
        self.excused_once: set[tuple[str, Key]] = set()
        self.foreign_among: set[tuple[str, Key]] = set()
        self.prints: Counter[tuple[str, Key]] = Counter()
        self.unmarked: Counter[str] = Counter()
        self.fresh: dict[tuple[str, Key], int] = {}
        self.said: dict[tuple[str, Key], int] = {}
        self.now = BEGIN
        self.collector_ahead = 0
        self.names = [name_of(stream.source, stream.name) for stream in streams]
        self.sources = {stream.source: ModelSource() for stream in streams}
        self.source, self.central = self.sources[streams[0].source], ModelCentral()
        self.telegraf = ModelTelegraf(self.central)
        self.copies: list[ModelCentral] = []
        self.collector: Collector | None = None
        self.runs = 0
        self.phase = "up"
        self.crashes: Counter[str] = Counter()
        self.trail: list[str] = []
        self.problems: list[str] = []
        self.script: list[tuple[int, Callable[[], None]]] = []
        self.flowing = False
        self.cut_off = False
        self.lease = ""
        self._inside = False
        self.asked = 0
        self._said: set[Spans] = {Spans()}  # what marks have called proved

    def steady(self) -> int:
        """Return what a clock says that never jumps, in ns."""
        return self.now - BEGIN + 1000 * SECOND

    def clock(self) -> int:
        """Return what the collector's clock says, in Unix ns."""
        self.now += 1000  # no two readings are equal
        return self.now + self.collector_ahead

    def wrong(self, text: str) -> None:
        """Take note of what must not be."""
        self.problems.append(text)

    def stream(self, name: str) -> StreamDefinition:
        """Return the stream that the model knows by `name`."""
        return self.streams[self.names.index(name)]

    def source_of(self, name: str) -> ModelSource:
        """Return the source of that stream."""
        return self.sources[label_of(name).partition("/")[0]]

    def wanted(self, name: str) -> dict[Key, int]:
        """Return what central is to have of that stream."""
        return selected(self.stream(name), self.source_of(name).points[name])

    # What happens

    def write(self, stream: str, measurement: str, ago: int, value: int) -> None:
        """Have the source take a point, `ago` seconds old by its clock: less than the lookback, or ahead of it."""
        assert ago * SECOND < LOOKBACK
        source = self.source_of(stream)
        time = (self.now + source.ahead) // SECOND * SECOND - ago * SECOND
        source.points[stream][measurement, time] = value

    def fill(self, every: int = 20) -> None:
        """Give the source a past, a point in `every` seconds."""
        for name in self.names:
            for ago in range(0, HISTORY // SECOND, every):
                self.source_of(name).points[name]["m", BEGIN - ago * SECOND] = ago % 7

    def pass_time(self, seconds: int) -> None:
        """Let time pass; requests that were not heard of for too long never land."""
        self.now += seconds * SECOND
        for source in self.sources.values():
            source.expire(self.now)
        self.central.expire(self.now)
        late = self.telegraf.late
        self.telegraf.late = [each for each in late if self.now - each[0] < LOOKBACK]

    def start(self) -> None:
        """Start the collector."""
        if self.collector is None:
            self.runs += 1
            self.phase = "up"
            self.fresh.clear()
            self.said.clear()
            self.central.ever = {(name, key) for name, there in self.central.points.items() for key in there}
            self.collector = Collector(self, f"run{self.runs}")

    def kill(self) -> None:
        """kill -9: all that it had in memory is gone."""
        if self.collector is not None:
            self.crashes[self.phase] += 1
            self.collector = None

    def telegraf_dies(self) -> None:
        """Telegraf dies with its buffer; its plugin has nobody to write to."""
        for output in self.telegraf.buffers:
            self.telegraf.drop(output, len(self.telegraf.buffers[output]))
        self.kill()

    def land_late(self, number: int) -> None:
        """Have a late request land, unless central is silent."""
        if not self.central.silent:
            self.telegraf.land_late(number)
            self.copies.clear()

    def copy_central(self) -> None:
        """Make a backup of central."""
        self.copies.append(self.central.copy())

    def put_back(self, copy: ModelCentral) -> None:
        """Put central back to `copy`, unless Telegraf is about to send again what had landed."""
        if not self.telegraf.unheard:
            self.central.put_back(copy)
            self.excused |= self.excused_once  # the copy may be of that time

    def empty(self) -> None:
        """Empty central's bucket, unless Telegraf is about to send again what had landed."""
        if not self.telegraf.unheard:
            self.central.empty()

    def stranger(self, stream: str, key: Key, value: int) -> None:
        """Have another collector's line land over what is there, with the mark behind it: it has read the ledger."""
        newest = checks.newest_mark(self, stream)
        if newest is not None:
            printed = span(key[1], key[1] + self.stream(stream).unit)
            self.now += 1000  # no two of them are of one instant
            identity = MarkId(self.now, f"stranger{self.now}")
            mark = replace(newest, id=identity, base=newest.id, proved=newest.proved - printed, printed=printed)
            self.excuse(stream, key)
            self.foreign_among.add((stream, key))
            self.central.land([Point("stranger", stream, key, value), MarkOf(stream, mark)])

    def excuse(self, stream: str, key: Key) -> None:
        """Take note that the ledger cannot know better of a point, until it is right again."""
        self.excused.add((stream, key))
        self.excused_once.add((stream, key))
        self.foreign_among.discard((stream, key))

    def lose(self, stream: str, key: Key) -> None:
        """Have central lose a point."""
        if self.central.points[stream].pop(key, None) is not None:
            self.excuse(stream, key)

    def rewrite(self, stream: str, key: Key, value: int) -> None:
        """Have the source change a point, however old."""
        self.source_of(stream).points[stream][key] = value
        for each in selected(self.stream(stream), {key: value}):
            self.excuse(stream, each)

    def ask(self, stream: str, kind: Kind, whole: Span, cancels: bool = False) -> Request:
        """Have an operator's command ask for something, or cancel what was asked last."""
        last = self.central.requests.get(stream)
        if cancels and last is not None:
            request = replace(last, cancelled=True)
        else:
            self.asked += 1
            request = Request(f"request{self.asked}", kind, Spans((whole,)), False, self.now)
        self.central.requests[stream] = request
        return request

    def pause(self, stream: str, what: Paused) -> Pause:
        """Have an operator's command pause a stream, or resume it."""
        self.asked += 1
        self.central.pauses[stream] = Pause(f"pause{self.asked}", what, self.now)
        return self.central.pauses[stream]

    def do(self, act: Callable[[Collector], object]) -> None:
        """Have the collector do something, if it is up; it may be killed on the way."""
        if self.collector is not None:
            try:
                act(self.collector)
            except Killed:
                self.kill()

    def at(self) -> None:
        """Be at a point: whoever planned something for now does it."""
        self.trail.append(self.phase)
        if self._inside or not self.script:
            return
        left, act = self.script[0]
        if left > 0:
            self.script[0] = (left - 1, act)
            return
        del self.script[0]
        self._inside = True
        try:
            act()
        finally:
            self._inside = False

    def printed(self, data: bytes, run: str) -> None:
        """Take what the collector prints; nothing that the ledger calls proved may be printed."""
        lines = parse(data, run)
        for line in lines:
            if isinstance(line, MarkOf):
                self.unmarked[line.stream] = 0
            elif isinstance(line, Point):
                checks.may_print(self, line)
                self.unmarked[line.stream] += 1
                self.prints[line.stream, line.key] += 1
                self.fresh[line.stream, line.key] = self.collector.account(line.stream).book.last_time  # type: ignore[union-attr]
            self.telegraf.take(line)
        if isinstance(lines[0], Point):
            self.phase = "lines printed"
        else:
            news = {line.mark.proved for line in lines if isinstance(line, MarkOf)} - self._said
            self._said |= news
            self.phase = "next mark printed" if news else "mark printed"

    def round(self, replies: Reply = Reply.WELL) -> None:
        """An interval of everyday life."""
        self.pass_time(INTERVAL // SECOND)
        self.do(Collector.tick)
        self.flowing = replies is Reply.WELL
        for _ in range(4):
            self.do(Collector.work)
            for output in self.telegraf.buffers:
                while self.telegraf.send(output, replies, self.now) and replies is Reply.WELL:
                    pass
            self.do(Collector.look)
        self.flowing = False
        self.check()

    def check(self) -> None:
        """Find what must not be."""
        checks.check(self)

    def calm(self, rounds: int = 150) -> None:
        """Let everything be well: work ends, and what it ends with is right."""
        self.script.clear()
        self.telegraf.late.clear()
        for source in self.sources.values():
            source.silent, source.ahead = False, 0
            source.failures.end()
        self.central.silent = False
        self.central.failures.end()
        self.central.refused.clear()
        self.central.conflicts.clear()
        self.collector_ahead = 0
        self.start()
        for number in range(rounds):
            if number >= 3 and not self.unfinished():
                checks.check_quiet(self)
                return
            if number > 30:
                self.pass_time(60)  # what is held is looked at more and more rarely
            self.round()
            if self.problems:
                return
        self.wrong(f"work does not end: {self.unfinished()}")

    def unfinished(self) -> str:
        """Say what is not done yet, nothing when all is."""
        return checks.unfinished(self)
