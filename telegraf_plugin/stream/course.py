"""The course of one stream: what is proved, what is on its way, what to do next. Pure.

    work = [origin, now) − proved − pending

Live is what is younger than the lookback: there points may still come late. What is older is backlog. What is live
goes first, and is always sent; what fails is put off, and what lies behind it goes on.
"""

from __future__ import annotations

from dataclasses import replace

from telegraf_plugin.stream.clocks import Instant
from telegraf_plugin.stream.comparing import Comparing
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.gathering import Proofs
from telegraf_plugin.stream.jobs import Copy, Foresee, Job, Seek
from telegraf_plugin.stream.markbook import MarkBook
from telegraf_plugin.stream.outcomes import FIRST_FORESIGHT, FORESIGHT
from telegraf_plugin.stream.pending import Event, Gone, PendingSpan, PendingState, pending_after
from telegraf_plugin.stream.restraint import Leave
from telegraf_plugin.stream.spans import BEGINNING, END, NOTHING, Spans, span
from telegraf_plugin.stream.terms import ALONE, Terms
from telegraf_plugin.stream.units import SECOND

OVERLAP = 15 * SECOND
"""How much (ns) a live read goes over again of the last one: agents flush late."""


class Course(Comparing):
    """Decides for one stream. The caller asks `next` for a job, does it, and tells the outcome, one at a time."""

    def __init__(self, stream: StreamDefinition, book: MarkBook, sweep: float = 0.0) -> None:
        super().__init__(stream, book, sweep)
        self.due = False  # a tick's live part is not done
        self.blocked = False  # there was no room for it
        self._frontier = 0  # how far live data was read

    @property
    def waiting(self) -> bool:
        """Whether a tick's live part is not done, and there is room for it."""
        return self.due and not self.blocked

    def adopt(self, origin: int, proved: Spans, at: Instant, sent: Spans = NOTHING) -> None:
        """Begin with what the ledger says, or anew. What a job brings that was under way does not count.

        `sent`: what an earlier run has printed and not proved; it is counted before it is printed again.
        """
        self.origin = origin - origin % self.every
        self.islands = Spans.of(map(self._windows, self.islands))
        self.pending.clear()
        self.unread.clear()
        self.unproved.clear()
        self._again, self._unlanded, self._arrived, self._doubts = Spans(), Spans(), Spans(), span(BEGINNING, END)
        self.proved = proved.clip(stop=self._settled(at))
        self._started_at = None
        self._search_at = 0
        self._foresee_at = at.steady + FIRST_FORESIGHT
        for start, stop in Spans.of(map(self._windows, sent)) - self.proved:
            state = pending_after(Gone.WORK, Event.ADOPTED)
            self.pending.put(PendingSpan(start, stop, None, max(stop, at.safe) + self.stream.lookback, state))

    def sent(self, printing: Spans) -> Spans:
        """Return what was printed and is not proved, for the next run: also what is `printing`, or copied again.

        A mark that is printed behind the lines of a copy is made before its outcome is known.
        """
        return self.pending.spans() + self._arrived + printing - self.proved

    def request(self, spans: Spans, repair: bool, at: Instant) -> None:
        """Have `spans` copied where they are not proved, and for a `repair` compared where they are."""
        self.requested = Spans.of(map(self._windows, spans)).clip(stop=self._ends(at)[0])
        if repair:
            self.invalidate(self.requested, at)

    # Planning

    def tick(self, at: Instant) -> None:
        """Begin a tick: late points are looked for, and what is new is due."""
        self._ticks(at)
        self.due = True
        self.blocked = self._full = self._full_live = False
        self._take_back(at)
        now, live = self._ends(at)
        self._arrived = (self._arrived + Spans.of(part.span for part in self.pending if self._is_here(part))).clip(
            start=live - self.stream.lookback
        )
        newest_end = max((part.stop for part in self.pending if part.stop <= now), default=now)
        # Once each: a tick in which nothing can be read must not cut off more.
        frontier = self._frontier = max(newest_end, self._frontier if self._frontier <= now else newest_end)
        overlap = min(OVERLAP, self.stream.lookback)
        overlap += -overlap % self.every
        self.pending.cut_away(span(max(frontier - overlap, live), END))
        self.pending.cut_away(span(BEGINNING, self.floor))
        self._settle_by_what_is_left(at)
        settled = self._settled(at)  # a source's clock that is ahead settles nothing
        self.pending.merge(lambda first, later: self._belong(first, later, settled))
        self.holds.forget(self.bounds.oldest)
        for quarantine in (self.unread, self.unproved):
            quarantine.keep(span(self.floor, now))
        self._again, self._unlanded = (
            spans.clip(start=live - self.stream.lookback) for spans in (self._again, self._unlanded)
        )

    def _settle_by_what_is_left(self, at: Instant) -> None:
        """Have a span whose end was cut off settle by the end that it has now: it reached into a future of a clock
        that ran ahead. Its lines were printed before now, so a lookback from now is late enough.
        """
        for part in self.pending:
            part.settles = min(part.settles, max(part.stop, at.safe) + self.stream.lookback)

    def _take_back(self, at: Instant) -> None:
        """Take back what a clock that ran ahead has proved, or has begun with."""
        self.proved = self.proved.clip(stop=self._settled(at))
        early = self._proof_clock.early(at, self.stream.lookback)
        if early is not None:
            for part in self.pending:
                part.digest = None if part.state is not PendingState.EMPTY else part.digest
            self.invalidate(early & self.proved, at)
        if self.origin > at.safe >= (self.stream.start.date or BEGINNING):
            origin = at.safe - (self.stream.start.ago or self.stream.lookback)
            self.origin = origin - origin % self.every

    def next(
        self,
        at: Instant,
        live_room: bool,
        room: bool,
        central: bool,
        terms: Terms = ALONE,
    ) -> Job | None:
        """Return the next job, None when there is none for now.

        `live_room`: there is room to print live data; `room`: a backlog as well; `central`: central answers.
        """
        self._doubts = Spans()
        self._job_at = at
        self._proves(terms.proofs if terms.little else Proofs.ANY_TIME)
        if not self.book.started or not self._tick.source:
            return None
        self._broken_off()
        self._have_left(at)
        if self.book.base != self._full_since:
            self._full = self._full_live = False
        live_room, room = live_room and not self._full_live, room and not self._full
        if self.due:
            # What was written late is then read with what is new; but that waits for no central that counts slowly.
            check = self._late(central) if not self._counts_slowly else None
            if check is not None:
                return check
            live = self._live(self._tick)
            self.blocked = live is not None and not live_room
            if live is not None and live_room:
                return self._printing(live)
            check = self._late(central)
            if check is not None:
                return check
            self.due = live is not None
        if not terms.place:
            return self._prompt(at) if central and terms.little else None
        job = self._in_central(at, live_room, room) if central else None
        if job is None and room:
            # What is new since the tick is the next tick's.
            job = self._backlog(self._tick, at.steady, terms.leave, terms.longest)
            job = self._printing(job) if isinstance(job, Copy) else job
        if job is None and self.origin_open and self._search_at <= at.steady:
            job = Seek((BEGINNING, self.origin), origin=True)
        if job is None and central and terms.leave is Leave.ALL:
            job = self._sweeping(at, terms.longest)
        if job is None and self._foresee_at <= self._due_by and self.stream.flux is None:
            if self._proofs is not Proofs.NOT_YET:
                self._foresee_at = self._tick.steady + FORESIGHT
                return Foresee((at.source, at.source))
            self.waits_to_prove = True  # all together, as what is proved
        return job

    def wakes_at(self, at: Instant) -> int | None:
        """Return when (ns of the steady clock) there may be a next job though nothing happens; None: not by itself.

        Asked when `next` has returned None at `at`. It may be too early: then there is none yet.
        """
        if self._look_again:
            return at.steady + 1
        stride = max(self.stream.lookback, self.every)
        safe, ahead = at.safe, at.steady - at.safe
        times = [
            settles + ahead
            for part in self.pending
            for settles in (part.settles, part.settles + stride)
            if settles > safe and self._proofs is Proofs.ANY_TIME  # else the next tick will see
        ]
        for quarantine in (self.unread, self.unproved, self.unswept):
            times += quarantine.opens_at()
        times += self.holds.wake_at()
        if self.origin_open:
            times.append(self._search_at)
        if self.proved:
            times += self.sweep.wakes_at()
        return min((time for time in times if time > at.steady), default=None)

    def _broken_off(self) -> None:
        """Have what a Compare printed that failed half way leave the buffer before its span is looked at again."""
        if self._comparing is not None:
            self._printed += span(*self._comparing)
            for part in self.pending.carve(self._comparing):
                part.mark = max(self.book.on_their_way, default=part.mark)
                part.repeated = True
            self._comparing = None

    def _have_left(self, at: Instant) -> None:
        """Note whose lines have left the buffer: from now on a request can be late that holds older ones."""
        if self._started_at is None:
            self._started_at = at.safe
        for part in self.pending:
            if part.repeated and self.book.is_back(part.mark):
                part.settles, part.repeated = max(part.settles, at.safe + self.stream.lookback), False

    def _printing(self, job: Copy) -> Copy:
        """Note that lines of a span are about to be printed, and say whether some were before."""
        again = self._printed.touches(job.span)
        self._printed += span(*job.span)
        narrow = bool(self._unlanded) or self._again.touches(job.span)
        return replace(job, again=again, apart=frozenset(self.holds.by_field), narrow=narrow)
