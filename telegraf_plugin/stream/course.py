"""The course of one stream: what is proved, what is on its way, what to do next. Pure.

    work = [origin, now) − proved − legs

A leg goes: printed → its mark is back → both sides count alike (it has landed) → it settles → both sides' hashes are
equal → proved. Where counts differ a leg is dropped, and is work again; where that does not help, or hashes differ, it
is compared point by point and what is missing is printed again.

Live is what is younger than the lookback: there points may still come late. What is older is backlog.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.digest import Group
from telegraf_plugin.stream.jobs import Compare, Compared, Copied, Copy, Counted, Job, Prove, Proved, Recheck
from telegraf_plugin.stream.legs import Leg
from telegraf_plugin.stream.markbook import MarkBook
from telegraf_plugin.stream.plan import Bounds, Instant, Plan
from telegraf_plugin.stream.spans import BEGINNING, END, Span, Spans, span

SECOND = 1_000_000_000
OVERLAP = 15 * SECOND
"""How much (ns) a live read goes over again of the last one: agents flush late."""


class Course(Plan):
    """Decides for one stream. The caller asks `next` for a job, does it, and tells the outcome, one at a time."""

    def __init__(self, stream: StreamDefinition, book: MarkBook, sweep: float = 0.0) -> None:
        super().__init__(stream, book, sweep)
        self.extras = 0
        self.due = False  # a tick's live part is not done
        self._check_due = False
        self._tick = self._job_at = Instant(0, 0, 0)
        self._started_at: int | None = None
        self._printed = Spans()  # by this run
        self._again = Spans()  # what was printed and did not arrive
        self._doubts = Spans()  # what became doubtful while a job was under way
        self._comparing: Span | None = None  # what a Compare was asked for, until its outcome is known
        self._frontier = 0  # how far live data was read
        self._uneven = False  # counts differ for good: something cannot pass, or central has more

    def adopt(self, origin: int, proved: Spans, at: Instant) -> None:
        """Begin with what the ledger says, or anew. What a job brings that was under way does not count."""
        self.origin = origin + -origin % self.every
        self.legs.clear()
        self._again, self._arrived, self._doubts = Spans(), Spans(), span(BEGINNING, END)
        self.proved = proved.clip(stop=self._settled(at))
        self._started_at = None

    def doubt(self, spans: Spans, at: Instant) -> None:
        """Have `spans` compared again: somebody else's lines for them have landed."""
        # Whole windows of an aggregate: another definition's spans may end within one.
        spans = Spans.of((start - start % self.every, stop + -stop % self.every) for start, stop in spans)
        self._doubts += spans
        settles = at.safe + self.stream.lookback
        for leg in self.legs:
            if spans & span(*leg.span):
                leg.settles, leg.digest = max(leg.settles, settles), None
        spans = spans & self.proved
        self.proved -= spans
        for part in spans:
            for start, stop in self.pieces(part):
                self.legs.put(Leg(start, stop, None, settles, landed=True))

    def request(self, spans: Spans, repair: bool, at: Instant) -> None:
        """Have `spans` copied where they are not proved, and for a `repair` compared where they are."""
        whole = ((start - start % self.every, stop + -stop % self.every) for start, stop in spans)
        self.requested = Spans.of(whole).clip(stop=self._ends(at)[0])
        if repair:
            self.doubt(self.requested, at)

    # Planning

    def tick(self, at: Instant) -> None:
        """Begin a tick: late points are looked for, and what is new is due."""
        self._tick = at
        self.due = self._check_due = True
        now, live = self._ends(at)
        self.proved = self.proved.clip(stop=self._settled(at))
        self._arrived = (self._arrived + Spans.of(leg.span for leg in self.legs if self._is_here(leg))).clip(
            start=live - self.stream.lookback
        )
        newest_end = max((leg.stop for leg in self.legs if leg.stop <= now), default=now)
        # Once each: a tick in which nothing can be read must not cut off more.
        frontier = self._frontier = max(newest_end, self._frontier if self._frontier <= now else newest_end)
        overlap = min(OVERLAP, self.stream.lookback)
        overlap += -overlap % self.every
        self.legs.cut_away(span(max(frontier - overlap, live), END))
        self.legs.cut_away(span(BEGINNING, self._floor))
        self.holds.forget(self.bounds.oldest)
        self._again = self._again.clip(start=live - self.stream.lookback)

    def next(self, at: Instant, live_room: bool, room: bool, central: bool) -> Job | None:
        """Return the next job, None when there is none for now.

        `live_room`: there is room to print live data; `room`: a backlog as well; `central`: central answers.
        """
        self._doubts = Spans()
        self._job_at = at
        if not self.book.started or not self._tick.source:
            return None
        self._broken_off()
        self._have_left(at)
        if self.due:
            if self._check_due and central:
                self._check_due = False
                check = self._check(self._tick)
                if check is not None:
                    return check
            live = self._live(self._tick) if live_room else None
            if live is not None:
                return self._printing(live)
            self.due = False
        if central:
            compare = self._compare() if live_room else None
            self._comparing = compare.span if compare is not None else None
            job = compare or self._prove(at)
            if job is not None:
                return job
            held = self.holds.due(at.steady, self.book.is_back)
            if held is not None and room:
                return Compare(held[1], held[0])
        # What is new since the tick is the next tick's.
        backlog = self._backlog(self._tick) if room else None
        if backlog is not None:
            return self._printing(backlog)
        return self._sweep(at) if central else None

    def _broken_off(self) -> None:
        """Have what a Compare printed that failed half way leave the buffer before its span is looked at again."""
        if self._comparing is not None:
            self._printed += span(*self._comparing)
            for leg in self.legs.within(self._comparing):
                leg.mark = max(self.book.on_their_way, default=leg.mark)
                leg.repeated = True
            self._comparing = None

    def _have_left(self, at: Instant) -> None:
        """Take note of whose lines have left the buffer: from now on a request can be late that holds older ones."""
        if self._started_at is None:
            self._started_at = at.safe
        for leg in self.legs:
            if leg.repeated and self.book.is_back(leg.mark):
                leg.settles, leg.repeated = max(leg.settles, at.safe + self.stream.lookback), False

    def _printing(self, job: Copy) -> Copy:
        """Take note that lines of a span are about to be printed, and say whether some were before."""
        again = bool(self._printed & span(*job.span))
        self._printed += span(*job.span)
        return replace(job, again=again)

    # Outcomes

    def copied(self, job: Copy, outcome: Copied, at: Instant) -> None:
        """Take a span that was copied whole."""
        if self._overtaken(job.span):
            return
        settles = job.span[1] + self.stream.lookback
        digest = outcome.digest if self._job_at.safe >= settles else None
        early = self._started_at is None or at.safe < self._started_at + self.stream.lookback
        # A request that a killed program left behind, or a line printed before, can land late and over a newer one.
        repeated = outcome.mark is not None and (early or job.live or job.again)
        resent = bool(self._again & span(*job.span))
        leg = Leg(*job.span, outcome.mark, settles, digest, resent=resent, repeated=repeated)
        leg.landed = not outcome.points_read
        self.legs.put(leg)

    def checked(self, outcomes: Iterable[Counted]) -> None:
        """Take what both sides counted."""
        for outcome in outcomes:
            inside = [leg for leg in self.legs.within(outcome.span) if span(*outcome.span).covers(leg.span)]
            exact = [leg for leg in inside if leg.span == outcome.span]
            if outcome.equal:
                self._uneven = self._uneven and not outcome.source
                for leg in inside:
                    leg.landed = True
                    leg.seen = outcome.source if exact else -1
            elif exact:
                self._unequal(exact[0], outcome.source)

    def _unequal(self, leg: Leg, source: int) -> None:
        if leg.landed and self._uneven and leg.seen in (-1, source):
            leg.seen = source  # as it was
        elif not leg.landed and (leg.resent or self._uneven):
            leg.suspect = True  # to send it again did not help
            self._arrived -= span(*leg.span)
        else:
            self._again += span(*leg.span)
            self._arrived -= span(*leg.span)
            self.legs.cut_away(span(*leg.span))

    def proved_by(self, job: Prove, outcome: Proved) -> None:
        """Take the comparison of both sides' hashes."""
        if self._overtaken(job.span):
            return
        if outcome.equal:
            self._prove_span(job.span, outcome.left_out)
        else:
            missed = frozenset(group for leg in self.legs.within(job.span) for group in leg.missed)
            self._arrived -= span(*job.span)
            self.legs.put(Leg(*job.span, None, 0, suspect=True, missed=missed))

    def compared(self, job: Compare, outcome: Compared, at: Instant) -> list[Group]:
        """Take the comparison point by point. Returns what central goes on refusing and is held from now on."""
        self._comparing = None
        if self._overtaken(job.span):
            return []
        if job.group is not None:
            self.holds.tried(job.group, job.span, outcome.missing.get(job.group, 0), outcome.mark, at.steady)
            return []
        legs = self.legs.within(job.span)
        settled = all(leg.settles <= self._job_at.safe for leg in legs)
        refused = [group for group in outcome.missing if any(group in leg.missed for leg in legs)]
        for group in refused:
            self.holds.hold(group, job.span, outcome.missing[group], at.steady)
        live = job.span[1] + self.stream.lookback > self._job_at.safe
        if outcome.missing:
            self._printed += span(*job.span)
            missed = frozenset(outcome.missing) - set(refused)
            leg = Leg(*job.span, outcome.mark, job.span[1] + self.stream.lookback, repeated=True)
            leg.landed, leg.suspect, leg.missed = not missed, live and bool(missed), missed
            self.legs.put(leg)
        elif settled and not live:
            self.extras += outcome.extras
            self._prove_span(job.span, outcome.left_out)
        else:
            settles = max([job.span[1] + self.stream.lookback, *(leg.settles for leg in legs)])
            self.legs.put(Leg(*job.span, None, settles, landed=True, seen=outcome.points_read))
        self._uneven = self._uneven or live
        return refused

    def swept(self, job: Recheck, equal: bool, took: int, at: Instant) -> None:
        """Take the outcome of a piece of the sweep, which took so long (ns): what lacks something is work again."""
        self.sweep.done(job.span, equal, took, at.steady)
        if not equal and not self._overtaken(job.span):
            self.doubt(span(*job.span), at)
            for leg in self.legs.within(job.span):
                leg.settles, leg.suspect = 0, True
                self._arrived -= span(*leg.span)

    def _overtaken(self, whole: Span) -> bool:
        """Say whether somebody else's lines landed in `whole` while the job was under way: it says nothing then."""
        return bool(self._doubts & span(*whole))

    def _prove_span(self, whole: Span, left_out: Mapping[Group, int]) -> None:
        for group, points in left_out.items():
            self.holds.left_out(group, whole, points)
        self.legs.cut_away(span(*whole))
        self.proved += span(*whole)


__all__ = ["Bounds", "Course", "Instant"]
