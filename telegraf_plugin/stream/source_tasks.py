"""The tasks of one source's streams: which of them goes next, so that each has its turn and live data goes first. Pure.

Streams that bring little go together: their commands are one batch, done one after the other, so that one request may
ask for all of them. All times are ns of the steady clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush

from telegraf_plugin.stream.clocks import Instant
from telegraf_plugin.stream.commands import Command
from telegraf_plugin.stream.definition import StreamId
from telegraf_plugin.stream.gathering import Proofs
from telegraf_plugin.stream.jobs import Copy
from telegraf_plugin.stream.places import Places
from telegraf_plugin.stream.progress import State
from telegraf_plugin.stream.task import StreamTask

MOST_TOGETHER = 250
"""Commands of one batch."""


class SourceTasks:
    """Gives out the commands of one source, at most `at_once` in hand, of which each may be a batch.

    A task is looked at when something has happened to it, and when the time has come that it named; to look costs more
    than one thinks. What may take long is given out only where there is one of the `places` for it, which all sources
    share: one for a batch.
    """

    def __init__(self, name: str, tasks: Iterable[StreamTask], at_once: int, places: Places | None = None) -> None:
        self.name = name
        self._places = places or Places()
        self.skew: float | None = None  # by how many seconds its clock is ahead
        self.tasks = {task.stream.id: task for task in tasks}
        self._free = at_once
        self._batches: dict[int, int] = {}  # those in hand, by number: how many of its commands are not done
        self._batch_of: dict[StreamId, int] = {}
        self._long: set[int] = set()  # batches that have a place
        self._for_place: dict[StreamId, None] = {}  # tasks that wait for one
        self._for_proof: dict[StreamId, None] = {}  # tasks that wait until it is time to prove something
        self._number = 0
        self._live: dict[StreamId, None] = {}  # to be looked at: first those with live data that is due,
        self._rest: dict[StreamId, None] = {}  # then the others, each in its order
        self._wakes: list[tuple[int, StreamId]] = []
        self._wakes_at: dict[StreamId, int] = {}
        self._of_the_tick: set[StreamId] = set()  # what the last tick asked for, and may yet be done

    def touch(self, name: StreamId) -> None:
        """Have a task looked at: something has happened to it."""
        self._live.pop(name, None)
        self._rest.pop(name, None)
        (self._live if self.tasks[name].course.due else self._rest)[name] = None

    def tick(self, at: Instant) -> None:
        """Ask for all streams' newest points."""
        for name, task in self.tasks.items():
            task.tick(at)
            self.touch(name)
        self._of_the_tick = set(self.tasks)

    def done(self, name: StreamId, steady: int) -> None:
        """Take back the command of a task that is not in hand any more."""
        batch = self._batch_of.pop(name)
        self._batches[batch] -= 1
        if not self._batches[batch]:
            del self._batches[batch]
            self._free += 1
            if batch in self._long:
                self._long.discard(batch)
                self._places.give_back()
        self.touch(name)
        self._has_done(name, steady)

    def prove(self) -> bool:
        """Have those looked at that wait to prove something: it is time. Returns whether there are any."""
        waiting, self._for_proof = self._for_proof, {}
        for name in waiting:
            self.touch(name)
        return bool(waiting)

    def has_place(self) -> None:
        """Have those looked at that wait for a place: there is one."""
        waiting, self._for_place = self._for_place, {}
        for name in waiting:
            self.touch(name)

    def next(self, at: Instant, proofs: Proofs = Proofs.ANY_TIME) -> list[Command]:
        """Take up as many commands as may be in hand; `proofs`: whether streams that bring little prove something."""
        while self._wakes and self._wakes[0][0] <= at.steady:
            time, name = heappop(self._wakes)
            if self._wakes_at.get(name) == time:
                self.touch(name)
        commands: list[Command] = []
        for names in (self._live, self._rest):
            while self._free and names:
                most = min(-(-len(names) // self._free), MOST_TOGETHER)  # none waits while as many may be in hand
                commands += self._together(names, most, at, proofs)
        self._places.looked(self.name)
        if self._for_place:
            self._places.wait(self.name)
        return commands

    def _together(self, names: dict[StreamId, None], most: int, at: Instant, proofs: Proofs) -> list[Command]:
        """Take up the next command, and behind it others; one that may take its time is the last of them."""
        number = self._number + 1
        commands: list[Command] = []
        while names and len(commands) < most:
            name = next(iter(names))
            del names[name]
            self._for_place.pop(name, None)
            task = self.tasks[name]
            command = task.next(at, number in self._long or self._places.open(self.name), proofs, number)
            if command is None:
                if task.wants_place:
                    self._for_place[name] = None
                if task.course.waits_to_prove:
                    self._for_proof[name] = None
                self._sleep(name, at)
                continue
            self._batch_of[name] = number
            commands.append(command)
            if isinstance(command.job, Copy) and not command.job.live:
                self._places.read_history(self.name)
            if not command.prompt and number not in self._long:
                self._long.add(number)
                self._places.take(self.name)
            if not command.light:
                break
        if commands:
            self._number, self._batches[number] = number, len(commands)
            self._free -= 1
        return commands

    def _sleep(self, name: StreamId, at: Instant) -> None:
        task = self.tasks[name]
        time = task.wakes_at(at)
        if time is None:
            self._wakes_at.pop(name, None)
        elif self._wakes_at.get(name) != time:
            self._wakes_at[name] = time
            heappush(self._wakes, (time, name))
        self._has_done(name, at.steady)

    def _has_done(self, name: StreamId, steady: int) -> None:
        if name in self._of_the_tick and not self.tasks[name].pending(steady):
            self._of_the_tick.discard(name)

    @property
    def idle(self) -> bool:
        """Whether all is done that the last tick asked for, as far as it can be."""
        return not self._of_the_tick

    def wakes_at(self) -> int | None:
        """Return when a task is to be looked at though nothing happens; None: none is."""
        return self._wakes[0][0] if self._wakes and self._free else None

    def unfinished(self, steady: int) -> bool:
        """Say whether some stream has not copied what the last tick asked for, and may yet."""
        return any(task.pending(steady) for task in self.tasks.values())

    def late(self, steady: int) -> set[str]:
        """Return the streams (labels) that were not copied, though nothing but the source, or time, is missing."""
        tasks = self.tasks.values()
        return {task.stream.label for task in tasks if task.state is State.RUNNING and task.pending(steady)}

    @property
    def central_silent(self) -> bool:
        """Whether the bucket of some stream in central is known not to answer."""
        return any(task.central is False for task in self.tasks.values())
