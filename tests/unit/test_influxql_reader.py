"""What InfluxQL reads and what is left to Flux: what is asked and remembered, and what becomes of failures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from telegraf_plugin.errors import BadReply, PermanentError, SourceError, TransientError
from telegraf_plugin.influxdb import influxql_way, layouts
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.influxql import Place
from telegraf_plugin.influxdb.influxql_reader import MAX_BY_FLUX, InfluxqlReader
from telegraf_plugin.influxdb.influxql_way import SECONDS_BY_FLUX, InfluxqlWay
from telegraf_plugin.influxdb.layouts import LAYOUT_SECONDS, PLACE_SECONDS
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.definition import ReadWay, StreamDefinition
from telegraf_plugin.stream.drops import DropReason
from telegraf_plugin.stream.mapping import MetadataTag
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.stream.units import HOUR, SECOND
from tests.unit.test_definition import STREAM
from tests.unit.test_messagepack import document, series

NOW = 1_795_000_000 * SECOND // HOUR * HOUR + HOUR // 2
SPAN = (NOW - HOUR // 2, NOW)
BUCKET = Bucket(0, 24 * HOUR, "b1", "o1")
SHORT = (MetadataTag.HOST, MetadataTag.SOURCE_BUCKET)
WHOLE = replace(STREAM, flux=None, aggregate=None, measurements=(), tags=(), metadata_tags=SHORT)
Rows = dict[str, list[dict[str, Any]]]


class Server:
    """Answers InfluxQL about measurements with their `fields`; `points` are each one's series."""

    clock_skew = 0.0
    speaks_flux = True

    def __init__(self, fields: dict[str, dict[str, str]], points: Rows | None = None) -> None:
        self.fields, self.points = fields, points or {}
        self.mapped: Place | None = Place("db", "rp")
        self.failure: SourceError | None = None
        self.refused: SourceError | None = None
        self.breaks_off = False
        self.asked: list[str] = []
        self.places = self.listings = 0

    def bucket(self, _name: str) -> Bucket | None:
        if self.refused is not None:
            raise self.refused
        return BUCKET

    def place(self, _bucket: Bucket) -> Place | None:
        self.places += 1
        return self.mapped

    def mapped_places(self, org: str) -> dict[Place, set[str]]:
        assert org == BUCKET.org
        self.listings += 1
        return {self.mapped: {BUCKET.id}} if self.mapped is not None else {}

    def redact(self, text: str) -> str:
        return text

    def rows(self, _place: Place, statements: Sequence[str]) -> Iterator[bytes]:
        self.asked += statements
        for number, text in enumerate(statements):
            names = re.findall(r'"rp"\."([^"]*)"', text)
            if text.startswith("SHOW MEASUREMENTS"):
                found = [series(*([name] for name in self.fields), name="measurements")]
            elif text.startswith("SHOW FIELD KEYS"):
                found = [
                    series(*(list(pair) for pair in self.fields[name].items()), name=name)
                    for name in names
                    if name in self.fields
                ]
            else:
                if self.failure is not None:
                    raise self.failure
                found = self.points.get(names[0], [])
            for each in found:
                yield document(number, each, partial=True)
            if not (self.breaks_off and text.startswith("SELECT")):
                yield document(number)

    def count(self, beginning: str) -> int:
        return sum(text.startswith(beginning) for text in self.asked)


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def reader(
    server: Server, monkeypatch: pytest.MonkeyPatch, way: ReadWay = ReadWay.AUTO
) -> tuple[InfluxqlReader, Clock]:
    clock = Clock()
    monkeypatch.setattr(influxql_way, "Layouts", lambda client, steady: layouts.Layouts(client, steady, lambda: NOW))
    return InfluxqlReader(InfluxqlWay(cast(QueryClient, server), way, clock)), clock


def read(
    by: InfluxqlReader, stream: StreamDefinition = WHOLE, span: tuple[int, int] = SPAN
) -> tuple[dict[bytes, int], StreamDefinition | None, Tally]:
    """Return how many points of each measurement came, what is left to Flux, and the tally."""
    tally, found = Tally(), dict[bytes, int]()
    reading = by.blocks(stream, span, tally)
    while True:
        try:
            blocks, _ = next(reading)
        except StopIteration as end:
            return found, cast("StreamDefinition | None", end.value), tally
        for block in blocks:
            found[block.measurement] = found.get(block.measurement, 0) + len(block)


def one(name: str, *values: Any, **tags: str) -> dict[str, Any]:
    rows = ([NOW - 1 - at, value] for at, value in enumerate(values))
    return series(*rows, name=name, tags={"host": "h", **tags})


CPU = {"f0": "float"}


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


def test_what_was_read_is_counted_before_the_reading_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server({"cpu": CPU}, {"cpu": [one("cpu", 1.5), one("cpu", 2.5, host="other")]})
    tally = Tally()
    reading = reader(server, monkeypatch)[0].blocks(WHOLE, SPAN, tally)
    next(reading)
    assert tally.points == 1


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
