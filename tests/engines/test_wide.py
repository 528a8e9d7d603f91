"""Where `field` is not added, the fields of a series and time share a line; and nothing else about them changes."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from lab.influxd import InfluxServer
from lab.loopback import wait_until
from lab.site import Site
from tests.engines.plugin_process import queries, run_once, source
from tests.engines.stage import SECOND, Stage

TAGS = ["host", "source_bucket"]
INTERVAL_S = 6
AT_ONCE_S = 9.5
"""The next tick, Telegraf's flush, and a busy machine; what is sent again comes two intervals later at the earliest."""


def arrives(stage: Stage, fields: set[str], line: str) -> float:
    """Write a point of now and return how many seconds it takes until central has these fields of it."""
    at = time.time_ns()
    stage.write(f"{line} {at}")

    def there() -> bool:
        return {point.field for point in stage.landed() if point.time_ns == at} == fields

    wait_until(there, f"{fields} of now", 30, 0.1)
    return (time.time_ns() - at) / SECOND


@pytest.mark.timeout(300)
def test_a_field_that_central_refuses_takes_no_neighbour_with_it(site: Site, tmp_path: Path) -> None:
    stage = Stage(site, tmp_path, "neighbours", INTERVAL_S, lookback="5s", start="-60s", metadata_tags=TAGS)
    old = time.time_ns() - 30 * SECOND
    # As another source, or an earlier collector, has left it there.
    stage.central.write(stage.name, f"rack,host=b,source_bucket=neighbours current=1i {old}\n".encode())
    stage.write(f"rack,host=a current=1.5,steady=2,power=3 {old}")
    neighbours = {"steady", "power"}

    def theirs() -> set[str]:
        return {point.field for point in stage.landed() if point.tag("host") == "a"}

    with stage.collector() as collector:
        wait_until(lambda: theirs() == neighbours, "its neighbours", 60)
        said = collector.wait_for_log("E! .*central lacks .* points of field '(.*)' of measurement 'rack'.*", 90)
        assert said[1] == "current"
        now = time.time_ns()
        wait_until(lambda: stage.proved().touches((now - SECOND, now)), "proof of then", 60, 0.2)
        # What is held shares no line: the other two do, and land as they come.
        assert arrives(stage, neighbours, "rack,host=a current=3.5,steady=2,power=3") < AT_ONCE_S
        later = time.time_ns()
        wait_until(lambda: stage.proved().touches((later - SECOND, later)), "proof of later", 60, 0.2)
        lacking = {point for point in stage.expected() - stage.landed() if point.time_ns < later}
        assert ({point.field for point in lacking}, len(lacking)) == ({"current"}, 2)
        assert set(re.findall("central lacks .* points of field '(.*)' of", collector.log())) == {"current"}


@pytest.mark.timeout(300)
def test_until_it_is_known_what_central_refuses_nobody_shares_a_line_with_it(site: Site, tmp_path: Path) -> None:
    stage = Stage(site, tmp_path, "unknown yet", INTERVAL_S, lookback="120s", start="-10s", metadata_tags=TAGS)
    old = time.time_ns() - 30 * SECOND
    stage.central.write(stage.name, f"rack,host=b,source_bucket=unknown\\ yet current=1i {old}\n".encode())
    with stage.collector() as collector:
        stage.wait_for_health(200, 40)
        # The first line is lost, and sent again field by field.
        arrives(stage, {"steady", "power"}, "rack,host=a current=1.5,steady=2,power=3")
        for number in range(2):
            line = f"rack,host=a current={number}.5,steady=2,power=3"
            assert arrives(stage, {"steady", "power"}, line) < AT_ONCE_S
        assert "central lacks" not in collector.log()


@pytest.mark.timeout(300)
def test_outages_and_kills_lose_nothing_of_wide_lines(site: Site, tmp_path: Path) -> None:
    stage = Stage(site, tmp_path, "wide outage", start="-30s", metadata_tags=TAGS)
    number = 0

    def fill(seconds: float) -> None:
        nonlocal number
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            number += 1
            at = time.time_ns()
            late = f"m,k=v a={number}i {at + 1}"
            stage.write(f'm,k=v a={number}i,b={number}.5,c="{number}" {at}', late, f"m,k=v b=1 {at + 1}", f"n a=1 {at}")
            time.sleep(0.1)

    with stage.collector() as collector:
        fill(1.0)
        stage.wait_for_all(30)
        site.central.stop()
        fill(5.0)  # longer than the lookback of 3 s
        site.central.start()
        fill(1.0)
        stage.wait_for_all(40)
        site.pod_8.kill()
        site.pod_8.start()
        fill(1.0)
        collector.kill()
        fill(4.0)
    with stage.collector():
        fill(2.0)
        stage.wait_for_all(40)
        stage.wait_for_proof(time.time_ns() - SECOND, 40)
    assert len(stage.expected()) > 5 * number


@pytest.mark.parametrize("ordered_by", ["a series' fields together", "field", "time"])
def test_the_sources_order_of_tables_is_no_matter(influx: InfluxServer, tmp_path: Path, ordered_by: str) -> None:
    bucket = f"ordered by {ordered_by}"
    influx.create_bucket(bucket)
    now = time.time_ns() // SECOND * SECOND - 10 * SECOND
    lines = [
        f"m,host={host} a={number}i,b={number}.5,c=true {now + number * 1_000_000}"
        for host in "xyz"
        for number in range(1000)
    ]
    influx.write(bucket, "\n".join(lines).encode())
    by = {
        "a series' fields together": "",
        "field": '|> group(columns: ["_field", "_measurement", "host"])',
        "time": '|> group(columns: ["_measurement"]) |> sort(columns: ["_time"])',
    }[ordered_by]
    flux = (
        "from(bucket: bucket) |> range(start: start, stop: stop)"
        f' |> filter(fn: (r) => r._field == "a" or r._field == "b") |> toFloat() {by}'
    )
    stream = {"bucket": bucket, "flux": flux, "lookback": "20s", "start": "-20s", "metadata_tags": TAGS}
    run = run_once(tmp_path, queries(source("s", influx.url, stream, token="${REAL}")), {"REAL": influx.token})
    data = [line for line in run.data if line.measurement == "m"]
    found = [(line.tags["host"], line.time_ns, field) for line in data for field in line.fields]
    assert len(found) == len(set(found)) == 6000
    assert len(data) == 3000


def test_fields_that_are_too_many_for_a_line_arrive_through_telegraf(site: Site, tmp_path: Path) -> None:
    stage = Stage(site, tmp_path, "many", start="-30s", metadata_tags=TAGS)
    at = time.time_ns()
    long = {f"f{number}_{'x' * 200}": f"{number}i" for number in range(3000)}
    texts = {f"t{number}": '"' + "ü" * 30_000 + '"' for number in range(5)}
    stage.write("m,k=v " + ",".join(f"{field}={value}" for field, value in (long | texts).items()) + f" {at}")
    with stage.collector() as collector:
        stage.wait_for_all(30)
        assert "parse error" not in collector.log()


def test_lines_are_counted_as_lines_and_points_as_points(site: Site, tmp_path: Path) -> None:
    stage = Stage(site, tmp_path, "counted", start="-60s", metadata_tags=TAGS)
    at = time.time_ns() - 30 * SECOND
    stage.write(*(f"m,k=v a={number}i,b=1,c=2,d=3 {at + number}" for number in range(500)))
    with stage.collector() as collector:
        stage.wait_for_all(30)
        stage.wait_for_proof(at + 1000, 30)
        collector.wait_for_log("cycle: ", 20, after=len(collector.log()))
        sent = {int(p.value) for p in stage.measured("collector_stream") if p.field == "points_sent_total"}
        assert max(sent) == 2000
        flights = [int(p.value) for p in stage.measured("collector_stream") if p.field == "in_flight"]
        assert max(flights) <= 510
