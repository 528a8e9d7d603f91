"""What becomes of failures by InfluxQL: which leave a bucket to Flux, for how long, and which make the read fail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telegraf_plugin.errors import BadReply, PermanentError, SourceError, TransientError
from telegraf_plugin.influxdb.influxql import Place
from telegraf_plugin.influxdb.influxql_way import SECONDS_BY_FLUX
from telegraf_plugin.stream.definition import ReadWay
from tests.unit.influxql_bench import CPU, NOW, WHOLE, Server, one, read, reader
from tests.unit.test_definition import STREAM
from tests.unit.test_messagepack import series


def test_a_bucket_that_is_not_found_is_read_by_flux_and_that_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    server = Server({"cpu": CPU})
    server.mapped = None
    by, _ = reader(server, monkeypatch)
    assert [read(by)[:2] for _ in range(2)] == [({}, WHOLE)] * 2
    assert len(caplog.records) == 1
    with pytest.raises(PermanentError, match="InfluxQL cannot read"):
        read(reader(server, monkeypatch, ReadWay.INFLUXQL)[0])
    server.mapped = Place("db", "rp")
    read(by)
    assert server.count("SELECT") == 1


@pytest.mark.parametrize("failure", [PermanentError("refused (400)", ""), BadReply("too many series", "")])
def test_what_influxql_refuses_flux_reads_for_ten_minutes(
    monkeypatch: pytest.MonkeyPatch, failure: SourceError
) -> None:
    server = Server({"cpu": CPU}, {"cpu": [one("cpu", 1.5)]})
    server.failure = failure
    by, clock = reader(server, monkeypatch)
    assert read(by)[:2] == ({}, WHOLE)
    server.failure = None
    clock.seconds += SECONDS_BY_FLUX - 1
    assert read(by)[:2] == ({}, WHOLE)
    assert server.count("SELECT") == 1
    clock.seconds += 1
    assert read(by)[:2] == ({b"cpu": 1}, None)


@pytest.mark.parametrize("way", [ReadWay.AUTO, ReadWay.INFLUXQL])
def test_a_token_that_is_refused_is_no_reason_to_ask_in_another_language(
    monkeypatch: pytest.MonkeyPatch, way: ReadWay
) -> None:
    server = Server({"cpu": CPU}, {"cpu": [one("cpu", 1.5)]})
    server.failure = PermanentError("the token is refused (401)", "", 401)
    by, _ = reader(server, monkeypatch, way)
    with pytest.raises(PermanentError, match="refused"):
        read(by)
    server.failure = None
    assert read(by)[:2] == ({b"cpu": 1}, None)
    server.refused = PermanentError("the token is refused (401)", "", 401)
    by, _ = reader(server, monkeypatch, ReadWay.INFLUXQL)
    with pytest.raises(PermanentError) as found:
        read(by)
    assert found.value.status == 401


def test_what_may_pass_by_itself_is_a_failure_and_flux_is_not_asked_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server({"cpu": CPU}, {"cpu": [one("cpu", 1.5)]})
    server.failure = TransientError("no answer in time", "")
    by, _ = reader(server, monkeypatch)
    with pytest.raises(TransientError):
        read(by)
    server.failure = None
    assert read(by)[:2] == ({b"cpu": 1}, None)


def test_a_reply_that_breaks_off_half_way_is_read_again_and_by_flux_after_the_third(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Server({"cpu": CPU}, {"cpu": [one("cpu", 1.5)]})
    by, _ = reader(server, monkeypatch)
    server.breaks_off = True
    for _ in range(3):
        with pytest.raises(BadReply, match="cut short"):
            read(by)
    assert read(by)[:2] == ({}, WHOLE)
    assert server.count("SELECT") == 3


def test_a_reply_that_comes_whole_ends_the_counting_of_those_that_did_not(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server({"cpu": CPU}, {"cpu": [one("cpu", 1.5)]})
    by, _ = reader(server, monkeypatch)
    for breaks_off in (True, True, False, True, True):
        server.breaks_off = breaks_off
        if breaks_off:
            with pytest.raises(BadReply):
                read(by)
        else:
            read(by)
    server.breaks_off = False
    assert read(by)[:2] == ({b"cpu": 1}, None)


def test_two_series_that_meet_after_the_first_has_passed_make_the_read_fail_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = {"host": STREAM.source}
    points = {"cpu": [one("cpu", 1.5, **host), series([NOW - 5, 2.5], name="cpu", tags={"host": ""})]}
    by, _ = reader(Server({"cpu": CPU, "mem": CPU}, points | {"mem": [one("mem", 1.5)]}), monkeypatch)
    with pytest.raises(TransientError, match="two of its series are one in central"):
        read(by)
    found, rest, _ = read(by)
    assert found == {b"mem": 1}
    assert rest == replace(WHOLE, measurements=("cpu",))
