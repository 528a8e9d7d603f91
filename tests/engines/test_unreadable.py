"""A tag called like one of Flux's own columns: InfluxDB takes it and its queries panic. The rest is copied."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.influxd import InfluxServer
from lab.loopback import wait_until
from lab.points import Point
from lab.site import Site
from telegraf_plugin.errors import TransientError
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.flux import stream_query
from telegraf_plugin.influxdb.source import SourceReader
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.drops import DropReason
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.stream.units import HOUR
from tests.engines.operator_site import Operator
from tests.engines.stage import SECOND, Stage

TAGS = ("_value", "_time", "_start", "_stop")


@pytest.fixture(scope="module")
def other() -> Iterator[InfluxServer]:
    with InfluxServer("central", "metrics") as server:
        yield server


def lines(begin: int, tag: str) -> list[str]:
    good = [f"pdu,host=POD-30,outlet={number % 4} watts={number} {begin + number * 10**7}" for number in range(100)]
    twin = f"pdu,host=POD-30,outlet=bad,rack=7 watts=1 {begin}"  # all its tags, and one more
    return [*good, twin, f"pdu,host=POD-30,outlet=bad,{tag}=x watts=1 {begin}"]


@pytest.mark.parametrize("start", ["-5m", "earliest"])
@pytest.mark.parametrize("tag", TAGS)
def test_the_good_points_arrive_and_the_series_is_counted_and_named(
    site: Site, tmp_path: Path, tag: str, start: str
) -> None:
    stage = Stage(site, tmp_path, f"shadow{tag} {start}", start=start)
    begin = (time.time_ns() // SECOND - 60) * SECOND
    stage.write(*lines(begin, tag))
    with stage.collector():

        def arrived() -> set[Point]:
            return {point for point in stage.landed() if point.measurement == "pdu"}

        wait_until(lambda: len(arrived()) == 101, "the good points", 40, 0.2)
        stage.write(f"pdu,host=POD-30,outlet=1 watts=5 {time.time_ns()}")
        wait_until(lambda: len(arrived()) == 102, "a live one", 20, 0.2)
        wait_until(lambda: "points cannot pass (shadowed_tag): of pdu," in stage.log(), "it", 20)
        assert stage.wait_for_health(200, 30) is not None
    dropped = [point for point in stage.measured("collector_dropped") if point.tag("reason") == "shadowed_tag"]
    assert {point.tag("stream") for point in dropped} == {stage.name.replace("/", "_")}
    assert {point.tag("outlet") for point in arrived()} == {"0", "1", "2", "3", "bad"}


@pytest.mark.parametrize("tag", TAGS)
def test_every_question_of_the_reader_is_answered(influx: InfluxServer, tag: str) -> None:
    bucket = f"reader{tag}"
    influx.create_bucket(bucket)
    begin = time.time_ns() // HOUR * HOUR - 30 * 24 * HOUR
    influx.write(bucket, "\n".join(lines(begin, tag)).encode())
    token = influx.token_for(read=[bucket])
    client = QueryClient(influx.url, influx.org, lambda: token, 5, 15, 60)
    stream = StreamDefinition("POD-30", "s", bucket, bucket, (), (), (), None, None, 300 * SECOND, ())
    if tag in ("_value", "_time"):
        with pytest.raises(TransientError, match="panic"):
            list(client.query(stream_query(stream, begin, begin + HOUR)))
    now = time.time_ns() // SECOND * SECOND
    reader, tally = SourceReader(client), Tally()
    assert reader.first(stream, now) == begin
    assert SourceReader(client).newest(stream, 0, now) == begin + HOUR - 1
    assert SourceReader(client).newest(stream, 0, begin) is None
    read = [
        block for blocks, _ in SourceReader(client).blocks(stream, (begin, begin + HOUR), tally) for block in blocks
    ]
    assert sum(map(len, read)) == 101
    assert tally.drops[DropReason.SHADOWED_TAG].points == 1
    assert tally.drops[DropReason.SHADOWED_TAG].example.endswith("host=POD-30,outlet=bad watts")
    assert SourceReader(client).count(stream, (begin, begin + HOUR)) in (101, 102)  # none that breaks it, or all
    assert SourceReader(client).exists(stream, (0, now))
    reader.probe(stream, begin + SECOND)


@pytest.mark.parametrize("tag", TAGS)
def test_the_doctor_names_it_and_finds_nothing_bad(
    influx: InfluxServer, other: InfluxServer, tmp_path: Path, tag: str
) -> None:
    bucket = f"doctor{tag}"
    influx.create_bucket(bucket)
    other.create_bucket(bucket)
    influx.write(bucket, "\n".join(lines((time.time_ns() // SECOND - 60) * SECOND, tag)).encode())
    told = Operator(tmp_path, influx, other, bucket).run("doctor")
    assert told.returncode == 0, told.stdout
    assert "left out; rename the tag at the source" in told.stdout
    assert "pdu,host=POD-30,outlet=bad" in told.stdout
