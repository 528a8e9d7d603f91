"""A course and its book on a clock that the test sets, in whole seconds from half past an hour on."""

from __future__ import annotations

from telegraf_plugin.stream.block import FieldKey, FieldType
from telegraf_plugin.stream.clocks import Instant
from telegraf_plugin.stream.course import Course
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.digest import Digest
from telegraf_plugin.stream.jobs import Check, Compare, Compared, Copied, Copy, Counted, Job, Prove, Proved
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.markbook import MarkBook
from telegraf_plugin.stream.spans import NOTHING, Span, Spans
from tests.unit.marks import book_mark
from tests.unit.test_definition import STREAM

SECOND = 1_000_000_000
HOUR = 3600
LOOKBACK = 300
GROUP, OTHER = FieldKey(b"m", b"f", FieldType.FLOAT), FieldKey(b"m", b"g", FieldType.FLOAT)
T = 1_795_473_000 * SECOND  # half past six: nothing is cut at it


def s(seconds: int) -> int:
    return T + seconds * SECOND


def sp(start: int, stop: int) -> Span:
    return s(start), s(stop)


def seconds(spans: Spans) -> list[Span]:
    return [((start - T) // SECOND, (stop - T) // SECOND) for start, stop in spans]


def at(now: int, source: int | None = None, clock: int | None = None) -> Instant:
    """The instant at which both clocks say `now`, unless one says otherwise."""
    return Instant(s(now if source is None else source), s(now if clock is None else clock), (now + 10**6) * SECOND)


class CourseBench:
    """A stream that begins at `origin`, adopted long before, at `adopted`; its first mark came back then."""

    def __init__(
        self, origin: int = -1000, proved: Spans = NOTHING, stream: StreamDefinition = STREAM, adopted: int = -10_000
    ) -> None:
        self.book = MarkBook("me")
        self.course = Course(stream, self.book)
        self.book.adopt(None, NOTHING)
        self.course.adopt(s(origin), NOTHING, at(adopted))
        self.now = 0
        self.central = True
        self.mark(back=True)
        self.course.tick(at(adopted))
        self.course.next(at(adopted), False, False, False)
        self.course.origin = s(origin) - s(origin) % self.course.every  # a tick has taken it back: it was the future
        self.course.due = False
        self.course._foresee_at = 10**30  # but where that is the question
        self.course.proved = proved

    @property
    def at(self) -> Instant:
        return at(self.now)

    def tick(self, now: int) -> None:
        self.now = now
        self.course.tick(self.at)

    def ticked(self, now: int) -> None:
        """A tick at `now`, whose live part is left alone."""
        self.tick(now)
        self.course.due = False

    def next(self, live_room: bool = True, room: bool = True) -> Job | None:
        return self.course.next(self.at, live_room, room, self.central)

    def mark(self, back: bool) -> MarkId:
        mark = book_mark(self.book, 0, 0, self.course.proved)
        if back:
            self.back()
        return mark

    def back(self) -> None:
        """All marks are back."""
        if self.book.on_their_way:
            self.book.back(list(self.book.on_their_way))

    def copied(self, job: Job | None, points: int = 5, back: bool = True, digest: Digest | None = None) -> Digest:
        """The job was a copy, and is done."""
        assert isinstance(job, Copy), job
        read = digest or Digest(points=points)
        self.course.copied(job, Copied(read, points, self.mark(back) if points else None), self.at, seconds=10.0)
        return read

    def all_landed(self) -> None:
        """Both sides are counted, and alike."""
        self.course.checked(Counted(each.span, 5, True) for each in list(self.course.pending))

    def copy_all(self, points: int = 5) -> list[Copy]:
        """Copy whatever is to be copied, newest first, without looking at central."""
        done = []
        while isinstance(job := self.course.next(self.at, True, True, False), Copy):
            self.copied(job, points)
            done.append(job)
        return done

    def beyond_copies(self) -> Job | None:
        """Copy what a tick makes due, the overlap for one, and return the first job that is no copy."""
        while isinstance(job := self.next(), Copy):
            self.copied(job)
        return job

    def checked(self, job: Job | None, equal: bool = True, source: int = 5, seconds: float = 0.0) -> None:
        assert isinstance(job, Check), job
        self.course.checked((Counted(span, source, equal) for piece in job.pieces for span in piece), seconds)

    def proved(self, job: Job | None, equal: bool = True) -> None:
        assert isinstance(job, Prove), job
        self.course.proved_by(job, Proved(equal), self.at)

    def compared(self, job: Job | None, outcome: Compared) -> list[FieldKey]:
        """Have it be taken; return what is held from then on."""
        assert isinstance(job, Compare), job
        before = self.course.holds.spans()
        self.course.compared(job, outcome, self.at)
        return [
            field_key
            for field_key, spans in self.course.holds.spans().items()
            if spans - before.get(field_key, NOTHING)
        ]

    def work(self) -> list[Span]:
        return seconds(self.course.work(self.at))

    def pending(self) -> list[Span]:
        return seconds(self.course.pending.spans())


def live(now: int = 0) -> CourseBench:
    """A stream whose live part was copied at `now`, and is back."""
    bench = CourseBench(now - LOOKBACK)
    bench.tick(now)
    bench.copied(bench.next())
    assert bench.next() is None
    return bench
