"""What there is to do for one stream, from what is proved and what is on its way. Pure; decides nothing by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from telegraf_plugin.stream.bounds import Bounds
from telegraf_plugin.stream.clocks import Instant
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.holds import Holds
from telegraf_plugin.stream.jobs import Check, Compare, Copy, Land, Prove, Recheck, Seek, longest_prompt
from telegraf_plugin.stream.markbook import MarkBook
from telegraf_plugin.stream.pace import Pace
from telegraf_plugin.stream.pending import Pending, PendingSpan, PendingState
from telegraf_plugin.stream.quarantine import Quarantine
from telegraf_plugin.stream.restraint import Leave
from telegraf_plugin.stream.spans import END, NOTHING, Span, Spans, span
from telegraf_plugin.stream.sweep import Sweep
from telegraf_plugin.stream.units import HOUR, SECOND, duration
from telegraf_plugin.stream.windows import cut, newest

NEWEST_PIECES = 5
"""Pieces of time, the newest, that each Check counts."""
MAX_PIECES = 20
"""Pieces that one Check counts at the most; what is older takes turns."""
EMPTY_COPIES = 2
"""After so many copies in a row that found nothing the source is asked where the next point is."""
LONGEST_PENDING = 30 * 24 * HOUR
"""How long (ns) a pending span may become that has landed and is not live."""
GRAINS = 16
"""Into how many pending spans what has landed of a lookback is put together."""


class Plan:
    """The state of one stream's course, and what follows from it.

    `sweep` is the part of the time for comparing again what is proved.
    """

    def __init__(self, stream: StreamDefinition, book: MarkBook, sweep: float = 0.0) -> None:
        self.stream = stream
        self.book = book
        self.holds = Holds()
        self.pending = Pending()
        self.proved = Spans()
        self.bounds = Bounds()
        self.sweep = Sweep(sweep)
        self.origin = 0
        self.origin_open = False  # the source has not shown its first point yet
        self.islands = Spans()  # what was asked for and lies before the origin: it is the stream's as well
        self.requested = Spans()  # what is copied though it is older than the origin
        self.every = stream.every
        self.live_pace, self.pace, self.proof_pace, self.sweep_pace = Pace(), Pace(), Pace(), Pace()
        self.unread, self.unproved, self.unswept = (Quarantine(self.every) for _ in range(3))
        self._swept_aside = False  # the sweep's last piece was one that is set aside
        self.kept: int | None = None  # how long (ns) the bucket keeps points that keeps them for the shorter time
        self._arrived = Spans()  # what nothing speaks against, of what is being copied again
        self._uneven = False  # counts differ for good: something cannot pass, or central has more
        self._counted_from = END  # how far back the last Check came
        self._empty_copies = 0
        self._proofs_fail = False  # the last comparison failed

    def work(self, at: Instant) -> Spans:
        """Return what is neither proved nor on its way."""
        now, floor = self._ends(at)[0], self.floor
        work = span(max(self.origin, floor), now)
        if self.requested or self.islands:
            work += (self.requested + self.islands).clip(floor, now)
        return work - self.proved - self.pending.spans()

    def lacking(self, at: Instant, work: Spans | None = None) -> Spans:
        """Return where central lacks something, as far as is known; what nobody has looked at is not known to.

        `work`: what that returns, where it is known.
        """
        on_their_way = Spans.of(each.span for each in self.pending if not self._is_here(each))
        return (self.work(at) if work is None else work) + on_their_way - self._arrived

    @property
    def aside(self) -> Spans:
        """What could not be read, proved, or compared again, and is set aside."""
        return self.unread.aside + self.unproved.aside + (self.unswept.aside & self.proved)

    @property
    def aside_reason(self) -> str:
        """What was said of some of it; empty when nothing is set aside."""
        return self.unread.reason or self.unproved.reason or self.unswept.reason

    @property
    def unprovable(self) -> str:
        """Why nothing can be proved, empty when it can: points must settle before they are deleted."""
        if self.kept is None or self.kept > 2 * self.stream.lookback:
            return ""
        kept, lookback = duration(self.kept // SECOND), duration(self.stream.lookback // SECOND)
        return f"points are kept for {kept}, too short for a lookback of {lookback}: nothing can be proved"

    @property
    def floor(self) -> int:
        """The oldest time that central takes, in whole windows of an aggregate."""
        return self.bounds.oldest + -self.bounds.oldest % self.every

    def _settled(self, at: Instant) -> int:
        """Return what can be proved at most, in whole windows of an aggregate: up to the lookback."""
        settled = at.safe - self.stream.lookback
        return settled - settled % self.every

    def _is_here(self, each: PendingSpan) -> bool:
        """Say whether central has it: both sides counted alike, or nobody has looked yet since the last start."""
        return (each.landed or each.state is PendingState.INHERITED) and self.book.is_back(each.mark)

    def pieces(self, whole: Span) -> Iterable[Span]:
        """Cut `whole` so that no part crosses the end of a shard group on either side."""
        return cut(*whole, self.bounds.groups, self.every)

    def _newest(self, whole: Span, longest: int) -> Span:
        """Return the newest part of `whole` that one query may read, `longest` ns at the most."""
        return newest(*whole, self.bounds.groups, self.every, longest)

    def _ends(self, at: Instant) -> Span:
        """Return where work ends, and where what is live begins."""
        live = at.source - self.stream.lookback
        return at.source - at.source % self.every, live - live % self.every

    def history(self, work: Spans, at: Instant) -> Spans:
        """Return what of `work` is backlog."""
        return work.clip(stop=self._ends(at)[1])

    def _live(self, at: Instant) -> Copy | None:
        parts = (self.work(at).clip(start=self._ends(at)[1]) - self.book.claimed - self.unread.aside).parts
        return Copy(self.unread.fit(self._newest(parts[-1], self.live_pace.length)), True) if parts else None

    def _backlog(self, at: Instant, steady: int, leave: Leave = Leave.ALL, longest: int = HOUR) -> Copy | Seek | None:
        closed = self.book.claimed + self.unread.closed(steady)
        work = self.history(self.work(at), at) - closed if leave is not Leave.LIVE else NOTHING
        expires = self.bounds.expires - self.bounds.expires % self.every
        parts = (work.clip(stop=expires) if leave is Leave.EXPIRING else work).parts
        if not parts:
            if not closed:
                self.pace.restart()
            return None
        if parts[0][0] < self.bounds.expires:  # that first, oldest first
            start, stop = next(iter(self.pieces(parts[0])))
            stop = min(stop, start + max(self.pace.length // self.every, 1) * self.every)
            return self._copy(self.unread.fit((start, stop), newest=False))
        if leave is not Leave.ALL:
            return None
        start, stop = parts[-1]
        if self._empty_copies >= EMPTY_COPIES and stop - start > 2 * HOUR and self.stream.flux is None:
            return Seek((start, stop))
        return self._copy(self.unread.fit(self._newest(parts[-1], min(self.pace.length, longest))))

    def _copy(self, whole: Span) -> Copy:
        return Copy(whole, False, held=self.holds.within(whole))

    def _land(self, at: Instant) -> Land | None:
        """Count what has left, once: whether as many points are there as were printed."""
        for each in reversed(self.pending):
            # Where counts differ though all could pass, central has more: then this number says nothing either.
            waits = each.uncounted and each.points is not None and (each.held_back or not self._uneven)
            if waits and self.book.is_back(each.mark) and not self._soon_proved(each, at):
                return Land(each.span, each.points or 0)
        return None

    def _soon_proved(self, each: PendingSpan, at: Instant) -> bool:
        """Say whether `each` is not counted, since its proof is next, and takes no more."""
        return each.digest is not None and each.settles <= at.safe and not self._proofs_fail

    def _check(self, at: Instant) -> Check | None:
        """Count what is back: where late points may come, and where nobody has looked. Newest first, then by turns."""
        pieces = list(islice(self._uncounted(at, END), NEWEST_PIECES))
        if len(pieces) == NEWEST_PIECES:
            before = min(self._counted_from, pieces[-1][0][0])
            rest = list(islice(self._uncounted(at, before), MAX_PIECES - NEWEST_PIECES))
            self._counted_from = rest[-1][0][0] if len(rest) == MAX_PIECES - NEWEST_PIECES else END
            pieces += rest
        return Check(tuple(map(tuple, pieces))) if pieces else None

    def _uncounted(self, at: Instant, before: int) -> Iterator[list[Span]]:
        """Yield what is to be counted before that time, newest first, spans side by side within one piece of time."""
        live = self._ends(at)[1]
        piece: list[Span] = []
        for each in reversed(self.pending):
            soon_proved = each.stop <= live and self._soon_proved(each, at)
            # What cannot be read is counted all the same, once; what is computed is counted by reading it.
            vain = (each.landed or self.stream.computed) and self.unproved.knows(each.span)
            done = soon_proved or vain or not (each.uncounted or (each.landed and each.stop > live))
            if done or each.start >= before or not self.book.is_back(each.mark):
                continue
            stop = min(each.stop, before)
            while stop > each.start:
                part = self._newest((each.start, stop), HOUR)
                stop = part[0]
                if piece and piece[0][0] == part[1] and self._newest((part[0], piece[-1][1]), HOUR)[0] == part[0]:
                    piece.insert(0, part)
                    continue
                if piece:
                    yield piece
                piece = [part]
        if piece:
            yield piece

    def _compare(self, steady: int) -> Compare | None:
        for each in self.pending:
            if each.state is PendingState.SUSPECT and self.book.is_back(each.mark):
                claimed, closed = self.book.claimed, self.unproved.closed(steady)
                for part in reversed((span(*each.span) - claimed - closed).parts):
                    whole = self._alike(self.unproved.fit(self._newest(part, self.proof_pace.length)))
                    return Compare(whole, held=self.holds.within(whole))
        return None

    def _prove(self, at: Instant, steady: int) -> Prove | None:
        safe, is_back = at.safe, self.book.is_back
        ready = [
            each
            for each in self.pending
            if each.settles <= safe and each.state is not PendingState.SUSPECT and is_back(each.mark)
        ]
        if not ready:
            return None
        closed = self.unproved.closed(steady)
        for each in reversed(ready):
            if closed.touches(each.span):
                continue
            held = self.holds.within(each.span)
            if each.state is PendingState.EMPTY and not held:
                return Prove(each.span, None, empty=True)
            uncut = self._alike(self.unproved.fit(each.span)) == each.span
            if uncut and each.digest is not None and frozenset(each.digest.without) == held:
                return Prove(each.span, each.digest, held)
        for part in reversed((Spans.of(each.span for each in ready) - closed).parts):
            whole = self._stride(part, at)
            if whole is not None:
                whole = self._alike(self.unproved.fit(whole))
                return Prove(whole, None, self.holds.within(whole))
        return None

    def _stride(self, part: Span, at: Instant) -> Span | None:
        """Return the newest stride of `part` to be proved; None while its only one still grows."""
        start, stop = part
        stride = max(self.stream.lookback, self.every)
        old = stop + 4 * stride <= at.safe
        if stop % stride and stop % HOUR and stop + self.stream.lookback + stride > at.safe:
            stop = max(stop - stop % stride, start)
            stop -= stop % self.every
        if stop <= start:
            return None
        begin, _ = self._newest((start, stop), self.proof_pace.length)
        if not old:
            aligned = (stop - 1) // stride * stride
            begin = max(begin, aligned - aligned % self.every)
        return begin, stop

    def _alike(self, whole: Span) -> Span:
        """Return the newest part of `whole` in all of which the same field keys are held."""
        since = self.holds.since(*whole)
        return min(since + -since % self.every, whole[1] - self.every) if since > whole[0] else whole[0], whole[1]

    def _sweep(self, at: Instant, longest: int = HOUR) -> Recheck | None:
        if not self.sweep.may(at.steady):
            return None
        self.unswept.keep(self.proved.clip(start=self.floor))
        aside, closed = self.unswept.aside, self.unswept.closed(at.steady)
        again = (aside - closed).parts
        # By turns: what is set aside never holds up the rest, nor waits for a pass that may take weeks.
        self._swept_aside = bool(again) and not self._swept_aside
        piece: Span | None
        if self._swept_aside:
            piece = self._newest(again[-1], HOUR)
        else:
            longest = min(self.sweep_pace.length, longest if self.sweep.by_hash else HOUR)
            if self.sweep.by_hash and self.sweep.since is not None:
                longest = min(longest, longest_prompt(self.stream))
            piece = self.sweep.next(self.proved - aside, self.floor, self.bounds.groups, self.every, at.steady, longest)
        if piece is None:
            return None
        piece = self.unswept.fit(piece)
        if closed.touches(piece):  # it failed a moment ago, and keeps its turn
            return None
        return Recheck(piece, self.sweep.by_hash, self.holds.within(piece), piece[1] - piece[0] > HOUR)

    def _belong(self, first: PendingSpan, later: PendingSpan, settled: int) -> bool:
        """Say whether two neighbours may become one: within one piece of time, and of one grain.

        What is younger than `settled` (Unix ns) is of a small one: a span that goes on growing would never settle.
        """
        if not (self.book.is_back(first.mark) and self.book.is_back(later.mark)):
            return False
        stop, old = later.stop, later.stop <= settled - 4 * self.stream.lookback
        if old and first.landed:  # nothing but its proof is left to be done, and that cuts it anew
            return first.start // LONGEST_PENDING == (stop - 1) // LONGEST_PENDING
        grain = HOUR if old else max(self.stream.lookback // GRAINS, self.every)
        one_grain = first.start // grain == (stop - 1) // grain
        return one_grain and self._newest((first.start, stop), HOUR)[0] == first.start
