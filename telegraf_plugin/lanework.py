"""Does what one stream is to do next, and tells its account and its course what came of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum, auto

from telegraf_plugin.influxdb.timestamps import format_time
from telegraf_plugin.lane import Lane
from telegraf_plugin.passage import Tally
from telegraf_plugin.printer import Printer
from telegraf_plugin.runner import JobRunner
from telegraf_plugin.stream.account import State
from telegraf_plugin.stream.course import Instant
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.digest import Group
from telegraf_plugin.stream.jobs import Check, Compare, Copy, Job, Prove, Recheck
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.spans import Span
from telegraf_plugin.stream.windows import HOUR
from telegraf_plugin.telegraf.marks import mark_line, origin_line
from telegraf_plugin.telegraf.writer import LineWriter

log = logging.getLogger(__name__)


class Task(Enum):
    """What there is to do for a stream beside its course's jobs."""

    ADOPT = auto()
    MARK = auto()
    PROBE = auto()
    """Ask the source for anything: there was nothing to be read, and it must answer all the same."""


@dataclass(frozen=True, slots=True)
class Held:
    """Central refuses the points of `group` of `stream` in `span`; `reason` says why, as far as is known."""

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
        lock: AbstractContextManager[object],
        instant: Callable[[], Instant],
        on_held: Callable[[Held], None],
    ) -> None:
        self._runner, self._writer, self._lock = runner, writer, lock
        self._instant, self._on_held = instant, on_held

    def run(self, lane: Lane, job: Task | Job, printer: Printer, tally: Tally) -> None:
        """Do a job and tell the course what came of it."""
        account, course, began = lane.account, lane.account.course, time.monotonic()
        if isinstance(job, Copy | Compare):
            with self._lock:
                account.printing(job.span)
        if job is Task.ADOPT:
            self._adopt(lane)
        elif job is Task.MARK:
            self.print_mark(lane)
        elif job is Task.PROBE:
            self._runner.probe(lane.stream, lane.ticked.source)
        elif isinstance(job, Copy):
            copied = self._runner.copy(course, job, printer, tally)
            with self._lock:
                course.copied(job, copied, self._instant())
                if not job.live:
                    course.longest = min(course.longest * 2, HOUR)
                    account.copied_backlog(job.span, tally.points, time.monotonic() - began)
        elif isinstance(job, Check):
            counted = self._runner.check(course, job)
            with self._lock:
                course.checked(counted)
        elif isinstance(job, Prove):
            proved = self._runner.prove(course, job)
            with self._lock:
                course.proved_by(job, proved)
        elif isinstance(job, Recheck):
            began_ns = time.monotonic_ns()
            try:
                equal = self._runner.sweep(course, job)
            finally:
                with self._lock:
                    course.sweep.rest(time.monotonic_ns() - began_ns, time.monotonic_ns())
            if not equal:
                text = "%s: central lacks points of [%s, %s), which were proved once: they are sent again"
                log.warning(text, lane.stream.label, *(format_time(end)[:19] + "Z" for end in job.span))
            with self._lock:
                course.swept(job, equal, time.monotonic_ns() - began_ns, self._instant())
        elif isinstance(job, Compare):
            # What was read here is not counted: it was read before.
            compared = self._runner.compare(course, job, printer, Tally())
            with self._lock:
                refused = course.compared(job, compared, self._instant())
            for group in refused:
                reason = self._runner.reason(course, group, job.span)
                with self._lock:
                    course.holds.explain(group, reason)
                self._on_held(Held(lane.stream, group, job.span, compared.missing[group], reason))

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
        start = at.source
        if mark is None and mirror is None and account.began:
            mirror = account.mirror
        if mark is None and mirror is None:
            if stream.start.ago is not None:
                start = at.source - stream.start.ago
            else:
                first = stream.start.date if stream.start.date is not None else self._runner.first(stream, at.source)
                start = first if first is not None else at.source - stream.lookback
        with self._lock:
            lane.set_bounds(at)
            account.adopt(mark, mirror, start, at)
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
