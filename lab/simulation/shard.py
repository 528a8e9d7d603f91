"""One shard: a Telegraf, and one run of the plugin after the other; and who waits there for how long."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from time import process_time

from lab.simulation.central import Central, Landing
from lab.simulation.jobs import CONNECT, Prints, Questions
from lab.simulation.loop import Loop
from lab.simulation.meter import Meters
from lab.simulation.pipe import FlowWindow, Output
from lab.simulation.printing import Printing
from lab.simulation.site import KEPT, SHARD_GROUP, Site
from lab.simulation.turns import TurnsTaken
from telegraf_plugin.errors import CentralError, NoRoom, TransientError
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.clocks import Clocks
from telegraf_plugin.stream.collector import Collector, Event, Tick, Wake
from telegraf_plugin.stream.commands import (
    Command,
    LedgerCommand,
    LedgerOutcome,
    LookUpSource,
    Outcome,
    PrintMark,
    Result,
    SourceLookedUp,
)
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.stream.units import SECOND

LEDGER_STEP = 20_000
"""Rows of the ledger that one question reads."""
LEAST_WAKE = SECOND // 1000
"""The plugin's loop takes its time: it is asked again no sooner."""


class Run:
    """One run of the plugin, from its start until it is killed or takes over another configuration."""

    def __init__(
        self,
        loop: Loop,
        central: Central,
        sites: Sequence[Site],
        outputs: Mapping[str, Output],
        name: str,
        limit: int,
        sweep: float,
        at_once: int,
        meters: Meters,
    ) -> None:
        """`name`: of the run; `limit`: lines in flight; `at_once`: commands of one source in hand."""
        self.alive = True
        self.sites = {site.name: site for site in sites}
        self.meters, self._loop, self._central, self._outputs = meters, loop, central, outputs
        streams = [(site, stream) for site in sites for stream in site.streams]
        self.landings: dict[object, Landing] = {
            stream.id: central.begin(stream.central_bucket, stream.id) for _, stream in streams
        }
        self._windows = {bucket: FlowWindow(loop, limit) for bucket in outputs}
        self.core = Collector(
            [(site.name, site.streams, at_once) for site in sites],
            self._windows,
            name,
            "metrics",
            "http://central",
            sweep,
        )
        self.turns = TurnsTaken(self.core, self.sites, central, meters)
        self._skews: dict[str, float | None] = {}
        self._central_skew: float | None = None
        self._inbox: deque[Event] = deque()
        self._busy = False
        self._wake_at: int | None = None
        self._ticks = 0
        self._ids = tuple(self.core.tasks)
        self.tell(Wake())

    def tick(self) -> None:
        """Have Telegraf ask for the newest points."""
        self._ticks += 1
        self.meters.ticks += 1
        self.meters.stream_ticks += len(self._ids)
        self.turns.tick(self._loop.now)
        self.tell(Tick(self._ticks))

    def begin(self) -> None:
        """Begin without a tick, if none has come yet."""
        if self.alive and not self._ticks:
            self.tick()

    def tell(self, event: Event) -> None:
        """Hand in an event, and have done what comes out."""
        if not self.alive:
            return
        self._inbox.append(event)
        if self._busy:
            return
        self._busy = True
        core = self.core
        while self._inbox:
            event = self._inbox.popleft()
            began = process_time()
            actions = core.handle(event, self._clocks())
            core.news()
            self.meters.core_seconds += process_time() - began
            self.meters.core_events += 1
            self.meters.vain += isinstance(event, Wake) and not actions
            for action in actions:
                if isinstance(action, Command):
                    self._do(action)
                elif isinstance(action, LookUpSource):
                    self._look_up(action)
                else:
                    self._read(action)
        self._busy = False
        self._sleep()

    def _sleep(self) -> None:
        began = process_time()
        wakes_at = self.core.wakes_at()
        self.meters.core_seconds += process_time() - began
        now = self._loop.now
        if wakes_at is None:
            return
        time = max(wakes_at, now + LEAST_WAKE)
        if self._wake_at is None or time < self._wake_at:
            self._wake_at = time
            self._loop.at(time, lambda: self._wake(time))

    def _wake(self, time: int) -> None:
        if self._wake_at == time:
            self._wake_at = None
            self.tell(Wake())

    def _clock(self) -> int:
        return self._loop.now

    def _clocks(self) -> Clocks:
        return Clocks(self._loop.now, self._loop.now)

    def _later(self, took: int, do: Callable[[], object]) -> None:
        self._loop.at(self._loop.now + took, do)

    # What the executor does

    def _do(self, command: Command) -> None:
        now, stream = self._loop.now, command.stream
        self.turns.began(command, now)
        site, landing = self.sites[stream.source], self.landings[stream.id]
        printing = Printing(
            self._loop,
            command,
            self._windows[stream.central_bucket],
            self._outputs[stream.central_bucket],
            landing,
            self.tell,
            self._clock,
            lambda mark: self._done(command, now, questions.points, _printed(prints, mark)),
        )
        questions = Questions(site, self._central, landing, command, now, self.meters)
        prints: Prints | None = None
        result: Result
        try:
            answer = questions.answer()
            if isinstance(answer, Prints):
                prints = answer
                if isinstance(command.job, PrintMark):
                    printing.mark()
                    self._done(command, now, 0, None)
                else:
                    spans = answer.spans
                    self._later(questions.took, lambda: printing.print(spans, site) if self.alive else None)
                return
            result = answer
        except (TransientError, CentralError) as error:
            result = error
        self._later(questions.took, lambda: self._done(command, now, questions.points, result))

    def _done(self, command: Command, began: int, points: int, result: Result) -> None:
        now, name = self._loop.now, command.stream.source
        if not self.alive:
            return
        if not isinstance(result, TransientError):
            self._skews[name] = (self.sites[name].clock(now) // SECOND * SECOND - self._clock()) / SECOND
        self.turns.ended(command, result, now)
        stats = Tally(points=points, sent=0 if isinstance(result, Exception) else points)
        self.tell(Outcome(command, result, stats, now - began, self._skews.get(name)))

    def _look_up(self, action: LookUpSource) -> None:
        site, now = self.sites[action.stream.source], self._loop.now
        answers = site.answers(now)
        if answers:
            site.load.ask(now, 0)
            self.meters.asked_sources.add(now, 1)
        kept = Bucket(KEPT, SHARD_GROUP) if answers else None
        self._later(site.line.takes(0) if answers else CONNECT, lambda: self.tell(SourceLookedUp(action.stream, kept)))

    def _read(self, command: LedgerCommand) -> None:
        now = self._loop.now
        if not self._central.answers(now):
            error = CentralError("central does not answer", "wait")
            self._later(CONNECT, lambda: self.tell(LedgerOutcome(command, error, self._central_skew)))
            return
        result, rows = self._central.read(command, self._ids)
        for _ in range(1 + rows // LEDGER_STEP):
            self._central.load.ask(now, 0)
            self.meters.asked_central.add(now, 1)
        self._central_skew = ((now + self._central.ahead) // SECOND * SECOND - self._clock()) / SECOND
        took = self._central.ledger_takes(rows)
        self._later(took, lambda: self.tell(LedgerOutcome(command, result, self._central_skew)))


def _printed(prints: Prints | None, mark: MarkId | NoRoom | None) -> Result:
    """Return the result of a command that prints, given the mark behind its lines or that there was no room."""
    if isinstance(mark, NoRoom):
        return mark
    return prints.outcome(mark) if prints is not None else None
