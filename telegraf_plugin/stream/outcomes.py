"""What a stream's course makes of the outcome of each job: success, failure, and giving up for lack of room. Pure.

What becomes of a pending span stands in one table (`pending.TRANSITIONS`). Where counts differ it is work again; where
that does not help, or hashes differ, it is compared point by point and what is missing is printed again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from telegraf_plugin.stream.block import FieldKey
from telegraf_plugin.stream.clocks import Instant, ProofClock
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.digest import Digest
from telegraf_plugin.stream.failures import Failures
from telegraf_plugin.stream.jobs import (
    Compare,
    Compared,
    Copied,
    Copy,
    Counted,
    Land,
    Prove,
    Proved,
    Recheck,
    Seek,
    Swept,
)
from telegraf_plugin.stream.markbook import MarkBook
from telegraf_plugin.stream.pending import Event, Gone, PendingSpan, PendingState, after, pending_after
from telegraf_plugin.stream.spans import Span, Spans, span
from telegraf_plugin.stream.units import SECOND

FIRST_FORESIGHT = 600 * SECOND
"""How long (ns) after a start the points of the future are counted first: other things come first."""
FORESIGHT = 3600 * SECOND
"""How often (ns) the points of the future are counted."""
PROMPT_SECONDS = 1.0
"""What a count may take to go before live data."""


class Outcomes(Failures):
    """Takes the outcome of each job, one at a time."""

    def __init__(self, stream: StreamDefinition, book: MarkBook, sweep: float = 0.0) -> None:
        super().__init__(stream, book, sweep)
        self.extras = 0
        self.future = 0  # points whose time has not come, when they were counted last
        self._foresee_at = 0
        self._job_at = Instant(0, 0, 0)
        self._started_at: int | None = None
        self._printed = Spans()  # by this run
        self._again = Spans()  # what was printed and did not arrive
        self._unlanded = Spans()  # where central has less than was printed, of what is in no way held
        self._doubts = Spans()  # what became doubtful while a job was under way
        self._comparing: Span | None = None  # what a Compare was asked for, until its outcome is known
        self._proof_clock = ProofClock()

    # Copies

    def copied(self, job: Copy, outcome: Copied, at: Instant, seconds: float = 0.0) -> None:
        """Record a span that was copied whole, in so many seconds."""
        self.unread.passed(job.span)
        (self.live_pace if job.live else self.pace).done(job.span[1] - job.span[0], seconds)
        if not job.live:
            self._empty_copies = 0 if outcome.points_read else self._empty_copies + 1
        if self._overtaken(job.span):
            return
        settles = job.span[1] + self.stream.lookback
        digest = outcome.digest if self._job_at.safe >= settles else None
        early = self._started_at is None or at.safe < self._started_at + self.stream.lookback
        # A request that a killed program left behind, or a line printed before, can land late and over a newer one.
        repeated = outcome.mark is not None and (early or job.live or job.again)
        event = Event.COPIED_AGAIN if self._again & span(*job.span) else Event.COPIED
        state = pending_after(Gone.WORK, event if outcome.points_read else Event.COPIED_NOTHING)
        self.pending.put(
            PendingSpan(
                *job.span,
                outcome.mark,
                settles,
                state,
                digest,
                outcome.points_printed,
                outcome.points_read,
                repeated=repeated,
            )
        )

    def sought(self, job: Seek, found: int | None, at: Instant) -> None:
        """Record where the source has its newest point of a span (or its first one), None: nowhere."""
        if job.origin:
            if found is None:
                self._search_later(at)
                return
            self.origin_open = False
            self.origin = min(self.origin, found - found % self.every)
            return
        self._empty_copies = 0
        start = job.span[0] if found is None else found + 1 + -(found + 1) % self.every
        if start < job.span[1]:
            settles = job.span[1] + self.stream.lookback
            empty = pending_after(Gone.WORK, Event.FOUND_EMPTY)
            self.pending.put(PendingSpan(start, job.span[1], None, settles, empty, Digest()))

    def foreseen(self, points: int) -> None:
        """Record how many points the source has whose time has not come."""
        self.future = points

    # Counts

    def counted(self, job: Land, there: int) -> None:
        """Note how many points central has of what was printed: as many have landed, else none has arrived for sure."""
        for part in self.pending.within(job.span):
            if part.span == job.span and part.points == job.points:
                if there == job.points:
                    self.pending.happen(part, Event.COUNTS_EQUAL)
                    # Of what the source had, all that can pass is there: that both sides count differently is known.
                    part.seen, part.uneven = part.read, part.held_back
                elif there < job.points and not self.holds.by_field:
                    self._unlanded += span(*part.span)
                if not part.landed:
                    self._arrived -= span(*part.span)
        self._forget_points(job.span)

    def checked(self, outcomes: Iterable[Counted], seconds: float = 0.0) -> None:
        """Record what both sides counted, in so many seconds."""
        self._counts_slowly = seconds > PROMPT_SECONDS
        for outcome in outcomes:
            exact = [part for part in self.pending.within(outcome.span) if part.span == outcome.span]
            if outcome.equal:
                self._uneven = self._uneven and not outcome.source
                for part in self.pending.carve(outcome.span):
                    self.pending.happen(part, Event.COUNTS_EQUAL)
                    part.points, part.uneven = None, False
                    part.seen = outcome.source if exact else -1
            else:
                parts = self.pending.carve(outcome.span)
                if len(parts) == 1:
                    self._unequal(parts[0], outcome.source)

    def _unequal(self, part: PendingSpan, source: int) -> None:
        if part.held_back and part.read == source:
            return  # as was to be expected: whether what could pass is there is counted next
        part.points = None
        if part.landed and (self._uneven or part.uneven) and part.seen in (-1, source):
            part.seen = source  # as it was
            return
        for_good = self._uneven and not part.landed
        event = Event.COUNTS_DIFFER_FOR_GOOD if for_good else Event.COUNTS_DIFFER
        self._arrived -= span(*part.span)
        if after(part.state, event) is Gone.WORK:
            self._again += span(*part.span)
        self.pending.happen(part, event)

    # Proofs

    def proved_by(self, job: Prove, outcome: Proved, at: Instant, seconds: float = 0.0) -> None:
        """Record the comparison of both sides' hashes."""
        self._proofs_fail = False
        self.unproved.passed(job.span)
        if not job.empty:
            self.proof_pace.done(job.span[1] - job.span[0], seconds)
        if self._overtaken(job.span):
            return
        if outcome.equal:
            self._prove_span(job.span, outcome.left_out, at)
        elif job.empty:
            self._not_empty(job.span)
        else:
            missed = frozenset(field_key for part in self.pending.within(job.span) for field_key in part.missed)
            self._arrived -= span(*job.span)
            suspect = pending_after(PendingState.LANDED, Event.DIFFERENT)
            self.pending.put(PendingSpan(*job.span, None, 0, suspect, missed=missed))

    def compared(self, job: Compare, outcome: Compared, at: Instant, seconds: float = 0.0) -> None:
        """Record the comparison point by point: what central goes on lacking is held from now on."""
        self._comparing, self._proofs_fail = None, False
        self.unproved.passed(job.span)
        self.proof_pace.done(job.span[1] - job.span[0], seconds)
        if self._overtaken(job.span):
            return
        if job.field_key is not None:
            missing, where = outcome.missing.get(job.field_key, 0), outcome.where.get(job.field_key)
            where = self._windows(where) if where is not None else None
            self.holds.tried(job.field_key, job.span, missing, outcome.mark, at.steady, where)
            return
        parts = self.pending.carve(job.span)
        settled = all(part.settles <= self._job_at.safe for part in parts)
        live = job.span[1] + self.stream.lookback > self._job_at.safe
        known = {field_key for part in parts for field_key in part.missed}
        stuck = [field_key for field_key in outcome.missing if field_key in known]
        for field_key in stuck if not live else ():
            where = self._windows(outcome.where.get(field_key, job.span))
            self.holds.hold(field_key, where, outcome.missing[field_key], at.steady)
        if outcome.missing:
            self._printed += span(*job.span)
            fresh = frozenset(outcome.missing) - set(stuck)
            # What is live is never held: it is sent, and looked at once more when it has settled.
            missed = frozenset(outcome.missing) if live else fresh
            event = Event.MISSING if missed else Event.MISSING_AGAIN
            state = pending_after(PendingState.SUSPECT, Event.MISSING_LIVE if live and fresh else event)
            settles = job.span[1] + self.stream.lookback
            self.pending.put(PendingSpan(*job.span, outcome.mark, settles, state, missed=missed, repeated=True))
        elif settled and not live:
            self.extras += outcome.extras
            self._prove_span(job.span, outcome.left_out, at)
        else:
            settles = max([job.span[1] + self.stream.lookback, *(part.settles for part in parts)])
            state = pending_after(PendingState.SUSPECT, Event.NOTHING_MISSING_YET)
            self.pending.put(PendingSpan(*job.span, None, settles, state, seen=outcome.points_read, uneven=True))
        self._uneven = self._uneven or live

    def _windows(self, whole: Span) -> Span:
        """Return `whole` in whole windows of an aggregate."""
        return whole[0] - whole[0] % self.every, whole[1] + -whole[1] % self.every

    def swept(self, job: Recheck, outcome: Swept, took: int, at: Instant) -> None:
        """Record the outcome of a piece of the sweep, which took so long (ns): what lacks something is work again."""
        if self.unswept.aside.touches(job.span):
            self.sweep.looked_again(outcome.equal, took, at.steady)
        else:
            self.sweep.done(job.span, outcome.equal, took, at.steady, outcome.points)
        if not job.empty:
            self.unswept.passed(job.span)
            self.sweep_pace.done(job.span[1] - job.span[0], took / SECOND)
        if not outcome.equal and not job.empty and not self._overtaken(job.span):
            self.invalidate(span(*job.span), at)
            for part in self.pending.carve(job.span):
                self.pending.happen(part, Event.DIFFERENT)
                part.settles = 0
                self._arrived -= span(*part.span)

    def invalidate(self, spans: Spans, at: Instant) -> None:
        """Have `spans` compared again: somebody else's lines for them have landed, or they were proved too early."""
        # Whole windows of an aggregate: another definition's spans may end within one.
        spans = Spans.of(map(self._windows, spans))
        self._doubts += spans
        settles = at.safe + self.stream.lookback
        for whole in spans:
            for part in self.pending.within(whole):
                self.pending.happen(part, Event.NOT_EMPTY)
                part.settles, part.digest = max(part.settles, settles), None
        spans = spans & self.proved
        self.proved -= spans
        for start, stop in spans:
            state = pending_after(Gone.PROVED, Event.INVALIDATED)
            self.pending.put(PendingSpan(start, stop, None, settles, state))

    def _overtaken(self, whole: Span) -> bool:
        """Say whether somebody else's lines landed in `whole` while the job was under way: it says nothing then."""
        return self._doubts.touches(whole)

    def _prove_span(self, whole: Span, left_out: Mapping[FieldKey, int], at: Instant) -> None:
        for field_key, points in left_out.items():
            self.holds.left_out(field_key, whole, points)
        self.pending.cut_away(span(*whole))
        self._unlanded -= span(*whole)
        self.proved += span(*whole)
        self._proof_clock.proved(span(*whole), at)
