"""A bucket that is central's own: refused where only the server knows; a neighbour allowed; a circle of two ended."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from lab.influxd import InfluxServer
from lab.loopback import wait_until
from lab.site import Site
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.source import SourceReader
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.drops import DropReason
from telegraf_plugin.stream.ledger import Mark, MarkId
from telegraf_plugin.stream.spans import Spans
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.telegraf.marks import mark_line
from tests.engines.operator_site import HOUR, Operator
from tests.engines.stage import SECOND, Stage, series


class Mirror(Stage):
    """A stage whose source is central itself: by its org's id, and a token of its own, so that only it can tell."""

    def __init__(self, site: Site, folder: Path, name: str, **keys: Any) -> None:
        super().__init__(site, folder, name, **keys)
        self.source_token = site.central.token_for(read=[name])
        self._env["SERVER_A_TOKEN"] = self.source_token

    def write_queries(self, max_in_flight: int = 100_000, **keys: Any) -> None:
        super().write_queries(max_in_flight, **keys)
        file = self.folder / "own.yaml"
        client = QueryClient(self.central.url, self.central.org, lambda: self.central.token, 5, 15, 60)
        bucket = client.bucket(self.name)
        assert bucket is not None
        text = file.read_text().replace(self.source.url, self.central.url)
        file.write_text(text.replace(f"org: {self.source.org}\n", f"org: {bucket.org}\n"))


def test_central_itself_under_another_name_is_refused_and_nothing_is_copied(site: Site, tmp_path: Path) -> None:
    stage = Mirror(site, tmp_path, "mirror")
    begin = (time.time_ns() // SECOND - 60) * SECOND
    stage.central.write("mirror", "\n".join(series(begin, 50)).encode())
    with stage.collector():
        wait_until(lambda: "is central's bucket mirror: its points" in stage.log(), "the refusal", 40, 0.2)
        assert stage.wait_for_health(503, 20) is not None
        assert len(stage.landed()) == 50
        assert not any(point.tag("source_bucket") for point in stage.landed())


def test_another_bucket_of_the_same_server_is_allowed(influx: InfluxServer, tmp_path: Path) -> None:
    for name in ("neighbour", "neighbour copy", "metrics"):
        influx.create_bucket(name)
    influx.write("neighbour", "\n".join(series((time.time_ns() // SECOND - 60) * SECOND, 50)).encode())
    operator = Operator(tmp_path, influx, influx, "neighbour", tokens=False)
    operator.configure(central_bucket="neighbour copy")
    assert not [check for check in operator.json("doctor")["checks"] if check["what"].endswith(": where")]
    mark = MarkId(time.time_ns(), "a-run")
    source = SourceReader(QueryClient(influx.url, influx.org, lambda: influx.token, 5, 15, 60))
    influx.write("neighbour copy", mark_line(operator.stream, Mark(mark, None, operator.stream.hash, 0, 0)))
    assert not source.has_mark(operator.stream, mark)
    influx.write("neighbour", mark_line(operator.stream, Mark(mark, None, operator.stream.hash, 0, 0)))
    assert source.has_mark(operator.stream, mark)


@pytest.fixture
def ids(influx: InfluxServer, tmp_path: Path) -> Operator:
    return Operator(tmp_path, influx, influx, "data", tokens=False)


def test_an_org_by_its_id_is_taken_on_both_sides_and_the_doctor_knows_central(ids: Operator) -> None:
    client = QueryClient(ids.pod.url, ids.pod.org, lambda: ids.pod.token, 5, 15, 60)
    told = client.bucket("data")
    assert told is not None
    by_id = QueryClient(ids.pod.url, told.org, lambda: ids.pod.token, 5, 15, 60).bucket("data")
    assert by_id == told
    assert by_id is not None
    assert (by_id.id, by_id.org) == (told.id, told.org)
    file = ids.folder / "queries.yaml"
    # By address the source looks like another server: localhost has a name, and the org is given by its id.
    file.write_text(file.read_text().replace("org: o\n", f"org: {told.org}\n", 1))
    found = {check["what"]: check for check in ids.json("doctor", status=1)["checks"]}
    assert found["bucket data: where"]["found"].startswith("it is central's bucket data")
    assert found["retention"]["state"] == "ok"


def test_a_backfill_of_a_source_whose_org_is_an_id_is_planned(influx: InfluxServer, tmp_path: Path) -> None:
    """It needs the source's retention, which the server tells of buckets alone, by the org's name or its id."""
    for name in ("by id", "by id copy"):
        influx.create_bucket(name)
    ids = Operator(tmp_path, influx, influx, "by id", tokens=False)
    ids.configure(central_bucket="by id copy")
    told = QueryClient(influx.url, influx.org, lambda: influx.token, 5, 15, 60).bucket("by id")
    assert told is not None
    file = ids.folder / "queries.yaml"
    text = file.read_text().replace("org: o\n", f"org: {told.org}\n")
    file.write_text(text.replace("metrics_bucket: metrics\n", "metrics_bucket: by id copy\n"))
    now = time.time_ns() // SECOND * SECOND
    influx.write("by id", "\n".join(series(now - 3 * HOUR, 50)).encode())
    ids.mark(now - HOUR, Spans())
    report = ids.json("backfill", ids.label, "--from=-4h", "--dry-run")
    assert report["plan"]["points"] == 50


def test_a_circle_of_two_collectors_ends_and_is_counted(influx: InfluxServer) -> None:
    begin = time.time_ns() // SECOND * SECOND - 60 * SECOND
    influx.create_bucket("round")
    keys = "source_bucket=other,exported_source_bucket=round"
    twice = f"{keys},exported_exported_source_bucket=other,exported_exported_exported_source_bucket=round"
    text = f'm,k=a v=1 {begin}\nm,k=b,{keys} v=1 {begin}\nm,k=c,{twice} v=1,s="a\nb" {begin}'
    influx.write("round", text.encode())
    client = QueryClient(influx.url, influx.org, lambda: influx.token, 5, 15, 60)
    stream = StreamDefinition("POD-30", "s", "round", "round", (), (), (), None, None, 300 * SECOND, ())
    tally = Tally()
    read = list(SourceReader(client).blocks(stream, (begin, begin + SECOND), tally))
    assert sorted(dict(block.tags)[b"k"] for blocks, _ in read for block in blocks) == [b"a", b"b"]
    assert tally.drops[DropReason.CIRCULAR].points == 2


def test_empty_years_are_verified_within_seconds_and_the_future_is_counted(
    influx: InfluxServer, tmp_path: Path
) -> None:
    for name in ("years", "years copy", "metrics years"):
        influx.create_bucket(name)
    with InfluxServer("central", "metrics") as central:
        central.create_bucket("years")
        operator = Operator(tmp_path, influx, central, "years")
        now = time.time_ns()
        old = 86_400 * SECOND  # 1970
        influx.write(
            "years", f"m v=1 {old}\nm v=2 {now - 3 * HOUR}\nm v=3 {now + HOUR}\nm v=4 {now + 9 * HOUR}".encode()
        )
        central.write("years", f"m,field=v,host=POD-1,source_bucket=years v=2 {now - 3 * HOUR}".encode())
        began = time.monotonic()
        report = operator.json("verify", "--from", "1970-01-01", status=1)
        assert time.monotonic() - began < 20
        (found,) = report["streams"]
        assert (found["points"], found["missing"], found["extra"]) == (2, 1, 0)
        assert [each["time"] for each in found["examples"]] == [old]
        told = operator.run("doctor").stdout
        assert "2 points lie in the future" in told
