"""The names of the collector's own measurements, in one place. Pure.

Nobody's data may have one of them: a source could forge what the collector believes of itself, the ledger first.
"""

from __future__ import annotations

LEDGER = "collector_ledger"
"""Marks, in the buckets of the data."""
REQUEST = "collector_request"
"""What an operator's command asks for, in the buckets of the data."""
ORIGIN = "collector_origin"
"""Where streams begin, in the bucket of metrics."""
STREAM = "collector_stream"
SOURCE = "collector_source"
CYCLE = "collector_cycle"
HEALTH = "collector_health"
DROPPED = "collector_dropped"
HELD = "collector_held"

OWN = (LEDGER, REQUEST, ORIGIN, STREAM, SOURCE, CYCLE, HEALTH, DROPPED, HELD)
_OWN = frozenset(name.encode() for name in OWN)


def is_own(measurement: bytes) -> bool:
    """Say whether `measurement` is one of the collector's own, and so never data."""
    return measurement in _OWN
