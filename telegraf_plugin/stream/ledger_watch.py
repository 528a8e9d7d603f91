"""The watch on the ledger: what is read in central, a bucket at a time, and what the streams are told of it. Pure.

A look at a bucket is a generator: it yields what is to be read and is sent what came of it, so that it can be written,
and read, in the order in which it happens.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable
from typing import cast

from telegraf_plugin.errors import CentralError
from telegraf_plugin.stream.account import State
from telegraf_plugin.stream.asking import CALM_PATIENCE
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.clocks import Clocks, Instant
from telegraf_plugin.stream.commands import (
    Asked,
    LedgerCommand,
    LedgerOutcome,
    LedgerPart,
    LedgerResult,
    LookUp,
    MarkIds,
    ReadLedger,
    ReadMarkIds,
    ReadMarks,
    ReadOrigins,
    ReadRequests,
)
from telegraf_plugin.stream.definition import StreamId
from telegraf_plugin.stream.known import Known
from telegraf_plugin.stream.ledger import Mark, MarkId, Origin, Reading
from telegraf_plugin.stream.ledger_news import LedgerNews
from telegraf_plugin.stream.notes import Notes
from telegraf_plugin.stream.pause import NO_PAUSE
from telegraf_plugin.stream.spans import END
from telegraf_plugin.stream.task import StreamTask
from telegraf_plugin.stream.turns import Turns
from telegraf_plugin.stream.uncompared import Question
from telegraf_plugin.stream.units import SECOND
from telegraf_plugin.stream.watched import FAR_BACK, Look, WatchedBucket, released

LOOK_UP = 3600 * SECOND
"""How often (ns) it is asked how a bucket is kept."""
OVERDUE = 30 * SECOND
"""How long (ns) a mark may take to arrive before that is said."""
STEPS_A_LOOK = 4
"""Steps of one stream's ledger that are read at a time: a long one holds up no other stream."""
MIRROR_PATIENCE = 4
"""The bucket of metrics is left alone after a failure for so many times as long as that took: it may hang."""
LOAD_AGAIN = 30 * SECOND
"""How old (ns) what was read of the ledger may become while a stream cannot adopt it, its source being silent."""


class LedgerWatch:
    """Reads the ledger for all streams, so that one bucket that is gone or slow holds up no other.

    `touched`: the streams to which something has happened; `moved`: a mark has come back. The caller takes both.
    """

    def __init__(
        self,
        tasks: Iterable[StreamTask],
        metrics_bucket: str,
        central_url: str,
        notes: Notes,
        instant: Callable[[StreamTask], Instant],
    ) -> None:
        """`instant` tells what time it is for a stream."""
        self.touched: set[StreamId] = set()
        self.moved = False
        self._metrics_bucket, self._instant = metrics_bucket, instant
        self._buckets: dict[str, WatchedBucket] = {}
        for task in tasks:
            self._buckets.setdefault(task.stream.central_bucket, WatchedBucket([])).tasks.append(task)
        self._turns = Turns(self._buckets)
        self._now = Clocks(0, 0)
        self._mirror_at = 0  # before then the bucket of metrics is left alone
        self._load_again: dict[StreamId, int] = {}  # of streams whose ledger is not adopted yet
        self._news = LedgerNews(notes, central_url)

    @property
    def away(self) -> list[str]:
        """The buckets of central that could not be read when they were last asked for."""
        return self._news.away

    def tick(self, now: Clocks | None = None) -> None:
        """Have every bucket looked at now; one of many streams when their marks of this tick are there (`printed`)."""
        at = now.steady + CALM_PATIENCE if now is not None else 0
        self._turns.tick({bucket: at for bucket, watched in self._buckets.items() if at and watched.calm})

    def printed(self, bucket: str, now: Clocks) -> None:
        """Have it looked whether a mark arrives that is about to be printed."""
        watched = self._buckets[bucket]
        if watched.printed is None:
            watched.printed = now.steady
        if watched.calm:
            at = min(now.steady + watched.asking.calm(0), watched.printed + CALM_PATIENCE)
            self._turns.put_off(bucket, at)
            return
        self._turns.expect(bucket, now.steady + watched.asking.wait(0, watched.much_in_flight))

    def next(self, now: Clocks) -> list[LedgerCommand]:
        """Take up the looks whose turn it is, and return what they read first."""
        self._now = now
        commands: list[LedgerCommand] = []
        while (turn := self._turns.next(now.steady)) is not None:
            bucket, ticked = turn
            watched = self._buckets[bucket]
            watched.look, watched.ticked, watched.printed = self._look(bucket, watched, ticked), ticked, None
            commands += self._go_on(bucket, None)
        return commands

    def done(self, outcome: LedgerOutcome, now: Clocks) -> list[LedgerCommand]:
        """Record what was read; returns what the look reads next."""
        self._now = now
        return self._go_on(outcome.command.bucket, outcome.result)

    def waits(self, now: Clocks) -> bool:
        """Say whether marks of many streams are on their way that may soon be there."""
        return any(watched.waits(now) for watched in self._buckets.values())

    def wakes_at(self) -> int | None:
        """Return when (ns of the steady clock) the next look is due."""
        return self._turns.wakes_at()

    def _go_on(self, bucket: str, result: LedgerResult) -> list[LedgerCommand]:
        watched = self._buckets[bucket]
        assert watched.look is not None
        error: CentralError | None = None
        look_at: int | None = None
        try:
            command = watched.look.throw(result) if isinstance(result, CentralError) else watched.look.send(result)
            for task in watched.tasks:
                task.uncompared.looked(self._now.steady)
            return [command]
        except StopIteration as end:
            look_at = end.value
        except CentralError as failure:
            error = failure
        watched.look = None
        watched.looked()
        self._answers(bucket, error)
        self._turns.done(bucket, self._now.steady, watched.ticked, look_at, error)
        return []

    # One look

    def _look(self, bucket: str, watched: WatchedBucket, ticked: bool) -> Look:
        """Read one bucket's marks."""
        now = self._now
        if now.steady >= watched.look_up_at:
            watched.kept = cast("Bucket | None", (yield LookUp(bucket))) or watched.kept
            watched.look_up_at = now.steady + LOOK_UP
        for task in watched.tasks:
            if task.state is not State.LOADING:
                self._load_again.pop(task.stream.id, None)
        due = [
            task
            for task in watched.tasks
            if task.state is State.LOADING and now.steady >= self._load_again.get(task.stream.id, 0)
        ]
        if due:
            yield from self._load(bucket, watched, due)
        start = watched.since(self._now, ticked)
        began = self._now.steady
        if start is not None:
            yield from self._read_mark_ids(bucket, watched, start, ticked)
        return watched.next_look(self._now, began, self._load_again)

    def _take_up(self, watched: WatchedBucket, asked: Asked) -> None:
        """Tell the streams what operators have asked of them."""
        for task in watched.tasks:
            request, pause = asked.requests.get(task.stream.id), asked.pauses.get(task.stream.id)
            if request is not None:
                task.ask(request, self._instant(task))
            if pause is not None:
                task.pause(pause, self._instant(task))
            if request is not None or pause is not None:
                self.touched.add(task.stream.id)

    def _read_mark_ids(
        self, bucket: str, watched: WatchedBucket, start: int, ticked: bool
    ) -> Generator[LedgerCommand, LedgerResult, None]:
        """Tell the streams of the marks made since `start` (Unix ns), the newest first, a bounded step at a time.

        Once a tick, by the same question, of what operators have asked for.
        """
        arrived: set[StreamId] = set()
        lost: set[StreamId] = set()
        waited = {task.stream.id: task.account.book.first_on_its_way for task in watched.tasks}
        # A stream that adopts its ledger meanwhile is told at the next look: it must be told of all marks of a time.
        tasks = [task for task in watched.tasks if task.state is not State.LOADING]
        start, until = max(start, watched.kept_since(self._now)), END
        while until > start:
            step = cast("MarkIds", (yield ReadMarkIds(bucket, start, until, ticked)))
            if step.asked is not None:
                self._take_up(watched, step.asked)
            ticked, until = False, step.since
            for task in tasks:
                name = task.stream.id
                marks, first = step.present.get(name, ()), waited[name]
                if first is not None and any(mark >= first for mark in marks):
                    arrived.add(name)
                if name not in lost and (yield from self._seen(bucket, task, marks, step)):
                    lost.add(name)
            if self.moved:  # there is room again for who waits for some
                self.touched |= {task.stream.id for task in tasks if task.wants_room}
        if watched.answering is None:
            watched.answering = self._now.clock
        self.touched |= released(self._buckets.values(), self._now)
        if watched.calm and any(waited.values()):
            watched.asking.looked(all(name in arrived for name, first in waited.items() if first is not None))
        for task in tasks:
            first = waited[task.stream.id]
            # What Telegraf kept while central did not answer takes a while to arrive: the time counts from then on.
            late = first is not None and self._now.clock - max(first.time, watched.answering) > OVERDUE
            self._news.overdue(task.stream, late and task.stream.id not in arrived)

    def _seen(
        self, bucket: str, task: StreamTask, present: Collection[MarkId], step: MarkIds
    ) -> Generator[LedgerCommand, LedgerResult, bool]:
        """Tell a stream of its marks in one step of time; returns whether central has lost one of them."""
        name = task.stream.id
        if task.seen(present, step.since, step.until):
            self.moved = True
            self._buckets[bucket].back.setdefault(name, self._now.steady)
            newest = task.account.book.base
            self._buckets[bucket].asking.seen(self._now.clock - newest.time if newest is not None else 0)
        if task.state is State.LOADING:
            self._news.lost(name)
            self.touched.add(name)
            return True
        foreign = task.account.foreign_among(present)
        if not foreign:
            return False
        for mark in cast("list[Mark]", (yield ReadMarks(bucket, name, tuple(foreign)))):
            task.account.stranger(mark, self._instant(task))
        task.account.know(foreign)  # one that cannot be read lists nothing
        self.touched.add(name)
        self._news.foreign(name, {mark.incarnation for mark in foreign})
        return False

    def _load(
        self, bucket: str, watched: WatchedBucket, tasks: list[StreamTask]
    ) -> Generator[LedgerCommand, LedgerResult, None]:
        """Read the ledger for streams that have not adopted it."""
        by_name = {task.stream.id: task for task in tasks}
        kept = watched.kept_since(self._now)
        read_since = max(self._now.clock - FAR_BACK, kept)
        part = cast("LedgerPart", (yield ReadLedger(bucket, tuple(by_name), kept, STEPS_A_LOOK)))
        for name, error in part.unreadable.items():
            self._news.unreadable(name, error)
        known = {name: Known(since=read_since) for name in part.found}
        until = END
        while known and until > read_since:
            step = cast("MarkIds", (yield ReadMarkIds(bucket, read_since, until)))
            until = step.since
            for name, ids in step.present.items():
                if name in known:
                    known[name].add(sorted(ids))
        pauses = cast("Asked", (yield ReadRequests(bucket))).pauses  # before anything is read of the sources
        origins = yield from self._mirrored(bucket)
        for name, task in by_name.items():
            self._answer(task, None, watched.kept)
            if name not in part.found:
                continue  # its ledger is long: it is gone on with at the next look, or it cannot be read
            self._news.readable(name)
            believed = part.found[name]
            if believed is None and origins is None:
                continue  # where it began may stand there: to begin anew would forget it
            task.load(Reading(believed, (origins or {}).get(name), known[name], pauses.get(name, NO_PAUSE)))
            self.touched.add(name)
            self._load_again[name] = self._now.steady + LOAD_AGAIN

    def _mirrored(self, bucket: str) -> Generator[LedgerCommand, LedgerResult, dict[StreamId, Origin] | None]:
        """Return the origins that the bucket of metrics keeps, None when it cannot be read, or could not just now."""
        began = self._now.steady
        if began < self._mirror_at:
            return None
        try:
            origins = cast("dict[StreamId, Origin]", (yield ReadOrigins(bucket)))
        except CentralError as error:
            self._news.answers(f"{self._metrics_bucket} (metrics)", error)
            self._mirror_at = self._now.steady + MIRROR_PATIENCE * (self._now.steady - began)
            return None
        self._news.answers(f"{self._metrics_bucket} (metrics)", None)
        return origins

    def _answers(self, bucket: str, error: CentralError | None) -> None:
        watched = self._buckets[bucket]
        self._news.answers(bucket, error)
        if error is not None:
            watched.answering = None
            self.touched |= released(self._buckets.values(), self._now)
        for task in watched.tasks:
            self._answer(task, error, watched.kept)

    def _answer(self, task: StreamTask, error: CentralError | None, kept: Bucket | None) -> None:
        if error is None:
            task.uncompared.answered(Question.LOOK)
        else:
            task.uncompared.silent(error.summary, self._now.steady)
        if task.central_answers(error is None, kept):
            self.touched.add(task.stream.id)
