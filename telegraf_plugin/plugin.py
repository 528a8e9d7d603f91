"""The plugin at work: ticks in, lines out, and the truth about both in log, metrics and health.

One thread, this one, decides; the sources' workers and the reader of ticks hand it events. A cycle is what one tick
asks for. It is over when every source is done or when the next tick comes, whichever is first.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from telegraf_plugin.central import FORGET_SECONDS, CentralWatch
from telegraf_plugin.config import Config
from telegraf_plugin.errors import OutputClosed
from telegraf_plugin.influxdb.timestamps import format_time
from telegraf_plugin.stream.status import Attempt, Board, Totals
from telegraf_plugin.stream.types import Conflict
from telegraf_plugin.telegraf.execd import TickReader
from telegraf_plugin.telegraf.metrics import conflict_lines, cycle_lines, health_line
from telegraf_plugin.telegraf.writer import LineWriter
from telegraf_plugin.worker import SourceWorker

END_OF_INPUT_SECONDS = 4.0
"""How long the cycle in hand may go on when Telegraf has closed standard input: it sends SIGTERM after 5 s."""
MAX_CONFLICTS = 100
"""Field types that central refuses, in the metrics; the log has them all."""
MAX_CLOCK_SKEW_SECONDS = 3.0
"""HTTP's Date has whole seconds and a reply takes a moment: less than this says nothing."""
TERMINATE_SECONDS = 1.5
"""How long a write in hand may go on after SIGTERM."""

log = logging.getLogger(__name__)


class _Signal(Enum):
    TICK = auto()
    END_OF_INPUT = auto()
    TERMINATE = auto()
    CLOSED = auto()


@dataclass(frozen=True, slots=True)
class _Idle:
    source: str


class Plugin:
    """Runs until Telegraf ends it."""

    def __init__(
        self, config: Config, writer: LineWriter, ticks: int = 0, clock: Callable[[], int] = time.time_ns
    ) -> None:
        """Read ticks from the descriptor `ticks` and write lines to `writer`; `clock` gives Unix ns."""
        self._config = config
        self._writer = writer
        self._clock = clock
        self._events: queue.SimpleQueue[_Signal | _Idle | Attempt | Conflict] = queue.SimpleQueue()
        self._board = Board(config.streams)
        self._ticks = TickReader(
            ticks, lambda: self._events.put(_Signal.TICK), lambda: self._events.put(_Signal.END_OF_INPUT)
        )
        self._central = CentralWatch(config.central, config.streams, self._events.put)
        self._workers = [
            SourceWorker(
                source,
                writer,
                on_attempt=self._events.put,
                on_idle=lambda name: self._events.put(_Idle(name)),
                oldest=self._central.oldest,
                on_closed=lambda: self._events.put(_Signal.CLOSED),
            )
            for source in config.sources
        ]
        self._busy: set[str] = set()  # sources that have not done what the last tick asked for
        self._attempts: list[Attempt] = []  # this cycle's
        self._conflicts: dict[Conflict, float] = {}  # and when (time.monotonic()) each was last seen
        self._skewed: set[str] = set()  # sources whose clock differs from ours
        self._cycle_open = False
        self._cycle_began = 0.0
        self._last_health: bool | None = None

    def run(self) -> int:
        """Serve ticks until standard input ends or a signal asks to stop. Returns the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        sources = ", ".join(f"{s.name} at {s.server.url} ({len(s.streams)} streams)" for s in self._config.sources)
        log.info("collector started: reading %s", sources)
        for worker in self._workers:
            worker.start()
        self._central.start()
        self._ticks.start()
        try:
            status = self._serve()
        except OutputClosed as closed:
            log.error("%s: Telegraf does not read any more; ending", closed)
            return 1
        if not self._writer.close(TERMINATE_SECONDS):
            log.warning("Telegraf did not take all lines before the end; they are read again after the next start")
        log.info("collector stopped")
        return status

    def _serve(self) -> int:
        deadline = None
        while deadline is None or (self._cycle_open and time.monotonic() < deadline):
            try:
                event = self._events.get(timeout=deadline and max(deadline - time.monotonic(), 0.0))
            except queue.Empty:
                break
            if event is _Signal.TICK:
                self._tick()
            elif event is _Signal.END_OF_INPUT:
                deadline = time.monotonic() + END_OF_INPUT_SECONDS
                _end_by_force(END_OF_INPUT_SECONDS + 0.8, 0)
            elif event is _Signal.TERMINATE:
                return 0
            elif event is _Signal.CLOSED:
                raise OutputClosed("standard output is closed")
            elif isinstance(event, Attempt):
                self._record(event)
            elif isinstance(event, Conflict):
                self._conflict(event)
            elif isinstance(event, _Idle):
                self._idle(event.source)
        if self._cycle_open:
            self._end_cycle()
        return 0

    def _on_signal(self, number: int, _frame: object) -> None:
        log.info("%s received; ending", signal.Signals(number).name)
        self._events.put(_Signal.TERMINATE)
        _end_by_force(TERMINATE_SECONDS, 0)

    def _tick(self) -> None:
        self._ticks.taken()
        if self._cycle_open:
            self._end_cycle()
        self._board.begin_cycle(late_sources=self._busy)
        self._cycle_open, self._cycle_began = True, time.monotonic()
        for worker in self._workers:
            self._busy.add(worker.source.name)
            worker.tick()

    def _idle(self, source: str) -> None:
        """Take note that `source` has done what the last tick, or the one before if it was late, asked for."""
        self._busy.discard(source)
        if self._cycle_open and not self._busy:
            self._end_cycle()

    def _record(self, attempt: Attempt) -> None:
        status = self._board.record(attempt)
        self._attempts.append(attempt)
        window = f"[{format_time(attempt.start)[:19]}Z, {format_time(attempt.stop)[:19]}Z)"
        url = next(s.server.url for s in self._config.sources if s.name == attempt.stream.source)
        where = f"{attempt.stream.label} from {url}, bucket {attempt.stream.bucket}, {window}"
        if attempt.error is None:
            counts = f"{attempt.points_read} points read, {attempt.points_sent} sent"
            log.info("read %s: %s in %.3f s", where, counts, attempt.seconds)
        else:
            reason = f"{attempt.error.summary}; {attempt.error.hint}"
            tries = f"failure {status.failures_in_a_row} in a row, after {attempt.points_sent} points"
            log.error("failed %s: %s (%s, %.3f s)", where, reason, tries, attempt.seconds)
            log.debug("failed %s: what led to it", attempt.stream.label, exc_info=attempt.error)
        for reason_, drop in attempt.drops.items():
            if status.drops[reason_].points == drop.points:  # the first time
                text = "%s: %d points cannot pass (%s), for one of %s; counted in collector_dropped from now on"
                log.warning(text, attempt.stream.label, drop.points, reason_.value, drop.example)
        self._check_clock(attempt)
        changed = self._last_health is not None and self._last_health != (not self._board.failing)
        if changed and (attempt.error is not None or not self._cycle_open):  # bad news at once, good when all is known
            self._publish(health_line(self._board, self._clock()))

    def _conflict(self, conflict: Conflict) -> None:
        """Say that central refuses a field, for the type that it has there."""
        stream, there = conflict.stream, conflict.central_type.value
        name = f"field {conflict.field.decode()!r} of measurement {conflict.measurement.decode()!r}"
        log.error(
            "%s: %s is %s here and %s in central's bucket %s, which refuses it (422): Telegraf drops these points; "
            "write the field with one type, or leave it out (exclude_fields)",
            stream.label,
            name,
            conflict.source_type.value,
            there,
            stream.central_bucket,
        )
        if len(self._conflicts) < MAX_CONFLICTS:
            self._conflicts[conflict] = time.monotonic()

    def _check_clock(self, attempt: Attempt) -> None:
        """Warn when a source's clock differs from ours, once until it changes."""
        source, skew = attempt.stream.source, attempt.clock_skew
        wrong = skew is not None and abs(skew) > MAX_CLOCK_SKEW_SECONDS
        if wrong and source not in self._skewed:
            text = "the clock of %s is %.0f s %s this machine's: its newest points are read late or twice; set up NTP"
            log.warning(text, source, abs(skew or 0), "ahead of" if (skew or 0) > 0 else "behind")
            self._skewed.add(source)
        elif skew is not None and not wrong and source in self._skewed:
            log.info("the clock of %s agrees with this machine's again", source)
            self._skewed.discard(source)

    def _end_cycle(self) -> None:
        """Say what became of the last tick: one line in the log, the metrics, the health."""
        self._cycle_open = False
        seconds = time.monotonic() - self._cycle_began
        for status in self._board.streams.values():
            status.late = status.late or status.stream.source in self._busy
        self._central.end_cycle(self._attempts)
        self._attempts = []
        for conflict, seen in list(self._conflicts.items()):
            if time.monotonic() - seen > 2 * FORGET_SECONDS:
                del self._conflicts[conflict]  # it is looked for every hour, and was not there any more
        now = self._clock()
        self._publish(conflict_lines(self._conflicts, now) + cycle_lines(self._board, self._busy, seconds, now))
        statuses = self._board.streams.values()
        cycle = Totals.of(status.cycle for status in statuses)
        total = Totals.of(status.total for status in statuses)
        rates = ", ".join(
            f"{source} {Totals.of(status.total for status in statuses).success_rate:.1f} %"
            for source, statuses in self._board.by_source().items()
        )
        failing = self._board.failing
        log.log(
            logging.WARNING if failing else logging.INFO,
            "cycle: %d points read, %d sent in %.3f s; since start %d read, %d sent; success rate %s%s%s",
            cycle.points_read,
            cycle.points_sent,
            seconds,
            total.points_read,
            total.points_sent,
            rates,
            f"; failing: {', '.join(failing)}" if failing else "",
            f"; still reading: {', '.join(sorted(self._busy))}" if self._busy else "",
        )

    def _publish(self, lines: bytes) -> None:
        self._writer.write(lines)
        self._last_health = not self._board.failing


def _end_by_force(seconds: float, status: int) -> None:
    """End the process in `seconds` also when this thread is stuck in a write that nobody takes."""
    timer = threading.Timer(seconds, os._exit, (status,))
    timer.daemon = True
    timer.start()
