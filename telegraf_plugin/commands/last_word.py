"""What the running collector last said of its streams in central, and how old that may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from telegraf_plugin.commands.session import CentralAccess, clock
from telegraf_plugin.stream.definition import StreamId
from telegraf_plugin.stream.units import SECOND

LOOK_BACK = 24 * 3600 * SECOND
"""How far back (ns) the newest word of the collector is looked for."""
SILENT_INTERVALS = 3
"""How many of the collector's intervals old its last word may be; it tells how long they are."""
SHORTEST_SILENCE = 30 * SECOND
"""How old (ns) it may be in any case: Telegraf's outputs do not write at once."""
DEFAULT_INTERVAL_SECONDS = 60.0
"""The interval of a collector that does not tell it: an earlier version."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """The newest collector_stream point of one stream: its fields as text, and its time (Unix ns)."""

    fields: Mapping[str, str]
    time: int

    def number(self, name: str) -> float | None:
        """Return a field as a number, None when it is not told."""
        return float(self.fields[name]) if name in self.fields else None

    @property
    def patience(self) -> int:
        """How old (ns) the collector's last word may be: it tells its interval."""
        interval = self.number("interval_seconds") or DEFAULT_INTERVAL_SECONDS
        return int(max(SILENT_INTERVALS * interval * SECOND, SHORTEST_SILENCE))


def newest_metrics(central: CentralAccess, now: int | None = None) -> dict[StreamId, Metrics]:
    """Return the newest collector_stream point of each stream. Raises CentralError.

    A field that the newest point has not is not taken from an older one: an error that is over is not told. Without
    `healthy`, which each has, it is still being written: InfluxDB shows a line's fields one after the other.
    """
    now = clock() if now is None else now
    points: dict[StreamId, dict[int, dict[str, str]]] = {}
    for name, time_ns, field, value in central.stream_metrics((now - LOOK_BACK, now + LOOK_BACK)):
        points.setdefault(name, {}).setdefault(time_ns, {})[field] = value
    words: dict[StreamId, Metrics] = {}
    for name, times in points.items():
        whole = max((time for time, fields in times.items() if "healthy" in fields), default=None)
        if whole is not None:
            words[name] = Metrics(times[whole], whole)
    return words
