"""RFC 3339 times, as InfluxDB writes them, to Unix nanoseconds and back, exact to the nanosecond.

https://docs.influxdata.com/influxdb/v2/reference/syntax/annotated-csv/ : `dateTime:RFC3339` has up to nine digits of
a second and always the zone Z.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from telegraf_plugin.stream.units import SECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(rb"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z")


def parse_time(text: bytes) -> int:
    """Return the nanoseconds since 1970-01-01 UTC (negative before) that `text` names.

    Raises ValueError when it is not a time of that form, or not one of 64 bits.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"not an RFC 3339 time in UTC: {text[:40]!r}")
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    since = datetime(year, month, day, hour, minute, second, tzinfo=UTC) - _EPOCH
    fraction = match.group(7)
    time_ns = (since.days * 86_400 + since.seconds) * SECOND + int((fraction or b"").ljust(9, b"0"))
    if not -(2**63) <= time_ns < 2**63:
        raise ValueError(f"a time that InfluxDB cannot hold: {text[:40]!r}")
    return time_ns


def format_time(time_ns: int) -> str:
    """Return `time_ns` (Unix nanoseconds) as RFC 3339 in UTC with nine digits of a second, as Flux reads it."""
    seconds, fraction = divmod(time_ns, SECOND)
    return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"


class TimeColumn(dict[bytes, bytes]):
    """RFC 3339 text to nanoseconds as decimal text, remembered: the series of a reply share most of their times.

    Bounded by `limit` entries, after which it begins anew.
    """

    def __init__(self, limit: int = 16_000) -> None:
        super().__init__()
        self._limit = limit
        self._seconds: dict[bytes, bytes] = {}

    def __missing__(self, text: bytes) -> bytes:
        """Convert `text`; raises ValueError when it is not a time."""
        if len(self) >= self._limit:
            self.clear()
            self._seconds.clear()
        # Times that differ in every nanosecond still share their second: the costly part is looked up.
        second, fraction = text[:19], text[20:-1]
        known = self._seconds.get(second)
        if (
            known is not None
            and text[19:20] == b"."
            and text[-1:] == b"Z"
            and fraction.isdigit()
            and len(fraction) < 10
        ):
            converted = known + fraction.ljust(9, b"0")
        else:
            time_ns = parse_time(text)
            converted = b"%d" % time_ns
            if time_ns >= SECOND:  # before that the text of seconds and fraction is not the text of the sum
                self._seconds[second] = converted[:-9]
        self[text] = converted
        return converted
