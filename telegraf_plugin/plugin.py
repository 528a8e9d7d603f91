"""The plugin at work: ticks in, lines out, and the truth about both in log, metrics and health.

One thread, this one, decides; the sources' workers and the reader of ticks hand it events. A cycle is what one tick
asks for. It is over when every source is done or when the next tick comes, whichever is first.
"""

from __future__ import annotations

import logging
import os
import queue
import secrets
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from telegraf_plugin.audit import Audit
from telegraf_plugin.config import Config
from telegraf_plugin.errors import OutputClosed
from telegraf_plugin.gate import Gate
from telegraf_plugin.influxdb.central import CentralReader
from telegraf_plugin.lanework import Held
from telegraf_plugin.stream.account import State
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.status import Attempt, Board, Effort
from telegraf_plugin.stream.units import SECOND
from telegraf_plugin.telegraf.execd import TickReader
from telegraf_plugin.telegraf.metrics import cycle_lines, health_line, held_lines
from telegraf_plugin.telegraf.writer import LineWriter
from telegraf_plugin.watch import LedgerWatch
from telegraf_plugin.worker import SourceWorker

END_OF_INPUT_SECONDS = 4.0
"""How long the cycle in hand may go on when Telegraf has closed standard input: it sends SIGTERM after 5 s."""
MAX_HELD = 100
"""Fields that central refuses, in the metrics; the log at DEBUG has them all."""
UNCOMPARED_INTERVALS = 2
"""How many intervals central may not be compared with before a stream counts as failing."""
START_SECONDS = 10.0
"""How long after a start nothing is said of streams whose ledger is not read yet."""
LAG_INTERVALS = 3
"""How many intervals a stream may be behind, unless it says `max_lag`."""
FIRST_INTERVAL = 60_000_000_000
"""The interval (ns) as long as there were not two ticks, where telegraf.conf was not found."""
TERMINATE_SECONDS = 1.5
"""How long a write in hand may go on after SIGTERM."""

log = logging.getLogger(__name__)


class _Signal(Enum):
    TICK = auto()
    END_OF_INPUT = auto()
    TERMINATE = auto()
    CLOSED = auto()
    CRASHED = auto()
    MOVED = auto()


@dataclass(frozen=True, slots=True)
class _Idle:
    source: str
    tick: int


class Plugin:
    """Runs until Telegraf ends it."""

    def __init__(
        self,
        config: Config,
        writer: LineWriter,
        changed: Callable[[], bool] = lambda: False,
        ticked: bool = False,
        ticks: int = 0,
        clock: Callable[[], int] = time.time_ns,
        interval: int = FIRST_INTERVAL,
    ) -> None:
        """Read ticks from the descriptor `ticks` and write lines to `writer`; `clock` gives Unix ns.

        `changed` is asked on each tick whether there is another configuration to take over. `ticked`: begin with one.
        `interval` (ns): how often ticks come, as far as that is known before there were two.
        """
        self._ticked = ticked
        self._changed = changed
        self._writer = writer
        self._clock = clock
        self._events: queue.SimpleQueue[_Signal | _Idle | Attempt | Held] = queue.SimpleQueue()
        self._board = Board(config.streams)
        self._ticks = TickReader(
            ticks, lambda: self._events.put(_Signal.TICK), lambda: self._events.put(_Signal.END_OF_INPUT)
        )
        central = CentralReader(config.central, config.metrics_bucket)
        limits = config.max_in_flight, config.max_in_flight_bytes
        gates = {stream.central_bucket: Gate(*limits) for stream in config.streams}
        incarnation = secrets.token_hex(4)
        self._workers = [
            SourceWorker(
                source,
                central,
                gates,
                writer,
                incarnation,
                on_attempt=self._events.put,
                on_idle=lambda name, tick: self._events.put(_Idle(name, tick)),
                on_held=self._events.put,
                on_moved=self._on_moved,
                on_closed=lambda: self._events.put(_Signal.CLOSED),
                sweep=config.sweep,
            )
            for source in config.sources
        ]
        self._central = central
        self._watch = LedgerWatch(central, self._workers, config.metrics_bucket)
        self._busy: set[str] = set()  # sources that have not done what the last tick asked for
        self._audit = Audit(config)
        self._tick_number = 0
        self._cycle_open = False
        self._cycle_began = 0.0
        self._began = time.monotonic()
        self._interval = interval
        self._last_health: bool | None = None
        self._moved = False  # something has arrived and is not looked at yet

    def run(self) -> int | None:
        """Serve ticks until standard input ends or a signal asks to stop. Returns the exit status.

        None: another configuration is to be taken over; all that was printed is whole. It is not taken over in this
        process when a write is still in hand: what the next configuration prints would be glued to half a line.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        threading.excepthook = self._on_crash
        self._audit.started()
        for worker in self._workers:
            worker.start()
        self._watch.start()
        self._ticks.start()
        if self._ticked:
            self._events.put(_Signal.TICK)
        try:
            status = self._serve()
        except OutputClosed as closed:
            log.error("%s: Telegraf does not read any more; ending", closed)
            return 1
        if not self._writer.close(TERMINATE_SECONDS):
            log.warning("Telegraf did not take all lines before the end; they are read again after the next start")
        if status is None and not self._writer.whole:
            log.error("Telegraf does not read: ending, so that it begins anew with the other configuration")
            return 1
        if status is not None:
            log.info("collector stopped")
        return status

    def _serve(self) -> int | None:
        deadline = None
        while deadline is None or (self._unfinished() and time.monotonic() < deadline):
            try:
                event = self._events.get(timeout=deadline and min(max(deadline - time.monotonic(), 0.0), 0.1))
            except queue.Empty:
                continue
            if event is _Signal.TICK:
                if deadline is None and self._changed():
                    return None
                self._tick()
            elif event is _Signal.END_OF_INPUT:
                deadline = time.monotonic() + END_OF_INPUT_SECONDS
                _end_by_force(END_OF_INPUT_SECONDS + 0.8, 0)
            elif event is _Signal.TERMINATE:
                log.info("asked to end by a signal; ending")
                if self._cycle_open:
                    self._end_cycle(last=True)
                return 0
            elif event is _Signal.MOVED:
                self._look_again()
            elif event is _Signal.CRASHED:
                return 1
            elif event is _Signal.CLOSED:
                raise OutputClosed("standard output is closed")
            elif isinstance(event, Attempt):
                self._record(event)
            elif isinstance(event, Held):
                self._audit.held(event.stream, event.group, event.points, event.reason)
            elif isinstance(event, _Idle):
                self._idle(event)
        if self._cycle_open:
            self._end_cycle(last=True)
        return 0

    def _unfinished(self) -> bool:
        """Say whether what the last tick asked for is under way: also a stream whose first mark is not back."""
        return self._cycle_open or (self._tick_number > 0 and any(worker.unfinished for worker in self._workers))

    def _on_moved(self) -> None:
        """Have it looked at whether all is well again; what comes until then is looked at with it."""
        if not self._moved:
            self._moved = True
            self._events.put(_Signal.MOVED)

    def _on_signal(self, _number: int, _frame: object) -> None:
        self._events.put(_Signal.TERMINATE)
        _end_by_force(TERMINATE_SECONDS, 0)

    def _on_crash(self, crash: threading.ExceptHookArgs) -> None:
        """End when a thread has died: half a plugin would look well. Telegraf starts it again, the ledger goes on."""
        name = crash.thread.name if crash.thread is not None else "?"
        log.critical("the thread %s has died: %r; ending, so that Telegraf begins anew", name, crash.exc_value)
        log.debug("what led to it", exc_info=crash.exc_value)
        self._events.put(_Signal.CRASHED)

    def _tick(self) -> None:
        self._ticks.taken()
        if self._cycle_open:
            self._end_cycle()
        self._board.begin_cycle(self._late())
        self._tick_number += 1
        now = time.monotonic()
        if self._tick_number > 1:
            self._interval = int((now - self._cycle_began) * 1e9)
        self._cycle_open, self._cycle_began = True, now
        self._board.interval = self._interval
        self._watch.tick()
        for worker in self._workers:
            self._busy.add(worker.source.name)
            worker.tick(self._tick_number)

    def _idle(self, idle: _Idle) -> None:
        """Take note that a source has done what a tick asked for; an earlier tick's is too late to count."""
        if idle.tick == self._tick_number:
            self._busy.discard(idle.source)
        if self._cycle_open and not self._busy:
            self._end_cycle()

    def _record(self, attempt: Attempt) -> None:
        status = self._board.record(attempt)
        self._audit.attempt(attempt, status)
        before = status.healthy
        self._take_progress(attempt.stream)  # of this one alone: to ask all for each would cost their square
        if before == status.healthy == self._last_health and self._cycle_open:
            return
        changed = self._last_health is not None and self._last_health != (not self._board.failing)
        bad = attempt.error is not None or status.behind
        if changed and (bad or not self._cycle_open):  # bad news at once, good when all is known
            self._publish(health_line(self._board, self._clock()))

    def _look_again(self) -> None:
        """Say at once when all is well again: what was missing has arrived."""
        self._moved = False
        if self._last_health is False and not self._cycle_open:
            self._take_progress()
            if not self._board.failing:
                self._publish(health_line(self._board, self._clock()))

    def _end_cycle(self, last: bool = False) -> None:
        """Say what became of the last tick: one line in the log, the metrics, the health."""
        self._cycle_open = False
        seconds = time.monotonic() - self._cycle_began
        if not last and self._is_starting():
            return  # nothing is known yet, and so nothing is said: neither good nor bad
        late = self._late()
        for status in self._board.streams.values():
            status.late = status.late or status.stream.label in late
        self._take_progress()
        now = self._clock()
        held = [held for worker in self._workers for held in worker.held()][:MAX_HELD]
        self._publish(held_lines(held, now) + cycle_lines(self._board, self._busy, seconds, now))
        self._audit.cycle(self._board, self._busy, seconds, self._watch.away)
        self._audit.central_clock(self._central.clock_skew)

    def _is_starting(self) -> bool:
        """Say whether the ledger is not read yet, of streams of which nothing bad is known either."""
        if time.monotonic() - self._began > START_SECONDS or any(worker.central_silent for worker in self._workers):
            return False
        self._take_progress()
        statuses = self._board.streams.values()
        if any(status.last is not None and status.last.error is not None for status in statuses):
            return False
        return any(each.progress is None or each.progress.state is not State.RUNNING for each in statuses)

    def _late(self) -> set[str]:
        """Return the streams that have not done what the last tick asked for, of sources that are not done."""
        return {label for worker in self._workers if worker.source.name in self._busy for label in worker.late}

    def _take_progress(self, only: StreamDefinition | None = None) -> None:
        """Ask the workers how each stream, or the one, stands with the ledger."""
        self._board.efforts[""] = Effort(self._central.times_asked, self._central.values)
        interval = max(self._interval, SECOND)
        for worker in self._workers:
            if only is not None and worker.source.name != only.source:
                continue
            self._board.efforts[worker.source.name] = worker.effort
            waits_for_central = worker.waits_for_central
            known = worker.progress() if only is None else {only.label: worker.progress_of(only.label)}
            for label, (progress, in_flight) in known.items():
                status = self._board.streams[label]
                status.waits_for_central = waits_for_central
                status.progress, status.in_flight = progress, in_flight
                status.max_lag = status.stream.max_lag or LAG_INTERVALS * interval
                status.patience = UNCOMPARED_INTERVALS * interval

    def _publish(self, lines: bytes) -> None:
        self._writer.write(lines)
        self._last_health = not self._board.failing


def _end_by_force(seconds: float, status: int) -> None:
    """End the process in `seconds` also when this thread is stuck in a write that nobody takes."""
    timer = threading.Timer(seconds, os._exit, (status,))
    timer.daemon = True
    timer.start()
