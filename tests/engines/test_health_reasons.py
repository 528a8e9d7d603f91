"""Whatever ends the flow turns health bad within three intervals, the log says why, and good when it is over."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.loopback import wait_until
from lab.site import Site
from tests.engines.stage import Stage

INTERVAL_S = 2
FLUSH_S = 1.0


@dataclass
class Trouble:
    """How to make it and to end it, and what the log says of it."""

    make: Callable[[Stage], None]
    end: Callable[[Stage], None]
    said: str


TROUBLES = {
    "source down": Trouble(
        lambda stage: stage.source.stop(),
        lambda stage: stage.source.start(),
        r"E! .*failed POD-8/.*connection refused",
    ),
    "source token withdrawn": Trouble(
        lambda stage: stage.source.set_active(stage.source_token, False),
        lambda stage: stage.source.set_active(stage.source_token, True),
        r"E! .*failed POD-8/.*the token is inactive; InfluxDB says: .*\(40[14]\)",
    ),
    "central down": Trouble(
        lambda stage: stage.central.stop(),
        lambda stage: stage.central.start(),
        r"E! .*cannot read the ledger in central's bucket .*connection refused",
    ),
    "central hangs": Trouble(
        lambda stage: stage.central.pause(),
        lambda stage: stage.central.resume(),
        r"W! .*cycle: .*failing: POD-8/.*(central is slow|central has lacked points|central could not be compared)",
    ),
    "central token withdrawn": Trouble(
        lambda stage: stage.central.set_active(stage.central_token, False),
        lambda stage: stage.central.set_active(stage.central_token, True),
        r"E! .*cannot read the ledger in central's bucket .*the token is inactive",
    ),
    "bucket deleted": Trouble(
        lambda stage: stage.central.drop_bucket(stage.name),
        lambda stage: stage.central.create_bucket(stage.name),
        r"E! .*cannot read the ledger in central's bucket .*404",
    ),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_health_is_bad_within_three_intervals_and_good_again(name: str, site: Site, tmp_path: Path) -> None:
    trouble = TROUBLES[name]
    stage = Stage(site, tmp_path, f"well {name}", INTERVAL_S, name == "bucket deleted", lookback="5s", start="-30s")
    with stage.collector() as collector:
        stage.wait_for_health(200, 30)
        stage.write(f"m v=1i {time.time_ns()}")
        stage.wait_for_all()
        seen = len(collector.log())
        trouble.make(stage)
        try:
            seconds = stage.wait_for_health(503, 4 * INTERVAL_S + 5)
            wait_until(
                lambda: re.search(trouble.said, collector.log()[seen:]), f"{trouble.said}\n{stage.log_tail()}", 5
            )
            assert seconds <= 3 * INTERVAL_S + FLUSH_S, stage.log_tail()
        finally:
            trouble.end(stage)
        stage.wait_for_health(200, 40)
        stage.write(f"m v=2i {time.time_ns()}")
        stage.wait_for_all()
