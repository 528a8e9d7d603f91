"""A pair of collectors that stand by for each other: two machines, each with its collector, its Telegraf, its clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.model.collector import Collector
from tests.model.outside import INTERVAL, SECOND, ModelTelegraf, Point, Reply, parse
from tests.model.streams import STREAMS
from tests.model.world import World

TAKEOVER = 3 * INTERVAL
"""How long (ns) nobody may print after the one that did has fallen silent."""
TOGETHER = INTERVAL
"""How long (ns) two may print: less than a takeover takes."""


@dataclass
class Machine:
    """`ahead`: its clock (ns). `asleep`: nothing of it runs. `cut_off`: it cannot reach central, to read or to write;
    `unheard`: of which outputs what its Telegraf has for central stays there.
    """

    name: str
    telegraf: ModelTelegraf
    ahead: int = 0
    asleep: bool = False
    cut_off: bool = False
    unheard: frozenset[str] = frozenset()
    collector: Collector | None = None
    runs: int = 0


@dataclass
class Printing:
    """When (ns) a run printed its first line of data, and its last."""

    first: int
    last: int


class Pair(World):
    """Two machines, of which the first one's names win where both take the lease at once.

    `printing`: by run; `active`: which runs have been active, one after the other.
    """

    def __init__(self) -> None:
        super().__init__(STREAMS[:1])
        self.lease = "lease"
        self.machines = [Machine(name, ModelTelegraf(self.central)) for name in ("z", "a")]
        self.printing: dict[str, Printing] = {}
        self.active: list[str] = []
        self.ticked = 0
        self.calmed = False

    def start(self) -> None:
        """Start both, the first one first: it has the lease when the other one begins to watch."""
        for machine in self.machines:
            self.boot(machine)
            self.live(INTERVAL // SECOND)

    def boot(self, machine: Machine) -> None:
        """Start a machine's collector."""
        machine.runs += 1
        with self.on(machine):
            self.collector = Collector(self, f"{machine.name}{machine.runs}")

    @contextmanager
    def on(self, machine: Machine) -> Iterator[None]:
        """Be that machine for a while."""
        before = self.collector, self.telegraf, self.collector_ahead, self.cut_off
        self.collector, self.telegraf = machine.collector, machine.telegraf
        self.collector_ahead, self.cut_off = machine.ahead, machine.cut_off
        try:
            yield
        finally:
            machine.collector = self.collector
            self.collector, self.telegraf, self.collector_ahead, self.cut_off = before

    def kill_machine(self, machine: Machine, telegraf: bool = True) -> None:
        """kill -9 of its collector, and of its Telegraf with what that holds."""
        machine.collector = None
        if telegraf:
            machine.telegraf.buffers["data"].clear()
            machine.telegraf.buffers["metrics"].clear()

    def end_machine(self, machine: Machine) -> None:
        """Stop it as a service is stopped: its Telegraf writes what it has."""
        with self.on(machine):
            if self.collector is not None:
                self.collector.end()
                self.telegraf.send_all(self.now)
                self.collector = None

    def live(self, seconds: int, each: Callable[[], None] = lambda: None) -> None:
        """Have time pass, a second at a time, in which all that is awake does what it does; `each` second is told."""
        for _ in range(seconds):
            each()
            self.pass_time(1)
            tick = self.now - self.ticked >= INTERVAL
            self.ticked = self.now if tick else self.ticked
            for machine in self.machines:
                if not machine.asleep:
                    self.second(machine, tick)

    def second(self, machine: Machine, tick: bool) -> None:
        """Have a machine do what it does in a second."""
        with self.on(machine):
            for _ in range(3):
                if self.collector is not None:
                    self.do(Collector.tick if tick else Collector.look)
                    tick = False
                    self.do(Collector.work)
                for output in self.telegraf.buffers:
                    held = machine.cut_off or output in machine.unheard
                    while not held and self.telegraf.send(output, Reply.WELL, self.now):
                        pass
            lost = self.collector is not None and self.collector.lost
            if lost and self.collector is not None:
                self.collector.end()
        if lost:
            self.boot(machine)
        self.take_note(machine)

    def take_note(self, machine: Machine) -> None:
        """Take note of who is active."""
        there = machine.collector
        lease = there.core.lease if there is not None else None
        if there is None or lease is None or not lease.may_print(self.steady()):
            return
        if [there.run] != self.active[-1:]:
            self.active.append(there.run)

    def printed(self, data: bytes, run: str) -> None:
        """Take what a collector prints; two print together for a short time at the most."""
        super().printed(data, run)
        if any(isinstance(line, Point) for line in parse(data, run)):
            self.printing.setdefault(run, Printing(self.now, self.now)).last = self.now
            for other, printing in self.printing.items():
                together = min(printing.last, self.now) - max(printing.first, self.printing[run].first)
                if other != run and together > TOGETHER:
                    self.wrong(f"{run} and {other} print together for {together / SECOND:.0f} s")

    def silent_for(self, since: int) -> int:
        """Return for how long (ns) nobody has printed a line of data, or did not, after `since`."""
        firsts = [each.first for each in self.printing.values() if each.first > since]
        return min(firsts, default=self.now) - since

    def calm(self, rounds: int = 150) -> None:
        """Let the one that is active end its work, alone; what it ends with is right."""
        self.live(40)
        there = [each for each in self.machines if each.collector is not None and not each.collector.core.standing_by]
        if len(there) != 1:
            self.wrong(f"{[each.name for each in there]} have the lease")
            return
        with self.on(there[0]):
            super().calm(rounds)


@dataclass
class Writes:
    """A point each second at the source."""

    pair: Pair
    value: int = 0
    keys: list[tuple[str, int]] = field(default_factory=list)

    def __call__(self) -> None:
        self.value += 1
        self.pair.write("a", "m", 0, self.value)
        self.keys.append(("m", self.pair.now // SECOND * SECOND))
