"""How one stream stands: with the ledger, with central, and with its source. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from telegraf_plugin.stream.pause import Paused
from telegraf_plugin.stream.units import utc


class State(Enum):
    """Where a stream stands with the ledger."""

    LOADING = "loading"
    """The ledger has not been read."""
    STARTING = "starting"
    """A first mark is on its way; nothing else is printed until it is back."""
    RUNNING = "running"


@dataclass(frozen=True, slots=True)
class Progress:
    """How a stream stands; times in ns, None where there is none to tell.

    `lag`: how long central has lacked something, not counting what was history when the stream was first seen. `left`:
    the time yet to be copied. `points_per_second`, `to_go`: how fast, and how long that takes. `time_to_loss`: how long
    until the source's retention takes what is not copied. `proved_up_to`: Unix ns. `sweep_period`: how long the sweep's
    last pass took; `sweep_found`: the pieces in which it found something missing. `aside`: time (ns) that could not be
    read or compared and was set aside, and `aside_reason` why; `held_reason`: what is known of the points `held`.
    `future`: points that wait at the source until their
    time has come. `unprovable`: why nothing can ever be proved, if so. `uncompared`: for how long
    central could not be compared with, `uncompared_reason` why, and `uncompared_total` how often that failed.
    `paused`: what an operator has paused, since `paused_at` (Unix ns); `quiet_until` (Unix ns): history waits until
    then, None when it does not. What waits for either does not count as lag.
    """

    state: State
    lag: int | None
    proved_up_to: int | None
    left: int
    points_per_second: float
    to_go: int | None
    held: int
    extras: int
    foreign: int
    time_to_loss: int | None
    sweep_period: int | None
    sweep_found: int
    aside: int = 0
    aside_reason: str = ""
    held_reason: str = ""
    unprovable: str = ""
    future: int = 0
    uncompared: int = 0
    uncompared_reason: str = ""
    uncompared_total: int = 0
    paused: Paused = Paused.NOTHING
    paused_at: int = 0
    quiet_until: int | None = None

    @property
    def waits(self) -> str:
        """What of it waits on purpose, and for what, in a few words; empty when nothing does."""
        if self.paused is not Paused.NOTHING:
            what = "" if self.paused is Paused.STREAM else "its backlog is "
            return f"{what}paused since {utc(self.paused_at)}"
        return f"its backlog waits for the end of quiet hours at {utc(self.quiet_until)}" if self.quiet_until else ""
