"""One stream's task: what it does next, and what it makes of all that happens to it. Pure; one thread's.

It says what to do by `next`, one command at a time, and is told each one's outcome by `done`, also a failure. Between
the two anything else may happen to it: a tick, what the ledger says, what an operator asks for.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from telegraf_plugin.errors import CentralError, NoRoom, PermanentError, SourceError
from telegraf_plugin.stream import jobs
from telegraf_plugin.stream.account import Progress, State
from telegraf_plugin.stream.attempts import Attempt, attempt_of
from telegraf_plugin.stream.bounds import Bucket, refuse_unfit
from telegraf_plugin.stream.clocks import Instant
from telegraf_plugin.stream.commands import Adopt, Command, HeldNews, Outcome, PrintMark, Probe, Sign, StreamJob
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.gathering import Proofs
from telegraf_plugin.stream.ledger import Mark, MarkId, Origin, Reading
from telegraf_plugin.stream.request import Request
from telegraf_plugin.stream.restraint import Leave
from telegraf_plugin.stream.spans import NOTHING, span
from telegraf_plugin.stream.task_state import TaskState
from telegraf_plugin.stream.terms import Terms
from telegraf_plugin.stream.uncompared import Question
from telegraf_plugin.stream.units import SECOND, utc

LITTLE = 1000
"""Points of a live read up to which a stream's commands go with others' in one batch."""


def is_light(job: StreamJob, stream: StreamDefinition) -> bool:
    """Say whether a job of a `stream` that brings little takes no time worth mentioning."""
    if isinstance(job, jobs.Copy):
        return job.live
    if isinstance(job, jobs.Recheck):
        return jobs.is_prompt(job, stream)
    return isinstance(job, jobs.Check | jobs.Land | jobs.Prove | jobs.Foresee | PrintMark | Probe)


class StreamTask(TaskState):
    """Decides for one stream, in one run of the plugin."""

    # What happens to it

    def tick(self, at: Instant) -> None:
        """Begin a tick: its newest points are due."""
        quiet = self.allowance.quiet_until(at) is not None
        if self._was_quiet and not quiet:
            self.account.resumed(at)
        self._wanted, self.ticked, self._was_quiet = True, at, quiet
        if self._retries.tick(at.steady):
            self._unasked = True
            self.account.set_bounds(self._source_bucket, self._central_bucket, at)
            self.course.tick(at)
        self._wait_if_paused()
        self.account.settle_request()

    def load(self, reading: Reading) -> None:
        """Record what the ledger says; it is adopted when the source has said how it keeps the bucket."""
        self._ledger = reading

    def seen(self, present: Collection[MarkId], since: int, until: int) -> bool:
        """Record the marks that central has, all that were made in [since, until) (Unix ns).

        Returns whether one is newly back. When one is gone that was there, the stream is LOADING afterwards.
        """
        back = self.account.seen(present, since, until)
        if back is not None:
            self.window.back(self.stream.label, back.time)
        return back is not None

    def ask(self, request: Request, at: Instant) -> None:
        """Record what an operator's command asks for."""
        self.account.ask(request, at)
        self.account.settle_request()

    def central_answers(self, answers: bool, bucket: Bucket | None) -> bool:
        """Note whether its bucket in central answers, and how it is kept if that is known; returns if that is news."""
        news, self.central = self.central != answers, answers
        self._central_bucket = bucket or self._central_bucket
        return news

    def looked_up(self, bucket: Bucket) -> None:
        """Record how the source keeps its bucket now; the next tick goes by it."""
        self._source_bucket = bucket

    def mark_printed(self, mark: Mark, mirrored: Origin | None, at: Instant) -> None:
        """Record that a mark is about to be printed."""
        self.account.printed(mark, mirrored, at)

    # What it does next

    def next(self, at: Instant, place: bool = True, proofs: Proofs = Proofs.ANY_TIME, batch: int = 0) -> Command | None:
        """Take up the next command, of that `batch`; None when there is none for now: then nothing is before
        `wakes_at`.

        Without a `place` nothing that may take long; `wants_place` says afterwards whether one was missing.
        """
        self.wants_place = False
        if self.command is not None or not self._retries.may_ask_source(at.steady):
            return None
        job = self._job(at, place, proofs)
        if job is None:
            return None
        template = None
        if isinstance(job, jobs.Copy | jobs.Compare | PrintMark):
            template = self.account.template(at, NOTHING if isinstance(job, PrintMark) else span(*job.span))
        light = self.brings_little and is_light(job, self.stream)
        self.command = Command(
            self.stream, job, self.course.bounds.groups, self.account.book.base, template, batch, light
        )
        return self.command

    def _job(self, at: Instant, place: bool, proofs: Proofs) -> StreamJob | None:
        """Return what is first: the ledger, a mark that is due, what the course says, or a sign of life."""
        if self._ledger is not None and self.state is not State.RUNNING:
            if not self.paused:
                return Adopt()
            self._unseen = self._adopt(None, at) is None
        if self.account.mark_due(at, bool(self.central)):
            return PrintMark()
        leave = self.allowance.leave(self.account.pause.what, at)
        if self.state is not State.RUNNING or leave is Leave.NOTHING:
            self.window.waits(self.stream.label, False)
            return None
        if self._unseen:
            return Adopt()
        central = bool(self.central) and self._retries.may_ask_central(at.steady)
        live, room = self._room()
        terms = Terms(leave, self.allowance.longest(self.stream.id), place, self.brings_little, proofs)
        job = self.course.next(at, live, room, central, terms)
        self.wants_place = job is None and not place
        self.window.waits(self.stream.label, self.course.blocked)
        if self._unasked and not (isinstance(job, jobs.Copy) and job.live) and not self.course.waiting:
            return Probe(at.source) if job is None else job
        return job

    def wakes_at(self, at: Instant) -> int | None:
        """Return when (ns of the steady clock) there may be something to do though nothing happens; None: never."""
        if self.command is not None:
            return None
        if not self._retries.may_ask_source(at.steady):
            return self._retries.wakes_at(at.steady)
        times = [self._retries.wakes_at(at.steady), self.account.mark_wakes_at()]
        if self.state is State.RUNNING:
            times += [self.course.wakes_at(at), self.allowance.wakes_at(at)]
        return min((time for time in times if time is not None and time > at.steady), default=None)

    # What became of it

    def done(self, outcome: Outcome, at: Instant) -> list[Attempt | HeldNews]:
        """Record the outcome of the command in hand; returns what is to be told of it."""
        self.command = None
        job, result = outcome.command.job, outcome.result
        news: list[Attempt | HeldNews] = []
        if isinstance(job, jobs.Recheck) and isinstance(result, Exception):
            self.course.sweep.rest(outcome.took, at.steady)
        if isinstance(job, jobs.Recheck) or (isinstance(job, jobs.Copy) and not job.live):
            points = result.read if isinstance(result, jobs.Swept) else outcome.stats.points
            self.allowance.read(self.stream.id, job.span, points, outcome.took, at.steady)
        if isinstance(job, Adopt) and not isinstance(result, SourceError):
            result = self._adopt(result if isinstance(result, Bucket) else None, at)
        if isinstance(result, SourceError):
            self._source_failed(job, result, at, outcome.stats.points > 0)
            news.append(attempt_of(outcome, at, result))
        elif isinstance(result, CentralError):
            self._central_failed(job, result, at)
        elif isinstance(result, NoRoom):
            if not isinstance(job, Sign):
                self.course.gave_up(job)
        else:
            if not isinstance(job, PrintMark):
                self._went_well(job)
            news += self._succeeded(outcome, at)
        self.account.settle_request()
        return news

    def _succeeded(self, outcome: Outcome, at: Instant) -> list[Attempt | HeldNews]:
        course, seconds = self.course, outcome.took / SECOND
        match outcome.command.job, outcome.result:
            case jobs.Copy() as job, jobs.Copied() as copied:
                course.copied(job, copied, at, seconds)
                if job.live:
                    self.brings_little = outcome.stats.points <= LITTLE
                else:
                    self.account.speed.copied(job.span, outcome.stats.points, seconds, at.steady)
                return [attempt_of(outcome, at)]
            case Probe(), _:
                return [attempt_of(outcome, at)]
            case jobs.Foresee(), int(ahead):
                course.foreseen(ahead)
            case jobs.Seek() as job, int() | None as found:
                course.sought(job, found, at)
            case jobs.Land() as job, int(there):
                course.counted(job, there)
            case jobs.Check(), list() as counted:
                course.checked(counted, seconds)
            case jobs.Prove() as job, jobs.Proved() as proved:
                course.proved_by(job, proved, at, seconds)
            case jobs.Compare() as job, jobs.Compared() as compared:
                course.compared(job, compared, at, seconds)
            case jobs.Recheck() as job, jobs.Swept() as swept:
                if not swept.equal and not job.empty:
                    text = "%s: central lacks points of [%s, %s), which were proved once: they are sent again"
                    self._notes.warning(text, self.stream.label, *map(utc, job.span))
                course.swept(job, swept, outcome.took, at)
            case jobs.Explain() as job, jobs.Explained(reason, kept):
                if kept is not None:  # it may keep points for less than it did: what it would not take is not held
                    self._central_bucket = kept
                    self.account.set_bounds(self._source_bucket, kept, self.ticked)
                    course.holds.forget(course.bounds.oldest)
                held = course.holds.by_field.get(job.field_key)
                points = held.points if held is not None else 0
                if course.holds.explain(job.field_key, reason):
                    return [HeldNews(self.stream, job.field_key, job.span, points, reason.text)]
        return []

    def _adopt(self, found: Bucket | None, at: Instant) -> PermanentError | None:
        """Begin with what the ledger says; returns why the stream cannot be copied, if so."""
        self._source_bucket = found or self._source_bucket
        if self._source_bucket is None and not self.paused:
            text = (
                "%s: its token may not see how bucket %s is kept: read in pieces of an hour, and time_to_loss unknown"
            )
            self._notes.info(text, self.stream.label, self.stream.bucket)
        try:
            if self._ledger is None:  # it was adopted while it was paused
                refuse_unfit(self.stream, self._source_bucket, self._central_bucket)
            else:
                self.account.begin(self._ledger, self._source_bucket, self._central_bucket, at)
        except PermanentError as error:
            return error
        self._ledger, self._unseen = None, False
        if self.account.redefined is not None:
            self._say_redefined(self.account.redefined)
            self.account.redefined = None
        if self._wanted:
            self.tick(at)
        return None

    # Failures

    def _source_failed(self, job: StreamJob, error: SourceError, at: Instant, begun: bool) -> None:
        failed = self._failed(job, error.summary, at, False, begun)
        self._unasked = self.brings_little = False  # whose fault it is shows when it is asked alone
        self.window.waits(self.stream.label, False)
        self._retries.source_failed(error, at.steady, failed.alone)

    def _central_failed(self, job: StreamJob, error: CentralError, at: Instant) -> None:
        """Record a failure of central: it shows in the log, and what lies behind the span goes on."""
        failed = self._failed(job, error.summary, at, True)
        self.brings_little = False
        self._retries.central_failed(error, at.steady, failed.alone)
        if self.uncompared.failed(Question.of(job), error.summary, at.steady):
            text = "%s: cannot be compared with central's bucket %s: %s; %s"
            self._notes.error(text, self.stream.label, self.stream.central_bucket, error.summary, error.hint)

    def _failed(self, job: StreamJob, reason: str, at: Instant, central: bool, begun: bool = False) -> jobs.Failed:
        if isinstance(job, Sign):
            return jobs.Failed(False, False)
        failed = self.course.failed(job, reason, at, central, begun)
        if failed.aside and not isinstance(job, jobs.Check):
            text = (
                "%s: [%s, %s) is set aside, since it fails again and again: %s; the rest goes on, it is tried ever less"
            )
            self._notes.error(text, self.stream.label, *map(utc, job.span), reason)
        return failed

    def _went_well(self, job: StreamJob) -> None:
        """Note who has answered."""
        if not isinstance(job, Adopt | jobs.Land | jobs.Explain):
            self.course.went_well(central=False)
            self._retries.source_answered()
            self._unasked = False
        if not isinstance(job, jobs.Copy | jobs.Seek | jobs.Foresee | Adopt | Probe):
            self.course.went_well(central=True)
            self._retries.central_answered()
            if self.uncompared.answered(Question.of(job)):
                self._notes.warning("%s: can be compared with central again", self.stream.label)

    # How it stands

    def progress(self, steady: int) -> Progress:
        """Return how it stood at the last tick; `steady`: now by the steady clock, ns."""
        uncompared, reason = self.uncompared.longest(steady)
        return replace(
            self.allowance.paced(self.account.progress(self.ticked, self.allowance.quiet_until(self.ticked))),
            uncompared=uncompared,
            uncompared_reason=reason,
            uncompared_total=self.uncompared.total,
        )

    def pending(self, steady: int) -> bool:
        """Say whether what the last tick asked for may yet be done, at `steady` (ns of the steady clock).

        A backlog is none of it, nor is what no room is left for: it is read as soon as there is some.
        """
        if self.state is not State.RUNNING and self.central is False:
            return False  # there is nothing to wait for: it is said, and the next tick comes
        return (self.course.waiting and self._retries.may_ask_source(steady)) or (
            self.command is not None and self.command.of_the_tick
        )
