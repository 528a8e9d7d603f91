"""Does what one stream is to do next, and tells its account and its course what came of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from telegraf_plugin.errors import CentralError, NoRoom, OutputClosed, SourceError
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.failures import explain
from telegraf_plugin.influxdb.passage import Tally
from telegraf_plugin.influxdb.timestamps import format_time
from telegraf_plugin.lane import Lane, Task
from telegraf_plugin.printer import Printer
from telegraf_plugin.runner import JobRunner
from telegraf_plugin.stream.account import State
from telegraf_plugin.stream.course import Instant
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.digest import Group
from telegraf_plugin.stream.jobs import Check, Compare, Copy, Explain, Failed, Foresee, Job, Land, Prove, Recheck, Seek
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.spans import Span
from telegraf_plugin.stream.uncompared import Question
from telegraf_plugin.telegraf.marks import mark_line, origin_line
from telegraf_plugin.telegraf.writer import LineWriter

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Held:
    """Central goes on lacking points of `group` of `stream` in `span`; `reason` says why, as far as is known."""

    stream: StreamDefinition
    group: Group
    span: Span
    points: int
    reason: str


class LaneWork:
    """Does tasks and jobs for the lanes of one source, outside of the `lock` that guards them.

    `instant` reads the clocks; `on_held` is told what central refuses.
    """

    def __init__(
        self,
        runner: JobRunner,
        writer: LineWriter,
        client: QueryClient,
        lock: AbstractContextManager[object],
        instant: Callable[[], Instant],
        on_held: Callable[[Held], None],
    ) -> None:
        self._runner, self._writer, self._client, self._lock = runner, writer, client, lock
        self._instant, self._on_held = instant, on_held

    def attempt(self, lane: Lane, task: Task | Job, printer: Printer, tally: Tally) -> tuple[bool, SourceError | None]:
        """Do one thing for a stream, and take note of what came of it, also of its failure.

        Returns whether it was done whole, and what the source failed with, if it did. Raises OutputClosed.
        """
        error: SourceError | None = None
        complete = False
        try:
            self.run(lane, task, printer, tally)
            complete = True
        except OutputClosed:
            raise
        except NoRoom:
            if not isinstance(task, Task):
                with self._lock:
                    lane.account.course.gave_up(task)
        except CentralError as failure:
            self._central_failed(lane, task, failure)
        except Exception as failure:
            error = self._explained(failure)
        printer.finish()
        if error is not None:
            self._source_failed(lane, task, error, tally)
        elif complete and task is not Task.MARK:
            self._went_well(lane, task)
        return complete, error

    def _explained(self, failure: Exception) -> SourceError:
        error = explain(failure, self._client.url)
        error.summary, error.hint = self._client.redact(error.summary), self._client.redact(error.hint)
        if error is not failure:
            error.__cause__ = failure
        return error

    def _source_failed(self, lane: Lane, task: Task | Job, error: SourceError, tally: Tally) -> None:
        with self._lock:
            failed = Failed(False, False)
            if not isinstance(task, Task):
                at, begun = self._instant(), tally.points > 0
                failed = lane.account.course.failed(task, error.summary, at, False, begun)
            lane.failed(error, time.monotonic(), failed.alone)
        if failed.aside:
            _say_aside(lane, task, error.summary)

    def _central_failed(self, lane: Lane, task: Task | Job, error: CentralError) -> None:
        """Take a failure of central: it shows in the log, and what lies behind the span goes on."""
        with self._lock:
            failed = Failed(False, False)
            if not isinstance(task, Task):
                failed = lane.account.course.failed(task, error.summary, self._instant(), True)
            news = lane.central_failed(Question.of(task), error, time.monotonic_ns(), failed.alone)
        if news:
            text = "%s: cannot be compared with central's bucket %s: %s; %s"
            log.error(text, lane.stream.label, lane.stream.central_bucket, error.summary, error.hint)
        if failed.aside:
            _say_aside(lane, task, error.summary)

    def _went_well(self, lane: Lane, task: Task | Job) -> None:
        """Take note of who has answered."""
        source = task is not Task.ADOPT and not isinstance(task, Land | Explain)
        central = not isinstance(task, Copy | Seek | Foresee | Task)
        with self._lock:
            for side, answered in ((False, source), (True, central)):
                if answered:
                    lane.account.course.went_well(central=side)
            again = lane.done(source, Question.of(task) if central else None)
        if again:
            log.warning("%s: can be compared with central again", lane.stream.label)

    def run(self, lane: Lane, job: Task | Job, printer: Printer, tally: Tally) -> None:
        """Do a job and tell the course what came of it."""
        if isinstance(job, Copy | Compare):
            with self._lock:
                lane.account.printing(job.span)
        if job is Task.ADOPT:
            self._adopt(lane)
        elif job is Task.MARK:
            self.print_mark(lane)
        elif job is Task.PROBE:
            self._runner.probe(lane.stream, lane.ticked.source)
        elif isinstance(job, Copy):
            self._copy(lane, job, printer, tally)
        elif isinstance(job, Compare):
            self._compare(lane, job, printer)
        elif isinstance(job, Recheck):
            self._sweep(lane, job)
        elif isinstance(job, Explain):
            self._explain(lane, job)
        elif not isinstance(job, Task):
            self._ask(lane, job)

    def _copy(self, lane: Lane, job: Copy, printer: Printer, tally: Tally) -> None:
        account, began = lane.account, time.monotonic()
        copied = self._runner.copy(account.course, job, printer, tally)
        seconds = time.monotonic() - began
        with self._lock:
            account.course.copied(job, copied, self._instant(), seconds)
            if not job.live:
                account.copied_backlog(job.span, tally.points, seconds)

    def _ask(self, lane: Lane, job: Seek | Foresee | Land | Check | Prove) -> None:
        """Do a job that prints nothing."""
        course, began = lane.account.course, time.monotonic()
        if isinstance(job, Foresee):
            ahead = self._runner.foresee(course, job)
            with self._lock:
                course.foreseen(ahead)
        elif isinstance(job, Seek):
            found = self._runner.seek(course, job)
            with self._lock:
                course.sought(job, found, self._instant())
        elif isinstance(job, Land):
            there = self._runner.land(course, job)
            with self._lock:
                course.counted(job, there)
        elif isinstance(job, Check):
            counted = self._runner.check(course, job)
            with self._lock:
                course.checked(counted, time.monotonic() - began)
        else:
            proved = self._runner.prove(course, job)
            with self._lock:
                course.proved_by(job, proved, self._instant(), time.monotonic() - began)

    def _compare(self, lane: Lane, job: Compare, printer: Printer) -> None:
        course, began = lane.account.course, time.monotonic()
        # What was read here is not counted: it was read before.
        compared = self._runner.compare(course, job, printer, Tally())
        with self._lock:
            course.compared(job, compared, self._instant(), time.monotonic() - began)

    def _explain(self, lane: Lane, job: Explain) -> None:
        """Look why central lacks what is held, and say it when it is news."""
        course = lane.account.course
        reason, kept = self._runner.reason(course, job.group, job.span), self._runner.kept(lane.stream)
        with self._lock:
            if kept is not None:  # it may keep points for less than it did: what it would not take is not held
                lane.central_bucket = kept
                lane.set_bounds(lane.ticked)
                course.holds.forget(course.bounds.oldest)
            held = course.holds.groups.get(job.group)
            points = held.points if held is not None else 0
            news = course.holds.explain(job.group, reason)
        if news:
            self._on_held(Held(lane.stream, job.group, job.span, points, reason.text))

    def _sweep(self, lane: Lane, job: Recheck) -> None:
        course, began = lane.account.course, time.monotonic_ns()
        try:
            swept = self._runner.sweep(course, job)
        finally:
            with self._lock:
                course.sweep.rest(time.monotonic_ns() - began, time.monotonic_ns())
        if not swept.equal and not job.empty:
            text = "%s: central lacks points of [%s, %s), which were proved once: they are sent again"
            log.warning(text, lane.stream.label, *(format_time(end)[:19] + "Z" for end in job.span))
        with self._lock:
            course.swept(job, swept, time.monotonic_ns() - began, self._instant())

    def _adopt(self, lane: Lane) -> None:
        """Begin with what the ledger says; the source is asked how it keeps the bucket, and where a stream begins."""
        account, stream = lane.account, lane.stream
        assert lane.ledger is not None
        reading = lane.ledger
        believed, mirror = reading.believed, reading.mirror
        mark = believed.mark if believed is not None else None
        lane.source_bucket = self._runner.bucket(stream) or lane.source_bucket
        if lane.source_bucket is None:
            text = (
                "%s: its token may not see how bucket %s is kept: read in pieces of an hour, and time_to_loss unknown"
            )
            log.info(text, stream.label, stream.bucket)
        at = self._instant()
        lane.refuse_unfit()
        if mark is None and mirror is None and account.began:
            mirror = account.mirror
        start, searching = lane.begin(at)
        with self._lock:
            lane.set_bounds(at)
            account.adopt(mark, mirror, start, at, searching)
            account.know(reading.known)  # this one's: what landed since is news
            if believed is not None:
                account.course.doubt(believed.doubts, at)
            if lane.ledger is reading:  # else a newer one came meanwhile, which is adopted next
                lane.ledger = None
            if lane.wanted:
                lane.tick(at, time.monotonic())

    def print_mark(self, lane: Lane) -> MarkId:
        """Make the lane's next mark, print it, and return its id. Raises OutputClosed."""
        with self._lock:
            if lane.account.state is State.LOADING:  # what it would stand on is not known; the first mark covers all
                return MarkId(0, "")
            at = self._instant()
            mark, mirror = lane.account.make_mark(at), lane.account.mirror_due(at)
            lane.gate.marked(lane.stream.label, mark.id.time)
        origin = origin_line(lane.stream, mirror, mark.id.time) if mirror is not None else b""
        self._writer.write(mark_line(lane.stream, mark) + origin)
        return mark.id


def _say_aside(lane: Lane, task: Task | Job, reason: str) -> None:
    if not isinstance(task, Task | Check):
        ends = (format_time(end)[:19] + "Z" for end in task.span)
        text = "%s: [%s, %s) is set aside, since it fails again and again: %s; the rest goes on, it is tried ever less"
        log.error(text, lane.stream.label, *ends, reason)
