"""Two collectors, one of which stands by (STANDBY=yes): which one reads, and for how long two have printed at once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

from lab.chaos.collector import INTERVAL_S
from lab.chaos.marks import LEDGER
from lab.influxd import InfluxServer
from lab.telegraf import TelegrafProcess

TAKEOVER_S = 3.0 * INTERVAL_S
"""So long two may print at once, and no longer."""
_ROLE = re.compile(rb"(holding the lease)|collector started|has taken the lease over")
_TAIL = 1 << 18

Printing = dict[str, tuple[int, int]]
"""When (ns) each run of the plugin made its first mark behind lines of its own, and its last."""


def active_of(collectors: list[TelegrafProcess]) -> TelegrafProcess:
    """Which of them reads, by what each one's log said last of itself; the first one where none does just now."""
    running = [each for each in collectors if each.running and holds_lease(each.cwd / "logs" / "collector.log")]
    return running[0] if running else collectors[0]


def holds_lease(log: Path) -> bool:
    """Whether the collector with that log said last that it holds the lease."""
    try:
        with log.open("rb") as file:
            file.seek(max(log.stat().st_size - _TAIL, 0))
            said = list(_ROLE.finditer(file.read()))
    except OSError:
        return False
    return bool(said) and said[-1][1] is not None


def printing(central: InfluxServer, buckets: Iterable[str]) -> Printing:
    """When each run has printed lines of data, by the marks in these buckets of central."""
    found: Printing = {}
    for bucket in buckets:
        points = list(central.filtered_points(bucket, f'r._measurement == "{LEDGER}"'))
        runs = {(p.tags, p.time_ns): p.value for p in points if p.field == "incarnation"}
        for point in points:
            run = runs.get((point.tags, point.time_ns))
            if point.field == "printed" and point.value and run is not None:
                first, last = found.get(run, (point.time_ns, point.time_ns))
                found[run] = min(first, point.time_ns), max(last, point.time_ns)
    return found


def longest_together(runs: Printing) -> float:
    """For how long (s) two runs printed at once, at the longest."""
    pairs = combinations(runs.values(), 2)
    together = (min(a[1], b[1]) - max(a[0], b[0]) for a, b in pairs)
    return max([0, *together]) / 1e9
