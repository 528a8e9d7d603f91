"""Does what the core asks for: blocking questions and prints, in threads that decide nothing.

Every command ends in exactly one outcome, which is told; a failure is one of them. A source has threads of its own, so
that one that is slow or silent holds up nobody but itself, and so has the ledger in central.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping

from telegraf_plugin.config import Config
from telegraf_plugin.errors import CentralError, NoRoom, OutputClosed, SourceError
from telegraf_plugin.influxdb.central import CentralReader
from telegraf_plugin.influxdb.connect import client_of, reader_of
from telegraf_plugin.influxdb.source import SourceReader
from telegraf_plugin.runner import JobRunner
from telegraf_plugin.stream.collector import Action
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

    def do(self, command: Command) -> Outcome:
        """Do a command, and return what became of it, also its failure. Raises OutputClosed."""
        tally, began = Tally(), self._steady()
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
        try:
            printer.finish()
        except NoRoom as failure:  # for what was still to be printed of a read that has failed: it is read again
            result = result if isinstance(result, Exception) else failure
        tally.sent = printer.points
        return Outcome(command, result, tally, self._steady() - began, self.source.clock_skew)

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
        case ReadMarkIds(bucket, start, until):
            return MarkIds(*next(central.mark_ids(bucket, start, until)))
        case ReadMarks(bucket, stream, ids):
            return central.marks(bucket, stream, ids)
        case ReadOrigins():
            return central.origins()
        case ReadRequests(bucket):
            return central.asked(bucket)


class Executor:
    """Has commands done, in a pool of threads a server, and tells their outcomes."""

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
        self._pools = {each.name: _Pool(each.name, each.concurrent_queries + 1, closed) for each in config.sources}
        self._ledger = _Pool("ledger", AT_ONCE, closed)
        self._lease = _Pool("lease", 1, closed)  # its own: who waits for a bucket that hangs would lose the lease

    def submit(self, action: Action) -> None:
        """Have it done."""
        if isinstance(action, Command):
            doer, command = self._doers[action.stream.source], action
            self._pools[action.stream.source].submit(lambda: self._tell(doer.do(command)))
        elif isinstance(action, LookUpSource):
            doer, question = self._doers[action.stream.source], action
            self._pools[action.stream.source].submit(lambda: self._tell(doer.look_up(question)))
        else:
            reading = action
            self._ledger.submit(lambda: self._tell(read_ledger(self._central, reading)))

    def look_at_lease(self, command: ReadClaims) -> None:
        """Have it read who has the lease."""
        self._lease.submit(lambda: self._tell(read_claims(self._central, command)))

    def look(self, source: str) -> tuple[Effort, bool]:
        """Return what was asked of a source since the start, of central for the empty name; and whether it is central,
        not the source, that has yet to answer.
        """
        if not source:
            return Effort(self._central.times_asked, self._central.values), False
        waits = any(self._central.is_asked_by(thread) for thread in self._pools[source].threads)
        return self._doers[source].source.effort, waits


class _Pool:
    """Threads that end with the process, started as they are needed: a server that hangs keeps nobody from ending."""

    def __init__(self, name: str, size: int, closed: Callable[[], None]) -> None:
        self.threads: list[int] = []
        self._name, self._size, self._closed = name, size, closed
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._in_hand = 0
        self._lock = threading.Lock()

    def submit(self, do: Callable[[], None]) -> None:
        """Have it done as soon as a thread is free."""
        with self._lock:
            self._in_hand += 1
            busy = self._in_hand > len(self.threads)
            if busy and len(self.threads) < self._size:
                thread = threading.Thread(target=self._run, name=f"{self._name}-{len(self.threads)}", daemon=True)
                thread.start()
                self.threads.append(thread.ident or 0)
        self._work.put(do)

    def _run(self) -> None:
        while True:
            do = self._work.get()
            try:
                do()
            except OutputClosed:
                self._closed()
                return
            finally:
                with self._lock:
                    self._in_hand -= 1
