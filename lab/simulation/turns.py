"""Who waits for how long at a shard: live data from its tick on, history from one of its turns to the next."""

from __future__ import annotations

from collections.abc import Mapping

from lab.simulation.central import Central
from lab.simulation.meter import Meters
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
        self.hungry: dict[StreamId, int] = {}  # since when history waits for a turn
        self._turn: dict[StreamId, int] = {}  # when the turn in hand began

    def tick(self, now: int) -> None:
        """Begin a tick: all streams that are running wait for their turn, unless they do already."""
        for waits, meter in ((self._due, self._meters.live), (self.hungry, self._meters.history)):
            for name, since in list(waits.items()):
                if name in self._turn and waits is self.hungry:
                    continue
                if self._answered(name, since, now):
                    meter.still(now - since, name.label, now)
                else:
                    waits[name] = now
        for name, task in self._core.tasks.items():
            if task.state is State.RUNNING:
                self._due.setdefault(name, now)
            else:
                self._due.pop(name, None)
                self.hungry.pop(name, None)

    def lacks(self, name: StreamId, lacks: bool, now: int) -> None:
        """Note whether a stream lacks something in central; if so it may have history to read."""
        task = self._core.tasks[name]
        if lacks and task.state is State.RUNNING:
            left = task.progress(now).left
            if left > task.stream.lookback + 120 * SECOND:
                self.hungry.setdefault(name, now)
                return
        if name not in self._turn:
            self.hungry.pop(name, None)

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

    def ended(self, command: Command, result: Result, now: int) -> None:
        """Note a turn that is over."""
        name, job = command.stream.id, command.job
        if not isinstance(job, Copy) or job.live:
            return
        began, since = self._turn.pop(name, now), self.hungry.get(name)
        if isinstance(result, Exception) or since is None:
            return
        if self._answered(name, since, began):
            self._meters.history.add(max(began - since, 0), name.label, began)
        self.hungry[name] = now

    def _answered(self, name: StreamId, since: int, now: int) -> bool:
        return self._sites[name.source].answered(since, now) and self._central.answered(since, now)
