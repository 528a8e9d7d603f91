"""The measurements that are the collector's own, by name: the one place that says them. Pure.

What travels with the data, what goes to the bucket of metrics, and what commands write. Who prints, reads, counts or
looks for mistakes takes the names from here.
"""

from __future__ import annotations

LEDGER = "collector_ledger"
"""Marks; they take the way of their stream's data, into its bucket."""
REQUEST = "collector_request"
"""What a command asks for; written straight into the stream's bucket."""
PAUSE = "collector_pause"
"""What of a stream an operator has paused; written likewise."""

STREAM = "collector_stream"
SOURCE = "collector_source"
CYCLE = "collector_cycle"
HEALTH = "collector_health"
DROPPED = "collector_dropped"
HELD = "collector_held"
ORIGIN = "collector_origin"
LEASE = "collector_lease"

METRICS = (STREAM, SOURCE, CYCLE, HEALTH, DROPPED, HELD, ORIGIN, LEASE)
"""What goes to the bucket of metrics: without `source_bucket`, by which telegraf.conf tells it from data."""
BESIDE_DATA = (LEDGER, REQUEST, PAUSE)
"""What stands in the landing buckets, beside the data."""
OWN = (*METRICS, *BESIDE_DATA)
"""All measurements of the collector."""
_OWN = frozenset(name.encode() for name in OWN)


def is_own(measurement: bytes) -> bool:
    """Say whether `measurement` is one of the collector's own, and so never data: a source could forge the ledger."""
    return measurement in _OWN
