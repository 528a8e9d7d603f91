"""A retention of central that is shortened while the collector runs: what is too old is let go, all else goes on."""

from __future__ import annotations

import time
from pathlib import Path

from lab.loopback import wait_until
from lab.points import Point
from lab.site import POD_8, Site
from telegraf_plugin.stream.spans import Spans
from tests.engines.stage import SECOND, Stage, series

MINUTE = 60 * SECOND
HOUR_S = 3600


def test_what_central_keeps_no_more_is_neither_held_nor_waited_for(site: Site, tmp_path: Path) -> None:
    stage = Stage(site, tmp_path, "kept", start="-140m")
    stage.central.set_shard_groups("kept", HOUR_S)
    now = time.time_ns() // SECOND * SECOND
    stage.write(*series(now - 135 * MINUTE, 805, 10 * SECOND))
    with stage.collector() as collector:
        stage.wait_for_all()
        stage.wait_for_proof(now)
        stage.central.set_retention("kept", HOUR_S)
        # A point is refused when all of its shard group is too old: more than a group's length beyond the retention.
        old, young = (now - 126 * MINUTE, now - 121 * MINUTE), (now - 30 * MINUTE, now - 25 * MINUTE)
        for start, stop in (old, young):
            stage.forget_span(start, stop)
        spans = Spans.of([old, young]).text()
        fields = f'id="r",kind="repair",spans="{spans}",cancelled=false'
        stage.central.write("kept", f"collector_request,source={POD_8},stream=kept {fields} {time.time_ns()}".encode())

        wait_until(lambda: stage.marks()[-1]["request"] == "r", f"the repair\n{stage.log_tail()}", 50)
        assert "outside retention policy" in collector.log()
        wait_until(lambda: stage.marks()[-1]["held"] == "", "a mark that holds nothing", 10)
        stage.wait_for_health(200, 10)
        assert not _young(stage.expected(), now) - _young(stage.landed(), now)
        assert "sent twice and not there" not in collector.log()


def _young(points: set[Point], now: int) -> set[Point]:
    return {point for point in points if point.time_ns >= now - 50 * MINUTE}
