"""`python -m lab.containers.feed`: write a reading of POD-30 every second, until ended."""

from __future__ import annotations

import signal
import sys
import time
from http.client import HTTPException

from lab.containers.servers import BUCKETS, ORGS, TOKENS, Server
from lab.feed import pod_30_batch
from lab.loopback import HttpRefused


def main() -> None:
    """Feed until SIGTERM."""
    # As the first process of a container it would not be ended by a signal that it does not handle.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    pod_30 = Server("pod-30", ORGS["pod-30"], "http://pod-30:8086", (TOKENS / "feed_b_token").read_text())
    while True:
        batch = pod_30_batch(time.time_ns())
        try:
            pod_30.write(BUCKETS.power, batch.power)
            pod_30.write(BUCKETS.pods, batch.pods)
        except (OSError, HTTPException, HttpRefused) as error:
            print(f"POD-30 takes nothing: {error}", file=sys.stderr)
        time.sleep(1)


if __name__ == "__main__":
    main()
