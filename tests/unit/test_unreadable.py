"""Series that break every question: found by the index, told from their neighbours exactly, and bounded."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from telegraf_plugin.errors import BadReply, PermanentError, TransientError
from telegraf_plugin.influxdb import flux
from telegraf_plugin.influxdb.unreadable import (
    MAX_SERIES,
    Unreadables,
    count_statement,
    counted,
    find,
    is_panic,
    series_of,
)
from telegraf_plugin.stream.definition import UnreadableSeries
from tests.unit.test_definition import STREAM

PANIC = TransientError("the server failed (500): panic: interface conversion: array.Array is *array.String", "")
BAD = UnreadableSeries("pdu", (("host", "POD-30"), ("outlet", "bad")), ("rack",))


def reply(column: str, cells: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([["name", "tags", column], *(["", "", cell] for cell in cells)])
    return text.getvalue().encode()


class Index:
    """What InfluxQL tells of a bucket with these series; `asked` is what was asked."""

    def __init__(self, series: list[str], keys: list[str]) -> None:
        self.series, self.keys = series, keys
        self.asked: list[str] = []

    def __call__(self, statement: str) -> bytes:
        self.asked.append(statement)
        if statement.startswith("SHOW SERIES"):
            return reply("key", self.series[: MAX_SERIES + 1])
        if statement.startswith("SHOW MEASUREMENTS"):
            return reply("name", sorted({series.split(",")[0] for series in self.series}))
        return reply("tagKey", self.keys)


def test_a_series_is_told_from_neighbours_with_the_same_tags_and_one_more() -> None:
    index = Index(["pdu,_value=x,host=POD-30,outlet=bad"], ["_value", "host", "outlet", "rack"])
    assert find(index) == (BAD,)
    query = flux.stream_query(replace(STREAM, unreadable=(BAD,)), 0, 10**9).text
    text = '|> filter(fn: (r) => r["_measurement"] != "pdu" or r["host"] != "POD-30" or r["outlet"] != "bad" or exists '
    assert text + 'r["rack"])' in query


@pytest.mark.parametrize("tag", ["_value", "_time", "_start", "_stop"])
def test_each_of_fluxs_columns_is_asked_for(tag: str) -> None:
    index = Index([], [])
    assert find(index) == ()
    assert f"\"{tag}\" != ''" in index.asked[0]


@pytest.mark.parametrize(
    ("key", "measurement", "tags"),
    [
        ("pdu", "pdu", ()),
        ("pdu,a=1", "pdu", (("a", "1"),)),
        ("m=1\\,2\\ 3,a\\ b=c\\,d\\=e", "m=1,2 3", (("a b", "c,d=e"),)),
        ("m,k=ü\\z,l=x=y", "m", (("k", "ü\\z"), ("l", "x=y"))),
    ],
)
def test_a_key_of_the_index_is_read_as_influxdb_writes_it(
    key: str, measurement: str, tags: tuple[tuple[str, str], ...]
) -> None:
    assert series_of(key) == (measurement, tags)


def test_a_measurements_name_cannot_be_a_statement() -> None:
    index = Index(['a"\\; DROP MEASUREMENT "x,_time=1'], [])
    find(index)
    assert index.asked[-1] == 'SHOW TAG KEYS FROM "a\\"\\\\; DROP MEASUREMENT \\"x"'


def test_of_too_many_series_the_measurements_are_left_out_whole() -> None:
    index = Index([f"pdu,_time=x,outlet={number}" for number in range(MAX_SERIES + 1)], [])
    found = find(index)
    assert found == (UnreadableSeries("pdu", None),)
    query = flux.count_query(replace(STREAM, unreadable=found), 0, 10**9).text
    assert 'filter(fn: (r) => r["_measurement"] != "pdu")' in query


def test_what_was_learned_is_left_out_of_the_streams_that_could_meet_it() -> None:
    index = Index(["pdu,_value=x,host=POD-30,outlet=bad"], ["_value", "host", "outlet", "rack"])
    known = Unreadables(lambda _, statement: index(statement))
    stream = replace(STREAM, measurements=(), flux=None, aggregate=None)
    assert known.without(stream) == stream
    assert known.learned(stream)
    assert not known.learned(stream)
    assert known.without(stream).unreadable == (BAD,)
    assert known.without(stream).hash == stream.hash
    assert known.without(replace(stream, measurements=("cpu",))).unreadable == ()
    assert known.without(replace(stream, bucket="other")).unreadable == ()
    assert known.without(replace(stream, flux="from()")).unreadable == ()


def test_what_was_learned_stays_until_the_next_start() -> None:
    index = Index(["pdu,_value=x,host=POD-30,outlet=bad"], ["_value", "host", "outlet", "rack"])
    known = Unreadables(lambda _, statement: index(statement))
    stream = replace(STREAM, measurements=(), flux=None, aggregate=None)
    assert known.learned(stream)
    index.series = []  # it was deleted at the source
    assert not known.learned(stream)
    assert known.without(stream).unreadable == (BAD,)
    assert Unreadables(lambda _, statement: index(statement)).without(stream) == stream


def test_a_source_without_influxql_is_no_failure_of_its_own() -> None:
    def refuse(_bucket: str, _statement: str) -> bytes:
        raise PermanentError("not found (404)", "")

    assert not Unreadables(refuse).learned(STREAM)
    assert find(lambda _: b"error\nunauthorized\n") == ()
    assert find(lambda _: b"<html>") == ()


def test_a_panic_is_known_in_an_error_and_in_mid_stream() -> None:
    assert is_panic(PANIC)
    assert is_panic(BadReply('the source broke off with an error: {"message":"panic: interface conversion"}', ""))
    assert not is_panic(TransientError("no answer in time", ""))
    assert not is_panic(ValueError("panic"))


def test_points_are_counted_by_series_and_field_of_the_stream_alone() -> None:
    index = (
        b"name,tags,time,count_amps,count_watts\n"
        b'pdu,"_value=x,host=POD-30,outlet=bad\\,1",0,0,3\n'
        b'pdu,"_value=x,host=POD-8",0,2,\n'
        b"name,tags,time,count_usage\n"
        b"cpu,_time=x,0,7\n"
    )
    stream = replace(STREAM, measurements=(), tags=(), exclude_fields=(), flux=None, aggregate=None)
    pod_30 = ((b"pdu", ((b"_value", b"x"), (b"host", b"POD-30"), (b"outlet", b"bad,1")), b"watts"), 3)
    pod_8 = ((b"pdu", ((b"_value", b"x"), (b"host", b"POD-8")), b"amps"), 2)
    cpu = ((b"cpu", ((b"_time", b"x"),), b"usage"), 7)
    assert list(counted(index, stream)) == [pod_30, pod_8, cpu]
    assert list(counted(index, replace(stream, measurements=("cpu",)))) == [cpu]
    assert list(counted(index, replace(stream, tags=(("host", ("POD-8",)),)))) == [pod_8]
    assert list(counted(index, replace(stream, exclude_fields=("watts", "usage")))) == [pod_8]
    assert list(counted(b"error\nno\n", stream)) == []
    assert "AND time >= 5 AND time < 9 GROUP BY *" in count_statement(5, 9)
