"""Counts that Flux is asked for are one request a bucket of central, however many streams; each has its own number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from telegraf_plugin.errors import CentralError, TransientError
from telegraf_plugin.influxdb.flux import Query, together
from telegraf_plugin.influxdb.flux_counts import MAX_BYTES, MAX_COUNTS
from telegraf_plugin.stream import jobs
from telegraf_plugin.stream.mapping import MetadataTag
from tests.unit import test_asked_together as by_influxql
from tests.unit.test_asked_together import CHECK, MEASUREMENTS, SOURCES, SPAN, Client, done

HEAD = b"#datatype,string,long,string,string,long\r\n#group,false,false,true,true,false\r\n"


class FluxClient(Client):
    """Central as Flux shows it: two points of each stream."""

    def __init__(self) -> None:
        super().__init__()
        self.queries: list[Query] = []
        self.breaks = ""  # a query with that in it

    def query(self, query: Query) -> Iterator[bytes]:
        self.queries.append(query)
        if self.fails is not None:
            raise self.fails
        if self.breaks and self.breaks in query.text:
            yield b'{"code":"internal error","message":"panic: no way"}\n'
            return
        for part in re.split(r"^from\(", query.text, flags=re.M)[1:]:
            name = (re.findall(r'yield\(name: "(\d+)"\)', part) or ["_result"])[0]
            yield from self.result(name.encode(), part)

    def result(self, name: bytes, part: str) -> Iterator[bytes]:
        """The result of that name, of one `part` of a query."""
        chosen = re.findall(r'r\["(source_bucket|source)"\] == "([\w-]+)"', part)
        yield HEAD + b"#default,%b,,,,\r\n,result,table,source,source_bucket,_value\r\n" % name
        for source in SOURCES if not chosen else [dict(chosen)["source"]]:
            for bucket in [f"b{at}" for at in range(40)] if not chosen else [dict(chosen)["source_bucket"]]:
                points = len(MEASUREMENTS) - (bucket == self.less)
                yield f",,0,{source},{bucket},{points}\r\n".encode()
        yield b"\r\n"


class Bench(by_influxql.Bench):
    """As shipped: streams have the tag `field`, and central is read by Flux."""

    central: FluxClient

    def __init__(self, monkeypatch: pytest.MonkeyPatch, streams: int) -> None:
        monkeypatch.setattr(by_influxql, "Client", FluxClient)
        super().__init__(monkeypatch, streams)
        self.streams = [replace(each, metadata_tags=(*by_influxql.TAGS, MetadataTag.FIELD)) for each in self.streams]


@pytest.mark.parametrize("streams", [3, 40])
@pytest.mark.parametrize("job", [CHECK, jobs.Land(SPAN, 2)])
def test_counts_of_all_streams_are_one_request_a_bucket(
    monkeypatch: pytest.MonkeyPatch, streams: int, job: jobs.Job
) -> None:
    bench = Bench(monkeypatch, streams)
    outcomes = done(bench, job)
    assert not any(isinstance(each.result, Exception) for each in outcomes.values())
    assert len(bench.central.queries) == 2
    assert sum(each.text.count("from(") for each in bench.central.queries) == (2 if streams > 3 else 2 * streams)
    if isinstance(job, jobs.Land):
        assert {each.result for each in outcomes.values()} == {len(MEASUREMENTS)}


@pytest.mark.parametrize("streams", [4, 40])
def test_what_differs_is_one_streams_own(monkeypatch: pytest.MonkeyPatch, streams: int) -> None:
    bench = Bench(monkeypatch, streams)
    bench.central.less = "b3"
    outcomes = done(bench, jobs.Land(SPAN, 2))
    assert {(each.bucket, outcome.result) for each, outcome in outcomes.items()} == {
        (f"b{at}", 1 if at == 3 else 2) for at in range(streams)
    }


def test_streams_with_one_of_the_tags_find_their_rows_beside_those_with_both(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, 40)
    tags = (MetadataTag.HOST, MetadataTag.SOURCE, MetadataTag.FIELD)
    bench.streams = [replace(each, metadata_tags=tags) if each.name == "s0" else each for each in bench.streams]
    outcomes = done(bench, jobs.Land(SPAN, 2))
    for each, outcome in outcomes.items():  # chosen by its source alone all is that stream's
        assert outcome.result == len(MEASUREMENTS) * (40 if each.name == "s0" else 1)


def test_one_that_cannot_be_counted_is_its_own_streams_failure_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, 3)
    bench.central.breaks = '"b2"'
    outcomes = done(bench, jobs.Land(SPAN, 2))
    for each, outcome in outcomes.items():
        assert isinstance(outcome.result, CentralError) if each.bucket == "b2" else outcome.result == 2


def test_a_central_that_does_not_answer_fails_each_and_is_asked_once_a_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, 40)
    bench.central.fails = TransientError("no answer in 15 s", "look at it")
    outcomes = done(bench, jobs.Land(SPAN, 2))
    assert all(isinstance(each.result, CentralError) for each in outcomes.values())
    assert len(bench.central.queries) == 2


def test_of_one_query_the_counts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, 40)
    bench.streams = [replace(each, tags=(("rack", ("a",)),)) for each in bench.streams]
    outcomes = done(bench, jobs.Land(SPAN, 2))
    assert {each.result for each in outcomes.values()} == {len(MEASUREMENTS)}
    assert {each.text.count("from(") for each in bench.central.queries} == {MAX_COUNTS}
    assert len(bench.central.queries) == len(bench.streams) // MAX_COUNTS


def test_queries_in_one_import_once_and_are_told_apart_by_number() -> None:
    one, other = Query('import "types"\nfrom(a)', {}), Query('import "strings"\nimport "types"\nfrom(b)', {})
    found = together([one, other], MAX_BYTES)
    assert found.text.startswith('import "types"\nimport "strings"\nfrom(a)\n  |> yield(name: "0")\nfrom(b)\n')
    assert found.most == MAX_BYTES
