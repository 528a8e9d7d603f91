"""Quiet hours: times of the day, in a time zone, in which a source is asked for nothing but live data. Pure.

Each is a span of one wall clock's day, or over midnight into the next. It begins when that clock first shows its
beginning, or a later time, and ends when it shows its end for the last time: an hour that exists twice is quiet both
times, and one that does not exist takes nothing from its neighbours. So no quiet time is ever interrupted by a clock
that is put back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from telegraf_plugin.stream.units import SECOND

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MINUTES_A_DAY = 24 * 60
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOURS = re.compile(
    rf"(?:(?P<first>{'|'.join(DAYS)})(?:-(?P<last>{'|'.join(DAYS)}))? )?(?P<begin>\d\d:\d\d)-(?P<end>\d\d:\d\d)",
    re.ASCII,
)
_FIRST, _LAST = datetime(2, 1, 1, tzinfo=UTC), datetime(9990, 1, 1, tzinfo=UTC)
"""Between these Python reckons in any time zone; a clock that says otherwise is wrong."""
EXPECTED = "expected hours such as 07:00-19:00, 22:00-06:00 or Mon-Fri 07:00-19:00"


@dataclass(frozen=True, slots=True)
class Hours:
    """A span of the days in `days` (0 is Monday): from `begin`, in minutes after midnight, to `end`, both of the clock.

    An `end` beyond 24:00 is one of the next day.
    """

    days: frozenset[int]
    begin: int
    end: int

    @classmethod
    def parse(cls, text: str) -> Hours:
        """Read `07:00-19:00`, `22:00-06:00` or `Mon-Fri 07:00-19:00`. Raises ValueError."""
        found = _HOURS.fullmatch(text)
        if found is None:
            raise ValueError(EXPECTED)
        begin, end = (int(found[name][:2]) * 60 + int(found[name][3:]) for name in ("begin", "end"))
        if any(int(found[name][3:]) > 59 for name in ("begin", "end")) or begin >= MINUTES_A_DAY or end > MINUTES_A_DAY:
            raise ValueError("expected times from 00:00 to 24:00")
        if begin == end:
            raise ValueError("expected an end that is not the beginning; a whole day is 00:00-24:00")
        first = DAYS.index(found["first"]) if found["first"] else 0
        last = DAYS.index(found["last"]) if found["last"] else (first if found["first"] else 6)
        days = frozenset((first + day) % 7 for day in range((last - first) % 7 + 1))
        return cls(days, begin, end if end > begin else end + MINUTES_A_DAY)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """All quiet hours of a source, by the wall clock of `zone`."""

    zone: tzinfo
    hours: tuple[Hours, ...]

    def until(self, now: int) -> int | None:
        """Return until when (Unix ns) it is quiet at `now` (Unix ns); None when it is not."""
        try:
            moment = _EPOCH + timedelta(seconds=now // SECOND)
        except OverflowError:
            return None
        if not _FIRST < moment < _LAST:
            return None
        until = None
        for begin, end in self._around(moment):
            if begin <= (until or moment) < end:
                until = end
        return int((until - _EPOCH) / timedelta(seconds=1)) * SECOND if until is not None else None

    def _around(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield the quiet spans that may hold `moment` or adjoin one that does, in order: those of eight days."""
        today = moment.astimezone(self.zone).date()
        spans = []
        for day in (today + timedelta(days=number) for number in range(-2, 8)):
            for each in self.hours:
                if day.weekday() in each.days:
                    spans.append((self._shown(day, each.begin, last=False), self._shown(day, each.end, last=True)))
        yield from sorted(spans)

    def _shown(self, day: date, minute: int, last: bool) -> datetime:
        """Return when the clock shows that minute of `day`, or would: for the first or the `last` time."""
        wall = datetime(day.year, day.month, day.day) + timedelta(minutes=minute)
        early, late = (wall.replace(tzinfo=self.zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if early <= late:  # once, or twice
            return late if last else early
        # Never: it is put forward over that minute, somewhere between the two.
        low, high = late, early
        before = low.astimezone(self.zone).utcoffset()
        while high - low > timedelta(seconds=1):
            middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
            low, high = (middle, high) if middle.astimezone(self.zone).utcoffset() == before else (low, middle)
        return high


def always(hours: Iterable[Hours]) -> bool:
    """Say whether `hours` leave no minute of a week."""
    week = 7 * MINUTES_A_DAY
    quiet = bytearray(week)
    for each in hours:
        for day in each.days:
            for minute in range(each.begin, each.end):
                quiet[(day * MINUTES_A_DAY + minute) % week] = 1
    return all(quiet)
