"""What the report shows, as it was found: values alone, and what follows from them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from telegraf_plugin.commands.last_word import Metrics
from telegraf_plugin.commands.leases import Member
from telegraf_plugin.commands.stream_rows import Row
from telegraf_plugin.report.calendar import Calendar, Hour, Known
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.ledger import Mark
from telegraf_plugin.stream.spans import BEGINNING, NOTHING, Spans, span
from telegraf_plugin.stream.units import SECOND

PATIENCE_SECONDS = 180.0
"""How far a stream may be behind of which the collector does not tell it: three intervals as shipped."""


@dataclass(frozen=True, slots=True)
class Point:
    """One window of a stream's last day, from `time` (Unix ns) on; None where nothing was said in it.

    `lag` and `left`: the highest (s). `rate`: points a second that were handed to Telegraf.
    """

    time: int
    lag: float | None = None
    rate: float | None = None
    left: float | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """Points of one field that central goes on lacking."""

    stream: str
    measurement: str
    field: str
    type: str
    points: int
    reason: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Dropped:
    """Points that could not pass, since the plugin's start."""

    stream: str
    reason: str
    points: int
    example: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Version:
    """Which version of `what` runs; `trouble` where that could not be found."""

    what: str
    version: str
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream: as `status` shows it, hour by hour, and over the last day."""

    definition: StreamDefinition
    row: Row
    calendar: Calendar
    history: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the report shows, as of `now` (Unix ns).

    `window`: how long (ns) each point of a history is. `notes`: what could not be found, for people. `central` and
    `sources`: tables of the configuration, what is set with its value. `renewed`: after how many seconds the file is
    written again; None: it is not. `members`: the collectors that stand by for each other.
    """

    now: int
    days: int
    window: int
    streams: Sequence[Stream]
    held: Sequence[Held]
    dropped: Sequence[Dropped]
    versions: Sequence[Version]
    central: Sequence[tuple[str, str]]
    sources: Mapping[str, Sequence[tuple[str, str]]]
    notes: Sequence[str] = ()
    renewed: float | None = None
    members: Sequence[Member] = ()

    @property
    def healthy(self) -> bool:
        """Whether all streams are well."""
        return all(stream.row.healthy for stream in self.streams)

    @property
    def share(self) -> float | None:
        """The part of what is wanted of all streams that is proved, 0 to 1; None where nothing is wanted."""
        wanted = sum(stream.calendar.wanted for stream in self.streams)
        return sum(stream.calendar.proved for stream in self.streams) / wanted if wanted else None

    def hours(self, hour: Hour) -> int:
        """Return how many hours of all streams are called so."""
        return sum(stream.calendar.count(hour) for stream in self.streams)


def known(
    stream: StreamDefinition,
    mark: Mark | None,
    metrics: Metrics | None,
    source: Bucket | None,
    central: Bucket | None,
    now: int,
    asked: Spans = NOTHING,
) -> Known:
    """Return what is known of a stream at `now` (Unix ns): by its newest mark, and the collector's last word.

    `source` and `central`: how the two buckets are kept, None where that is not known. `asked`: the spans of a request
    that is under way; they are the marks' islands when it is done.
    """
    if mark is None:
        return Known()
    proved = mark.proved
    behind = int(PATIENCE_SECONDS * SECOND)
    prompt = now - behind
    if metrics is not None:
        up_to, lag, most = (metrics.number(name) for name in ("proved_up_to", "lag_seconds", "max_lag_seconds"))
        if up_to is not None and mark.id.time - metrics.time < metrics.patience:
            proved += span(mark.origin, int(metrics.fields["proved_up_to"]))
        behind = int(most * SECOND) if most is not None else behind
        prompt = now - behind
        if lag is not None and lag * SECOND <= behind and now - metrics.time <= metrics.patience:
            # The collector says that it is in time: what has come since the mark, of which no mark tells, is none late.
            prompt = min(prompt, mark.id.time - behind)
    return Known(
        origin=mark.origin,
        islands=mark.islands + asked,
        proved=proved,
        sent=mark.sent + mark.printed,
        held=Spans.of(part for spans in mark.held.values() for part in spans),
        lost=now - source.retention if source is not None and source.retention else BEGINNING,
        kept=now - central.retention if central is not None and central.retention else BEGINNING,
        prompt=prompt,
        unit=stream.unit,
    )


def history(rows: Iterable[tuple[int, str, float]], first: int, now: int, window: int) -> list[Point]:
    """Return the windows of `window` ns from `first` to `now` (Unix ns) of one stream.

    `rows`: when the window begins, which field, and its value; `points_sent` is the window's sum.
    """
    found: dict[tuple[int, str], float] = {}
    for time, name, value in rows:
        before = found.get((time, name))
        # A stream that had another bucket before is two series in one window.
        joined = value if before is None else before + value if name == "points_sent" else max(before, value)
        found[time, name] = joined
    points = []
    for time in range(first, now, window):
        sent = found.get((time, "points_sent"))
        rate = sent / (min(window, now - time) / SECOND) if sent is not None else None
        points.append(Point(time, found.get((time, "lag_seconds")), rate, found.get((time, "left_seconds"))))
    return points
