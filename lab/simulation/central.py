"""Central: what has landed of each stream, its ledger, and the questions that the watch on the ledger asks."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lab.simulation.meter import Load
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.commands import (
    Asked,
    LedgerCommand,
    LedgerPart,
    LedgerResult,
    LookUp,
    MarkIds,
    ReadLedger,
    ReadMarkIds,
    ReadMarks,
    ReadOrigins,
    ReadRequests,
)
from telegraf_plugin.stream.definition import StreamId
from telegraf_plugin.stream.ledger import Believed, Mark, MarkId, Origin, newest_believable
from telegraf_plugin.stream.spans import NOTHING, Spans
from telegraf_plugin.stream.units import DAY, HOUR, SECOND

BUCKET = Bucket(90 * DAY, 7 * DAY)
"""How central keeps each of its buckets."""
KEPT_IDS = 26 * HOUR
"""For how long (ns) it is known here which marks there were: the core looks back 25 hours."""
KEPT_MARKS = 200
"""Marks of each stream that are kept whole, the newest: what older ones stand on was there."""
ROWS_A_SECOND = 100_000
"""Rows of marks that central answers a second."""


@dataclass(slots=True)
class Landing:
    """What central has of one stream: its points, `there`; its marks, oldest first; its mirrored origin."""

    there: Spans = NOTHING
    ids: list[MarkId] = field(default_factory=list)
    marks: deque[Mark] = field(default_factory=lambda: deque(maxlen=KEPT_MARKS))
    origin: Origin | None = None

    def mark(self, mark: Mark) -> None:
        """Take a mark."""
        self.ids.append(mark.id)
        self.marks.append(mark)
        if len(self.ids) % 1000 == 0:
            del self.ids[: bisect_left(self.ids, mark.id.time - KEPT_IDS, key=_time)]

    def since(self, start: int, until: int) -> list[MarkId]:
        """Return the marks that were made in [start, until), Unix ns."""
        first = bisect_left(self.ids, start, key=_time)
        return (
            self.ids[first:] if until > self.ids[-1].time else self.ids[first : bisect_left(self.ids, until, key=_time)]
        )

    def believed(self) -> Believed | None:
        """Return the mark that is believed; what is no longer kept whole was there."""
        oldest = self.marks[0].id if self.marks else None
        return newest_believable(self.marks, lambda base: oldest is not None and base < oldest)


class Central:
    """What all shards copy to. Times are true ones (Unix ns) but for those of points and marks."""

    def __init__(self, load: Load, latency: int, points_per_second: int, away: Spans = NOTHING) -> None:
        """`latency` (ns): what an answer takes; `points_per_second`: how many it reads out for one question."""
        self.load, self.away = load, away
        self.ahead = 0
        self._latency, self._points_per_second = latency, points_per_second
        self._landings: dict[str, dict[StreamId, Landing]] = {}
        self._by_stream: dict[StreamId, Landing] = {}

    def begin(self, bucket: str, stream: StreamId) -> Landing:
        """Return what `stream` has landed in `bucket`, which may be nothing yet."""
        landing = self._by_stream.setdefault(stream, Landing())
        self._landings.setdefault(bucket, {})[stream] = landing
        return landing

    def answers(self, now: int) -> bool:
        """Say whether it can be reached."""
        return not self.away or not self.away.covers((now, now + 1))

    def answered(self, start: int, stop: int) -> bool:
        """Say whether it could be reached all the time from `start` to `stop`."""
        return not self.away or not self.away.touches((start, stop + 1))

    def takes(self, points: int) -> int:
        """Return how long (ns) a question takes that reads so many points."""
        return self._latency + points * SECOND // self._points_per_second

    def read(
        self, command: LedgerCommand, of: Mapping[str, Sequence[tuple[StreamId, Landing]]]
    ) -> tuple[LedgerResult, int]:
        """Return what is asked of the ledger, for the streams `of` a shard (by bucket), and how many rows that was."""
        match command:
            case LookUp():
                return BUCKET, 1
            case ReadLedger(bucket, names):
                found = {name: self._landings[bucket][name].believed() for name in names}
                return LedgerPart(found), sum(len(self._landings[bucket][name].marks) for name in names)
            case ReadMarkIds(bucket, start, until, asked):
                # All marks of the bucket are read; the core passes over those of streams that are not its own.
                present = {
                    name: set(landing.since(start, until))
                    for name, landing in of[bucket]
                    if landing.ids and landing.ids[-1].time >= start
                }
                rows = sum(map(len, present.values())) + asked
                return MarkIds(present, start, until, Asked() if asked else None), rows
            case ReadMarks(bucket, stream, ids):
                marks = [mark for mark in self._landings[bucket][stream].marks if mark.id in ids]
                return marks, len(marks)
            case ReadOrigins():
                origins = {name: landing.origin for each in of.values() for name, landing in each}
                return {name: origin for name, origin in origins.items() if origin is not None}, len(origins)
            case ReadRequests():
                return Asked(), 1

    def ledger_takes(self, rows: int) -> int:
        """Return how long (ns) a question about the ledger takes that reads so many rows."""
        return self._latency + rows * SECOND // ROWS_A_SECOND


def _time(mark: MarkId) -> int:
    return mark.time
