"""What became of one read of one stream, as it is told in log and metrics. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from telegraf_plugin.errors import SourceError
from telegraf_plugin.stream.clocks import Instant
from telegraf_plugin.stream.commands import Outcome, Sign
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.drops import Drops
from telegraf_plugin.stream.jobs import Check
from telegraf_plugin.stream.units import SECOND


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to copy one stream's span [start, stop) (Unix ns), or one failure of its source.

    `points_read` came from the source; `points_sent` were written to Telegraf, as lines. A failed attempt may have
    sent points before its `error`: they are right, only not all. `seconds` is how long it took. `clock_skew` is by
    how many seconds the source's clock was ahead of ours, if it said. `unwatched`: there were too many series to
    notice whether the mapping makes two of them one.
    """

    stream: StreamDefinition
    start: int
    stop: int
    points_read: int
    points_sent: int
    drops: Drops
    seconds: float
    error: SourceError | None = None
    clock_skew: float | None = None
    unwatched: bool = False


def attempt_of(outcome: Outcome, at: Instant, error: SourceError | None = None) -> Attempt:
    """Return what is told of the outcome of a read, or of a failure of the source."""
    job, stats = outcome.command.job, outcome.stats
    whole = (at.source, at.source) if isinstance(job, Sign | Check) else job.span
    return Attempt(
        outcome.command.stream,
        *whole,
        points_read=stats.points,
        points_sent=stats.sent,
        drops=stats.drops,
        seconds=outcome.took / SECOND,
        error=error,
        clock_skew=outcome.skew,
        unwatched=stats.unwatched,
    )
