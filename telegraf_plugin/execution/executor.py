"""Does what the core asks for: blocking questions and prints, in threads that decide nothing.

Every command ends in exactly one outcome, which is told; a failure is one of them. However many sources there are, the
threads are so many and no more, and a source that is slow or silent holds up nobody but itself (`pool`); the ledger in
central has threads of its own. What several commands are about to ask of one server is asked at once (`foresight`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain

from telegraf_plugin.config import Config
from telegraf_plugin.errors import CentralError, NoRoom, OutputClosed, SourceError, TransientError
from telegraf_plugin.execution.foresight import asks_source, central_bundles, foreseeable, source_bundle
from telegraf_plugin.execution.pool import Pool
from telegraf_plugin.execution.runner import JobRunner
from telegraf_plugin.influxdb.bundle import Bundle, sharing
from telegraf_plugin.influxdb.central import CentralReader
from telegraf_plugin.influxdb.connect import client_of, reader_of
from telegraf_plugin.influxdb.source import SourceReader
from telegraf_plugin.stream.commands import (
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
    ReadLedger,
    ReadMarkIds,
    ReadMarks,
    ReadOrigins,
    ReadRequests,
    Result,
    SourceLookedUp,
)
from telegraf_plugin.stream.definition import StreamId
from telegraf_plugin.stream.events import Action
from telegraf_plugin.stream.jobs import Recheck
from telegraf_plugin.stream.lease import ClaimsRead, ReadClaims
from telegraf_plugin.stream.status import Effort
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.stream.turns import AT_ONCE
from telegraf_plugin.telegraf.inflight import InFlightWindow
from telegraf_plugin.telegraf.printer import Printer
from telegraf_plugin.telegraf.writer import LineWriter

Told = Outcome | LedgerOutcome | SourceLookedUp | MarkPrinted | ClaimsRead


class SourceDoer:
    """Does the commands for the streams of one source. Safe to use from several threads."""

    def __init__(
        self,
        source: SourceReader,
        central: CentralReader,
        windows: Mapping[str, InFlightWindow],
        writer: LineWriter,
        tell: Callable[[MarkPrinted], None],
        clock: Callable[[], int] = time.time_ns,
        steady: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """`clock` gives Unix ns, `steady` ns of a clock that never jumps."""
        self.source, self._windows, self._writer, self._tell = source, windows, writer, tell
        self._clock, self._steady = clock, steady
        self._runner = JobRunner(source, central)

    def do(self, command: Command, share: int = 0) -> Outcome:
        """Do a command, and return what became of it, also its failure. Raises OutputClosed.

        `share`: what (ns) it took before, of what was asked for several.
        """
        tally, began = Tally(), self._steady() - share
        printer: Printer | None = None
        if command.template is not None:
            window = self._windows[command.stream.central_bucket]
            printer = Printer(command, self._writer, window, self._tell, self._clock)
        result: Result
        try:
            result = self._runner.run(command, printer, tally)
        except OutputClosed:
            raise
        except (NoRoom, CentralError) as failure:
            result = failure
        except Exception as failure:
            result = self.source.explained(failure)
        if printer is not None:
            try:
                printer.finish()
            except NoRoom as failure:  # for what was still to be printed of a read that has failed: it is read again
                result = result if isinstance(result, Exception) else failure
            tally.sent = printer.points
        return Outcome(command, result, tally, self._steady() - began, self.source.clock_skew)

    def silent(self, command: Command, failure: SourceError, share: int) -> Outcome:
        """Return what becomes of a command whose source did not answer when it was asked for several at once.

        `share`: as of `do`.
        """
        return Outcome(command, self.source.explained(failure), Tally(), share, self.source.clock_skew)

    def look_up(self, command: LookUpSource) -> SourceLookedUp:
        """Ask how the source keeps a bucket; one that fails to say it changes nothing."""
        try:
            return SourceLookedUp(command.stream, self.source.bucket(command.stream))
        except SourceError:
            return SourceLookedUp(command.stream, None)


def read_ledger(central: CentralReader, command: LedgerCommand) -> LedgerOutcome:
    """Read in central what the watch on the ledger asks for."""
    result: LedgerResult
    try:
        result = _read(central, command)
    except CentralError as error:
        result = error
    return LedgerOutcome(command, result, central.clock_skew)


def read_claims(central: CentralReader, command: ReadClaims) -> ClaimsRead:
    """Read in central who has the lease."""
    try:
        return ClaimsRead(central.claims(command.lease))
    except CentralError as error:
        return ClaimsRead(error)


def _read(central: CentralReader, command: LedgerCommand) -> LedgerResult:
    match command:
        case LookUp(bucket):
            return central.bucket(bucket)
        case ReadLedger(bucket, names, kept, steps):
            unreadable: dict[StreamId, CentralError] = {}
            found = central.ledger(bucket, names, kept, steps, unreadable.__setitem__)
            return LedgerPart(found, unreadable)
        case ReadMarkIds(bucket, start, until, True):
            return MarkIds(*central.marks_and_requests(bucket, start, until))
        case ReadMarkIds(bucket, start, until):
            return MarkIds(*next(central.mark_ids(bucket, start, until)))
        case ReadMarks(bucket, stream, ids):
            return central.marks(bucket, stream, ids)
        case ReadOrigins():
            return central.origins()
        case ReadRequests(bucket):
            return central.asked(bucket)


def in_batches(actions: Iterable[Action]) -> list[list[Command]]:
    """Return the commands among `actions`, those of one batch together, each in its order."""
    batches: dict[object, list[Command]] = {}
    for number, action in enumerate(actions):
        if isinstance(action, Command):
            key = (action.stream.source, action.batch) if action.batch else number
            batches.setdefault(key, []).append(action)
    return list(batches.values())


def takes_long(commands: Iterable[Command]) -> bool:
    """Say whether a batch may take long, and so waits behind what does not."""
    return not all(command.prompt for command in commands)


class Executor:
    """Has commands done, in a bounded pool of threads, and tells their outcomes."""

    def __init__(
        self,
        config: Config,
        central: CentralReader,
        windows: Mapping[str, InFlightWindow],
        writer: LineWriter,
        tell: Callable[[Told], None],
        closed: Callable[[], None],
    ) -> None:
        """`tell` is told each outcome, and `closed` that nobody reads the lines any more, both from any thread."""
        self._central, self._tell = central, tell
        self._doers = {
            source.name: SourceDoer(reader_of(source, client_of(source)), central, windows, writer, tell)
            for source in config.sources
        }
        # One more than commands may be in hand: how a bucket is kept is asked beside them.
        self._shares = {each.name: each.concurrent_queries + 1 for each in config.sources}
        self._pool = Pool("worker", closed)
        self._ledger = Pool("ledger", closed, AT_ONCE)
        self._lease = Pool("lease", closed, 1)  # its own: who waits for a bucket that hangs would lose the lease

    def submit(self, *actions: Action) -> None:
        """Have them done; those of one batch one after the other, and what they ask of a bucket in one request."""
        batches = in_batches(actions)
        for action in actions:
            if isinstance(action, Command):
                continue
            if isinstance(action, LookUpSource):
                source = action.stream.source
                self._pool.submit(source, self._shares[source], partial(self._look_up, action), patient=True)
            else:
                self._ledger.submit(_LEDGER, AT_ONCE, partial(self._read_ledger, action))
        bundles = central_bundles(self._central, chain.from_iterable(batches))
        for commands in batches:
            source, patient = commands[0].stream.source, takes_long(commands)
            self._pool.submit(source, self._shares[source], partial(self._do, commands, bundles), patient)

    def _do(self, commands: Sequence[Command], bundles: Mapping[str, Bundle]) -> bool:
        """Do the commands of one batch, and tell each one's outcome; returns whether the source has answered."""
        doer = self._doers[commands[0].stream.source]
        shared = source_bundle(doer.source, commands)
        if len(commands) > 1:
            shared.ask()
        answered = True
        for command in commands:
            central = bundles.get(command.stream.central_bucket)
            share = shared.share  # of the time: what rests does so by what it took
            if shared.failure is not None and len(commands) > 1 and asks_source(command):
                outcome = doer.silent(command, shared.failure, share)  # it would wait as long for nothing
            else:
                if central is not None and isinstance(command.job, Recheck) and foreseeable(command):  # it rests
                    central.ask()
                    share += central.share
                with sharing(shared, *([central] if central is not None else [])):
                    outcome = doer.do(command, share)
            answered = not isinstance(outcome.result, TransientError)
            self._tell(outcome)
        return answered

    def _look_up(self, question: LookUpSource) -> bool:
        told = self._doers[question.stream.source].look_up(question)
        self._tell(told)
        return told.bucket is not None

    def _read_ledger(self, reading: LedgerCommand) -> bool:
        self._tell(read_ledger(self._central, reading))
        return True

    def look_at_lease(self, command: ReadClaims) -> None:
        """Have it read who has the lease."""
        self._lease.submit(_LEASE, 1, partial(self._read_claims, command))

    def _read_claims(self, command: ReadClaims) -> bool:
        self._tell(read_claims(self._central, command))
        return True

    def look(self, source: str) -> tuple[Effort, bool]:
        """Return what was asked of a source since the start, of central for the empty name; and whether it is central,
        not the source, that has yet to answer.
        """
        if not source:
            return Effort(self._central.times_asked, self._central.values), False
        waits = any(self._central.is_asked_by(thread) for thread in self._pool.threads(source))
        return self._doers[source].source.effort, waits


_LEDGER = "ledger"
_LEASE = "lease"
