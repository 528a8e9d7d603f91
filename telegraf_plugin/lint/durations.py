"""Durations as telegraf.conf writes them: `60s`, `1.5h`, `1d`, or a number of seconds. Pure."""

from __future__ import annotations

import re

from telegraf_plugin.stream.units import SECOND

_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3_600 * SECOND,
    "d": 86_400 * SECOND,
}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d)")


def duration(value: object) -> int | None:
    """Return the nanoseconds that a value of telegraf.conf stands for; None when it is not a duration.

    Go's form with Telegraf's days; a bare number is seconds, and an empty string is 0.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    text = str(value)
    try:
        return round(float(text) * SECOND)
    except (ValueError, OverflowError):
        pass
    unsigned = text.lstrip("+-") if text[:1] in "+-" else text
    parts = _PART.findall(unsigned)
    if "".join(map("".join, parts)) != unsigned or (not parts and text not in ("", "0")):
        return None
    total = sum(round(float(amount) * _UNITS[unit]) for amount, unit in parts)
    return -total if text.startswith("-") else total


def shown(nanoseconds: int) -> str:
    """Return a duration as one would write it, in seconds."""
    return f"{nanoseconds / SECOND:g}s"
