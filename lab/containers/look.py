"""`python -m lab.containers.look`: say where to look, and then what arrived in central, until ended."""

from __future__ import annotations

import csv
import os
import signal
import sys
import time
from http.client import HTTPException

from lab.containers.servers import BUCKETS, LANDING, Server, server
from lab.loopback import HttpRefused, http_status

EVERY_S = 10
HEALTH = "http://data-collector:5000/health"
_WHERE = """
The demo runs. Ctrl-C ends it; `docker compose -f compose.demo.yaml down --volumes` removes it.
  health   curl -i http://localhost:{health}/health
  central  http://localhost:{central}  user operator, organisation central, buckets {buckets}
           password: docker compose -f compose.demo.yaml exec look cat /run/operators/central.password
  sources  POD-8 (this machine, measured by Telegraf) and POD-30 (made up); hosts pod_8 and pod_30 in central
  log      docker compose -f compose.demo.yaml logs --follow data-collector
"""
# Without the collector's ledger, which stands beside the data.
_NEWEST = (
    'from(bucket: "{bucket}") |> range(start: -1m) |> filter(fn: (r) => r._measurement != "collector_ledger")'
    ' |> count() |> group(columns: ["_measurement"]) |> sum()'
)


def main() -> None:
    """Look until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    central = server("central")
    ports = {name: os.environ[f"DEMO_{name.upper()}_PORT"] for name in ("health", "central")}
    print(_WHERE.format(buckets=", ".join(LANDING), **ports), flush=True)
    while True:
        status = http_status(HEALTH)
        print(f"health {status or 'does not answer yet'}; points of the last minute in central:", flush=True)
        for bucket in (BUCKETS.telegraf, BUCKETS.power, BUCKETS.pods):
            try:
                print(f"  {bucket}: {_counts(central, bucket) or 'none yet'}", flush=True)
            except (OSError, HTTPException, HttpRefused) as error:
                print(f"  {bucket}: {error}", flush=True)
        time.sleep(EVERY_S)


def _counts(central: Server, bucket: str) -> str:
    rows = list(csv.reader(central.lines(_NEWEST.format(bucket=bucket))))
    header = next((row for row in rows if "_value" in row), [])
    counts = [
        f"{row[header.index('_measurement')]} {row[header.index('_value')]}"
        for row in rows
        if row and not row[0].startswith("#") and row != header
    ]
    return ", ".join(sorted(counts))


if __name__ == "__main__":
    main()
