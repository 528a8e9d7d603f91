"""What became of the reads: totals and health by stream and source. Pure; all of it is derived from attempts."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from telegraf_plugin.stream.attempts import Attempt
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.drops import Drops
from telegraf_plugin.stream.pause import Paused
from telegraf_plugin.stream.progress import Progress, State
from telegraf_plugin.stream.units import SECOND, duration

SHORTEST_START = 10 * SECOND
START_INTERVALS = 2
LONGEST_START = 60 * SECOND

CLOCK_JUMP_SECONDS = 60.0
"""From one attempt to the next a source's clock does not go that wrong by itself."""


def start_lasts(interval: int) -> int:
    """Return how long (ns) after a start nothing is said of streams of which nothing is known, at that interval (ns).

    After a reload Telegraf goes on saying what was said before it, for two and a half intervals.
    """
    return min(max(START_INTERVALS * interval, SHORTEST_START), LONGEST_START)


@dataclass(frozen=True, slots=True)
class Effort:
    """What was asked of one server since the start: requests, and points read for whatever reason."""

    requests: int = 0
    values: int = 0


@dataclass(slots=True)
class Totals:
    """Sums over attempts."""

    points_read: int = 0
    points_sent: int = 0
    points_dropped: int = 0
    successes: int = 0
    failures: int = 0
    seconds: float = 0.0

    def add(self, attempt: Attempt) -> None:
        """Count one attempt."""
        self.points_read += attempt.points_read
        self.points_sent += attempt.points_sent
        self.points_dropped += attempt.drops.points
        self.successes += attempt.error is None
        self.failures += attempt.error is not None
        self.seconds += attempt.seconds

    @classmethod
    def of(cls, parts: Iterable[Totals]) -> Totals:
        """Return the sum of `parts`."""
        total = cls()
        for part in parts:
            total.points_read += part.points_read
            total.points_sent += part.points_sent
            total.points_dropped += part.points_dropped
            total.successes += part.successes
            total.failures += part.failures
            total.seconds += part.seconds
        return total

    @property
    def success_rate(self) -> float | None:
        """Successes in percent of all attempts, None before the first."""
        attempts = self.successes + self.failures
        return 100.0 * self.successes / attempts if attempts else None


@dataclass(slots=True)
class StreamStatus:
    """One stream: sums of the cycle in hand and since start, and whether it is read.

    `recovered_from` is how many failures in a row the last attempt has ended. `late` says that its source was still
    busy with an earlier cycle when the last tick came; `waits_for_central`, that its source's worker is held up by
    central; `in_doubt`, that it is not read now, as another collector may have taken over. `progress` is how it stood
    with the ledger at the last tick, `in_flight` its lines on their way, `max_lag` (ns) how far behind it may be,
    `patience` (ns) how long central may not be compared with.
    """

    stream: StreamDefinition
    cycle: Totals = field(default_factory=Totals)
    total: Totals = field(default_factory=Totals)
    drops: Drops = field(default_factory=Drops)
    failures_in_a_row: int = 0
    recovered_from: int = 0
    last: Attempt | None = None
    late: bool = False
    waits_for_central: bool = False
    progress: Progress | None = None
    in_flight: int = 0
    max_lag: int | None = None
    patience: int | None = None
    in_doubt: bool = False
    last_success: int = 0  # Unix ns, the end of what was copied last
    skew_then: float = 0.0  # what the source's clock was ahead then, in seconds

    def record(self, attempt: Attempt) -> None:
        """Record the outcome of an attempt."""
        self.cycle.add(attempt)
        self.total.add(attempt)
        self.drops.merge(attempt.drops)
        self.recovered_from = self.failures_in_a_row if attempt.error is None else 0
        self.failures_in_a_row = 0 if attempt.error is None else self.failures_in_a_row + 1
        self.last = attempt
        if attempt.error is None:
            skew = attempt.clock_skew or 0.0
            # A clock that was put right (or wrong) counts anew: else its year 9999 would be the last one for ever.
            jumped = abs(skew - self.skew_then) > CLOCK_JUMP_SECONDS
            self.last_success = attempt.stop if jumped else max(self.last_success, attempt.stop)
            self.skew_then = skew

    @property
    def begun(self) -> bool:
        """Whether it was read, or was tried to be, by what the ledger says; or it is paused."""
        read = self.last is not None and self.progress is not None and self.progress.state is State.RUNNING
        return self.paused or read

    @property
    def paused(self) -> bool:
        """Whether an operator has paused all of it: then nothing of it is expected."""
        return self.progress is not None and self.progress.paused is Paused.STREAM

    @property
    def waits(self) -> str:
        """What of it waits on purpose, and for what, if there is something that does; empty otherwise."""
        progress = self.progress
        return (
            progress.waits if progress is not None and (progress.paused is not Paused.NOTHING or progress.left) else ""
        )

    @property
    def behind(self) -> bool:
        """Whether what the source has does not arrive in central in time."""
        progress = self.progress
        if self.paused:
            return False
        if progress is None or progress.state is not State.RUNNING or progress.lag is None:
            return True
        return self.max_lag is not None and progress.lag >= self.max_lag

    @property
    def uncompared(self) -> str:
        """For how long central could not be compared with, and why; empty for two intervals of it."""
        progress = self.progress
        if progress is None or self.patience is None or progress.uncompared <= self.patience:
            return ""
        seconds = _seconds(progress.uncompared)
        return f"central could not be compared with for {duration(seconds)}: {progress.uncompared_reason}"

    @property
    def impaired(self) -> str:
        """What central lacks for good, or is not known to have, though what is new arrives; empty when all is well."""
        progress = self.progress
        if progress is None:
            return ""
        if self.uncompared:
            return self.uncompared
        if progress.held:
            return f"central lacks {progress.held} points of it for good: {progress.held_reason}"
        if progress.aside:
            return f"{duration(_seconds(progress.aside))} of it are set aside: {progress.aside_reason}"
        return progress.unprovable

    @property
    def healthy(self) -> bool:
        """Whether the stream was read when it was last due, arrives in central in time, and lacks nothing for good.

        One that is paused is, as nothing is expected of it.
        """
        if self.paused:
            return True
        well = self.last is not None and self.last.error is None and not self.late and not self.behind
        return well and not self.impaired and not self.in_doubt

    @property
    def trouble(self) -> str:
        """Say in a word or two why it is not healthy; empty when it is."""
        if self.paused:
            return ""
        if self.in_doubt:
            return "the lease is not seen in central, so another collector may have it"
        if self.last is not None and self.last.error is not None:
            return "its source does not give it"
        progress = self.progress
        if progress is None or progress.state is State.LOADING:
            return "the ledger in central cannot be read"
        if progress.state is State.STARTING:
            return "its first mark has not arrived in central"
        if self.late:
            return "central is slow to answer" if self.waits_for_central else "its source is slow"
        if self.uncompared:
            return self.uncompared
        if self.behind and progress.lag is not None:
            return f"central has lacked points of it for {duration(_seconds(progress.lag))}"
        if self.impaired:
            return self.impaired
        return "" if self.last is not None else "not read yet"


def _seconds(nanoseconds: int) -> int:
    return nanoseconds // SECOND


class Board:
    """The status of all streams, and through them of sources and of the whole."""

    def __init__(self, streams: Iterable[StreamDefinition]) -> None:
        self.streams = {stream.label: StreamStatus(stream) for stream in streams}
        self.interval: int | None = None  # between two ticks, ns
        self.efforts: dict[str, Effort] = {}  # by source; central's is under ""

    def begin_cycle(self, late: Collection[str]) -> None:
        """Begin anew the sums of a cycle; the streams in `late` (labels) have not finished the one before."""
        for status in self.streams.values():
            status.cycle = Totals()
            status.late = status.stream.label in late

    def record(self, attempt: Attempt) -> StreamStatus:
        """Record the outcome of an attempt and return its stream's status."""
        status = self.streams[attempt.stream.label]
        status.record(attempt)
        return status

    def by_source(self) -> dict[str, list[StreamStatus]]:
        """Return the streams' status by their source's name, in the configuration's order."""
        sources: dict[str, list[StreamStatus]] = {}
        for status in self.streams.values():
            sources.setdefault(status.stream.source, []).append(status)
        return sources

    @property
    def starting(self) -> bool:
        """Whether some stream has not begun, and none has failed."""
        statuses = self.streams.values()
        failed = any(each.last is not None and each.last.error is not None for each in statuses)
        return not failed and not all(each.begun for each in statuses)

    @property
    def waiting(self) -> dict[str, str]:
        """What waits on purpose, by the label of its stream: paused, or in quiet hours."""
        return {label: status.waits for label, status in self.streams.items() if status.waits}

    @property
    def failing(self) -> list[str]:
        """The labels of the streams that are not read now, or do not arrive in central in time."""
        return [label for label, status in self.streams.items() if not status.healthy]
