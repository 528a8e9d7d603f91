"""One stream of a worker: its account, its gate, and when it may be tried again after a failure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from telegraf_plugin.errors import CentralError, PermanentError, SourceError
from telegraf_plugin.gate import Gate
from telegraf_plugin.influxdb.client import Bucket
from telegraf_plugin.stream.account import Account, Origin, Progress, State
from telegraf_plugin.stream.backoff import Backoff
from telegraf_plugin.stream.course import Bounds, Instant
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.jobs import Compare, Copy, Explain, Foresee, Job, Land, Prove, Recheck, Seek
from telegraf_plugin.stream.ledger import Believed, MarkId
from telegraf_plugin.stream.retry import retry_delay
from telegraf_plugin.stream.spans import BEGINNING
from telegraf_plugin.stream.uncompared import Question, Uncompared
from telegraf_plugin.stream.units import HOUR, SECOND

CENTRAL_RETRIES = Backoff(1.0, 15.0)
"""Seconds after which central is asked again."""
RETENTION_MARGIN = 60 * SECOND
"""In ns: what is about to be too old would be refused by the time it arrives."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a stream's ledger: the mark that is believed, the mirrored origin, and the marks there were."""

    believed: Believed | None
    mirror: Origin | None
    known: Iterable[MarkId]


class Task(Enum):
    """What there is to do for a stream beside its course's jobs."""

    ADOPT = auto()
    MARK = auto()
    PROBE = auto()
    """Ask the source for anything: there was nothing to be read, and it must answer all the same."""


@dataclass(slots=True)
class Lane:
    """A stream of a worker; guarded by the worker's lock.

    `ledger`: what central says, to be adopted. `central`: the landing bucket answers, None while it was not asked.
    `busy`: a thread works on it, on `job`.
    `retry_at`, `not_before`: time.monotonic() before which it is not tried but at a tick, or not at all; `central_at`
    likewise for what central must answer. `uncompared`: which questions to central fail. `unasked`: the source was not
    asked for anything in this tick.
    `wanted`: there was a tick.
    `asleep_until`: there is nothing to do before then, unless something happens: to look costs more than one thinks.
    """

    account: Account
    gate: Gate
    ledger: Reading | None = None
    central: bool | None = None
    busy: bool = False
    retry_at: float = 0.0
    not_before: float = 0.0
    central_at: float = 0.0
    failures: int = 0
    central_failures: int = 0
    uncompared: Uncompared = field(default_factory=Uncompared)
    job: Task | Job | None = None
    unasked: bool = False
    asleep_until: float = 0.0
    wanted: bool = False
    source_bucket: Bucket | None = None
    central_bucket: Bucket | None = None
    ticked: Instant = field(default_factory=lambda: Instant(0, 0, 0))

    @property
    def stream(self) -> StreamDefinition:
        """What it copies."""
        return self.account.stream

    def set_bounds(self, at: Instant) -> None:
        """Tell the course what the buckets on both sides set at this time."""
        here, there = self.source_bucket, self.central_bucket
        groups = {bucket.shard_group for bucket in (here, there) if bucket is not None}
        oldest = at.source - there.retention + RETENTION_MARGIN if there is not None and there.retention else BEGINNING
        lost = expires = BEGINNING
        if here is not None and here.retention:
            lost = at.source - here.retention
            # A tenth of the retention, a day at the most, is the time to save what is about to be lost.
            expires = lost + min(here.retention // 10, 24 * HOUR)
        course = self.account.course
        course.bounds = Bounds(frozenset(groups or {HOUR}), oldest, expires, lost)
        course.kept = min((b.retention for b in (here, there) if b is not None and b.retention), default=None)
        if there is not None and there.retention:
            self.account.renew = min(self.account.renew, there.retention // 4)

    def refuse_unfit(self) -> None:
        """Raise PermanentError for an aggregate whose windows cannot lie within a shard group."""
        aggregate = self.stream.aggregate
        groups = [bucket.shard_group for bucket in (self.source_bucket, self.central_bucket) if bucket is not None]
        if aggregate is not None and groups and aggregate.every > min(groups):
            summary = f"aggregate.every is longer than the bucket's shard groups ({min(groups) // SECOND} s)"
            raise PermanentError(summary, "make every shorter, or the bucket's shard group duration longer")

    def begin(self, at: Instant) -> tuple[int, bool]:
        """Return where a stream of which there is no ledger begins (Unix ns), and whether that is provisional.

        What the source does not keep is not asked for. Where the source's first point counts, live data goes ahead and
        the point is looked for meanwhile.
        """
        start, here = self.stream.start, self.source_bucket
        if start.ago is None and start.date is None:
            return at.safe - self.stream.lookback, True
        begin = start.date if start.date is not None else at.safe - (start.ago or 0)
        kept = at.safe - here.retention if here is not None and here.retention else BEGINNING
        return max(begin, kept), False

    def tick(self, at: Instant, now: float) -> None:
        """Begin a tick at `now` (time.monotonic())."""
        self.ticked, self.asleep_until = at, 0.0
        if self.not_before <= now:
            self.retry_at = 0.0
            self.unasked = True
            self.set_bounds(at)
            self.account.course.tick(at)

    def failed(self, error: SourceError, now: float, alone: bool = False) -> None:
        """Take a failure of the source at `now` (time.monotonic()): when is it tried again.

        `alone`: other questions were answered, so that the next one may be asked at once.
        """
        self.failures += 1
        self.unasked = False
        if alone and not error.retry_after:
            return
        delay = retry_delay(self.failures, error)
        self.retry_at = now + delay if delay is not None else float("inf")
        if error.retry_after:
            self.not_before = self.retry_at

    def central_failed(self, question: Question, error: CentralError, steady: int, alone: bool = False) -> bool:
        """Take a failure of central: it is asked again after a while, longer each time. Returns whether it is news.

        `steady`: time.monotonic_ns(); `alone`: as of `failed`. Central may ask for a longer while.
        """
        self.central_failures += 1
        delay = 0.0 if alone else CENTRAL_RETRIES.after(self.central_failures)
        self.central_at = steady / SECOND + max(delay, error.retry_after or 0.0)
        return self.uncompared.failed(question, error.summary, steady)

    def done(self, source: bool, central: Question | None) -> bool:
        """Take note that the source has answered well, or central a question.

        Returns whether some question had failed before, and none does any more.
        """
        again = central is not None and self.uncompared.answered(central)
        if source:
            self.failures, self.not_before, self.unasked = 0, 0.0, False
        if central is not None:
            self.central_failures, self.central_at = 0, 0.0
        return again

    def progress(self, steady: int) -> Progress:
        """Return how its stream stood at the last tick; `steady`: now by the steady clock, ns."""
        uncompared, reason = self.uncompared.longest(steady)
        return replace(
            self.account.progress(self.ticked),
            uncompared=uncompared,
            uncompared_reason=reason,
            uncompared_total=self.uncompared.total,
        )

    def pending(self, now: float) -> bool:
        """Say whether what the last tick asked for may yet be done, at `now` (time.monotonic()).

        A backlog is none of it, nor is what no room is left for: it is read as soon as there is some.
        """
        course = self.account.course
        if self.account.state is not State.RUNNING and self.central is False:
            return False  # there is nothing to wait for: it is said, and the next tick comes
        return (course.waiting and max(self.not_before, self.retry_at) <= now) or (self.busy and self._is_of_the_tick())

    def _is_of_the_tick(self) -> bool:
        job = self.job
        return not isinstance(job, Land | Prove | Compare | Recheck | Explain | Seek | Foresee) and not (
            isinstance(job, Copy) and not job.live
        )

    def may_work(self, now: float) -> bool:
        """Say whether it may be worked on at `now` (time.monotonic())."""
        return not self.busy and max(self.not_before, self.retry_at, self.asleep_until) <= now
