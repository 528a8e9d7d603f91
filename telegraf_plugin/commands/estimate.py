"""How long a backfill takes, before it is asked for: until the tick, copying, waiting for the proof, proving. Pure.

The figures were measured (`tests/engines/test_commands_progress.py` holds the estimate to a factor of two).
"""

from __future__ import annotations

from dataclasses import dataclass

ASSUMED_SPEED = 50_000.0
"""Points a second that Telegraf and central take in, where nothing tells: half of what docs/performance.md
measured."""
PROOF_SPEED = 150_000.0
"""Points a second that are read back from central and compared, at the most."""
WINDOW_SECONDS = 0.08
"""What each window costs however little it holds: a query at the source, one in central, a mark."""
ENDING_SECONDS = 2.0
"""Until the last mark has come back and was seen: Telegraf's flush, the watch, and the looks of the command."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Parts of the time that it takes, in seconds."""

    tick: float
    copying: float
    waiting: float
    proving: float

    @property
    def seconds(self) -> float:
        """The whole."""
        return self.tick + self.copying + self.waiting + self.proving


def estimate(
    points: int,
    windows: int,
    speed: float,
    read_speed: float,
    until_tick: float,
    since_start: float | None,
    lookback: float,
) -> Estimate:
    """Return how long `points` in so many `windows` take at `speed` (points a second); all times in seconds.

    `windows`: those that are asked for; of long empty time that is a few. `read_speed`: how fast they are read alone;
    central, where they are read for the proof, is taken to be as fast.

    `until_tick`: how long until the collector looks for requests. `since_start`: how long ago its run began to print,
    None for long ago. What it prints within the first `lookback` of its run is compared a lookback later, since lines
    of an earlier run may still land; what it prints later, at once. Where it prints nothing, nothing can land over it.
    """
    copying = points / speed + windows * WINDOW_SECONDS / 2
    proving = points / min(PROOF_SPEED, read_speed) + windows * WINDOW_SECONDS / 2 + ENDING_SECONDS
    waiting = 0.0
    if since_start is not None and points:
        begins = since_start + until_tick
        if begins < lookback:
            # The last one that has to wait was printed just before the lookback was over; proving goes on meanwhile.
            waiting = max(min(begins + copying, lookback) + lookback - (begins + copying), 0.0)
    return Estimate(until_tick, copying, waiting, proving)


def speed_of(told: float, read_speed: float) -> float:
    """Return how fast history is copied, in points a second.

    `told`: by the collector, of its latest backlog; 0 when it does not tell. If that held little, it was slow by what
    each query costs, and says nothing: then it is as fast as a sample of what is to be copied was read.
    """
    return max(told, min(read_speed, ASSUMED_SPEED))


def until_tick(told_at: float, interval: float, now: float) -> float:
    """Return how long it is until the collector's next tick: it said something at `told_at`, just after one."""
    return interval - (now - told_at) % interval if now >= told_at else interval
