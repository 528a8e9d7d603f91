"""What reading the ledger costs in memory: `python -m lab.ledger_memory [STREAMS [HOURS]]`, on a real InfluxDB.

Marks are written as the plugin writes them, two a minute and stream. Then a process of its own looks once as the plugin
does after a start, and tells its peak before and after.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time

from lab.influxd import InfluxServer
from telegraf_plugin.config import Credential, Server
from telegraf_plugin.execution.executor import read_ledger
from telegraf_plugin.influxdb.central import CentralReader
from telegraf_plugin.stream.clocks import Clocks
from telegraf_plugin.stream.collector import Collector
from telegraf_plugin.stream.commands import Command, LookUpSource
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.events import Tick
from telegraf_plugin.stream.ledger import Mark, MarkId
from telegraf_plugin.stream.spans import Spans
from telegraf_plugin.telegraf.inflight import InFlightWindow
from telegraf_plugin.telegraf.marks import mark_line

SECOND = 1_000_000_000
STEP = 30 * SECOND
BUCKET, METRICS = "landing", "metrics"


def streams(count: int) -> tuple[StreamDefinition, ...]:
    """Return so many streams of one source that land in one bucket."""
    return tuple(
        StreamDefinition("POD-8", f"s{number:03}", "data", BUCKET, (), (), (), None, None, 300 * SECOND, ())
        for number in range(count)
    )


def write(central: InfluxServer, count: int, hours: int) -> int:
    """Write the marks; return how many."""
    now, written = time.time_ns(), 0
    for stream in streams(count):
        base, lines = None, []
        for at in range(now - hours * 3600 * SECOND, now, STEP):
            made = MarkId(at, "0bef0re0")
            proved = Spans.of([(at - 3600 * SECOND, at - 300 * SECOND)])
            lines.append(mark_line(stream, Mark(made, base, stream.hash, at, at, proved, Spans.of([(at - STEP, at)]))))
            base = made
        central.write(BUCKET, b"".join(lines))
        written += len(lines)
    return written


def look(url: str, org: str, token: str, count: int) -> None:
    """Look once as after a start, and print the peak of this process before and after (MiB), and how long it took."""
    central = CentralReader(Server(url, org, Credential(token)), METRICS)
    windows = {BUCKET: InFlightWindow(100_000)}
    collector = Collector([("POD-8", streams(count), 1)], windows, "me", METRICS, url)
    before, began = peak(), time.monotonic()
    todo = collector.handle(Tick(1), Clocks(time.time_ns(), time.monotonic_ns()))
    while todo:
        action = todo.pop(0)
        if not isinstance(action, Command | LookUpSource):
            outcome = read_ledger(central, action)
            todo += collector.handle(outcome, Clocks(time.time_ns(), time.monotonic_ns()))
    read = sum(task.loaded for task in collector.tasks.values())
    sys.stderr.write(
        f"{count} streams, {read} with what was read: {before:.1f} MiB before, {peak():.1f} MiB after, "
        f"{time.monotonic() - began:.1f} s\n"
    )


def peak() -> float:
    """Return the most memory (MiB) that this process had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Write and look."""
    if sys.argv[1:2] == ["look"]:
        url, org, token, count = sys.argv[2:6]
        look(url, org, token, int(count))
        return
    streams_asked, *hours_asked = sys.argv[1:3] or ["100"]
    wanted, hours = int(streams_asked), int(hours_asked[0]) if hours_asked else 25
    with InfluxServer("central", METRICS) as central:
        central.create_bucket(BUCKET)
        sys.stderr.write(f"{write(central, wanted, hours)} marks\n")
        reached = [central.url, central.org, central.token]
        look_at = [sys.executable, "-m", "lab.ledger_memory", "look", *reached, str(wanted)]
        subprocess.run(look_at, check=True)


if __name__ == "__main__":
    main()
