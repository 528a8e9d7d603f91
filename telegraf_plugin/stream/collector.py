"""The collector: events in, commands out. It owns all that is decided; one thread asks it. Pure.

    for command in collector.handle(event, clocks): have it done, and hand its outcome in as the next event

What a stream does next is decided in `task`, which of a source's streams goes next in `source_tasks`, and what is read
of the ledger in `ledger_watch`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from telegraf_plugin.stream.asking import CALM_STREAMS
from telegraf_plugin.stream.clocks import Clocks, Instant, instant
from telegraf_plugin.stream.commands import (
    LedgerCommand,
    LedgerOutcome,
    LookUpSource,
    MarkPrinted,
    Outcome,
    SourceLookedUp,
)
from telegraf_plugin.stream.definition import StreamDefinition, StreamId
from telegraf_plugin.stream.events import Action, Begun, Event, Idle, Lost, Moved, News, Tick
from telegraf_plugin.stream.flow import Window
from telegraf_plugin.stream.gathering import Gathering
from telegraf_plugin.stream.holds import HeldPoints
from telegraf_plugin.stream.jobs import Land
from telegraf_plugin.stream.lease import ClaimsRead, Lease, LeaseAction, PrintClaim
from telegraf_plugin.stream.ledger_watch import LedgerWatch
from telegraf_plugin.stream.notes import Notes
from telegraf_plugin.stream.places import Places
from telegraf_plugin.stream.restraint import UNRESTRAINED, Allowance, Restraint
from telegraf_plugin.stream.source_tasks import SourceTasks
from telegraf_plugin.stream.task import StreamTask
from telegraf_plugin.stream.units import HOUR

NEVER = 1 << 63
"""Beyond all times."""
LOOK_UP = HOUR
"""How often (ns) a source is asked how it keeps its buckets: that may be changed while the collector runs."""


class Collector:
    """All streams of all sources, in one run of the plugin (`run`)."""

    def __init__(
        self,
        sources: Sequence[tuple[str, Sequence[StreamDefinition], int]],
        windows: Mapping[str, Window],
        run: str,
        metrics_bucket: str,
        central_url: str,
        sweep: float = 0.0,
        restraints: Mapping[str, Restraint] | None = None,
        lease: Callable[[Notes], Lease] | None = None,
    ) -> None:
        """`sources`: each one's name, its streams, and how many commands it may have in hand; `windows`: the lines in
        flight, by central bucket. `central_url` is for the log. `restraints`: what holds a source's history back.
        `lease` makes what says whether another collector does all this instead; None: none does.
        """
        self._notes = Notes()
        self.sources: dict[str, SourceTasks] = {}
        self._places = Places()
        for name, streams, at_once in sources:
            allowance = Allowance((restraints or {}).get(name, UNRESTRAINED))
            shared = self._notes, sweep, allowance
            tasks = [StreamTask(each, run, windows[each.central_bucket], *shared) for each in streams]
            self.sources[name] = SourceTasks(name, tasks, at_once, self._places)
        self.tasks = {name: task for source in self.sources.values() for name, task in source.tasks.items()}
        self.watch = LedgerWatch(self.tasks.values(), metrics_bucket, central_url, self._notes, self._instant_of)
        self.lease = lease(self._notes) if lease is not None else None
        self._windows = windows
        self._stood_by, self._lost = self.standing_by, False
        self._for_lease: list[LeaseAction] = []
        for task in self.tasks.values():
            task.course.sweep.share(len(self.tasks))
        self._central_skew: float | None = None
        self._now = Clocks(0, 0)
        self._tick = 0
        self._unserved: set[str] = set()  # sources that have not done what the tick asked for
        self._gathering = Gathering(len(self.tasks) > CALM_STREAMS)
        self._look_up_at: int | None = None
        self._news: list[News] = []
        self._awake: set[str] = set(self.sources)  # sources whose tasks are to be looked at
        self._due: dict[str, int] = {}  # when a source wants to be though nothing happens to it; a look at it says so

    def handle(self, event: Event, now: Clocks, *more: Event) -> list[Action]:
        """Note what has happened, and return what is to be done; of each command exactly one outcome is to be told.

        `more`: what has happened as well, in its order; to tell it at once costs less than one by one.
        """
        self._now = now
        actions: list[Action] = []
        for each in (event, *more):
            self._look_after_lease(each, now)
            if not self.standing_by:
                actions += self._note(each, now)
        return actions + self._next(now) if not self.standing_by else actions

    def _note(self, event: Event, now: Clocks) -> list[LedgerCommand]:
        """Note what has happened; returns what a look at the ledger reads next."""
        match event:
            case Tick(number):
                self._tick, self._unserved = number, set(self.sources)
                self._gathering.tick(now.steady)
                self.watch.tick(now)
                for source in self.sources.values():
                    source.tick(self._instant(source))
                    self._awake.add(source.name)
            case Outcome():
                self._done(event)
            case LedgerOutcome():
                self._central_skew = event.skew
                return self.watch.done(event, now)
            case MarkPrinted():
                self._mark_printed(event)
            case SourceLookedUp(stream, bucket) if bucket is not None:
                for task in self.sources[stream.source].tasks.values():
                    if task.stream.bucket == stream.bucket:
                        task.looked_up(bucket)
        return []

    def _next(self, now: Clocks) -> list[Action]:
        """Return what is to be done by all that was noted."""
        actions: list[Action] = [*self.watch.next(now)]
        self._touch(self.watch.touched)
        self.watch.touched.clear()
        if self.watch.moved:
            self.watch.moved = False
            self._news.append(Moved())
        if not self._may_read:
            return actions
        if min(self._due.values(), default=NEVER) <= now.steady:
            self._awake.update(name for name, due in self._due.items() if due <= now.steady)
        actions += self._look_at_sources()
        if self._gathering.begins(not self._unserved, self._landed, now.steady):
            self._awake.update(name for name, source in self.sources.items() if source.prove())
            actions += self._look_at_sources()
        return actions + self._look_ups()

    def _look_at_sources(self) -> list[Action]:
        """Return what is to be done next for those at which there is something to be looked at."""
        actions: list[Action] = []
        while self._awake:
            awake, self._awake = self._awake, set()
            for name in self._in_order(awake):
                source = self.sources[name]
                actions += source.next(self._instant(source), self._gathering.proofs)
                self._say_idle(source)
                due = source.wakes_at()
                self._due[name] = due if due is not None else NEVER
            for name in self._places.turns():
                self.sources[name].has_place()
                self._awake.add(name)
        return actions

    def _landed(self) -> bool:
        """Say whether what is printed is counted in central, as far as it may soon be there."""
        counting = (task.command is not None and isinstance(task.command.job, Land) for task in self.tasks.values())
        return not (self.watch.waits(self._now) or any(counting))

    def _in_order(self, names: set[str]) -> Iterable[str]:
        """Return the sources `names` in the order in which they may read history: one nearly always, or nearly all."""
        return names if len(names) < 2 else self._places.in_turn(name for name in self.sources if name in names)

    # Who has the lease

    @property
    def standing_by(self) -> bool:
        """Whether another collector does all this, or may: nothing is read, and nothing printed but claims."""
        return self.lease is not None and (self.lease.standby or self.lease.lost)

    @property
    def in_doubt(self) -> bool:
        """Whether nothing is read for now though this run has the lease: it was not seen in central for too long."""
        return not (self.standing_by or self._may_read)

    @property
    def _may_read(self) -> bool:
        return self.lease is None or self.lease.may_print(self._now.steady)

    def lease_actions(self) -> list[LeaseAction]:
        """Return what is to be done for the lease since it was asked last."""
        actions, self._for_lease = self._for_lease, []
        return actions

    def _look_after_lease(self, event: Event, now: Clocks) -> None:
        """See what is due for the lease, and have lines pass only as long as it is held."""
        lease = self.lease
        if lease is None:
            return
        if isinstance(event, ClaimsRead):
            lease.done(event, now)
        self._for_lease += lease.next(now)
        for window in self._windows.values():
            window.permit(lease.until)
        if lease.lost and not self._lost:
            self._lost = True
            self._news.append(Lost())
        elif self._stood_by and not self.standing_by:
            self._stood_by = False
            self._news.append(Begun())

    def end(self, now: Clocks) -> PrintClaim | None:
        """Give the lease up, as the run ends: no line passes any more. Returns what is to be printed."""
        if self.lease is None:
            return None
        said = self.lease.end(now)
        for window in self._windows.values():
            window.permit(self.lease.until)
        return said

    def news(self) -> list[News]:
        """Return what is to be told of what has happened since it was asked last."""
        news, self._news = [*self._notes.take(), *self._news], []
        return news

    def wakes_at(self) -> int | None:
        """Return when (ns of the steady clock) it wants to be asked again though nothing happens; None: never."""
        times = [self.lease.wakes_at() if self.lease is not None else None]
        if not self.standing_by:
            times.append(self.watch.wakes_at())
        if not self.standing_by and self._may_read:
            first = min(self._due.values(), default=NEVER)
            times += [self._look_up_at, self._gathering.wakes_at(), first if first != NEVER else None]
        return min((time for time in times if time is not None), default=None)

    def _done(self, outcome: Outcome) -> None:
        stream = outcome.command.stream
        source, task = self.sources[stream.source], self.tasks[stream.id]
        source.skew = outcome.skew
        self._news += task.done(outcome, self._instant(source))
        if outcome.counted:
            self._news.append(Moved())
        source.done(stream.id, self._now.steady)
        self._awake.add(source.name)

    def _mark_printed(self, event: MarkPrinted) -> None:
        task = self.tasks[event.stream]
        task.mark_printed(event.mark, event.mirrored, self._instant_of(task))
        self.watch.printed(task.stream.central_bucket, self._now)

    def _touch(self, names: Iterable[StreamId]) -> None:
        for name in names:
            self.sources[name.source].touch(name)
            self._awake.add(name.source)

    def _say_idle(self, source: SourceTasks) -> None:
        if source.name in self._unserved and source.idle:
            self._unserved.discard(source.name)
            self._news.append(Idle(source.name, self._tick))

    def _look_ups(self) -> list[Action]:
        """Return the questions how the sources keep their buckets, when their time has come."""
        if self._look_up_at is None:
            self._look_up_at = self._now.steady + LOOK_UP  # the first time each stream asks by itself
        if self._now.steady < self._look_up_at:
            return []
        self._look_up_at = self._now.steady + LOOK_UP
        streams = {(task.stream.source, task.stream.bucket): task.stream for task in self.tasks.values()}
        return [LookUpSource(stream) for stream in streams.values()]

    def _instant(self, source: SourceTasks) -> Instant:
        return instant(self._now.clock, self._now.steady, source.skew, self._central_skew)

    def _instant_of(self, task: StreamTask) -> Instant:
        return self._instant(self.sources[task.stream.source])

    def held(self) -> list[HeldPoints]:
        """Return what central goes on lacking of each stream."""
        return [
            HeldPoints(task.stream, field_key, hold.points, hold.reason.text)
            for task in self.tasks.values()
            for field_key, hold in task.course.holds.by_field.items()
        ]

    @property
    def central_skew(self) -> float | None:
        """By how many seconds central's clock is ahead of this machine's; None where it does not say."""
        return self._central_skew
