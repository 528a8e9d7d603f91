"""One shard: a Telegraf, and one run of the plugin after the other; and who waits there for how long."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from time import perf_counter

from lab.simulation.central import Central, Landing
from lab.simulation.executor import Executor
from lab.simulation.loop import Loop
from lab.simulation.meter import Meters
from lab.simulation.pipe import FlowWindow, Output
from lab.simulation.site import Site
from lab.simulation.turns import TurnsTaken
from telegraf_plugin.stream.clocks import Clocks
from telegraf_plugin.stream.collector import Collector
from telegraf_plugin.stream.definition import StreamId
from telegraf_plugin.stream.events import Event, Tick, Wake
from telegraf_plugin.stream.units import SECOND

LEAST_WAKE = SECOND // 1000
"""The plugin's loop takes its time: it is asked again no sooner."""


class Run:
    """One run of the plugin, from its start until it is killed or takes over another configuration."""

    def __init__(
        self,
        loop: Loop,
        central: Central,
        sites: Sequence[Site],
        outputs: Mapping[str, Output],
        name: str,
        limit: int,
        sweep: float,
        at_once: int,
        together: bool,
        meters: Meters,
    ) -> None:
        """`name`: of the run; `limit`: lines in flight; `at_once`: commands of one source in hand; `together`: as of
        `Setting`.
        """
        self.alive = True
        self.sites = {site.name: site for site in sites}
        self.meters, self._loop, self._central, self._outputs = meters, loop, central, outputs
        streams = [(site, stream) for site in sites for stream in site.streams]
        self.landings: dict[StreamId, Landing] = {
            stream.id: central.begin(stream.central_bucket, stream.id) for _, stream in streams
        }
        self._windows = {bucket: FlowWindow(loop, limit) for bucket in outputs}
        self.core = Collector(
            [(site.name, site.streams, at_once) for site in sites],
            self._windows,
            name,
            "metrics",
            "http://central",
            sweep,
        )
        self.turns = TurnsTaken(self.core, self.sites, central, meters)
        self._executor = Executor(
            loop,
            central,
            self.sites,
            self.landings,
            self._windows,
            outputs,
            at_once,
            together,
            meters,
            self.turns,
            self.tell,
        )
        self._inbox: deque[Event] = deque()
        self._busy = False
        self._wake_at: int | None = None
        self._ticks = 0
        self._ids = tuple(self.core.tasks)
        self.tell(Wake())

    def tick(self) -> None:
        """Have Telegraf ask for the newest points."""
        self._ticks += 1
        self.meters.ticks += 1
        self.meters.stream_ticks += len(self._ids)
        self.turns.tick(self._loop.now)
        self.tell(Tick(self._ticks))

    def end(self) -> None:
        """End, whatever is under way."""
        self.alive = self._executor.alive = False

    def begin(self) -> None:
        """Begin without a tick, if none has come yet."""
        if self.alive and not self._ticks:
            self.tick()

    def tell(self, event: Event) -> None:
        """Hand in an event, and have done what comes out."""
        if not self.alive:
            return
        self._inbox.append(event)
        if self._busy:
            return
        self._busy = True
        core = self.core
        while self._inbox:
            event = self._inbox.popleft()
            began = perf_counter()
            actions = core.handle(event, self._clocks())
            core.news()
            self.meters.core_seconds += perf_counter() - began
            self.meters.core_events += 1
            self.meters.vain += isinstance(event, Wake) and not actions
            self._executor.submit(actions)
        self._busy = False
        self._sleep()

    def _sleep(self) -> None:
        began = perf_counter()
        wakes_at = self.core.wakes_at()
        self.meters.core_seconds += perf_counter() - began
        now = self._loop.now
        if wakes_at is None:
            return
        time = max(wakes_at, now + LEAST_WAKE)
        if self._wake_at is None or time < self._wake_at:
            self._wake_at = time
            self._loop.at(time, lambda: self._wake(time))

    def _wake(self, time: int) -> None:
        if self._wake_at == time:
            self._wake_at = None
            self.tell(Wake())

    def _clocks(self) -> Clocks:
        return Clocks(self._loop.now, self._loop.now)
