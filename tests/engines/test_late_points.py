"""What a source gets late, or gets rewritten, arrives too: at the next tick, or when the span settles."""

from __future__ import annotations

import time
from pathlib import Path

from lab.loopback import wait_until
from lab.site import Site
from tests.engines.stage import SECOND, Stage, series


def test_points_that_come_late_arrive_with_the_next_tick(site: Site, tmp_path: Path) -> None:
    stage = Stage(site, tmp_path, "late", lookback="60s", start="-60s")
    now = time.time_ns()
    stage.write(*series(now - 50 * SECOND, 30))
    with stage.collector() as collector:
        stage.wait_for_all()
        late = now - 40 * SECOND + 1  # beyond what a live read goes over again
        stage.write(f"m,k=late v=1i {late}")
        wait_until(lambda: late in {point.time_ns for point in stage.landed()}, "the late point", 6)
        stage.wait_for_all()
        assert " E! " not in collector.log()


def test_points_that_are_rewritten_arrive_when_the_span_settles(site: Site, tmp_path: Path) -> None:
    stage = Stage(site, tmp_path, "rewritten", lookback="5s", start="-30s")
    with stage.collector():
        collector_reads(stage)
        at = time.time_ns() - SECOND
        stage.write(f"m,k=v v=1i {at}")
        wait_until(lambda: value_at(stage, at) == "1", "the point", 10)
        stage.write(f"m,k=v v=2i {at}")
        wait_until(lambda: value_at(stage, at) == "2", "the new value", 25)
        stage.wait_for_proof(at)
        stage.wait_for_all()


def test_what_came_late_or_was_rewritten_while_the_collector_was_away_arrives(site: Site, tmp_path: Path) -> None:
    stage = Stage(site, tmp_path, "away", lookback="5s", start="-60s")
    with stage.collector() as collector:
        collector_reads(stage)
        at = time.time_ns() - 2 * SECOND
        stage.write(f"m,k=v v=1i {at}")
        wait_until(lambda: value_at(stage, at) == "1", "the point", 10)
        collector.kill()
        stage.write(f"m,k=v v=2i {at}", f"m,k=late v=3i {at + 1}")
        # Longer away than the lookback, with new points all the while.
        for number in range(7):
            stage.write(f"m,k=new v={number}i {time.time_ns()}")
            time.sleep(1)
        assert value_at(stage, at) == "1"
    with stage.collector():
        stage.wait_for_all(40)
        assert value_at(stage, at) == "2"


def test_points_ahead_of_the_clock_are_copied_when_their_time_comes(site: Site, tmp_path: Path) -> None:
    stage = Stage(site, tmp_path, "ahead", start="-30s")
    with stage.collector():
        collector_reads(stage)
        ahead = time.time_ns() + 6 * SECOND
        stage.write(f"m,k=v v=1i {ahead}")
        time.sleep(3)
        assert value_at(stage, ahead) is None
        wait_until(lambda: value_at(stage, ahead) == "1", "the point", 15)
        assert time.time_ns() >= ahead
        stage.wait_for_all()


def test_an_outage_longer_than_the_lookback_loses_nothing(site: Site, tmp_path: Path) -> None:
    stage = Stage(site, tmp_path, "outage", start="-30s")
    with stage.collector() as collector:
        collector_reads(stage)
        site.pod_8.stop()
        time.sleep(4)  # longer than the lookback of 3 s
        collector.wait_for_log("E! .*failed POD-8/outage", 5)
        site.pod_8.start()
        fill(stage, "source", 2.0)
        stage.wait_for_all()
        site.central.stop()
        fill(stage, "central", 4.0)
        site.central.start()
        stage.wait_for_all(40)
        collector.pause()  # no ticks, and nobody who takes lines
        fill(stage, "telegraf", 4.0)
        collector.resume()
        stage.wait_for_all()
        assert len(stage.expected()) > 1 + 10 * (2 + 4 + 4) * 0.7


def fill(stage: Stage, measurement: str, seconds: float) -> None:
    """Write a point each tenth of a second, as it comes to pass."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        stage.write(f"{measurement} v=1i {time.time_ns()}")
        time.sleep(0.1)


def collector_reads(stage: Stage) -> None:
    """Wait until the first point has arrived: the ledger runs."""
    stage.write(f"begin v=1i {time.time_ns() - 2 * SECOND}")
    stage.wait_for_all(30)


def value_at(stage: Stage, at: int) -> str | None:
    return next((point.value for point in stage.landed() if point.time_ns == at), None)
