"""The state machine: whatever may happen happens in any order, also between any two acts of the collector."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from telegraf_plugin.stream.request import Kind
from telegraf_plugin.stream.spans import NOTHING, span
from tests.model.collector import Collector
from tests.model.outside import BATCH, HOUR, SECOND, ModelCentral, ModelSource, Question, Reply, name_of
from tests.model.streams import BEGIN, HISTORY, MEASUREMENTS, STREAMS
from tests.model.world import Killed, World

NAMES = st.sampled_from([name_of(stream.source, stream.name) for stream in STREAMS])
SOURCES = st.sampled_from(sorted({stream.source for stream in STREAMS}))
SERVERS = st.sampled_from([*sorted({stream.source for stream in STREAMS}), "central"])
KEPT = st.sampled_from([0, 0, 0, 3600, 7200])
OUTPUTS = st.sampled_from(["data", "data", "metrics"])
REPLIES = st.sampled_from(list(Reply))
CRASHES: Counter[str] = Counter()
"""After which of the cycle's acts the collector was killed, in all examples."""


class Model(RuleBasedStateMachine):
    """One example; `teardown` lets it be calm and sees that work ends."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @initialize(
        every=st.sampled_from([5, 20, 100]),
        rounds=st.integers(0, 12),
        sweep=st.sampled_from([0.0, 0.0, 0.02, 0.5]),
        kept=st.fixed_dictionaries({"pod": KEPT, "other": KEPT, "central": KEPT}),
    )
    def begin(self, every: int, rounds: int, sweep: float, kept: dict[str, int]) -> None:
        self.world.sweep = sweep
        for name, seconds in kept.items():
            self._server(name).retention = seconds * SECOND
        self.world.fill(every)
        self.world.start()
        for _ in range(rounds):
            self.world.round()

    # The source

    @rule(stream=NAMES, measurement=st.sampled_from(MEASUREMENTS), ago=st.integers(-30, 59), value=st.integers(0, 2))
    def write(self, stream: str, measurement: str, ago: int, value: int) -> None:
        self.world.write(stream, measurement, ago, value)

    @rule(stream=NAMES, measurement=st.sampled_from(MEASUREMENTS), value=st.integers(0, 2), span=st.integers(5, 59))
    def burst(self, stream: str, measurement: str, value: int, span: int) -> None:
        for ago in range(span):
            self.world.write(stream, measurement, ago, value)

    @rule(source=SOURCES, silent=st.booleans())
    def source(self, source: str, silent: bool) -> None:
        self.world.sources[source].silent = silent

    @rule(source=SOURCES, ahead=st.sampled_from([0, 0, 40, 4000]))
    def source_clock(self, source: str, ahead: int) -> None:
        self.world.sources[source].ahead = ahead * SECOND

    # Time and the collector

    @rule(seconds=st.sampled_from([1, 5, 20, 70, 400, 4000]))
    def pass_time(self, seconds: int) -> None:
        self.world.pass_time(seconds)

    @rule(reply=REPLIES)
    def round(self, reply: Reply) -> None:
        self.world.round(reply)

    @rule(rounds=st.integers(2, 10))
    def rounds(self, rounds: int) -> None:
        for _ in range(rounds):
            self.world.round()

    @rule()
    def tick(self) -> None:
        self.world.do(Collector.tick)

    @rule(steps=st.integers(1, 5))
    def steps(self, steps: int) -> None:
        for _ in range(steps):
            self.world.do(Collector.step)

    @rule()
    def work(self) -> None:
        self.world.do(Collector.work)

    @rule()
    def look(self) -> None:
        self.world.do(Collector.look)

    @rule()
    def kill(self) -> None:
        self.world.kill()

    @rule()
    def start(self) -> None:
        self.world.start()

    # Telegraf

    @rule(output=OUTPUTS, sends=st.lists(st.tuples(REPLIES, st.integers(1, BATCH)), min_size=1, max_size=3))
    def send(self, output: str, sends: list[tuple[Reply, int]]) -> None:
        for reply, size in sends:
            self.world.telegraf.send(output, reply, self.world.now, size)

    @rule()
    def send_all(self) -> None:
        self.world.telegraf.send_all(self.world.now)

    @precondition(lambda self: self.world.telegraf.late)
    @rule(data=st.data())
    def land_late(self, data: st.DataObject) -> None:
        self.world.land_late(data.draw(st.integers(0, len(self.world.telegraf.late) - 1)))

    @rule(output=OUTPUTS, count=st.integers(1, 30))
    def drop(self, output: str, count: int) -> None:
        self.world.telegraf.drop(output, count)

    @rule()
    def telegraf_dies(self) -> None:
        self.world.telegraf_dies()

    # Central

    @rule(silent=st.booleans())
    def central(self, silent: bool) -> None:
        self.world.central.silent = silent

    @rule(refused=st.sets(st.just(MEASUREMENTS[1])))
    def refuse(self, refused: set[str]) -> None:
        self.world.central.refused = refused

    @rule()
    def copy(self) -> None:
        self.world.copy_central()

    @precondition(lambda self: self.world.copies)
    @rule(data=st.data())
    def put_back(self, data: st.DataObject) -> None:
        self.world.put_back(data.draw(st.sampled_from(self.world.copies)))

    @rule()
    def empty(self) -> None:
        self.world.empty()

    @rule(hours=st.sets(st.tuples(st.just(MEASUREMENTS[1]), st.sampled_from([-1, 0, 1]))))
    def conflict(self, hours: set[tuple[str, int]]) -> None:
        now = self.world.now // HOUR * HOUR
        self.world.central.conflicts = {(name, now + hour * HOUR) for name, hour in hours}

    # What fails while all else is answered

    @rule(server=SERVERS, questions=st.sets(st.sampled_from(list(Question))))
    def fail(self, server: str, questions: set[Question]) -> None:
        self._server(server).failures.questions = questions

    @rule(server=SERVERS, ago=st.integers(0, HISTORY // SECOND), seconds=st.sampled_from([0, 1, 30]))
    def fail_in(self, server: str, ago: int, seconds: int) -> None:
        start = self.world.now - ago * SECOND
        self._server(server).failures.spans = span(start, start + seconds * SECOND) if seconds else NOTHING

    # What operators ask for, and what only the sweep, or they, can find

    @rule(
        stream=NAMES,
        kind=st.sampled_from(Kind),
        start=st.sampled_from([-3000, -600, 0, 200]),
        seconds=st.sampled_from([60, 200, 700]),
        cancels=st.booleans(),
    )
    def ask(self, stream: str, kind: Kind, start: int, seconds: int, cancels: bool) -> None:
        begin = BEGIN - HISTORY + start * SECOND
        self.world.ask(stream, kind, (begin, begin + seconds * SECOND), cancels)

    @rule(stream=NAMES, place=st.integers(0, 30), value=st.sampled_from([None, 5]))
    def unknown(self, stream: str, place: int, value: int | None) -> None:
        points = sorted(self.world.source_of(stream).points[stream], key=lambda key: key[1])
        there = sorted(self.world.central.points[stream], key=lambda key: key[1])
        if there and value is None:
            self.world.lose(stream, there[place % len(there)])
        elif points and value is not None:
            self.world.rewrite(stream, points[place % len(points)], value)

    @rule(stream=NAMES, place=st.integers(0, 30))
    def stranger(self, stream: str, place: int) -> None:
        there = sorted(key for key in self.world.wanted(stream) if key[1] < self.world.now)
        if there:
            self.world.stranger(stream, there[place % len(there)], 9)

    def _server(self, name: str) -> ModelSource | ModelCentral:
        return self.world.central if name == "central" else self.world.sources[name]

    # What happens in the midst of what the collector does

    @rule(
        after=st.integers(0, 40),
        what=st.sampled_from(["kill", "kill", "send", "late", "time", "back", "drop", "look", "tick"]),
    )
    def plan(self, after: int, what: str) -> None:
        self.world.script.append((after, self._act(what)))

    def _act(self, what: str) -> Callable[[], None]:
        world = self.world

        def kill() -> None:
            raise Killed

        def back() -> None:
            if world.copies:
                world.put_back(world.copies[-1])

        def late() -> None:
            if world.telegraf.late:
                world.land_late(0)

        acts: dict[str, Callable[[], None]] = {
            "kill": kill,
            "send": lambda: world.telegraf.send_all(world.now),
            "late": late,
            "time": lambda: world.pass_time(20),
            "back": back,
            "drop": lambda: world.telegraf.drop("data", 5),
            "look": lambda: world.collector.look() if world.collector is not None else None,
            "tick": lambda: world.collector.tick() if world.collector is not None else None,
        }
        return acts[what]

    @invariant()
    def nothing_is_wrong(self) -> None:
        self.world.check()
        assert not self.world.problems

    def teardown(self) -> None:
        try:
            if not self.world.problems:
                self.world.calm()
                assert not self.world.problems
        finally:
            CRASHES.update(self.world.crashes)
