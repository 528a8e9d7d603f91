"""Two whole collectors, each of which copies what the other has brought: it ends by itself, and is told."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from lab.loopback import free_port, wait_until
from lab.site import POD_8, Site
from lab.telegraf import work_folder
from tests.engines.stage import SECOND, Stage, series

POINTS = 20
AGE_S = 10
"""How old the last of them is when they are written: live, also when they have gone round."""
ROUNDS = 5
"""Copies of each point that there may be on both sides together, beside the first: a way of four is the longest."""
QUIET_CYCLES = 6


class Back(Stage):
    """The collector that copies `there`'s bucket in central back to its source."""

    def __init__(self, there: Stage, folder: Path, **keys: Any) -> None:
        self.site, self.name, self.metrics = there.site, there.name, there.metrics
        self.source, self.central = there.central, there.source
        self.central.create_bucket(self.metrics)
        buckets = [self.name, self.metrics]
        self.source_token = self.source.token_for(read=[self.name])
        self.central_token = self.central.token_for(read=buckets, write=buckets)
        self.port = free_port()
        self.folder = work_folder(folder / "back")
        self.began = there.began
        self.write_queries(**keys)
        file = self.folder / "own.yaml"
        file.write_text(file.read_text().replace(f"name: {POD_8}\n", "name: CENTRAL\n"))
        self._env = there._env | {
            "COLLECTOR_QUERIES": str(file),
            "HEALTH_CHECK_PORT": str(self.port),
            "INFLUXDB_CENTRAL_URL": self.central.url,
            "INFLUXDB_CENTRAL_ORG": self.central.org,
            "INFLUXDB_CENTRAL_TOKEN": self.central_token,
            "SERVER_A_URL": self.source.url,
            "SERVER_A_ORG": self.source.org,
            "SERVER_A_TOKEN": self.source_token,
        }


def cycles(stage: Stage) -> int:
    """How many cycles a collector has told of."""
    return stage.log().count("] cycle: ")


def test_two_collectors_that_copy_to_each_other_end_it_and_say_so(site: Site, tmp_path: Path) -> None:
    there = Stage(site, tmp_path, "ring", lookback="60s")
    back = Back(there, tmp_path, lookback="60s")
    there.write(*series((time.time_ns() // SECOND - POINTS - AGE_S) * SECOND, POINTS))

    def copies() -> tuple[int, int]:
        return len(back.landed()), len(there.landed())

    with there.collector(), back.collector():
        wait_until(lambda: "points cannot pass (circular): of m," in there.log(), "the word of it", 40, 0.2)
        wait_until(lambda: copies() == (3 * POINTS, 2 * POINTS), f"all of {ROUNDS} copies", 20, 0.2)
        seen = cycles(there), cycles(back)
        for stage, before in zip((there, back), seen, strict=True):
            wait_until(lambda s=stage, b=before: cycles(s) >= b + QUIET_CYCLES, "quiet cycles", 30, 0.2)  # type: ignore[misc]
        assert copies() == (3 * POINTS, 2 * POINTS)
        # That some points cannot pass is no bad health; it stands in the log, and in the metrics as long as it lasts.
        assert there.wait_for_health(200, 10) is not None
        assert back.wait_for_health(200, 10) is not None
    dropped = [point for point in there.measured("collector_dropped") if point.tag("reason") == "circular"]
    assert [int(point.value) for point in dropped if point.field == "points_total"][-1] >= POINTS
    assert "has lacked points" not in there.log() + back.log()
