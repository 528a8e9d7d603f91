"""What the executor does: batches one command after the other, in so many threads, questions of several at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain

from lab.simulation.bundles import Bundles, Shared, asks_central
from lab.simulation.central import Central, Landing
from lab.simulation.jobs import CONNECT, Prints, Questions
from lab.simulation.loop import Loop
from lab.simulation.meter import Meters
from lab.simulation.pipe import FlowWindow, Output
from lab.simulation.printing import Printing
from lab.simulation.site import KEPT, SHARD_GROUP, Site
from lab.simulation.threads import Ended, Threads
from lab.simulation.turns import TurnsTaken
from telegraf_plugin.errors import CentralError, NoRoom, TransientError
from telegraf_plugin.execution.executor import in_batches, takes_long
from telegraf_plugin.execution.foresight import asks_source, foreseeable
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.commands import (
    Command,
    LedgerCommand,
    LedgerOutcome,
    LookUpSource,
    MarkPrinted,
    Outcome,
    PrintMark,
    Result,
    SourceLookedUp,
)
from telegraf_plugin.stream.definition import StreamId
from telegraf_plugin.stream.events import Action
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.stream.units import SECOND

LEDGER_STEP = 20_000
"""Rows of the ledger that one question reads."""
Told = Outcome | LedgerOutcome | SourceLookedUp | MarkPrinted


class Executor:
    """Has the commands of one run done, and tells their outcomes, as long as it is `alive`."""

    def __init__(
        self,
        loop: Loop,
        central: Central,
        sites: Mapping[str, Site],
        landings: Mapping[StreamId, Landing],
        windows: Mapping[str, FlowWindow],
        outputs: Mapping[str, Output],
        at_once: int,
        together: bool,
        meters: Meters,
        turns: TurnsTaken,
        tell: Callable[[Told], None],
    ) -> None:
        """`at_once`: commands of one source in hand; `together`: one request asks for several."""
        self.alive = True
        self._loop, self._central, self._sites, self._landings = loop, central, sites, landings
        self._windows, self._outputs, self._meters, self._turns, self._tell = windows, outputs, meters, turns, tell
        self._threads = Threads()
        self._share = at_once + 1
        self.bundles = Bundles(together)
        self._skews: dict[str, float | None] = {}
        self._central_skew: float | None = None
        self._of: dict[str, list[tuple[StreamId, Landing]]] = {bucket: [] for bucket in windows}
        for site in sites.values():
            for stream in site.streams:
                self._of[stream.central_bucket].append((stream.id, landings[stream.id]))

    def submit(self, actions: Sequence[Action]) -> None:
        """Have them done, as `telegraf_plugin.execution.executor.Executor.submit` does."""
        batches = in_batches(actions)
        for action in actions:
            if isinstance(action, Command):
                continue
            if isinstance(action, LookUpSource):
                self._begin(action.stream.source, self._looking_up(action), patient=True)
            else:
                self._read(action)  # of the ledger's threads there are as many as the core asks for at a time
        central = self.bundles.of(chain.from_iterable(batches), self._loop.now)
        for commands in batches:
            batch = _Batch(self, commands, central)
            self._begin(commands[0].stream.source, batch.begin, patient=takes_long(commands))

    def _begin(self, source: str, work: Callable[[Ended], object], patient: bool) -> None:
        self._threads.begin(source, self._share, work, patient)

    def later(self, took: int, do: Callable[[], object]) -> None:
        """Have `do` called after so long (ns), if this run is not over by then."""
        self._loop.at(self._loop.now + took, lambda: do() if self.alive else None)

    def _clock(self) -> int:
        return self._loop.now

    # One command

    def ask_together(self, source: str, shared: Shared) -> int:
        """Ask a source for a whole batch; returns how long (ns) that takes."""
        site, now = self._sites[source], self._loop.now
        answers = site.answers(now)
        shared.ask(now, site.line.takes(0) if answers else CONNECT, answers)
        if answers:
            site.load.ask(now, 0)
            self._meters.asked_sources.add(now, 1)
        return (shared.ends or now) - now

    def do(
        self, command: Command, shared: Shared | None, central: Mapping[str, Shared], over: Callable[[Outcome], None]
    ) -> None:
        """Do a command, and tell what became of it."""
        now, stream = self._loop.now, command.stream
        self._turns.began(command, now)
        site, landing = self._sites[stream.source], self._landings[stream.id]
        foreseen = foreseeable(command)
        questions = Questions(
            site,
            self._central,
            landing,
            command,
            now,
            self._meters,
            shared if foreseen and asks_source(command) else None,
            central.get(stream.central_bucket) if asks_central(command) else None,
            self.bundles,
        )
        prints: Prints | None = None

        def done(result: Result) -> None:
            over(self._outcome(command, now, questions.points, result))

        printing = Printing(
            self.later,
            command,
            self._windows[stream.central_bucket],
            self._outputs[stream.central_bucket],
            landing,
            self._tell,
            self._clock,
            lambda mark: done(_printed(prints, mark)),
        )
        result: Result
        try:
            answer = questions.answer()
            if isinstance(answer, Prints):
                prints = answer
                if isinstance(command.job, PrintMark):
                    self.later(0, printing.mark_alone)
                else:
                    self.later(questions.took, lambda: printing.print(prints.spans, site))
                return
            result = answer
        except (TransientError, CentralError) as error:
            result = error
        self.later(questions.took, lambda: done(result))

    def silent(self, command: Command) -> Outcome:
        """Return what becomes of a command whose source did not answer when it was asked for several at once."""
        self._turns.began(command, self._loop.now)
        error = TransientError("the site does not answer", "wait")
        return self._outcome(command, self._loop.now, 0, error)

    def _outcome(self, command: Command, began: int, points: int, result: Result) -> Outcome:
        now, name = self._loop.now, command.stream.source
        if not isinstance(result, TransientError):
            self._skews[name] = (self._sites[name].clock(now) // SECOND * SECOND - now) / SECOND
        self._turns.ended(command, result, now)
        stats = Tally(points=points, sent=0 if isinstance(result, Exception) else points)
        return Outcome(command, result, stats, now - began, self._skews.get(name))

    def tell(self, outcome: Outcome) -> None:
        """Tell an outcome."""
        self._tell(outcome)

    # The rest

    def _looking_up(self, action: LookUpSource) -> Callable[[Ended], object]:
        def begin(ended: Ended) -> None:
            site, now = self._sites[action.stream.source], self._loop.now
            answers = site.answers(now)
            if answers:
                site.load.ask(now, 0)
                self._meters.asked_sources.add(now, 1)

            def end() -> None:
                self._tell(SourceLookedUp(action.stream, Bucket(KEPT, SHARD_GROUP) if answers else None))
                ended(answers)

            self.later(site.line.takes(0) if answers else CONNECT, end)

        return begin

    def _read(self, command: LedgerCommand) -> None:
        now = self._loop.now
        if not self._central.answers(now):
            error = CentralError("central does not answer", "wait")
            self.later(CONNECT, lambda: self._tell(LedgerOutcome(command, error, self._central_skew)))
            return
        result, rows = self._central.read(command, self._of)
        for _ in range(1 + rows // LEDGER_STEP):
            self._central.load.ask(now, 0)
            self._meters.asked_central.add(now, 1)
        self._central_skew = ((now + self._central.ahead) // SECOND * SECOND - now) / SECOND
        took = self._central.ledger_takes(rows)
        self.later(took, lambda: self._tell(LedgerOutcome(command, result, self._central_skew)))


class _Batch:
    """The commands of one batch: one after the other, in one thread."""

    def __init__(self, executor: Executor, commands: list[Command], central: Mapping[str, Shared]) -> None:
        self._executor, self._commands, self._central = executor, commands, central
        self._shared = executor.bundles.of_source(commands)
        self._share = self._place = 0
        self._answered = True
        self._ended: Ended = lambda _: None

    def begin(self, ended: Ended) -> None:
        """Begin with what is asked for all of them."""
        self._ended = ended
        if self._shared is None:
            self._next()
            return
        took = self._executor.ask_together(self._commands[0].stream.source, self._shared)
        self._share = took // len(self._commands)
        self._executor.later(took, self._next)

    def _next(self) -> None:
        command = self._commands[self._place]
        self._place += 1
        if self._shared is not None and self._shared.failed and asks_source(command):
            self._executor.later(0, lambda: self._over(self._executor.silent(command)))
        else:
            self._executor.do(command, self._shared, self._central, self._over)

    def _over(self, outcome: Outcome) -> None:
        self._answered = not isinstance(outcome.result, TransientError)
        told = Outcome(outcome.command, outcome.result, outcome.stats, outcome.took + self._share, outcome.skew)
        if self._place < len(self._commands):
            self._executor.tell(told)
            self._next()
        else:  # the thread is free before the core hands out what is next
            self._ended(self._answered)
            self._executor.tell(told)


def _printed(prints: Prints | None, mark: MarkId | NoRoom | None) -> Result:
    """Return the result of a command that prints, given the mark behind its lines or that there was no room."""
    if isinstance(mark, NoRoom):
        return mark
    return prints.outcome(mark) if prints is not None else None
