"""What each hour of a stream is called, by what the ledger and the collector said of it. Pure.

The rules, the first that holds:

1. Without any mark nothing is known: UNKNOWN.
2. What central does not keep any more is EXPIRED, whatever was proved of it.
3. What is wanted begins at the origin, with the islands before it that were asked for, and ends where the last whole
   unit of the stream does. An hour in which nothing is wanted is BEFORE the origin.
4. Of what is wanted, `lacking` is what is not proved. What of it was sent, or is younger than the stream may be behind,
   is ON_ITS_WAY; what is older than the source keeps is GONE; the rest is MISSING.
5. An hour is called by the worst that is in it: MISSING, HELD, GONE, ON_ITS_WAY, else PROVED.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from telegraf_plugin.stream.spans import BEGINNING, NOTHING, Spans, span
from telegraf_plugin.stream.units import HOUR


class Hour(Enum):
    """What an hour of a stream is; the value is its name in the page."""

    PROVED = "proved"
    """Both sides were compared, and are equal."""
    ON_ITS_WAY = "way"
    """Sent and not yet proved, or so young that nobody waits for it."""
    MISSING = "missing"
    """Yet to be copied, or not compared yet: central may lack it."""
    HELD = "held"
    """Central goes on lacking points of it."""
    BEFORE = "before"
    """Before the stream begins: nothing of it is wanted."""
    GONE = "gone"
    """Not copied in time: the source does not keep it any more."""
    EXPIRED = "expired"
    """Older than central keeps its points."""
    UNKNOWN = "unknown"
    """There is no ledger, or it cannot be read."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one stream; times in Unix ns.

    `origin`: where it begins, None where no mark tells; `islands`: spans before it that were asked for. `proved`,
    `sent`, `held`: as in a mark. `lost`: the source keeps nothing older; `kept`: central keeps nothing older.
    `prompt`: from there on nothing is late yet. `unit`: in what steps (ns) the stream is read.
    """

    origin: int | None = None
    islands: Spans = NOTHING
    proved: Spans = NOTHING
    sent: Spans = NOTHING
    held: Spans = NOTHING
    lost: int = BEGINNING
    kept: int = BEGINNING
    prompt: int = BEGINNING
    unit: int = 1


@dataclass(frozen=True, slots=True)
class Calendar:
    """The `hours` of a stream from `first` (Unix ns, a full hour) on, the last one being that of now.

    `wanted` and `proved`: how much time (ns) in them that is, without what central does not keep.
    """

    first: int
    hours: tuple[Hour, ...]
    wanted: int
    proved: int

    @property
    def share(self) -> float | None:
        """The part of what is wanted that is proved, 0 to 1; None where nothing is wanted."""
        return self.proved / self.wanted if self.wanted else None

    def count(self, hour: Hour) -> int:
        """Return how many of the hours are called so."""
        return sum(each is hour for each in self.hours)


def first_hour(now: int, days: int) -> int:
    """Return where a calendar of so many whole `days` and of what has passed of today begins (Unix ns; UTC's days)."""
    return now - now % (24 * HOUR) - days * 24 * HOUR


def calendar(known: Known, first: int, now: int) -> Calendar:
    """Return what each hour from `first` (a full hour, Unix ns) to that of `now` is called."""
    starts = range(first, now, HOUR)
    if known.origin is None:
        return Calendar(first, (Hour.UNKNOWN,) * len(starts), 0, 0)
    wanted = (span(known.origin, now) + known.islands).clip(max(first, known.kept), now - now % known.unit)
    lacking = wanted - known.proved
    late = lacking.clip(stop=known.prompt) - known.sent
    worst = (
        (Hour.MISSING, late.clip(start=known.lost)),
        (Hour.HELD, known.held & wanted),
        (Hour.GONE, late.clip(stop=known.lost)),
        (Hour.ON_ITS_WAY, lacking - late),
        (Hour.PROVED, wanted),
    )
    hours = tuple(_called(worst, start, known.kept) for start in starts)
    return Calendar(first, hours, wanted.length, (wanted & known.proved).length)


def _called(worst: Sequence[tuple[Hour, Spans]], start: int, kept: int) -> Hour:
    whole = start, start + HOUR
    otherwise = Hour.EXPIRED if whole[1] <= kept else Hour.BEFORE
    return next((hour for hour, spans in worst if spans.touches(whole)), otherwise)
