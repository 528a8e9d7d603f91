"""The forms of `quiet_hours`: a time zone by its name, and hours of the day."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field

from telegraf_plugin.config.values import text
from telegraf_plugin.stream.quiet_hours import EXPECTED, Hours, always

_HOUR, _DAY = r"([01][0-9]|2[0-3]):[0-5][0-9]", "(Mon|Tue|Wed|Thu|Fri|Sat|Sun)"


def _zone(value: object) -> ZoneInfo:
    expected = "expected a time zone by its name in the IANA database, such as Asia/Jakarta, or UTC"
    if not isinstance(value, str) or not value:
        raise ValueError(expected)
    try:
        return ZoneInfo(value)
    except (ValueError, OSError, ZoneInfoNotFoundError):  # no name, a folder's name, or none that is known
        raise ValueError(expected) from None


def _hours(value: object) -> Hours:
    if not isinstance(value, str):
        raise ValueError(EXPECTED)
    return Hours.parse(value)


def _not_always(hours: list[Hours]) -> list[Hours]:
    if always(hours):
        raise ValueError("expected a time that is not quiet; to leave history alone, data-collector pause --backlog")
    return hours


Zone = Annotated[ZoneInfo, BeforeValidator(_zone), text("[A-Za-z0-9_+/-]+")]
_Span = Annotated[Hours, BeforeValidator(_hours), text(rf"({_DAY}(-{_DAY})? )?{_HOUR}-({_HOUR}|24:00)")]
QuietSpans = Annotated[list[_Span], Field(min_length=1), AfterValidator(_not_always)]
