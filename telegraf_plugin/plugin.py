"""The plugin at work: ticks in, lines out, and the truth about both in log, metrics and health.

One thread, this one, owns all that is decided: it hands events to the collector, has the commands done that come out,
and their outcomes are events again. A cycle is what one tick asks for. It is over when every source is done or when the
next tick comes, whichever is first.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial

from telegraf_plugin import __version__
from telegraf_plugin.audit import Audit
from telegraf_plugin.config import Config
from telegraf_plugin.errors import OutputClosed
from telegraf_plugin.execution.executor import Executor, Told
from telegraf_plugin.inbox import Inbox, Signal
from telegraf_plugin.influxdb.central import CentralReader
from telegraf_plugin.stream.attempts import Attempt
from telegraf_plugin.stream.claim import lease_of
from telegraf_plugin.stream.clocks import Clocks
from telegraf_plugin.stream.collector import Collector
from telegraf_plugin.stream.commands import HeldNews
from telegraf_plugin.stream.events import Begun, Event, Idle, Lost, Moved, Tick, Wake
from telegraf_plugin.stream.health import CycleOver, Health, HealthNews, Report
from telegraf_plugin.stream.lease import Lease, PrintClaim
from telegraf_plugin.stream.notes import Note
from telegraf_plugin.stream.units import SECOND
from telegraf_plugin.telegraf.execd import TickReader
from telegraf_plugin.telegraf.inflight import InFlightWindow
from telegraf_plugin.telegraf.marks import claim_line
from telegraf_plugin.telegraf.metrics import cycle_lines, health_line, held_lines, standby_line
from telegraf_plugin.telegraf.writer import LineWriter

END_OF_INPUT_SECONDS = 4.0
"""How long the cycle in hand may go on when Telegraf has closed standard input: it sends SIGTERM after 5 s."""
MAX_HELD = 100
"""Fields that central refuses, in the metrics; the log at DEBUG has them all."""
FIRST_TICK_SECONDS = 2.0
"""How long after a start Telegraf has for its first tick before the plugin begins by itself: it may be minutes."""
FIRST_INTERVAL = 60_000_000_000
"""The interval (ns) as long as there were not two ticks, where telegraf.conf was not found."""
TERMINATE_SECONDS = 1.5
"""How long a write in hand may go on after SIGTERM."""

log = logging.getLogger(__name__)


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
        standby: bool = False,
    ) -> None:
        """Read ticks from the descriptor `ticks` and write lines to `writer`; `clock` gives Unix ns.

        `changed` is asked on each tick whether there is another configuration to take over. `ticked`: begin with one.
        `interval` (ns): how often ticks come, as far as that is known before there were two. `standby`: of several
        collectors of these streams one reads.
        """
        self._ticked = ticked
        self._changed = changed
        self._writer = writer
        self._clock = clock
        self._events: Inbox[Told] = Inbox()
        self._ticks = TickReader(
            ticks, lambda: self._events.put(Signal.TICK), lambda: self._events.put(Signal.END_OF_INPUT)
        )
        central = CentralReader(config.central, config.metrics_bucket)
        limits = config.max_in_flight, config.max_in_flight_bytes
        windows = {stream.central_bucket: InFlightWindow(*limits) for stream in config.streams}
        run, self._streams = secrets.token_hex(4), config.streams
        self._lease = lease_of(self._streams) if standby and self._streams else ""
        self._collector = Collector(
            [(source.name, source.streams, source.concurrent_queries) for source in config.sources],
            windows,
            run,
            config.metrics_bucket,
            central.url,
            config.sweep,
            {source.name: source.restraint for source in config.sources},
            partial(Lease, self._lease, run, interval, socket.gethostname(), __version__) if self._lease else None,
        )
        self._executor = Executor(
            config, central, windows, writer, self._events.put, lambda: self._events.put(Signal.CLOSED)
        )
        self._audit = Audit(config)
        self._shard = str(config.shard) if config.shard is not None else ""
        self._interval = interval
        self._health = self._new_health()

    def run(self) -> int | None:
        """Serve ticks until standard input ends or a signal asks to stop. Returns the exit status.

        None: another configuration is to be taken over; all that was printed is whole. It is not taken over in this
        process when a write is still in hand: what the next configuration prints would be glued to half a line.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        threading.excepthook = self._on_crash
        self._audit.started()
        self._ticks.start()
        if self._ticked:
            self._events.put(Signal.TICK)
        _later(FIRST_TICK_SECONDS, self._events.put, Signal.BEGIN)
        try:
            self._handle(Wake())
            status = self._serve()
        except OutputClosed as closed:
            log.error("%s: Telegraf does not read any more; ending", closed)
            return 1
        self._give_up()
        if not self._writer.close(TERMINATE_SECONDS):
            log.warning("Telegraf did not take all lines before the end; they are read again after the next start")
        if status is None and not self._writer.whole:
            log.error("Telegraf does not read: ending, so that it begins anew with the other configuration")
            return 1
        if status is not None:
            log.info("collector stopped")
        return status

    def _new_health(self) -> Health:
        return Health(self._collector, self._streams, self._interval, self._executor.look, self._now())

    def _give_up(self) -> None:
        """Say that another collector may take over at once."""
        said = self._collector.end(self._now())
        if said is not None:
            with suppress(OutputClosed):
                self._say(said)

    def _serve(self) -> int | None:
        deadline = None
        while deadline is None or (self._health.unfinished(self._now()) and time.monotonic() < deadline):
            event = self._events.next(self._timeout(deadline))
            if event is Signal.TICK:
                if deadline is None and self._changed():
                    if self._health.said() is not None:  # what comes next has this one's time from now on
                        self._report([HealthNews()])
                    return None
                self._health.measure(self._now())
                self._tick()
            elif event is Signal.BEGIN:
                if not self._health.tick_number:
                    self._tick()
            elif event is Signal.END_OF_INPUT:
                deadline = time.monotonic() + END_OF_INPUT_SECONDS
                _end_by_force(END_OF_INPUT_SECONDS + 0.8, 0)
            elif event is Signal.TERMINATE:
                log.info("asked to end by a signal; ending")
                self._end_cycle()
                return 0
            elif event is Signal.CRASHED:
                return 1
            elif event is Signal.LOST:
                return None
            elif event is Signal.CLOSED:
                raise OutputClosed("standard output is closed")
            elif event is None:
                self._handle(Wake())
            elif not isinstance(event, Signal):
                self._handle(event, *self._events.told())
        self._end_cycle()
        return 0

    def _timeout(self, deadline: float | None) -> float | None:
        """Return how long (s) an event is waited for: until the collector wants to be asked again."""
        wakes_at = self._collector.wakes_at()
        waits = [max(wakes_at - time.monotonic_ns(), 0) / SECOND] if wakes_at is not None else []
        if deadline is not None:
            waits.append(min(max(deadline - time.monotonic(), 0.0), 0.1))
        return min(waits, default=None)

    def _now(self) -> Clocks:
        return Clocks(self._clock(), time.monotonic_ns())

    def _handle(self, event: Event, *more: Event) -> None:
        """Hand the collector what has happened, have done what it asks for, and tell what is new."""
        now = self._now()
        self._executor.submit(*self._collector.handle(event, now, *more))
        for due in self._collector.lease_actions():
            if isinstance(due, PrintClaim):
                self._say(due)
            else:
                self._executor.look_at_lease(due)
        moved = False
        for news in self._collector.news():
            match news:
                case Note(level, text, values):
                    log.log(level.value, text, *values)
                case Attempt():
                    status, reports = self._health.record(news, now)
                    self._audit.attempt(news, status)
                    self._report(reports)
                case HeldNews():
                    self._audit.held(news.stream, news.field_key, news.points, news.reason)
                case Idle():
                    self._report(self._health.idle(news, now))
                case Moved():
                    moved = True
                case Begun():
                    self._health = self._new_health()
                    self._events.put(Signal.BEGIN)
                case Lost():
                    self._events.put(Signal.LOST)
        if moved:
            self._report(self._health.moved(now))

    def _on_signal(self, _number: int, _frame: object) -> None:
        self._events.put(Signal.TERMINATE)
        _end_by_force(TERMINATE_SECONDS, 0)

    def _on_crash(self, crash: threading.ExceptHookArgs) -> None:
        """End when a thread has died: half a plugin would look well. Telegraf starts it again, the ledger goes on."""
        name = crash.thread.name if crash.thread is not None else "?"
        log.critical("the thread %s has died: %r; ending, so that Telegraf begins anew", name, crash.exc_value)
        log.debug("what led to it", exc_info=crash.exc_value)
        self._events.put(Signal.CRASHED)

    def _say(self, said: PrintClaim) -> None:
        self._writer.write(claim_line(self._lease, self._shard, said.claim, said.time))

    def _stand_by(self) -> None:
        """Say how it stands as a standby, instead of a cycle; nothing while nothing is known yet."""
        self._handle(Wake())
        lease = self._collector.lease
        if lease is None or not self._collector.standing_by:
            return
        trouble = lease.trouble(time.monotonic_ns())
        if trouble or lease.holder is not None:
            self._writer.write(standby_line(len(self._streams), trouble, self._clock(), self._shard))
        if trouble:
            log.warning("standing by, and not well: %s", trouble)

    def _tick(self) -> None:
        self._ticks.taken()
        if self._collector.standing_by:
            self._stand_by()
            return
        self._report(self._health.tick(self._now()))
        self._handle(Tick(self._health.tick_number))
        self._report(self._health.ticked(self._now()))

    def _end_cycle(self) -> None:
        """Say what became of the last tick, as the end has come."""
        if self._health.cycle_open:
            self._report(self._health.end(self._now(), last=True))

    def _report(self, reports: Iterable[Report]) -> None:
        """Print own metrics and health, and log what became of a cycle."""
        board, now = self._health.board, self._clock()
        for report in reports:
            match report:
                case HealthNews():
                    self._writer.write(health_line(board, now, self._shard))
                case CycleOver(took, busy):
                    held = held_lines(self._collector.held()[:MAX_HELD], now)
                    self._writer.write(held + cycle_lines(board, busy, took / SECOND, now, self._shard))
                    self._audit.cycle(board, busy, took / SECOND, self._collector.watch.away)
                    self._audit.central_clock(self._collector.central_skew)


def _end_by_force(seconds: float, status: int) -> None:
    """End the process in `seconds` also when this thread is stuck in a write that nobody takes."""
    _later(seconds, os._exit, status)


def _later(seconds: float, act: Callable[..., None], *arguments: object) -> None:
    timer = threading.Timer(seconds, act, arguments)
    timer.daemon = True
    timer.start()
