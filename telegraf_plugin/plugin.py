"""The plugin at work: ticks in, lines out, and the truth about both in log, metrics and health.

One thread, this one, owns all that is decided: it hands events to the collector, has the commands done that come out,
and their outcomes are events again. A cycle is what one tick asks for. It is over when every source is done or when the
next tick comes, whichever is first.
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
from enum import Enum, auto

from telegraf_plugin.audit import Audit
from telegraf_plugin.config import Config
from telegraf_plugin.errors import OutputClosed
from telegraf_plugin.executor import Executor, Told
from telegraf_plugin.inflight import InFlightWindow
from telegraf_plugin.influxdb.central import CentralReader
from telegraf_plugin.stream.attempts import Attempt
from telegraf_plugin.stream.clocks import Clocks
from telegraf_plugin.stream.collector import Collector, Event, Idle, Moved, Tick, Wake
from telegraf_plugin.stream.commands import HeldNews
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.notes import Note
from telegraf_plugin.stream.status import Board, start_lasts
from telegraf_plugin.stream.units import SECOND
from telegraf_plugin.telegraf.execd import TickReader
from telegraf_plugin.telegraf.metrics import HeldPoints, cycle_lines, health_line, held_lines
from telegraf_plugin.telegraf.writer import LineWriter

END_OF_INPUT_SECONDS = 4.0
"""How long the cycle in hand may go on when Telegraf has closed standard input: it sends SIGTERM after 5 s."""
MAX_HELD = 100
"""Fields that central refuses, in the metrics; the log has them all."""
UNCOMPARED_INTERVALS = 2
"""How many intervals central may not be compared with before a stream counts as failing."""
FIRST_TICK_SECONDS = 2.0
"""How long after a start Telegraf has for its first tick before the plugin begins by itself: it may be minutes."""
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
    BEGIN = auto()
    CLOSED = auto()
    CRASHED = auto()


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
        self._events: queue.SimpleQueue[_Signal | Told] = queue.SimpleQueue()
        self._board = Board(config.streams)
        self._ticks = TickReader(
            ticks, lambda: self._events.put(_Signal.TICK), lambda: self._events.put(_Signal.END_OF_INPUT)
        )
        central = CentralReader(config.central, config.metrics_bucket)
        limits = config.max_in_flight, config.max_in_flight_bytes
        windows = {stream.central_bucket: InFlightWindow(*limits) for stream in config.streams}
        self._collector = Collector(
            [(source.name, source.streams, source.concurrent_queries) for source in config.sources],
            windows,
            secrets.token_hex(4),
            config.metrics_bucket,
            central.url,
            config.sweep,
        )
        self._executor = Executor(
            config, central, windows, writer, self._events.put, lambda: self._events.put(_Signal.CLOSED)
        )
        self._busy: set[str] = set()  # sources that have not done what the last tick asked for
        self._audit = Audit(config)
        self._tick_number = 0
        self._cycle_open = False
        self._cycle_began = 0.0
        self._began = time.monotonic()
        self._interval = interval
        self._asked_at: float | None = None  # when Telegraf's last tick came
        self._last_health: bool | None = None

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
        self._handle(Wake())
        if self._ticked:
            self._events.put(_Signal.TICK)
        _later(FIRST_TICK_SECONDS, self._events.put, _Signal.BEGIN)
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
                event = self._events.get(timeout=self._timeout(deadline))
            except queue.Empty:
                self._handle(Wake())
                continue
            if event is _Signal.TICK:
                if deadline is None and self._changed():
                    if self._last_health is not None:  # what comes next has this one's time from now on
                        self._publish(health_line(self._board, self._clock()))
                    return None
                self._measure_interval()
                self._tick()
            elif event is _Signal.BEGIN:
                if not self._tick_number:
                    self._tick()
            elif event is _Signal.END_OF_INPUT:
                deadline = time.monotonic() + END_OF_INPUT_SECONDS
                _end_by_force(END_OF_INPUT_SECONDS + 0.8, 0)
            elif event is _Signal.TERMINATE:
                log.info("asked to end by a signal; ending")
                if self._cycle_open:
                    self._end_cycle(last=True)
                return 0
            elif event is _Signal.CRASHED:
                return 1
            elif event is _Signal.CLOSED:
                raise OutputClosed("standard output is closed")
            elif not isinstance(event, _Signal):
                self._handle(event)
        if self._cycle_open:
            self._end_cycle(last=True)
        return 0

    def _timeout(self, deadline: float | None) -> float | None:
        """Return how long (s) an event is waited for: until the collector wants to be asked again."""
        wakes_at = self._collector.wakes_at()
        waits = [max(wakes_at - time.monotonic_ns(), 0) / SECOND] if wakes_at is not None else []
        if deadline is not None:
            waits.append(min(max(deadline - time.monotonic(), 0.0), 0.1))
        return min(waits, default=None)

    def _handle(self, event: Event) -> None:
        """Hand the collector an event, have done what it asks for, and tell what is new."""
        for action in self._collector.handle(event, Clocks(self._clock(), time.monotonic_ns())):
            self._executor.submit(action)
        moved = False
        for news in self._collector.news():
            match news:
                case Note(level, text, values):
                    log.log(level.value, text, *values)
                case Attempt():
                    self._record(news)
                case HeldNews():
                    self._audit.held(news.stream, news.group, news.points, news.reason)
                case Idle():
                    self._idle(news)
                case Moved():
                    moved = True
        if moved:
            self._look_again()

    def _unfinished(self) -> bool:
        """Say whether what the last tick asked for is under way: also a stream whose first mark is not back."""
        steady, sources = time.monotonic_ns(), self._collector.sources.values()
        return self._cycle_open or (self._tick_number > 0 and any(each.unfinished(steady) for each in sources))

    def _on_signal(self, _number: int, _frame: object) -> None:
        self._events.put(_Signal.TERMINATE)
        _end_by_force(TERMINATE_SECONDS, 0)

    def _on_crash(self, crash: threading.ExceptHookArgs) -> None:
        """End when a thread has died: half a plugin would look well. Telegraf starts it again, the ledger goes on."""
        name = crash.thread.name if crash.thread is not None else "?"
        log.critical("the thread %s has died: %r; ending, so that Telegraf begins anew", name, crash.exc_value)
        log.debug("what led to it", exc_info=crash.exc_value)
        self._events.put(_Signal.CRASHED)

    def _measure_interval(self) -> None:
        now = time.monotonic()
        if self._asked_at is not None:
            self._interval = int((now - self._asked_at) * 1e9)
        self._asked_at = now

    def _tick(self) -> None:
        self._ticks.taken()
        if self._cycle_open:
            self._end_cycle()
        self._board.begin_cycle(self._late())
        self._tick_number += 1
        self._cycle_open, self._cycle_began = True, time.monotonic()
        self._board.interval = self._interval
        self._busy = set(self._collector.sources)
        self._handle(Tick(self._tick_number))

    def _idle(self, idle: Idle) -> None:
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
        if self._last_health is False and not self._cycle_open:
            self._take_progress()
            if not self._board.failing:
                self._publish(health_line(self._board, self._clock()))

    def _end_cycle(self, last: bool = False) -> None:
        """Say what became of the last tick: one line in the log, the metrics, the health."""
        self._cycle_open = False
        seconds = time.monotonic() - self._cycle_began
        late = self._late()
        for status in self._board.streams.values():
            status.late = status.late or status.stream.label in late
        if not last and self._is_starting():
            return  # nothing is known yet, and so nothing is said: neither good nor bad
        self._take_progress()
        now = self._clock()
        held = [
            HeldPoints(task.stream, group, hold.points, hold.reason.text)
            for task in self._collector.tasks.values()
            for group, hold in task.course.holds.groups.items()
        ][:MAX_HELD]
        self._publish(held_lines(held, now) + cycle_lines(self._board, self._busy, seconds, now))
        self._audit.cycle(self._board, self._busy, seconds, self._collector.watch.away)
        self._audit.central_clock(self._collector.central_skew)

    def _is_starting(self) -> bool:
        """Say whether not all is known yet after a start, and nothing bad."""
        late = (time.monotonic() - self._began) * SECOND > start_lasts(self._interval)
        if late or any(source.central_silent for source in self._collector.sources.values()):
            return False
        self._take_progress()
        return self._board.starting

    def _late(self) -> set[str]:
        """Return the streams that have not done what the last tick asked for, of sources that are not done."""
        steady = time.monotonic_ns()
        busy = (source for source in self._collector.sources.values() if source.name in self._busy)
        return {label for source in busy for label in source.late(steady)}

    def _take_progress(self, only: StreamDefinition | None = None) -> None:
        """Take over how each stream, or the one, stands with the ledger."""
        self._board.efforts[""] = self._executor.effort("")
        interval = max(self._interval, SECOND)
        for source in self._collector.sources.values():
            if only is not None and source.name != only.source:
                continue
            self._board.efforts[source.name] = self._executor.effort(source.name)
            waits_for_central = self._executor.waits_for_central(source.name)
            tasks = source.tasks.values() if only is None else [source.tasks[only.id]]
            for task in tasks:
                status = self._board.streams[task.stream.label]
                status.waits_for_central = waits_for_central
                status.progress = task.progress(time.monotonic_ns())
                status.in_flight = task.window.lines(task.stream.label)
                status.max_lag = status.stream.max_lag or LAG_INTERVALS * interval
                status.patience = UNCOMPARED_INTERVALS * interval

    def _publish(self, lines: bytes) -> None:
        self._writer.write(lines)
        self._last_health = not self._board.failing


def _end_by_force(seconds: float, status: int) -> None:
    """End the process in `seconds` also when this thread is stuck in a write that nobody takes."""
    _later(seconds, os._exit, status)


def _later(seconds: float, act: Callable[..., None], *arguments: object) -> None:
    timer = threading.Timer(seconds, act, arguments)
    timer.daemon = True
    timer.start()
