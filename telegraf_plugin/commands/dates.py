"""Times on the command line, and times and durations for people. UTC throughout. Pure."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time

from telegraf_plugin.config.durations import TooLong, parse_duration
from telegraf_plugin.config.instants import unix_ns
from telegraf_plugin.stream.units import SECOND, duration

__all__ = ["duration", "moment", "number", "parse_instant"]

FORMS = (
    "expected a date (2026-11-01), a time with its zone (2026-11-01T06:00:00Z, 2026-11-01 06:00:00Z), so long ago "
    "(-2h, -30d) or now; UTC"
)
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)")


def parse_instant(text: str, now: int) -> int:
    """Return the Unix ns that `text` names, `now` being that of so long ago. Raises ValueError.

    A date is its midnight in UTC; a time says its zone.
    """
    try:
        if text == "now":
            return now
        if text.startswith("-"):
            return now - parse_duration(text[1:])
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            moment, fraction = datetime.combine(date.fromisoformat(text), time(), UTC), ""
        else:
            match = _TIME.fullmatch(text)
            if match is None:
                raise ValueError
            day, clock, fraction, zone = match.groups()
            moment = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if zone in 'Zz' else zone}")
    except TooLong:
        raise ValueError(f"{text!r}: expected ten years ago at most; name a date") from None
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r}: {FORMS}") from None
    try:
        return unix_ns(moment) + int((fraction or "").ljust(9, "0"))
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from None


def moment(time_ns: int) -> str:
    """Return a time for people, to the second: `2026-11-24 06:00:00Z`."""
    return f"{datetime.fromtimestamp(time_ns // SECOND, UTC):%Y-%m-%d %H:%M:%S}Z"


def number(value: float) -> str:
    """Return a number for people: `12,345`."""
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"
