"""One stream's account with the ledger: what it adopts, its next mark, and how the stream stands. Pure.

A stream is loading until the ledger was read and adopted, then starting until a mark of this run is back, then
running; when central has lost the newest mark it is loading again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from telegraf_plugin.stream.bounds import Bucket, beginning, bounds_of, kept_by, refuse_unfit
from telegraf_plugin.stream.clocks import Instant
from telegraf_plugin.stream.copy_speed import CopySpeed
from telegraf_plugin.stream.course import Course
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.known import Known
from telegraf_plugin.stream.ledger import Mark, MarkId, Origin, Reading, Template
from telegraf_plugin.stream.markbook import MarkBook
from telegraf_plugin.stream.newest_mark import NewestMark
from telegraf_plugin.stream.pause import NO_PAUSE, Pause, Paused, newest
from telegraf_plugin.stream.progress import Progress, State
from telegraf_plugin.stream.request import Kind, Request
from telegraf_plugin.stream.spans import BEGINNING, END, NOTHING, Spans, span
from telegraf_plugin.stream.units import SECOND

RENEW = 15 * 60 * SECOND
"""How often (ns) a stream's ledger is renewed though nothing changes: marks are looked for from the newest one on, and
central's retention takes old ones."""
FUTURE = 5 * SECOND
"""How far ahead (ns) of the collector's clock a mark may be without telling of a clock that was wrong."""
RECENT = 25 * 3600 * SECOND
"""How much (ns) of what such a mark calls proved is compared again."""
LONGEST_WITHOUT_MARK = 60 * SECOND
"""How long (ns) what was proved may stay out of the ledger: so much is compared again after a crash."""


class Account:
    """Course and marks of one stream, for one run of the plugin."""

    def __init__(self, stream: StreamDefinition, incarnation: str, sweep: float = 0.0) -> None:
        self.stream = stream
        self._definition = stream.hash  # each mark has it: it is computed once
        self.book = MarkBook(incarnation)
        self.course = Course(stream, self.book, sweep)
        self.state = State.LOADING
        self.began = 0
        self.renew = RENEW  # ns; less where central's retention is short
        self.request = ""  # the id of the last one that is done
        self._asked: Request | None = None
        self.redefined: Spans | None = None  # what was sent by an earlier definition, where it begins by another one
        self.pause = NO_PAUSE  # the newest that an operator has asked for
        self.foreign = 0  # marks of other runs that landed while this one was under way
        self._known = Known()
        self._newest = NewestMark()
        self._adopted_at: int | None = None  # by the steady clock, the first time, or when it was resumed
        self._oldest = END
        self.speed = CopySpeed()

    def adopt(self, mark: Mark | None, mirror: Origin | None, start: int, at: Instant, searching: bool = False) -> None:
        """Begin with the newest mark that is believed, else with what is mirrored, else at `start` (Unix ns).

        `searching`: `start` is provisional, since the stream begins at the source's first point.
        """
        known, course = (self._definition, self.stream.hash_without_renames), self.course
        proved = sent = Spans()
        course.islands = mirror.islands if mirror is not None else Spans()
        course.origin_open = searching
        if mark is not None:
            origin, self.began = mark.origin, mark.began
            course.origin_open = mark.searching
            self.request = mark.request
            course.holds.restore(mark.held)
            course.islands += mark.islands
            if mark.definition in known:
                proved, sent = mark.proved, mark.sent
                course.sweep.go_on(mark.sweep)
                if mirror is not None and mirror.definition in known:
                    origin = min(origin, mirror.origin)
            else:  # what was copied is neither copied again nor called wrong; what was not is kept
                origin = (span(mark.origin, END) - mark.proved).parts[0][0]
                self.redefined = mark.sent - mark.proved
                course.islands -= mark.proved
        elif mirror is not None:
            origin, self.began = mirror.oldest, mirror.began
        else:
            origin, self.began = start, max(start, at.safe)
        self._oldest = min([origin, *([mirror.oldest] if mirror is not None else [])])
        self._asked, course.requested = None, Spans()  # it is asked for again if it is not done
        course.adopt(origin, proved, at, sent)
        self.book.adopt(mark.id if mark is not None else None, mark.proved if mark is not None else Spans())
        if mark is not None and mark.id.time > at.clock + FUTURE:  # made while the clocks ran ahead
            course.invalidate(proved.clip(start=at.safe - RECENT), at)
        self._newest.adopted(mark)
        self._adopted_at = at.steady if self._adopted_at is None else self._adopted_at
        self.state = State.STARTING

    def set_bounds(self, source: Bucket | None, central: Bucket | None, at: Instant) -> None:
        """Record what the buckets on both sides set now; None stands for one that does not say."""
        self.course.bounds, self.course.kept = bounds_of(source, central, at), kept_by(source, central)
        if central is not None and central.retention:
            self.renew = min(self.renew, central.retention // 4)

    def begin(self, reading: Reading, source: Bucket | None, central: Bucket | None, at: Instant) -> None:
        """Begin with what the ledger says. Raises PermanentError for a stream that such buckets do not suit."""
        refuse_unfit(self.stream, source, central)
        believed, mirror = reading.believed, reading.mirror
        self.pause = newest(self.pause, reading.paused)
        if believed is None and mirror is None and self.began:
            mirror = self.mirror
        start, searching = beginning(self.stream, source, at)
        self.set_bounds(source, central, at)
        self.adopt(believed.mark if believed is not None else None, mirror, start, at, searching)
        self.know(reading.known)  # this one's: what landed since is news
        if believed is not None:
            self.course.invalidate(believed.doubts, at)

    @property
    def mirror(self) -> Origin:
        """What the bucket of metrics is to keep."""
        oldest = min(self._oldest, self.course.origin)
        return Origin(self._definition, self.course.origin, self.began, oldest, self.course.islands)

    # Marks

    def _mirror_due(self, at: Instant) -> Origin | None:
        """Return the origin if it is to be mirrored now: it changed, or that is long ago."""
        mirror = self.mirror
        return mirror if not self._newest.mirrors(mirror, at.steady, self.renew) else None

    def ask(self, request: Request, at: Instant) -> None:
        """Record a request; one that is known, or done, changes nothing."""
        if self.state is not State.RUNNING or request.id == self.request:
            return
        if request.cancelled:
            self._asked, self.course.requested = None, Spans()
            self.request = request.id
        elif self._asked is None or self._asked.id != request.id:
            self._asked = request
            self.course.request(request.spans, request.kind is Kind.REPAIR, at)

    def take_pause(self, pause: Pause, at: Instant) -> bool:
        """Record what an operator has paused, or resumed; returns whether that is news."""
        if newest(self.pause, pause) == self.pause:
            return False
        if self.pause.what is not Paused.NOTHING and self.state is State.RUNNING:
            self.resumed(at)
        self.pause = pause
        return True

    def resumed(self, at: Instant) -> None:
        """Note that what has waited on purpose is expected again: it lags from now on."""
        self._adopted_at = at.steady

    def settle_request(self) -> None:
        """Take note when all that was asked for is proved; what adjoins the origin moves it."""
        course, asked = self.course, self._asked
        if asked is None or course.requested.clip(start=course.floor) - course.proved:
            return
        for start, stop in reversed(course.requested.parts):
            if start < course.origin <= stop:
                course.origin = start
        course.islands += course.requested.clip(stop=course.origin)
        self.request, self._asked, course.requested = asked.id, None, Spans()

    def template(self, at: Instant, printing: Spans = NOTHING) -> Template:
        """Return what marks say that are printed from now on, behind lines of `printing`."""
        course, incarnation = self.course, self.book.incarnation
        mark = Mark(
            id=MarkId(0, incarnation),
            base=self.book.base,
            definition=self._definition,
            origin=course.origin,
            began=min(self.began, at.safe),  # a clock that ran ahead said otherwise
            proved=course.proved,
            printed=printing,
            held=course.holds.spans(),
            request=self.request,
            sent=course.sent(printing),
            islands=course.islands,
            sweep=course.sweep.place,
            searching=course.origin_open,
            pause=self.pause,
        )
        return Template(mark, self.book.newest_time, self._mirror_due(at))

    def printed(self, mark: Mark, mirrored: Origin | None, at: Instant) -> None:
        """Record a mark that is about to be printed, and what is mirrored beside it."""
        if self.state is State.LOADING:  # what it stands on is gone: nobody believes it
            self.book.last_time = max(self.book.last_time, mark.id.time)
            return
        self.book.printed(mark.id, at.steady, mark.proved)
        self.began = mark.began
        self._newest.printed(mark, mirrored, at.steady)
        if mirrored is not None:
            self._oldest = mirrored.oldest

    def mark_due(self, at: Instant, central: bool = True) -> bool:
        """Say whether a mark should be printed though nothing was printed that it would follow.

        `central`: central answers. While it does not, a mark that is on its way waits in Telegraf's buffer.
        """
        if self.state is State.LOADING or (self.book.on_their_way and not central):
            return False
        if not self.book.started:
            return self.book.should_ask(at.steady)
        if self.book.newest_claims - self.course.proved:  # what is called proved is to be sent or compared again
            return True
        if self.book.on_their_way:
            return self.book.should_ask(at.steady)
        if not self._newest.tells(self.request, self.pause):
            return True
        return at.steady >= self._old_at()

    def mark_wakes_at(self) -> int | None:
        """Return when (ns of the steady clock) a mark may be due though nothing happens; None: not by itself."""
        if self.state is State.LOADING:
            return None
        if self.book.on_their_way:
            return self.book.asks_at()
        return self._old_at()

    def _old_at(self) -> int:
        return self._newest.old_at(self.course.proved, self.renew, min(LONGEST_WITHOUT_MARK, self.stream.lookback))

    def seen(self, present: Collection[MarkId], since: int = BEGINNING, until: int = END) -> MarkId | None:
        """Record the marks that central has, all that were made in [since, until) (Unix ns).

        Returns the newest that is newly back. When central does not have one any more that it had, the ledger has to be
        read again: state is LOADING then.
        """
        if self.state is State.LOADING:
            return None
        if self.book.gone(present, since, until):
            self.state = State.LOADING
            self.course.adopt(self.course.origin, Spans(), Instant(0, 0, 0))
            self.book.adopt(None, Spans())
            return None
        back = self.book.back(present)
        if back is not None:
            self.state = State.RUNNING
        return back

    def foreign_among(self, present: Iterable[MarkId]) -> list[MarkId]:
        """Return those of the marks in central that neither this run made nor the ledger held when it was read."""
        return [mark for mark in present if mark.incarnation != self.book.incarnation and mark not in self._known]

    def know(self, present: Iterable[MarkId], since: int = BEGINNING) -> None:
        """Note marks that are no news: those that the ledger held when it was read, from `since` on."""
        self._known.add(present, since)

    def stranger(self, mark: Mark, at: Instant) -> None:
        """Record a mark of another run that has landed: what it lists is compared again."""
        self._known.add([mark.id])
        self.foreign += 1
        self.course.invalidate(mark.printed, at)

    # How it stands

    def progress(self, at: Instant, quiet_until: int | None = None) -> Progress:
        """Return how the stream stands at the last tick, `at`; `quiet_until` (Unix ns): history waits until then."""
        course, paused = self.course, self.pause.what
        loading = self.state is State.LOADING
        work = course.work(at) if not loading else Spans()
        lacking = course.lacking(at, work) if not loading else Spans()
        waits = quiet_until is not None or paused is not Paused.NOTHING
        late = (lacking - course.history(work, at) if waits else lacking).clip(start=min(self.began, at.safe)).parts
        begins = max(course.origin, course.floor)
        first = (span(begins, at.source) - course.proved).parts if not loading else ()
        # After a start nobody has looked at what lies before it: that it is lacking is not known.
        known = max(at.steady - (self._adopted_at or 0), 0)
        lost = course.bounds.lost
        return Progress(
            state=self.state,
            lag=(min(at.source - late[0][0], known) if late and paused is not Paused.STREAM else 0)
            if not loading
            else None,
            proved_up_to=(first[0][0] if first else at.source) if not loading else None,
            left=work.length,
            points_per_second=self.speed.points,
            to_go=self.speed.to_go(work.length) if not waits else None,
            held=course.holds.points,
            extras=course.extras,
            future=course.future,
            foreign=self.foreign,
            time_to_loss=lacking.parts[0][0] - lost if lacking and lost > BEGINNING else None,
            sweep_period=course.sweep.period,
            sweep_found=course.sweep.found,
            aside=course.aside.length,
            aside_reason=course.aside_reason,
            held_reason=course.holds.reason,
            unprovable=course.unprovable,
            paused=paused,
            paused_at=self.pause.time,
            quiet_until=quiet_until,
        )


__all__ = ["Account", "Progress", "State"]
