"""Plugin and Telegraf killed at chosen moments while Telegraf's first tick is minutes away: nothing waits for it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from lab.site import Site
from tests.engines.stage import SECOND, Stage, series

INTERVAL_S = 300


def test_nothing_is_lost_nor_waits_for_a_tick_when_it_is_killed_at_any_moment(site: Site, tmp_path: Path) -> None:
    stage = Stage(site, tmp_path, "killed", INTERVAL_S, start="-1h", max_in_flight=10_000)
    now = time.time_ns() // SECOND * SECOND
    stage.write(*series(now - 3000 * SECOND, 30_000, SECOND // 10))
    collector = stage.collector()
    wrote = 0

    def write() -> None:
        nonlocal wrote
        wrote += 1
        stage.write(*series(time.time_ns() // SECOND * SECOND - 2 * SECOND, 10, SECOND // 10, f"m{wrote}"))

    try:
        for moment in ("collector started", "read POD-8/killed .* [1-9][0-9]+ points read"):
            seen = len(collector.log())
            collector.start()
            collector.wait_for_log(moment, 20, after=seen)
            write()
            collector.kill()
        collector.start()
        # The last one while nothing is under way: what was written since is read though no tick of Telegraf's comes.
        for health in (0, 200):
            seen = len(collector.log())
            if health:
                stage.wait_for_health(health, 30)
            write()
            os.kill(collector.plugin_pid(), signal.SIGKILL)
            collector.wait_for_log("collector started", 20, after=seen)
        stage.wait_for_all(30)
        stage.wait_for_health(200, 10)
        stage.wait_for_proof(now)
        assert len(stage.landed()) == 30_000 + 10 * wrote
    finally:
        collector.stop()
