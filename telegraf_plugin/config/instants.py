"""The times that InfluxDB can hold, and one as Unix ns: for queries.yaml and for the command line. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

YEARS = range(1700, 2201)
"""Within what InfluxDB holds: 1677-09-21 to 2262-04-11, as 64 bits of ns do."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def unix_ns(instant: datetime) -> int:
    """Return the Unix ns of a time with a zone. Raises ValueError for a year that is not among YEARS."""
    if instant.year not in YEARS:
        raise ValueError(f"expected a date from {YEARS[0]} to {YEARS[-1]}: InfluxDB holds no others")
    since = instant - _EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000
