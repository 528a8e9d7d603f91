"""Durations as Flux and Telegraf write them: `10s`, `5m`, `1h30m`. Pure."""

from __future__ import annotations

import re

from telegraf_plugin.stream.units import DAY, HOUR, MINUTE, SECOND

_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": SECOND,
    "m": MINUTE,
    "h": HOUR,
    "d": DAY,
    "w": 7 * DAY,
}
MAX_DURATION = 3_653 * _UNITS["d"]
_PART = re.compile(r"(\d{1,18})(ns|us|µs|ms|s|m|h|d|w)")


class TooLong(ValueError):
    """Its form is right, and it is longer than anything here may be."""


def parse_duration(text: str) -> int:
    """Return the nanoseconds that `text` names. Raises ValueError when it is not a duration above zero."""
    parts = _PART.findall(text)
    if not parts or "".join(map("".join, parts)) != text:
        raise ValueError("expected a duration such as 30s, 5m or 1h30m")
    total = sum(int(amount) * _UNITS[unit] for amount, unit in parts)
    if total > MAX_DURATION:
        raise TooLong("expected a duration of ten years at most")
    if total <= 0:
        raise ValueError("expected a duration above zero")
    return total
