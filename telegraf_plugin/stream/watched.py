"""One bucket of central and the streams that land in it: since when marks are looked for there, and when next. Pure."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping
from dataclasses import dataclass, field

from telegraf_plugin.stream.asking import CALM_PATIENCE, CALM_STREAMS, POLL, Asking
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.clocks import Clocks
from telegraf_plugin.stream.commands import LedgerCommand, LedgerResult
from telegraf_plugin.stream.definition import StreamId
from telegraf_plugin.stream.ledger import oldest_kept
from telegraf_plugin.stream.progress import State
from telegraf_plugin.stream.spans import BEGINNING
from telegraf_plugin.stream.task import StreamTask
from telegraf_plugin.stream.units import HOUR, SECOND

FAR = 600 * SECOND
"""How often (ns) a whole day is looked over for marks of other runs; the last hour is at each tick."""
FAR_OF_MANY = 3600 * SECOND
"""How often, where the streams are many, and their last hour every FAR: a day of their marks takes a while to read."""
RECENT = 180 * SECOND
"""How far back (ns) the marks of many streams are looked for at a tick: those that are back are still there."""
FAR_BACK = 25 * HOUR
"""How far back (ns) marks are looked for where a whole day is looked over."""

Look = Generator[LedgerCommand, LedgerResult, int | None]
"""A look at one bucket; returns when it is looked at next, None when nothing is expected there."""


@dataclass(slots=True)
class WatchedBucket:
    """Times are ns of the steady clock, but for `answering` (Unix ns).

    `look`: the one in hand, which was begun for a tick if `ticked`; `kept`: how central keeps it, if that is known;
    `answering`: since when it has answered without a failure; `asking`: how often it is asked for marks. `printed`:
    when the first mark was printed since it was looked at; `back`: streams whose mark is back, since when, and that
    wait for the others'; `started`: all streams were RUNNING after the last look.
    """

    tasks: list[StreamTask]
    look: Look | None = None
    ticked: bool = False
    kept: Bucket | None = None
    look_up_at: int = 0
    far_at: int = 0
    near_at: int = 0
    answering: int | None = None
    asking: Asking = field(default_factory=Asking)
    printed: int | None = None
    started: bool = False
    back: dict[StreamId, int] = field(default_factory=dict)

    def since(self, now: Clocks, ticked: bool) -> int | None:
        """Return since when (Unix ns) marks are looked for; None when there is nothing to look for."""
        books = [task.account.book for task in self.tasks if task.state is not State.LOADING]
        waited = [min(filter(None, (book.base, book.first_on_its_way))) for book in books if book.on_their_way]
        bases = [book.base for book in books if book.base is not None]
        if not (waited or (ticked and bases)):
            return None
        if self.calm:
            return self._since_of_many(now, [mark.time for mark in waited], [mark.time for mark in bases], ticked)
        start = min(mark.time for mark in [*waited, *bases])
        if ticked:
            far = now.steady >= self.far_at
            start = min(start, now.clock - (FAR_BACK if far else HOUR))
            if far:
                self.far_at = now.steady + FAR
        return start

    def _since_of_many(self, now: Clocks, waited: list[int], bases: list[int], ticked: bool) -> int:
        """Return the same where the streams are many, by the times of their marks."""
        start = min([*waited, *(time for time in bases if time > now.clock - RECENT)], default=max(bases, default=0))
        if ticked and now.steady >= self.near_at:
            self.near_at = now.steady + FAR
            start = min(start, now.clock - HOUR)
            if now.steady >= self.far_at:
                self.far_at = now.steady + FAR_OF_MANY
                start = min(start, now.clock - FAR_BACK)
        return start

    def kept_since(self, now: Clocks) -> int:
        """Return from when on (Unix ns) central keeps marks for certain."""
        return oldest_kept(now.clock, self.kept.retention) if self.kept is not None else BEGINNING

    @property
    def calm(self) -> bool:
        """Whether nobody waits for a mark, and the streams are so many that they are looked at together."""
        return len(self.tasks) > CALM_STREAMS and self.started and not self.much_in_flight

    def looked(self) -> None:
        """Note how its streams stand after a look: they start, and begin anew, by what is seen there."""
        self.started = all(task.state is State.RUNNING for task in self.tasks)

    def waits(self, now: Clocks) -> bool:
        """Whether marks are on their way that are waited for together, and have not been so for long."""
        if self.answering is None or not self.calm:
            return False
        on_their_way = [mark.time for task in self.tasks for mark in task.account.book.on_their_way]
        return bool(on_their_way) and now.clock - max(on_their_way) < CALM_PATIENCE

    @property
    def much_in_flight(self) -> bool:
        """Whether what is in flight towards it is so much that a backlog waits for marks, or soon will."""
        return any(task.window.crowded for task in self.tasks[:1])  # one window a bucket

    def next_look(self, now: Clocks, began: int, load_again: Mapping[StreamId, int]) -> int | None:
        """Return when it is looked at next: as marks are on their way, or a ledger is not adopted yet; None: never.

        `began`: when its last question was asked; `load_again`: when the ledger of a stream is read once more that
        could not adopt it.
        """
        waited = [first.time for task in self.tasks if (first := task.account.book.first_on_its_way) is not None]
        times = []
        if waited:
            age = max(now.clock - max(waited), 0)
            calm, took = self.calm, now.steady - began
            wait = self.asking.calm(age) if calm else self.asking.wait(age, self.much_in_flight, took)
            times.append(now.steady + wait)
        for task in self.tasks:
            if task.state is State.LOADING:
                times.append(max(now.steady + POLL, load_again.get(task.stream.id, 0)))
        return min(times, default=None)


def released(buckets: Collection[WatchedBucket], now: Clocks) -> set[StreamId]:
    """Return whose marks are back, of all buckets together, when none is on its way any more that may soon be there.

    One that has waited for CALM_PATIENCE waits no longer.
    """
    found: set[StreamId] = set()
    long = any(now.steady - since >= CALM_PATIENCE for each in buckets for since in each.back.values())
    if long or not any(each.waits(now) for each in buckets):
        for each in buckets:
            found |= each.back.keys()
            each.back.clear()
    return found
