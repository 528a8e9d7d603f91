"""Which streams of a source are asked about by Flux, many in one query, though InfluxQL might be asked.

A statement of InfluxQL costs an InfluxDB 2 with many buckets far more than what it asks: to find where the statement's
database leads, the server reads its list of all the org's buckets, once for a name of a measurement, twice for
anything else of one. A query of Flux finds a bucket by its name (docs/performance.md, "Sources with many buckets").
"""

from __future__ import annotations

import time
from collections.abc import Callable

from telegraf_plugin.influxdb.influxql_way import InfluxqlWay
from telegraf_plugin.influxdb.resting import Resting
from telegraf_plugin.stream.definition import ReadWay, StreamDefinition

MANY_BUCKETS = 50
"""From so many buckets of a server on a small question by Flux, together with others, costs it less."""
BUCKETS_A_POINT = 2
"""So many more of them pay for a point more that is read: by Flux each point may be a table of its own."""
MAX_POINTS = 80
"""Of a stream's last read: so many of each fit into one reply (`flux_replies.MAX_QUERY_BYTES`)."""
REST_SECONDS = 600.0
"""How long a stream is asked about as ever when a query with it was in vain: one that breaks costs all of the query."""


class FluxTogether:
    """Knows what each stream brings, and of which nothing came so. Safe to use from several threads."""

    def __init__(self, way: InfluxqlWay, read: ReadWay, steady: Callable[[], float] = time.monotonic) -> None:
        """`read`: the language that the server is to be asked in; `steady`: seconds of a clock that never jumps."""
        self._way, self._read = way, read
        self._points: dict[str, int] = {}
        self._resting = Resting(REST_SECONDS, steady)

    def takes(self, stream: StreamDefinition) -> bool:
        """Say whether small questions about `stream` go by Flux where others' go as well."""
        if self._read is ReadWay.INFLUXQL or stream.flux is not None or stream.label in self._resting:
            return False
        points = self._points.get(stream.label, 0)
        if points > MAX_POINTS:
            return False
        if not self._way.open(stream.bucket):  # then it is Flux in any case
            return True
        buckets = self._way.layouts.buckets
        return buckets >= MANY_BUCKETS and buckets >= BUCKETS_A_POINT * points

    def brought(self, stream: StreamDefinition, points: int) -> None:
        """Note how many points the last read of `stream` has brought."""
        self._points[stream.label] = points

    def in_vain(self, stream: StreamDefinition) -> None:
        """Note that nothing came of asking about `stream` so."""
        self._resting.add(stream.label)
