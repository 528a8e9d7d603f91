"""What a stream's course makes of the outcome of each job: success, failure, and giving up for lack of room. Pure.

A leg goes: printed → its mark is back → as many points are there as were printed (it has landed) → it settles → both
sides' hashes are equal → proved. Where counts differ a leg is dropped, and is work again; where that does not help, or
hashes differ, it is compared point by point and what is missing is printed again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain

from telegraf_plugin.stream.clocks import Instant, ProofClock
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.digest import Digest, Group
from telegraf_plugin.stream.jobs import (
    Check,
    Compare,
    Compared,
    Copied,
    Copy,
    Counted,
    Explain,
    Failed,
    Job,
    Land,
    Prove,
    Proved,
    Recheck,
    Seek,
    Swept,
)
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.legs import Leg
from telegraf_plugin.stream.markbook import MarkBook
from telegraf_plugin.stream.pace import Pace
from telegraf_plugin.stream.plan import Plan
from telegraf_plugin.stream.quarantine import SMALLEST, Quarantine
from telegraf_plugin.stream.spans import Span, Spans, span
from telegraf_plugin.stream.units import SECOND

FIRST_SEARCH = 30 * SECOND
"""After how long (ns) a stream's first point is looked for again; each further time after twice as long."""
LONGEST_SEARCH = 3600 * SECOND
FIRST_FORESIGHT = 600 * SECOND
"""How long (ns) after a start the points of the future are counted first: other things come first."""
FORESIGHT = 3600 * SECOND
"""How often (ns) the points of the future are counted."""
PROMPT_SECONDS = 1.0
"""What a count may take to go before live data."""
MANY_FAILURES = 5
"""After so many failures in a row less is asked for, whatever else goes well."""


class Outcomes(Plan):
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
        self._doubts = Spans()  # what became doubtful while a job was under way
        self._comparing: Span | None = None  # what a Compare was asked for, until its outcome is known
        self._proof_clock = ProofClock()
        self._well = {False: False, True: False}  # source, central: whether a job went well since the last failure
        self._failures = 0  # in a row
        self._counts_slowly = False  # the last count took its time
        self._count_failed = False  # counting is not the first thing that is asked for next
        self._full = False  # a job was given up for lack of room, and no mark has come back since
        self._full_since: MarkId | None = None
        self._search_at = 0
        self._search_wait = FIRST_SEARCH

    # Whatever the job was

    def went_well(self, central: bool) -> None:
        """Record that the source, or `central`, has answered a job."""
        self._well[central] = True
        self._failures = 0

    def failed(self, job: Job, reason: str, at: Instant, central: bool, begun: bool = False) -> Failed:
        """Record that a job failed, at the source or in `central`; `begun`: part of what it asked for came."""
        lasting, self._well[central] = self._well[central], False
        self._failures += 1
        alone, aside = lasting and not (isinstance(job, Copy) and job.live), False
        if isinstance(job, Compare) and job.group is not None:
            smallest = max(SMALLEST, self.every)
            if job.span[1] - job.span[0] <= smallest:
                self.holds.put_off(job.group, job.span, at.steady)
            else:
                self.holds.failed(job.group, at.steady)
            aside = self._put_off(job.span, self.unproved, self.proof_pace, reason, at, lasting, begun)
        elif isinstance(job, Explain):
            self.holds.explain(job.group, None)
        elif isinstance(job, Copy):
            pace = self.live_pace if job.live else self.pace
            aside = self._put_off(job.span, self.unread, pace, reason, at, lasting, begun)
        elif isinstance(job, Prove | Compare):
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

    def gave_up(self, job: Job) -> None:
        """Record that a job was given up for lack of room: what was printed of it counts as printed, no more."""
        self._full_since = self.book.base
        self._full = True
        if isinstance(job, Copy):
            (self.live_pace if job.live else self.pace).smaller()
        elif isinstance(job, Compare):
            self.proof_pace.smaller()

    # Copies

    def copied(self, job: Copy, outcome: Copied, at: Instant, seconds: float = 0.0) -> None:
        """Take a span that was copied whole, in so many seconds."""
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
        resent = bool(self._again & span(*job.span))
        leg = Leg(*job.span, outcome.mark, settles, digest, outcome.points_printed, resent, repeated=repeated)
        leg.landed = not outcome.points_read
        self.legs.put(leg)

    def sought(self, job: Seek, found: int | None, at: Instant) -> None:
        """Take where the source has its newest point of a span (or its first one), None: nowhere."""
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
            self.legs.put(Leg(start, job.span[1], None, settles, Digest(), landed=True, empty=True))

    def _search_later(self, at: Instant) -> None:
        self._search_at = at.steady + self._search_wait
        self._search_wait = min(self._search_wait * 2, LONGEST_SEARCH)

    def foreseen(self, points: int) -> None:
        """Take how many points the source has whose time has not come."""
        self.future = points

    # Counts

    def counted(self, job: Land, there: int) -> None:
        """Take how many points central has of what was printed: as many have landed, else none has arrived for sure."""
        for leg in self.legs.within(job.span):
            if leg.span == job.span and leg.points == job.points:
                leg.landed = leg.landed or there == job.points
                if not leg.landed:
                    self._arrived -= span(*leg.span)
        self._forget_points(job.span)

    def _not_counted(self, spans: Iterable[Span]) -> None:
        """Have others their turn first, and what was not counted since it was printed not called arrived."""
        self._count_failed = True
        legs = (leg for whole in spans for leg in self.legs.within(whole) if not leg.landed)
        self._arrived -= Spans.of(leg.span for leg in legs)

    def _forget_points(self, whole: Span) -> None:
        """See that central is not asked for that number again: the next tick counts both sides."""
        for leg in self.legs.within(whole):
            leg.points = None

    def checked(self, outcomes: Iterable[Counted], seconds: float = 0.0) -> None:
        """Take what both sides counted, in so many seconds."""
        self._counts_slowly = seconds > PROMPT_SECONDS
        for outcome in outcomes:
            exact = [leg for leg in self.legs.within(outcome.span) if leg.span == outcome.span]
            if outcome.equal:
                self._uneven = self._uneven and not outcome.source
                for leg in self.legs.carve(outcome.span):
                    leg.landed, leg.inherited, leg.points = True, False, None
                    leg.seen = outcome.source if exact else -1
            else:
                legs = self.legs.carve(outcome.span)
                if len(legs) == 1:
                    self._unequal(legs[0], outcome.source)

    def _unequal(self, leg: Leg, source: int) -> None:
        leg.points = None
        if leg.landed and self._uneven and leg.seen in (-1, source):
            leg.seen = source  # as it was
        elif not leg.landed and (leg.resent or self._uneven):
            leg.suspect, leg.inherited = True, False  # to send it again did not help
            self._arrived -= span(*leg.span)
        else:
            self._again += span(*leg.span)
            self._arrived -= span(*leg.span)
            self.legs.cut_away(span(*leg.span))

    # Proofs

    def proved_by(self, job: Prove, outcome: Proved, at: Instant, seconds: float = 0.0) -> None:
        """Take the comparison of both sides' hashes."""
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
            missed = frozenset(group for leg in self.legs.within(job.span) for group in leg.missed)
            self._arrived -= span(*job.span)
            self.legs.put(Leg(*job.span, None, 0, suspect=True, missed=missed))

    def _not_empty(self, whole: Span) -> None:
        """Have `whole` proved piece by piece: it is not empty on both sides."""
        for leg in self.legs.carve(whole):
            leg.empty, leg.digest = False, None

    def compared(self, job: Compare, outcome: Compared, at: Instant, seconds: float = 0.0) -> list[tuple[Group, Span]]:
        """Take the comparison point by point. Returns what central goes on lacking, held from now on, and where."""
        self._comparing = None
        self.unproved.passed(job.span)
        self.proof_pace.done(job.span[1] - job.span[0], seconds)
        if self._overtaken(job.span):
            return []
        if job.group is not None:
            missing, where = outcome.missing.get(job.group, 0), outcome.where.get(job.group)
            where = self._windows(where) if where is not None else None
            self.holds.tried(job.group, job.span, missing, outcome.mark, at.steady, where)
            return []
        legs = self.legs.carve(job.span)
        settled = all(leg.settles <= self._job_at.safe for leg in legs)
        live = job.span[1] + self.stream.lookback > self._job_at.safe
        known = {group for leg in legs for group in leg.missed}
        stuck = [group for group in outcome.missing if group in known]
        held = [] if live else [(group, outcome.where.get(group, job.span)) for group in stuck]
        for group, where in held:
            self.holds.hold(group, self._windows(where), outcome.missing[group], at.steady)
        if outcome.missing:
            self._printed += span(*job.span)
            fresh = frozenset(outcome.missing) - set(stuck)
            # What is live is never held: it is sent, and looked at once more when it has settled.
            missed = frozenset(outcome.missing) if live else fresh
            leg = Leg(*job.span, outcome.mark, job.span[1] + self.stream.lookback, repeated=True)
            leg.landed, leg.suspect, leg.missed = not missed, live and bool(fresh), missed
            self.legs.put(leg)
        elif settled and not live:
            self.extras += outcome.extras
            self._prove_span(job.span, outcome.left_out, at)
        else:
            settles = max([job.span[1] + self.stream.lookback, *(leg.settles for leg in legs)])
            self.legs.put(Leg(*job.span, None, settles, landed=True, seen=outcome.points_read))
        self._uneven = self._uneven or live
        return held

    def _windows(self, whole: Span) -> Span:
        """Return `whole` in whole windows of an aggregate."""
        return whole[0] - whole[0] % self.every, whole[1] + -whole[1] % self.every

    def swept(self, job: Recheck, outcome: Swept, took: int, at: Instant) -> None:
        """Take the outcome of a piece of the sweep, which took so long (ns): what lacks something is work again."""
        if self.unswept.aside.touches(job.span):
            self.sweep.looked_again(outcome.equal, took, at.steady)
        else:
            self.sweep.done(job.span, outcome.equal, took, at.steady, outcome.points)
        if not job.empty:
            self.unswept.passed(job.span)
            self.sweep_pace.done(job.span[1] - job.span[0], took / SECOND)
        if not outcome.equal and not job.empty and not self._overtaken(job.span):
            self.doubt(span(*job.span), at)
            for leg in self.legs.carve(job.span):
                leg.settles, leg.suspect = 0, True
                self._arrived -= span(*leg.span)

    def doubt(self, spans: Spans, at: Instant) -> None:
        """Have `spans` compared again: somebody else's lines for them have landed, or they were proved too early."""
        # Whole windows of an aggregate: another definition's spans may end within one.
        spans = Spans.of(map(self._windows, spans))
        self._doubts += spans
        settles = at.safe + self.stream.lookback
        for part in spans:
            for leg in self.legs.within(part):
                leg.settles, leg.digest, leg.empty = max(leg.settles, settles), None, False
        spans = spans & self.proved
        self.proved -= spans
        for start, stop in spans:
            self.legs.put(Leg(start, stop, None, settles, landed=True))

    def _overtaken(self, whole: Span) -> bool:
        """Say whether somebody else's lines landed in `whole` while the job was under way: it says nothing then."""
        return self._doubts.touches(whole)

    def _prove_span(self, whole: Span, left_out: Mapping[Group, int], at: Instant) -> None:
        for group, points in left_out.items():
            self.holds.left_out(group, whole, points)
        self.legs.cut_away(span(*whole))
        self.proved += span(*whole)
        self._proof_clock.proved(span(*whole), at)
