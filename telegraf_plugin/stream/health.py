"""What became of each tick, and whether all is well: kept on the board, and said when it is news. Pure.

A cycle is what one tick asks for. It is over when every source is done or when the next tick comes, whichever is first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from telegraf_plugin.stream.attempts import Attempt
from telegraf_plugin.stream.clocks import Clocks
from telegraf_plugin.stream.collector import Collector
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.events import Idle
from telegraf_plugin.stream.source_tasks import SourceTasks
from telegraf_plugin.stream.status import Board, Effort, StreamStatus, start_lasts
from telegraf_plugin.stream.units import SECOND

UNCOMPARED_INTERVALS = 2
"""How many intervals central may not be compared with before a stream counts as failing."""
LAG_INTERVALS = 3
"""After how many intervals a stream that is behind is bad, unless it says `max_lag`."""


def lag_of(ticks: int, interval: int) -> int:
    """Return the least lag (ns) that so many ticks, an `interval` (ns) apart, make.

    It is measured from tick to tick. These come some ms early or late, and so may be less than that many intervals.
    """
    return ticks * interval - interval // 2


@dataclass(frozen=True, slots=True)
class CycleOver:
    """A cycle has ended after so long (ns), in which the sources in `busy` have not finished."""

    took: int
    busy: frozenset[str]


@dataclass(frozen=True, slots=True)
class HealthNews:
    """Health is another than what was said last."""


Report = CycleOver | HealthNews
Look = Callable[[str], tuple[Effort, bool]]
"""Tells of a source what it was asked for, and whether it is central that has yet to answer; "" stands for central."""


class Health:
    """Judges what the collector does, from tick to tick; `interval` (ns): how often ticks come, as far as is known."""

    def __init__(
        self, collector: Collector, streams: Iterable[StreamDefinition], interval: int, look: Look, began: Clocks
    ) -> None:
        self.board = Board(streams)
        self.tick_number = 0
        self.cycle_open = False
        self._collector, self._interval, self._look = collector, interval, look
        self._busy: set[str] = set()  # sources that have not done what the last tick asked for
        self._began = began.steady
        self._cycle_began = 0
        self._asked_at: int | None = None  # when Telegraf's last tick came
        self._said: bool | None = None

    def said(self) -> bool | None:
        """Return the health that was said last, None before the first."""
        return self._said

    def measure(self, now: Clocks) -> None:
        """Measure the interval: Telegraf asks for the newest points."""
        if self._asked_at is not None:
            self._interval = now.steady - self._asked_at
        self._asked_at = now.steady

    def tick(self, now: Clocks) -> list[Report]:
        """Begin a cycle; returns what became of the one before, if it was still open."""
        reports = self.end(now) if self.cycle_open else []
        self.board.begin_cycle(self._late(now))
        self.tick_number += 1
        self.cycle_open, self._cycle_began = True, now.steady
        self.board.interval = self._interval
        self._busy = set(self._collector.sources)
        return reports

    def ticked(self, now: Clocks) -> list[Report]:
        """Say at once what the tick has made bad: a source whose thread is stuck would have it said a tick later.

        Where there is no source, as in a shard to which none falls, the cycle is over.
        """
        if self.cycle_open and not self._busy:
            return self.end(now)
        self._take_progress(now)
        return self._news() if self._said and self.board.failing else []

    def idle(self, idle: Idle, now: Clocks) -> list[Report]:
        """Record that a source has done what a tick asked for; an earlier tick's is too late to count."""
        if idle.tick == self.tick_number:
            self._busy.discard(idle.source)
        return self.end(now) if self.cycle_open and not self._busy else []

    def record(self, attempt: Attempt, now: Clocks) -> tuple[StreamStatus, list[Report]]:
        """Record the outcome of a read; returns its stream's status, and whether health is another."""
        status = self.board.record(attempt)
        before = status.healthy
        if attempt.error is not None or not before:  # what goes well makes no stream worse
            self._take_source(self._collector.sources[attempt.stream.source], now, attempt.stream)
        if before == status.healthy == self._said and self.cycle_open:
            return status, []
        changed = self._said is not None and self._said != (not self.board.failing)
        bad = attempt.error is not None or status.behind
        return status, self._news() if changed and (bad or not self.cycle_open) else []  # good when all is known

    def moved(self, now: Clocks) -> list[Report]:
        """Say at once when all is well again: what was missing has arrived."""
        if self._said is not False or self.cycle_open:
            return []
        for status in self.board.streams.values():
            if not status.healthy:  # to ask all of them as long as one fails would cost their square
                self._take_source(self._collector.sources[status.stream.source], now, status.stream)
                if not status.healthy:
                    return []
        self._take_progress(now)
        return self._news() if not self.board.failing else []

    def end(self, now: Clocks, last: bool = False) -> list[Report]:
        """Say what became of the last tick; nothing while nothing is known yet, neither good nor bad."""
        self.cycle_open = False
        if not last and self._is_starting(now):
            return []
        late = self._late(now)
        for status in self.board.streams.values():
            status.late = status.late or status.stream.label in late
        self._take_progress(now)
        self._said = not self.board.failing
        return [CycleOver(now.steady - self._cycle_began, frozenset(self._busy))]

    def _news(self) -> list[Report]:
        self._said = not self.board.failing
        return [HealthNews()]

    def _is_starting(self, now: Clocks) -> bool:
        """Say whether not all is known yet after a start, and nothing bad."""
        late = now.steady - self._began > start_lasts(self._interval)
        if late or any(source.central_silent for source in self._collector.sources.values()):
            return False
        self._take_progress(now)
        return self.board.starting

    def unfinished(self, now: Clocks) -> bool:
        """Say whether what the last tick asked for is under way: also a stream whose first mark is not back."""
        sources = self._collector.sources.values()
        return self.cycle_open or (self.tick_number > 0 and any(each.unfinished(now.steady) for each in sources))

    def _late(self, now: Clocks) -> set[str]:
        """Return the streams that have not done what the last tick asked for, of sources that are not done."""
        if self._is_starting(now):  # it is the ledger that took its time
            return set()
        busy = (source for source in self._collector.sources.values() if source.name in self._busy)
        return {label for source in busy for label in source.late(now.steady)}

    def _take_progress(self, now: Clocks) -> None:
        """Take over how each stream stands with the ledger."""
        self.board.efforts[""], _ = self._look("")
        for source in self._collector.sources.values():
            self._take_source(source, now)

    def _take_source(self, source: SourceTasks, now: Clocks, only: StreamDefinition | None = None) -> None:
        interval = max(self._interval, SECOND)
        self.board.efforts[source.name], waits_for_central = self._look(source.name)
        for task in source.tasks.values() if only is None else [source.tasks[only.id]]:
            status = self.board.streams[task.stream.label]
            status.waits_for_central, status.in_doubt = waits_for_central, self._collector.in_doubt
            status.progress = task.progress(now.steady)
            status.in_flight = task.window.lines(task.stream.label)
            status.max_lag = status.stream.max_lag or lag_of(LAG_INTERVALS, interval)
            status.patience = lag_of(UNCOMPARED_INTERVALS, interval)
