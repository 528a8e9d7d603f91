"""Units of time in nanoseconds, which is what all times are counted in here, as in line protocol. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc(time: int) -> str:
    """Return `time` (Unix ns) for people, to the second: 2026-11-25T13:00:00Z."""
    return f"{_EPOCH + timedelta(seconds=time // SECOND):%Y-%m-%dT%H:%M:%SZ}"
