"""One stream of a worker: its account, its gate, and when it may be tried again after a failure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from telegraf_plugin.errors import PermanentError, SourceError, TransientError
from telegraf_plugin.gate import Gate
from telegraf_plugin.influxdb.client import Bucket
from telegraf_plugin.stream.account import Account, Origin, State
from telegraf_plugin.stream.course import Bounds, Instant
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.ledger import Believed, MarkId
from telegraf_plugin.stream.retry import LONGEST_DELAY, retry_delay
from telegraf_plugin.stream.spans import BEGINNING
from telegraf_plugin.stream.windows import HOUR

SECOND = 1_000_000_000
RETENTION_MARGIN = 60 * SECOND
"""In ns: what is about to be too old would be refused by the time it arrives."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a stream's ledger: the mark that is believed, the mirrored origin, and the marks there were."""

    believed: Believed | None
    mirror: Origin | None
    known: Iterable[MarkId]


@dataclass(slots=True)
class Lane:
    """A stream of a worker; guarded by the worker's lock.

    `ledger`: what central says, to be adopted. `central`: the landing bucket answers, None while
    it was not asked. `busy`: a thread works on it.
    `retry_at`, `not_before`: time.monotonic() before which it is not tried but at a tick, or not at all; `central_at`
    likewise for what central must answer. `unasked`: the source was not asked for anything in this tick. `wanted`:
    there was a tick. `asleep_until`: there is nothing to do before then, unless something happens: to look costs more
    than one thinks.
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
        oldest = at.clock - there.retention + RETENTION_MARGIN if there is not None and there.retention else BEGINNING
        # A tenth of the retention, a day at the most, is the time to save what is about to be lost.
        margin = min(here.retention // 10, 24 * HOUR) if here is not None else 0
        lost = at.source - here.retention if here is not None and here.retention else BEGINNING
        expires = lost + margin if lost > BEGINNING else BEGINNING
        self.account.course.bounds = Bounds(frozenset(groups or {HOUR}), oldest, expires, lost)
        if there is not None and there.retention:
            self.account.renew = min(self.account.renew, there.retention // 4)

    def refuse_unfit(self) -> None:
        """Raise PermanentError for an aggregate whose windows cannot lie within a shard group."""
        aggregate = self.stream.aggregate
        groups = [bucket.shard_group for bucket in (self.source_bucket, self.central_bucket) if bucket is not None]
        if aggregate is not None and groups and aggregate.every > min(groups):
            summary = f"aggregate.every is longer than the bucket's shard groups ({min(groups) // SECOND} s)"
            raise PermanentError(summary, "make every shorter, or the bucket's shard group duration longer")

    def tick(self, at: Instant, now: float) -> None:
        """Begin a tick at `now` (time.monotonic())."""
        self.ticked, self.asleep_until = at, 0.0
        if self.not_before <= now:
            self.retry_at = 0.0
            self.unasked = True
            self.set_bounds(at)
            self.account.course.tick(at)

    def failed(self, error: SourceError, now: float) -> None:
        """Take a failure of the source at `now` (time.monotonic()): when is it tried again."""
        self.failures += 1
        self.unasked = False
        delay = retry_delay(self.failures, error)
        self.retry_at = now + delay if delay is not None else float("inf")
        if isinstance(error, TransientError) and error.retry_after:
            self.not_before = self.retry_at

    def central_failed(self, now: float) -> None:
        """Take a failure of central: it is asked again after a while, longer each time."""
        self.central_failures += 1
        self.central_at = now + min(0.5 * 2.0 ** min(self.central_failures, 10), LONGEST_DELAY)

    def done(self, source: bool, central: bool) -> None:
        """Take note that the source, or central, has answered well."""
        if source:
            self.failures, self.not_before, self.unasked = 0, 0.0, False
        if central:
            self.central_failures, self.central_at = 0, 0.0

    def pending(self, now: float) -> bool:
        """Say whether what the last tick asked for may yet be done, at `now` (time.monotonic())."""
        if self.account.state is not State.RUNNING and self.central is False:
            return False  # there is nothing to wait for: it is said, and the next tick comes
        return self.busy or (self.account.course.due and max(self.not_before, self.retry_at) <= now)

    def may_work(self, now: float) -> bool:
        """Say whether it may be worked on at `now` (time.monotonic())."""
        return not self.busy and max(self.not_before, self.retry_at, self.asleep_until) <= now
