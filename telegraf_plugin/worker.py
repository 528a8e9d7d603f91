"""One source's work: its own threads, so that a source that is slow or silent holds up nobody but itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection

from telegraf_plugin.config import Source
from telegraf_plugin.errors import OutputClosed
from telegraf_plugin.gate import Gate
from telegraf_plugin.influxdb.central import CentralReader
from telegraf_plugin.influxdb.client import Bucket, QueryClient
from telegraf_plugin.influxdb.passage import Tally
from telegraf_plugin.keeping import BucketKeeping
from telegraf_plugin.lane import Lane, Reading, Task
from telegraf_plugin.lanework import Held, LaneWork
from telegraf_plugin.printer import Printer
from telegraf_plugin.runner import JobRunner
from telegraf_plugin.stream.account import Account, Progress, State
from telegraf_plugin.stream.clocks import Instant, instant
from telegraf_plugin.stream.jobs import Check, Copy, Job, Land
from telegraf_plugin.stream.ledger import Mark, MarkId
from telegraf_plugin.stream.request import Request
from telegraf_plugin.stream.spans import BEGINNING, END
from telegraf_plugin.stream.status import Attempt, Effort
from telegraf_plugin.telegraf.metrics import HeldPoints
from telegraf_plugin.telegraf.writer import LineWriter

LONGEST_WAIT_SECONDS = 0.5
"""How long a thread sleeps before it looks anew: spans settle and marks fall due without anybody saying so."""
IDLE_SECONDS = 2.0
"""How long a stream for which there is nothing to do is left alone, unless something happens."""


class SourceWorker:
    """Works on the streams of one source, at most `concurrent_queries` at a time.

    `on_attempt` gets the outcome of each copying and each failure, `on_idle` the source's name and the tick's number
    when what the tick asked for is done, `on_held` what central lacks for good; `on_moved` is called when a mark has
    come back or something was counted, `on_closed` when nobody reads the lines any more. All from threads that are not
    the caller's.
    """

    def __init__(
        self,
        source: Source,
        central: CentralReader,
        gates: dict[str, Gate],
        writer: LineWriter,
        incarnation: str,
        on_attempt: Callable[[Attempt], None],
        on_idle: Callable[[str, int], None],
        on_held: Callable[[Held], None],
        on_closed: Callable[[], None],
        on_moved: Callable[[], None] = lambda: None,
        sweep: float = 0.0,
    ) -> None:
        self.source = source
        self._central, self._writer = central, writer
        self._on_attempt, self._on_idle, self._on_closed = on_attempt, on_idle, on_closed
        self._on_moved = on_moved
        server, bounds = source.server, source.timeouts
        self._client = QueryClient(
            server.url, server.org, server.credential.read, bounds.connect, bounds.read, bounds.query, server.transport
        )
        self._runner = JobRunner(self._client, central)
        self._changed = threading.Condition()
        self._lane_work = LaneWork(self._runner, writer, self._client, self._changed, self._instant, on_held)
        self.lanes = {s.label: Lane(Account(s, incarnation, sweep), gates[s.central_bucket]) for s in source.streams}
        self._keeping = BucketKeeping(source.streams, self._runner.bucket, self._kept)
        self._threads: list[threading.Thread] = []
        self._turn = 0
        self._wanted = self._served = 0  # numbers of ticks: the last that came, the last that was done

    def start(self) -> None:
        """Start the threads; they end with the process."""
        for number in range(self.source.concurrent_queries):
            thread = threading.Thread(target=self._work, name=f"{self.source.name}-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._keeping.start(f"{self.source.name}-buckets")

    def tick(self, number: int) -> None:
        """Ask for all streams' newest points, for the tick of that `number`."""
        with self._changed:
            self._wanted = number
            at, now = self._instant(), time.monotonic()
            for lane in self.lanes.values():
                lane.wanted = True
                lane.tick(at, now)
            self._changed.notify_all()

    # What the ledger's watch tells

    def load(self, label: str, reading: Reading) -> None:
        """Take what the ledger says of a stream that is loading."""
        with self._changed:
            lane = self.lanes[label]
            lane.asleep_until = 0.0
            lane.ledger = reading
            self._changed.notify_all()

    def seen(
        self, label: str, present: Collection[MarkId], since: int = BEGINNING, until: int = END
    ) -> tuple[bool, list[MarkId]]:
        """Take the marks that central has, all that were made in [since, until) (Unix ns).

        Return whether it lost one that it had, and those that strangers made.
        """
        with self._changed:
            lane = self.lanes[label]
            back = lane.account.seen(present, since, until)
            if back is not None:
                lane.gate.back(label, back.time)
                self._on_moved()
                lane.asleep_until = 0.0
                self._changed.notify_all()
            lost = lane.account.state is State.LOADING
            return lost, [] if lost else lane.account.strangers(present)

    def stranger(self, label: str, mark: Mark) -> None:
        """Take a mark that another run made."""
        with self._changed:
            lane = self.lanes[label]
            lane.account.stranger(mark, self._instant())
            lane.asleep_until = 0.0

    def known(self, label: str, marks: Collection[MarkId]) -> None:
        """Take note that other runs' marks were looked at: they are told no more."""
        with self._changed:
            self.lanes[label].account.know(marks)

    def ask(self, label: str, request: Request) -> None:
        """Take what an operator's command asks for."""
        with self._changed:
            lane = self.lanes[label]
            lane.account.ask(request, self._instant())
            lane.asleep_until = 0.0
            self._changed.notify_all()

    def central_answers(self, label: str, answers: bool, bucket: Bucket | None) -> None:
        """Take note of whether the stream's bucket in central answers, and of how it is kept if that is known."""
        with self._changed:
            lane = self.lanes[label]
            lane.central_bucket = bucket or lane.central_bucket
            if lane.central != answers:
                lane.central, lane.asleep_until = answers, 0.0
                self._changed.notify_all()

    def _kept(self, label: str, bucket: Bucket) -> None:
        """Take how the source keeps a stream's bucket now; the next tick goes by it."""
        with self._changed:
            self.lanes[label].source_bucket = bucket

    def snapshot(self) -> dict[str, tuple[State, MarkId | None, MarkId | None]]:
        """Return each stream's state, base, and the oldest of its marks that are waited for."""
        with self._changed:
            return {
                label: (a.state, a.book.base, min(a.book.on_their_way, default=None))
                for label, a in ((label, lane.account) for label, lane in self.lanes.items())
            }

    def progress(self) -> dict[str, tuple[Progress, int]]:
        """Return how each stream stood at the last tick, and how many of its lines are in flight."""
        with self._changed:
            return {label: self.progress_of(label) for label in self.lanes}

    def progress_of(self, label: str) -> tuple[Progress, int]:
        """Return the same of one stream."""
        with self._changed:
            lane = self.lanes[label]
            return lane.progress(time.monotonic_ns()), lane.gate.lines(label)

    def held(self) -> list[HeldPoints]:
        """Return what central refuses of each stream."""
        with self._changed:
            return [
                HeldPoints(lane.stream, group, hold.points, hold.reason.text)
                for lane in self.lanes.values()
                for group, hold in lane.account.course.holds.groups.items()
            ]

    @property
    def effort(self) -> Effort:
        """What was asked of the source since the start."""
        return Effort(self._client.requests, self._runner.values)

    @property
    def unfinished(self) -> bool:
        """Whether some stream has not copied what the last tick asked for, and may yet."""
        now = time.monotonic()
        with self._changed:
            return any(lane.pending(now) for lane in self.lanes.values())

    @property
    def late(self) -> set[str]:
        """Return the streams that were not copied, though nothing but the source, or time, is missing."""
        now = time.monotonic()
        with self._changed:
            return {
                label for label, lane in self.lanes.items() if lane.account.state is State.RUNNING and lane.pending(now)
            }

    @property
    def central_silent(self) -> bool:
        """Whether the bucket of some stream in central is known not to answer."""
        with self._changed:
            return any(lane.central is False for lane in self.lanes.values())

    @property
    def waits_for_central(self) -> bool:
        """Whether it is central, not the source, that has yet to answer."""
        return any(self._central.is_asked_by(thread.ident) for thread in self._threads)

    # The threads

    def _work(self) -> None:
        while True:
            lane, task = self._next()
            try:
                self._do(lane, task)
            except OutputClosed:
                self._on_closed()
                return
            finally:
                with self._changed:
                    lane.busy, lane.job, lane.asleep_until = False, None, 0.0
                    self._changed.notify_all()

    def _next(self) -> tuple[Lane, Task | Job]:
        """Wait for something to do; ticks go before all else."""
        with self._changed:
            while True:
                now, at = time.monotonic(), self._instant()
                lanes = list(self.lanes.values())
                self._turn = (self._turn + 1) % len(lanes)
                turned = lanes[self._turn :] + lanes[: self._turn]
                due = [lane for lane in turned if lane.account.course.due]
                for lane in (*due, *(lane for lane in turned if not lane.account.course.due)):
                    task = self._task(lane, now, at)
                    if task is not None:
                        lane.busy, lane.job = True, task
                        return lane, task
                self._say_idle()
                waits = [lane.retry_at - now for lane in lanes if lane.retry_at > now]
                self._changed.wait(min([LONGEST_WAIT_SECONDS, *waits]))

    def _task(self, lane: Lane, now: float, at: Instant) -> Task | Job | None:
        if not lane.may_work(now):
            return None
        if lane.ledger is not None and lane.account.state is not State.RUNNING:
            return Task.ADOPT
        if lane.account.mark_due(at, bool(lane.central)):
            return Task.MARK
        if lane.account.state is not State.RUNNING:
            return None
        central = bool(lane.central) and lane.central_at <= now
        label = lane.stream.label
        room = lane.gate.has_room(False, label)
        job = lane.account.course.next(at, lane.gate.has_room(True, label), room, central)
        if job is None:
            lane.asleep_until = now + (IDLE_SECONDS if room and not lane.account.course.due else LONGEST_WAIT_SECONDS)
        if lane.unasked and not (isinstance(job, Copy) and job.live) and not lane.account.course.waiting:
            return Task.PROBE if job is None else job
        return job

    def _say_idle(self) -> None:
        now = time.monotonic()
        due = (lane.pending(now) for lane in self.lanes.values())
        if self._served < self._wanted and not any(due):
            self._served = self._wanted
            self._on_idle(self.source.name, self._served)

    def _do(self, lane: Lane, task: Task | Job) -> None:
        """Do one thing for a stream; whatever goes wrong with it stays that stream's."""
        tally, began = Tally(), time.monotonic()
        live = not isinstance(task, Copy) or task.live
        printer = Printer(self._writer, lane.gate, lane.stream.label, live, lambda: self._lane_work.print_mark(lane))
        complete, error = self._lane_work.attempt(lane, task, printer, tally)
        if complete and isinstance(task, Land | Check):
            self._on_moved()
        if error is not None or (complete and (isinstance(task, Copy) or task is Task.PROBE)):
            now = self._instant().source
            span = task.span if not isinstance(task, Task | Check) else (now, now)
            self._on_attempt(
                Attempt(
                    lane.stream,
                    *span,
                    points_read=tally.points,
                    points_sent=printer.points,
                    drops=tally.drops,
                    seconds=time.monotonic() - began,
                    error=error,
                    clock_skew=self._client.clock_skew,
                    unwatched=tally.unwatched,
                )
            )

    def _instant(self) -> Instant:
        return instant(time.time_ns(), time.monotonic_ns(), self._client.clock_skew, self._central.clock_skew)
