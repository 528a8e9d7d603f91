"""Who waits for how long at a shard: live data from its tick on, history from one of its turns to the next."""

from __future__ import annotations

from collections.abc import Mapping

from lab.simulation.central import Central
from lab.simulation.meter import Meters, Wait
from lab.simulation.site import Site
from telegraf_plugin.stream.collector import Collector
from telegraf_plugin.stream.commands import Command, Probe, Result
from telegraf_plugin.stream.definition import StreamId
from telegraf_plugin.stream.jobs import Copy
from telegraf_plugin.stream.progress import State
from telegraf_plugin.stream.units import SECOND


class TurnsTaken:
    """Watches one run. A wait counts where site and central could be reached all the while.

    A turn that was given up for lack of room is none.
    """

    def __init__(self, core: Collector, sites: Mapping[str, Site], central: Central, meters: Meters) -> None:
        self._core, self._sites, self._central, self._meters = core, sites, central, meters
        self._due: dict[StreamId, int] = {}  # since which tick live data waits
        self._hungry: dict[StreamId, int] = {}  # since when history waits for a turn
        self._turn: dict[StreamId, int] = {}  # when the turn in hand began

    def tick(self, now: int) -> None:
        """Begin a tick: all streams that are running wait for their turn, unless they do already."""
        for name in [name for name in self._hungry if name not in self._turn and not self._has_history(name)]:
            del self._hungry[name]
        self._still(self._due, self._meters.live, now)
        self._still(
            {name: since for name, since in self._hungry.items() if name not in self._turn}, self._meters.history, now
        )
        for name, task in self._core.tasks.items():
            if task.state is State.RUNNING:
                self._due.setdefault(name, now)
            else:
                self._due.pop(name, None)
                self._hungry.pop(name, None)

    def lacks(self, name: StreamId, now: int) -> None:
        """Note that central lacks something of a stream: it may have history to read."""
        if name not in self._hungry and self._core.tasks[name].state is State.RUNNING and self._has_history(name):
            self._hungry[name] = now

    def began(self, command: Command, now: int) -> None:
        """Note a turn that begins."""
        name, job = command.stream.id, command.job
        if isinstance(job, Probe):
            self._due.pop(name, None)
        if not isinstance(job, Copy):
            return
        if not job.live:
            self._turn[name] = now
            return
        since = self._due.pop(name, None)
        if since is not None and self._answered(name, since, now):
            self._meters.live.add(now - since, name.label, now)
            self._meters.waited.add(now, (now - since) // SECOND)

    def ended(self, command: Command, result: Result, now: int) -> None:
        """Note a turn that is over."""
        name, job = command.stream.id, command.job
        if not isinstance(job, Copy) or job.live:
            return
        began, since = self._turn.pop(name, now), self._hungry.get(name)
        if isinstance(result, Exception) or since is None:
            return
        if self._answered(name, since, began):
            self._meters.history.add(max(began - since, 0), name.label, began)
        self._hungry[name] = now

    def _still(self, waits: dict[StreamId, int], wait: Wait, now: int) -> None:
        """Count waits that go on; those during which somebody was away begin anew."""
        for name, since in waits.items():
            if self._answered(name, since, now):
                wait.still(now - since, name.label, now)
            else:
                (self._due if waits is self._due else self._hungry)[name] = now

    def _has_history(self, name: StreamId) -> bool:
        task = self._core.tasks[name]
        return bool(task.course.history(task.course.work(task.ticked), task.ticked))

    def _answered(self, name: StreamId, since: int, now: int) -> bool:
        return self._sites[name.source].answered(since, now) and self._central.answered(since, now)
