"""What InfluxQL reads and what is left to Flux: what is asked, and what is remembered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from telegraf_plugin.influxdb.influxql_reader import MAX_BY_FLUX
from telegraf_plugin.influxdb.layouts import LAYOUT_SECONDS, PLACE_SECONDS
from telegraf_plugin.stream.definition import ReadWay
from telegraf_plugin.stream.drops import DropReason
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.stream.units import HOUR
from tests.unit.influxql_bench import CPU, SPAN, WHOLE, Server, one, read, reader


def test_it_is_asked_once_how_a_bucket_looks_and_again_when_that_may_have_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Server({"cpu": CPU}, {"cpu": [one("cpu", 1.5)]})
    by, clock = reader(server, monkeypatch)
    for _ in range(3):
        assert read(by)[:2] == ({b"cpu": 1}, None)
    assert (server.places, server.count("SHOW FIELD KEYS"), server.count("SHOW MEAS")) == (1, 1, 3)
    clock.seconds += PLACE_SECONDS
    read(by)
    assert (server.places, server.listings, server.count("SHOW FIELD KEYS")) == (1, 1, 1)
    clock.seconds += LAYOUT_SECONDS
    read(by)
    assert server.count("SHOW FIELD KEYS") == 2
    later = (SPAN[1], SPAN[1] + HOUR)  # a shard group may have begun
    read(by, span=later)
    read(by, span=later)
    assert server.count("SHOW FIELD KEYS") == 4


def test_measurements_that_are_named_are_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server({"cpu": CPU, "mem": CPU}, {"cpu": [one("cpu", 1.5)], "mem": [one("mem", 2.5)]})
    by, _ = reader(server, monkeypatch)
    found, rest, tally = read(by, replace(WHOLE, measurements=("cpu", "none")))
    assert (found, rest, tally.points) == ({b"cpu": 1}, None, 1)
    assert (server.count("SHOW MEAS"), server.count("SELECT")) == (0, 2)


def test_what_is_unfit_is_left_to_flux_and_the_rest_is_not(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    server = Server({"cpu": CPU, "_x": CPU, "odd": {"f0": "mystery"}}, {"cpu": [one("cpu", 1.5)]})
    by, _ = reader(server, monkeypatch)
    for _ in range(2):
        found, rest, _ = read(by)
        assert found == {b"cpu": 1}
        assert rest is not None
        assert set(rest.measurements) == {"_x", "odd"}
    assert sum("is read by Flux" in each.getMessage() for each in caplog.records) == 2


def test_where_too_much_is_unfit_flux_reads_all(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = {f"_{number}": CPU for number in range(MAX_BY_FLUX + 1)}
    server = Server({"cpu": CPU, **odd}, {"cpu": [one("cpu", 1.5)]})
    assert read(reader(server, monkeypatch)[0])[:2] == ({}, WHOLE)
    del server.fields["_0"]
    found, rest, _ = read(reader(server, monkeypatch)[0])
    assert found == {b"cpu": 1}
    assert rest is not None
    assert len(rest.measurements) == MAX_BY_FLUX


def test_a_bucket_without_points_asks_flux_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(reader(Server({}), monkeypatch)[0])[:2] == ({}, None)


def test_what_was_read_is_counted_before_the_reading_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server({"cpu": CPU}, {"cpu": [one("cpu", 1.5), one("cpu", 2.5, host="other")]})
    tally = Tally()
    reading = reader(server, monkeypatch)[0].blocks(WHOLE, SPAN, tally)
    next(reading)
    assert tally.points == 1


def test_what_shows_in_the_reply_before_a_point_of_it_has_passed_is_left_to_flux_in_the_same_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    points = {"cpu": [one("cpu", 1.5)], "own": [one("own", 1.5, _start="x")], "zzz": [one("zzz", 1.5)]}
    server = Server(dict.fromkeys(points, CPU), points)
    by, _ = reader(server, monkeypatch)
    for selects in (3, 5):
        found, rest, tally = read(by)
        assert found == {b"cpu": 1, b"zzz": 1}
        assert rest == replace(WHOLE, measurements=("own",))
        assert (tally.points, tally.drops) == (2, {})
        assert server.count("SELECT") == selects


def test_a_field_that_is_not_known_is_asked_for_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server({"cpu": {"f0": "integer"}}, {"cpu": [one("cpu", 1)]})
    by, _ = reader(server, monkeypatch)
    read(by)
    server.fields["cpu"] = {"f0": "unsigned"}
    server.points["cpu"] = [one("cpu", 2**63)]
    assert read(by)[:2] == ({b"cpu": 1}, None)
    assert server.count("SHOW FIELD KEYS") == 2
    server.points["cpu"] = [one("cpu", 1.5)]  # whatever the server says of it: the reply shows another type
    assert read(by)[:2] == ({}, replace(WHOLE, measurements=("cpu",)))


def test_points_that_go_round_are_counted_and_do_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    prefix, way = "", {}
    for _ in range(4):
        way[f"{prefix}source_bucket"] = WHOLE.bucket
        prefix += "exported_"
    points = {"cpu": [one("cpu", 1.5, 2.5, **way), one("cpu", 3.5)]}
    found, rest, tally = read(reader(Server({"cpu": CPU}, points), monkeypatch)[0])
    assert (found, rest, tally.points) == ({b"cpu": 1}, None, 3)
    assert tally.drops[DropReason.CIRCULAR].points == 2


@pytest.mark.parametrize(
    "keys", [{"flux": "from(bucket: bucket)"}, {"tags": (("k", ("",)),)}], ids=["flux", "no value"]
)
def test_what_only_flux_can_say_is_left_to_it(monkeypatch: pytest.MonkeyPatch, keys: dict[str, Any]) -> None:
    stream = replace(WHOLE, **keys)
    server = Server({"cpu": CPU}, {"cpu": [one("cpu", 1.5)]})
    assert read(reader(server, monkeypatch)[0], stream)[:2] == ({}, stream)
    assert server.count("SELECT") == 0


def test_a_server_that_is_read_by_flux_is_not_asked_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server({"cpu": CPU})
    assert read(reader(server, monkeypatch, ReadWay.FLUX)[0])[:2] == ({}, WHOLE)
    assert (server.places, server.asked) == (0, [])
