"""Units of time in nanoseconds, which is what all times are counted in here, as in line protocol. Pure."""

from __future__ import annotations

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
