"""InfluxDB 1.x as a source, on real servers: 1.6.7, which has InfluxQL alone, and 1.13.2."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lab.influxd import InfluxServer
from lab.influxd_v1 import V1Server
from lab.loopback import wait_until
from telegraf_plugin.errors import PermanentError
from telegraf_plugin.influxdb.source import SourceReader
from telegraf_plugin.stream.definition import Aggregate, AggregateFunction, ReadWay
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.stream.units import HOUR, SECOND
from tests.engines.corpus import corpus, lost, twins
from tests.engines.stage import series
from tests.engines.two_ways import Client, read, stream_of
from tests.engines.v1_site import V1Stage, client_of, reader_of

pytestmark = pytest.mark.influxdb_v1
DAY = 24 * HOUR
AT = time.time_ns() // HOUR * HOUR - HOUR
SPAN = (AT, AT + HOUR)


@pytest.fixture(scope="module", params=["1.6", "1.13"])
def v1(request: pytest.FixtureRequest) -> Iterator[V1Server]:
    with V1Server(request.param) as running:
        yield running


def test_points_and_digests_are_those_of_an_influxdb_2(v1: V1Server, central: InfluxServer) -> None:
    database = f"corpus_{v1.version}"
    v1.create_database(database)
    central.create_bucket(f"{database}/autogen")
    # Numbers without sign are not taken by 1.x as it is published.
    text = re.sub(rb"(?m)^[^\n]*=\d+u[ ,].*\n?", b"", b"\n".join((corpus(AT + HOUR // 2), lost(AT))))
    v1.write(database, text)
    central.write(f"{database}/autogen", text)
    stream = stream_of(f"{database}/autogen")
    by_flux = read(SourceReader(Client(central), ReadWay.FLUX), stream, SPAN)
    found = read(reader_of(v1), stream, SPAN, tries=1)
    assert found.number > 5_000
    assert (found.points, found.digest, found.drops) == (by_flux.points, by_flux.digest, by_flux.drops)
    assert reader_of(v1).count(stream, SPAN) == found.number


def test_of_two_series_that_are_one_in_central_nothing_is_lost_but_what_would_overwrite(v1: V1Server) -> None:
    v1.create_database("twins")
    v1.write("twins", twins(AT))
    found = read(reader_of(v1), stream_of("twins/autogen"), SPAN, tries=1)
    at_once = {key[4] for key in found.points if key[0] == b"twin"}
    assert at_once == {str(AT + n).encode() for n in range(3)}
    assert found.drops == {"overwritten": 2}


def test_what_steers_is_right_though_a_field_has_changed_its_type(v1: V1Server) -> None:
    v1.create_database("types")
    old = AT - 60 * DAY
    lines = [f'm v="text" {old}', f"m v=7i {old + 20 * DAY}", f"m v=1.5,w=true {AT}", f"n,k=v v=1i {AT + 1}"]
    v1.write("types", "\n".join(lines).encode())
    reader, stream = reader_of(v1), stream_of("types/autogen")
    assert reader.first(stream, AT + HOUR) == old
    assert reader.newest(stream, old, AT + HOUR) == AT + 1
    assert reader.newest(stream, old, AT) == old + 20 * DAY
    assert reader.newest(stream, old - DAY, old + DAY) == old  # InfluxQL shows one type of a span over shard groups
    assert not reader.exists(stream, (old + DAY, old + 19 * DAY))
    assert reader.measurements(stream, SPAN) == {"m": 2, "n": 1}
    assert reader.ahead(stream, AT - HOUR) == 3
    types = {(b"m", b"v"): "float", (b"m", b"w"): "boolean", (b"n", b"v"): "integer"}
    assert reader.types(stream, SPAN) == types
    kinds = {}
    for begin in (old, old + 20 * DAY, AT):
        ((key, _),) = ((key, n) for key, n in read(reader, stream, (begin, begin + 1)).points.items() if key[2] == b"v")
        kinds[key[3].value] = key[5]
    assert kinds == {"string": b"text", "integer": b"7", "float": b"1.5"}
    without = replace(stream, exclude_fields=("v",))
    assert (reader.first(without, AT + HOUR), reader.count(without, SPAN)) == (AT, 1)
    chosen = replace(stream, tags=(("k", ("v",)),))
    assert (reader.first(chosen, AT + HOUR), reader.count(chosen, SPAN)) == (AT + 1, 1)


def test_a_measurement_that_influxql_cannot_read_is_left_out_and_said_once(
    v1: V1Server, caplog: pytest.LogCaptureFixture
) -> None:
    v1.create_database("system")
    v1.write("system", f"_series v=1 {AT}\n_odd v=2 {AT}\nm v=3 {AT}".encode())
    reader, stream = reader_of(v1), stream_of("system/autogen")
    for _ in range(2):
        assert {key[0] for key in read(reader, stream, SPAN, tries=1).points} == {b"_odd", b"m"}
    assert reader.count(stream, SPAN) == 2
    said = [each.getMessage() for each in caplog.records if "is left out" in each.getMessage()]
    assert len(said) == 1
    assert "_series" in said[0]
    assert list(reader.left_out(stream, SPAN)) == ["_series"]


def test_how_a_retention_policy_is_kept_is_known(v1: V1Server) -> None:
    v1.create_database("kept", "CREATE RETENTION POLICY week ON kept DURATION 8w REPLICATION 1 SHARD DURATION 1d")
    v1.write("kept", f"m v=1 {AT}".encode(), "week")
    client = client_of(v1)
    week, forever = client.bucket("kept/week"), client.bucket("kept/autogen")
    assert (week.retention, week.shard_group) == (56 * DAY, DAY)
    assert (forever.retention, forever.shard_group) == (0, 7 * DAY)
    assert reader_of(v1).count(stream_of("kept/week"), SPAN) == 1
    assert reader_of(v1).count(stream_of("kept/autogen"), SPAN) == 0


def test_what_is_wrong_is_told_in_the_words_of_1_x(v1: V1Server) -> None:
    v1.create_database("right")
    v1.create_database("secret", read=False)
    with pytest.raises(PermanentError, match=r"user or password is refused \(401\)"):
        client_of(v1, "not the password").bucket("right/autogen")
    wrong = {
        "right/week": "has no retention policy week; there are: autogen",
        "secret/autogen": "the user may not do this: .*requires READ on",
        "nowhere/autogen": "the user may not do this: .*requires READ on",
    }
    for name, what in wrong.items():
        with pytest.raises(PermanentError, match=what):
            reader_of(v1).probe(stream_of(name), AT)
        with pytest.raises(PermanentError, match=what):
            list(reader_of(v1).blocks(stream_of(name), SPAN, Tally()))


def test_what_is_computed_needs_flux(v1: V1Server) -> None:
    v1.create_database("computed")
    v1.write("computed", "\n".join(f'm v={n}.5,s="x" {AT + n * SECOND}' for n in range(120)).encode())
    stream = replace(stream_of("computed/autogen"), aggregate=Aggregate(60 * SECOND, AggregateFunction.SUM))
    if v1.version == "1.6":
        with pytest.raises(PermanentError, match="this InfluxDB answers no Flux"):
            read(reader_of(v1), stream, SPAN, tries=1)
    else:
        values = sorted(key[5] for key in read(reader_of(v1), stream, SPAN, tries=1).points)
        assert values == [b"1800", b"5400"]


def test_flux_that_is_switched_off_is_told() -> None:
    with V1Server("1.13", flux=False) as server:
        server.create_database("off")
        server.write("off", f"m v=1 {AT}".encode())
        assert reader_of(server).count(stream_of("off/autogen"), SPAN) == 1
        with pytest.raises(PermanentError, match=r"answers no Flux \(403\)"):
            read(SourceReader(client_of(server), ReadWay.FLUX), stream_of("off/autogen"), SPAN, tries=1)


@pytest.mark.timeout(200)
def test_points_arrive_exact_and_are_proved_over_an_outage(v1: V1Server, central: InfluxServer, tmp_path: Path) -> None:
    stage = V1Stage(v1, central, tmp_path, f"telegraf_{v1.version}", start="-60s")
    begin = time.time_ns() - 30 * SECOND
    strings = [f'cpu,host=POD-8,cpu=c\\ 1 v={n}.1,n={n}i,ok=true,s="a\rb\\"{n}" {begin + n}' for n in range(20)]
    stage.write(*strings, *series(begin, 20))
    with stage.collector() as collector:
        stage.wait_for_all()
        v1.stop()
        collector.wait_for_log("E! .*failed POD-8/.*connection refused", 20)
        v1.start()
        away = time.time_ns()
        stage.write(*series(away, 20, SECOND // 100, "after"))
        stage.wait_for_all(40)
        stage.wait_for_proof(away)
        wait_until(lambda: stage.health() == 200, "good health", 30)
    assert len(stage.landed()) == 20 * 4 + 40
