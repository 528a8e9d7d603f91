"""The sweep on real servers: what central has lost comes back though its source cannot read it at once, or not all."""

from __future__ import annotations

import re
import time
from datetime import datetime
from pathlib import Path

import pytest
import yaml

from lab.loopback import wait_until
from lab.site import Site
from telegraf_plugin.stream.spans import span
from tests.engines.stage import SECOND, Stage, series
from tests.meddler import Meddler

MINUTE = 60 * SECOND
ERROR = b'{"code":"internal error","message":"query timed out"}'
RANGE = re.compile(rb"range\(start: ([^,]+), stop: ([^)]+)\)")


def _ns(text: bytes) -> int:
    """Read a time of a query, to the second."""
    return int(datetime.fromisoformat(text.decode().split(".")[0].rstrip("Z") + "+00:00").timestamp()) * SECOND


@pytest.mark.timeout(300)
@pytest.mark.parametrize("damaged", [False, True])
def test_what_central_has_lost_is_found_where_the_source_reads_little_at_once(
    damaged: bool, site: Site, tmp_path: Path
) -> None:
    """Counts differ in a piece that cannot be read whole: it was passed over, in each pass, and health was good."""
    stage = Stage(site, tmp_path, f"swept {damaged}", start="-10m")
    now = time.time_ns() // MINUTE * MINUTE
    bad = span(now - 4 * MINUTE, now - 4 * MINUTE + SECOND) if damaged else span(0, 0)
    limited = False

    def refuse(path: str, body: bytes) -> tuple[int, bytes] | None:
        """Read no more than three minutes, and nothing that is damaged; count whatever is asked for."""
        asked = RANGE.search(body)
        if not limited or asked is None or not path.startswith("/api/v2/query") or b"count()" in body:
            return None
        start, stop = map(_ns, asked.groups())
        return (500, ERROR) if stop - start > 3 * MINUTE or bad.touches((start, stop)) else None

    stage.write(*series(now - 9 * MINUTE, 8 * 6, 10 * SECOND))
    with Meddler(stage.source.url, refuse) as meddler:
        document = yaml.safe_load((stage.folder / "own.yaml").read_text())
        document["sources"][0]["url"] = meddler.url
        file = stage.folder / "own.yaml"
        file.write_text(yaml.safe_dump(document | {"sweep": "0%"}))
        with stage.collector():
            stage.wait_for_all(40)
            stage.wait_for_proof(now - 2 * MINUTE, 40)
        whole = stage.landed()
        stage.forget_span(now - 8 * MINUTE, now - 6 * MINUTE)
        stage.forget_span(now - 4 * MINUTE, now - 3 * MINUTE)
        assert len(whole - stage.landed()) == 18
        limited = True
        file.write_text(yaml.safe_dump(document | {"sweep": "50%"}))
        with stage.collector() as collector:
            if not damaged:
                stage.wait_for_all(40)
                stage.wait_for_health(200, 40)
            else:
                said = collector.wait_for_log("E! .*is set aside, since it fails again and again: .*", 60)
                assert "query timed out" in said[0]
                wait_until(lambda: len(whole - stage.landed()) <= 6, "all but a minute", 40, 0.3)
                stage.wait_for_health(503, 20)
                reasons = [point.value for point in stage.measured("collector_stream") if point.field == "last_error"]
                assert any("set aside" in each for each in reasons)
            collector.wait_for_log("W! .*central lacks points of .*, which were proved once: they are sent again", 5)
            assert meddler.refused
