"""Units of time in nanoseconds, which is what all times are counted in here, as in line protocol. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc(time: int) -> str:
    """Return `time` (Unix ns) for people, to the second: 2026-11-25T13:00:00Z."""
    return f"{_EPOCH + timedelta(seconds=time // SECOND):%Y-%m-%dT%H:%M:%SZ}"


def duration(seconds: float) -> str:
    """Return a duration for people, in its two largest units: `3 d 4 h`, `12 m 5 s`, `0.3 s`."""
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if seconds < 10:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    left = round(seconds)
    parts: list[str] = []
    for unit, length in _UNITS:
        if left >= length or parts:
            parts.append(f"{left // length} {unit}")
            left %= length
    return " ".join(part for part in parts[:2] if not part.startswith("0 ")) or "0 s"
