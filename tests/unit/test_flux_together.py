"""A source with many buckets is asked about small streams by Flux, many in one query; all others are asked as ever."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import pytest

from telegraf_plugin.errors import TransientError
from telegraf_plugin.influxdb import flux_together
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.flux_replies import MAX_QUERIES
from telegraf_plugin.influxdb.flux_together import BUCKETS_A_POINT, MANY_BUCKETS, MAX_POINTS, REST_SECONDS, FluxTogether
from telegraf_plugin.influxdb.influxql_way import InfluxqlWay
from telegraf_plugin.influxdb.source import SourceReader
from telegraf_plugin.stream import jobs
from telegraf_plugin.stream.definition import ReadWay
from telegraf_plugin.stream.tally import Tally
from tests.unit import test_asked_together as by_influxql
from tests.unit.core_bench import stream as stream_of
from tests.unit.test_asked_together import CHECK, MEASUREMENTS, SPAN, done
from tests.unit.test_counts_by_flux import FluxClient

FEW, MANY = 3, 30
QUERIES = -(-MANY // MAX_QUERIES)
COPY = jobs.Copy(SPAN, live=True)
COUNTS = (
    b"#datatype,string,long,long\r\n#group,false,false,false\r\n#default,%b,,\r\n,result,table,_value\r\n,,0,%d\r\n\r\n"
)
POINTS = (
    b"#datatype,string,long,dateTime:RFC3339,double,string,string\r\n#group,false,false,false,false,true,true\r\n"
    b"#default,%b,,,,,\r\n,result,table,_time,_value,_field,_measurement\r\n,,0,2026-03-01T00:00:00Z,1.5,f0,%b\r\n\r\n"
)


class Both(FluxClient):
    """A source that answers in either language: two measurements of each bucket, a point each."""

    def result(self, name: bytes, part: str) -> Iterator[bytes]:
        if "count()" in part:
            yield COUNTS % (name, len(MEASUREMENTS))
        else:
            yield b"".join(POINTS % (name, each.encode()) for each in MEASUREMENTS)


class Bench(by_influxql.Bench):
    """Two such sources, each with so many streams of a bucket each."""

    sources: dict[str, Both]  # type: ignore[assignment]

    def __init__(self, monkeypatch: pytest.MonkeyPatch, streams: int, read: ReadWay = ReadWay.AUTO) -> None:
        self.read = read
        monkeypatch.setattr(flux_together, "MANY_BUCKETS", MANY - 5)
        monkeypatch.setattr(by_influxql, "Client", Both)
        super().__init__(monkeypatch, streams)

    def asked(self, job: jobs.Job) -> tuple[list[Any], list[int], list[int]]:
        """Have a job done for all streams; return the results, and requests by Flux and by InfluxQL of each source."""
        for each in self.sources.values():
            each.queries.clear()
        results = [each.result for each in done(self, job).values()]
        of_all = self.sources.values()
        return results, [len(each.queries) for each in of_all], [len(each.asked) for each in of_all]


def right(results: list[Any], job: jobs.Job) -> bool:
    """Say whether each stream was told of its two points."""
    if job is COPY:
        return all(isinstance(each, jobs.Copied) and each.points_read == len(MEASUREMENTS) for each in results)
    return all(each[0].equal for each in results)


@pytest.mark.parametrize("job", [CHECK, COPY])
def test_small_streams_of_a_source_with_many_buckets_share_a_query_and_no_bucket_is_looked_up(
    monkeypatch: pytest.MonkeyPatch, job: jobs.Job
) -> None:
    bench = Bench(monkeypatch, MANY)
    bench.asked(job)
    look_ups = [each.look_ups for each in bench.sources.values()]
    results, by_flux, by_influxql = bench.asked(job)
    assert right(results, job)
    assert (by_flux, by_influxql) == ([QUERIES] * 2, [0, 0])
    assert [each.look_ups for each in bench.sources.values()] == look_ups


@pytest.mark.parametrize("job", [CHECK, COPY])
def test_a_source_with_few_buckets_is_asked_by_influxql(monkeypatch: pytest.MonkeyPatch, job: jobs.Job) -> None:
    bench = Bench(monkeypatch, FEW)
    bench.asked(job)
    results, by_flux, by_influxql = bench.asked(job)
    assert right(results, job)
    assert (by_flux, by_influxql) == ([0, 0], [1, 1])


@pytest.mark.parametrize("job", [CHECK, COPY])
@pytest.mark.parametrize("streams", [1, FEW])
def test_a_source_that_is_read_by_flux_is_asked_once_for_all_as_well(
    monkeypatch: pytest.MonkeyPatch, job: jobs.Job, streams: int
) -> None:
    results, by_flux, by_influxql = Bench(monkeypatch, streams, ReadWay.FLUX).asked(job)
    assert right(results, job)
    assert (by_flux, by_influxql) == ([1, 1], [0, 0])


def test_where_influxql_was_asked_for_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, MANY, ReadWay.INFLUXQL)
    bench.asked(COPY)
    results, by_flux, by_influxql = bench.asked(COPY)
    assert right(results, COPY)
    assert (by_flux, by_influxql) == ([0, 0], [1, 1])


def test_what_breaks_a_query_leaves_those_of_it_to_influxql_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, MANY)
    bench.asked(CHECK)
    source = bench.sources["POD-1"]
    source.breaks = '"b7"'
    results, by_flux, by_influxql = bench.asked(CHECK)
    assert right(results, CHECK)
    assert by_flux == [QUERIES] * 2  # of one it was in vain: each of its streams asks alone
    assert by_influxql[0] >= MAX_QUERIES
    assert by_influxql[1] == 0
    results, by_flux, by_influxql = bench.asked(CHECK)
    assert right(results, CHECK)
    assert by_flux == [QUERIES - 1, QUERIES]
    assert by_influxql == [1, 0]  # together, as ever


def test_a_source_that_does_not_answer_fails_its_own_streams_and_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, MANY)
    bench.asked(COPY)
    bench.sources["POD-1"].fails = TransientError("timed out", "wait")
    results, by_flux, by_influxql = bench.asked(COPY)
    assert sum(isinstance(each, TransientError) for each in results) == MANY
    assert (by_flux[0], by_influxql[0]) == (1, 0)


def test_a_stream_that_brings_much_goes_by_influxql_where_that_costs_less() -> None:
    client, now = Both(), [0.0]
    way = InfluxqlWay(cast(QueryClient, client), ReadWay.AUTO)
    together = FluxTogether(way, ReadWay.AUTO, lambda: now[0])
    stream = replace(stream_of("s"), flux=None)
    for at in range(MANY_BUCKETS - 1):
        way.layouts.place(f"b{at}")
    assert not together.takes(stream)
    way.layouts.place("one more")
    assert together.takes(stream)
    together.brought(stream, MANY_BUCKETS // BUCKETS_A_POINT)
    assert together.takes(stream)
    together.brought(stream, MANY_BUCKETS // BUCKETS_A_POINT + 1)
    assert not together.takes(stream)
    for at in range(BUCKETS_A_POINT * (MAX_POINTS + 1)):
        way.layouts.place(f"b{at}")
    together.brought(stream, MAX_POINTS)
    assert together.takes(stream)
    together.brought(stream, MAX_POINTS + 1)
    assert not together.takes(stream)
    together.brought(stream, 0)
    together.in_vain(stream)
    now[0] = REST_SECONDS - 1.0
    assert not together.takes(stream)
    now[0] = REST_SECONDS
    assert together.takes(stream)
    assert not together.takes(replace(stream, flux="from(bucket: bucket)"))


def test_a_stream_that_brings_much_is_asked_about_alone_by_flux_where_influxql_is_not_asked() -> None:
    together = FluxTogether(InfluxqlWay(cast(QueryClient, Both()), ReadWay.FLUX), ReadWay.FLUX)
    stream = replace(stream_of("s"), flux=None)
    assert together.takes(stream)
    together.brought(stream, MAX_POINTS + 1)
    assert not together.takes(stream)


def test_what_a_read_has_brought_is_noted() -> None:
    source = SourceReader(cast(QueryClient, Both()), ReadWay.AUTO)
    stream = replace(stream_of("s"), flux=None, bucket="b0", measurements=(), tags=(), aggregate=None)
    together = cast(FluxTogether, cast(Any, source)._together)
    for _ in source.blocks(stream, SPAN, Tally()):
        pass
    assert cast(Any, together)._points == {stream.label: len(MEASUREMENTS)}
