"""What a stream's course makes of a job that failed, or was given up for lack of room. Pure.

The one rule of progress: any failure makes the span smaller, success larger (docs/decisions/0038). What fails is put
off, and what lies behind it goes on.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from telegraf_plugin.stream.backoff import Backoff
from telegraf_plugin.stream.block import FieldKey
from telegraf_plugin.stream.clocks import Instant
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.jobs import (
    Check,
    Compare,
    Copy,
    Explain,
    Failed,
    Job,
    Land,
    Prove,
    Recheck,
    Seek,
)
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.markbook import MarkBook
from telegraf_plugin.stream.pace import Pace
from telegraf_plugin.stream.pending import Event
from telegraf_plugin.stream.plan import Plan
from telegraf_plugin.stream.quarantine import SMALLEST, Quarantine
from telegraf_plugin.stream.spans import Span, Spans
from telegraf_plugin.stream.units import SECOND

SEARCHES = Backoff(30 * SECOND, 3600 * SECOND)
"""After how long (ns) a stream's first point is looked for again."""
MANY_FAILURES = 5
"""After so many failures in a row less is asked for, whatever else goes well."""


class Failures(Plan):
    """Takes the failure of each job, whoever failed."""

    def __init__(self, stream: StreamDefinition, book: MarkBook, sweep: float = 0.0) -> None:
        super().__init__(stream, book, sweep)
        self._well = {False: False, True: False}  # source, central: whether a job went well since the last failure
        self._failures = 0  # in a row
        self._counts_slowly = False  # the last count took its time
        self._count_failed = False  # counting is not the first thing that is asked for next
        # A job was given up for lack of room, and no mark has come back since; `_full_live`: one with all of the room.
        self._full = self._full_live = False
        self._full_since: MarkId | None = None
        self._search_at = 0
        self._searches = 0  # for the first point, in vain

    def went_well(self, central: bool) -> None:
        """Record that the source, or `central`, has answered a job."""
        self._well[central] = True
        self._failures = 0

    def failed(self, job: Job, reason: str, at: Instant, central: bool, begun: bool = False) -> Failed:
        """Record that a job failed, at the source or in `central`; `begun`: part of what it asked for came."""
        lasting, self._well[central] = self._well[central], False
        self._failures += 1
        alone, aside = lasting and not (isinstance(job, Copy) and job.live), False
        if isinstance(job, Explain):
            self.holds.explain(job.field_key, None)
        elif isinstance(job, Copy):
            pace = self.live_pace if job.live else self.pace
            aside = self._put_off(job.span, self.unread, pace, reason, at, lasting, begun)
        elif isinstance(job, Prove | Compare):
            if isinstance(job, Compare) and job.field_key is not None:
                self._held_failed(job.field_key, job.span, at)
            else:
                self._proofs_fail = True
            if isinstance(job, Prove) and job.empty:
                self._not_empty(job.span)
            aside = self._put_off(job.span, self.unproved, self.proof_pace, reason, at, lasting, begun)
        elif isinstance(job, Seek):
            self._empty_copies = 0
            if job.origin:
                self._search_later(at)
        elif isinstance(job, Land | Check):
            self._counts_slowly = True  # as far as is known
            self._not_counted([job.span] if isinstance(job, Land) else chain(*job.pieces))
            if isinstance(job, Land):
                self._forget_points(job.span)
        elif isinstance(job, Recheck):
            self.sweep.failed()
            if not job.empty:  # else it is gone over by the hour
                aside = self._put_off(job.span, self.unswept, self.sweep_pace, reason, at, lasting, begun)
        return Failed(alone, aside)

    def _put_off(
        self, whole: Span, quarantine: Quarantine, pace: Pace, reason: str, at: Instant, lasting: bool, begun: bool
    ) -> bool:
        """Leave `whole` alone for a while, and ask for less; returns whether it is set aside from now on.

        A server that is away says nothing of the span; one that failed alone, or half way, was too much.
        """
        smaller = begun or (lasting and quarantine.knows(whole))
        if smaller or self._failures >= MANY_FAILURES:
            pace.smaller(SMALLEST)
        return (lasting or begun) and quarantine.failed(whole, reason, at.steady, lasting, smaller)

    def _held_failed(self, field_key: FieldKey, whole: Span, at: Instant) -> None:
        """Try less of what is held, or when less does not help what is older."""
        if self.unproved.cuts(whole):
            self.holds.failed(field_key, at.steady)
        else:
            self.holds.put_off(field_key, whole, at.steady)

    def gave_up(self, job: Job) -> None:
        """Record that a job was given up for lack of room: what was printed of it counts as printed, no more.

        A backlog has its share of the room; that it is full says nothing of what is left for live data.
        """
        self._full_since = self.book.base
        self._full = True
        self._full_live = self._full_live or not isinstance(job, Copy) or job.live
        if isinstance(job, Copy):
            (self.live_pace if job.live else self.pace).smaller()
        elif isinstance(job, Compare):
            self.proof_pace.smaller()

    def _search_later(self, at: Instant) -> None:
        self._searches += 1
        self._search_at = at.steady + int(SEARCHES.after(self._searches))

    def _not_counted(self, spans: Iterable[Span]) -> None:
        """Have others their turn first, and what was not counted since it was printed not called arrived."""
        self._count_failed = True
        parts = (part for whole in spans for part in self.pending.within(whole) if not part.landed)
        self._arrived -= Spans.of(part.span for part in parts)

    def _forget_points(self, whole: Span) -> None:
        """See that central is not asked for that number again: the next tick counts both sides."""
        for part in self.pending.within(whole):
            part.points = None

    def _not_empty(self, whole: Span) -> None:
        """Have `whole` proved piece by piece: it is not empty on both sides."""
        for part in self.pending.carve(whole):
            self.pending.happen(part, Event.NOT_EMPTY)
            part.digest = None
