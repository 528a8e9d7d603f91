"""Counts, first times, probes and types are the same by Flux and by InfluxQL, of the corpus and of random points."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.influxd import InfluxServer
from telegraf_plugin.config import Credential, Server
from telegraf_plugin.influxdb.bundle import sharing
from telegraf_plugin.influxdb.central import CentralReader
from telegraf_plugin.influxdb.flux_counts import MANY
from telegraf_plugin.influxdb.source import SourceReader
from telegraf_plugin.stream.definition import ReadWay, StreamDefinition
from telegraf_plugin.stream.digest import Digest
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.mapping import MetadataTag
from telegraf_plugin.stream.units import HOUR, MINUTE, SECOND
from tests.engines.corpus import corpus, lost, twins
from tests.engines.test_two_ways import AT, LINE, MIDDLE, SELECTIONS, SPAN, WEEK, text_of
from tests.engines.two_ways import Client, stream_of

NOW = AT + WEEK
VALUES = ("1.5", "2i", '"text"', "true")
SPANS = [SPAN, (MIDDLE, MIDDLE + 5), (AT - WEEK, AT - WEEK + HOUR), (MIDDLE, AT + HOUR)]


@pytest.fixture(scope="module")
def filled(influx: InfluxServer) -> InfluxServer:
    for bucket in ("corpus", "landing", "random"):
        influx.create_bucket(bucket)
    for content in (corpus, lost, twins):
        influx.write("corpus", content(MIDDLE))
        if content is not lost:  # it is never printed
            influx.write("landing", content(MIDDLE))
    return influx


def answers(reader: SourceReader, stream: StreamDefinition) -> dict[str, Any]:
    """Ask one reader everything there is to be asked of the spans, and of all time."""
    mark = MarkId(MIDDLE, "0123abcd")
    reader.probe(stream, AT)
    found: dict[str, Any] = {"first": reader.first(stream, NOW), "newest": reader.newest(stream, AT - WEEK, NOW)}
    found |= {"none before": reader.first(stream, AT - 20 * WEEK), "ahead": reader.ahead(stream, AT - 2 * MINUTE)}
    found["mark"] = reader.has_mark(stream, mark)
    for span in SPANS:
        of_span = reader.count(stream, span), reader.exists(stream, span), reader.measurements(stream, span)
        found[f"{span}"] = (*of_span, reader.types(stream, span))
    return found


def same_answers(server: InfluxServer, stream: StreamDefinition, ways: ReadWay = ReadWay.INFLUXQL) -> Client:
    """Assert that both languages answer alike; return who asked by InfluxQL."""
    client = Client(server)
    by_flux, by_influxql = SourceReader(Client(server), ReadWay.FLUX), SourceReader(client, ways)
    assert answers(by_influxql, stream) == answers(by_flux, stream)
    return client


@pytest.mark.parametrize("keys", SELECTIONS.values(), ids=list(SELECTIONS))
def test_each_answer_about_the_corpus_is_the_same_both_ways(filled: InfluxServer, keys: dict[str, Any]) -> None:
    client = same_answers(filled, stream_of("corpus", **keys))
    assert client.statements


def test_what_influxql_can_answer_is_asked_of_flux_no_more(filled: InfluxServer) -> None:
    names = ("float", "integer", "unsigned", "boolean", "text", "returns", "sparse", "wide", "a, b= c", "nothing")
    client = same_answers(filled, stream_of("corpus", measurements=names, exclude_fields=("f000",)))
    assert client.flux == []


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(lines=st.lists(LINE, min_size=1, max_size=25), tag=st.sampled_from([(), (("k", ("v", "x,l=y")),)]))
def test_each_answer_about_random_points_is_the_same(filled: InfluxServer, lines: list[Any], tag: Any) -> None:
    filled.empty_bucket("random")
    filled.write("random", text_of(lines))
    client = same_answers(filled, stream_of("random", tags=tag, exclude_fields=("float",)))
    assert client.flux == []


TYPES = [("1u", "1.5"), ("1i", "1.5"), ("true", "1i"), ('"x"', "1u"), ("-1i", "2u"), ("1.5", '"x"'), ("1u", '"x"')]


@pytest.mark.parametrize("values", TYPES, ids=" ".join)
def test_a_field_that_has_two_types_is_told_by_the_span(influx: InfluxServer, values: tuple[str, str]) -> None:
    bucket = "two " + " ".join(values).replace('"', "")
    influx.create_bucket(bucket)
    influx.write(bucket, f"m v={values[0]} {AT}\nm v={values[1]} {AT - WEEK}\nn v=1 {AT}".encode())
    same_answers(influx, stream_of(bucket))


def test_a_mark_is_told_from_others(influx: InfluxServer) -> None:
    influx.create_bucket("marks")
    mark = MarkId(AT + 7, "0123abcd")
    tags = "collector_ledger,source=POD-30,stream=s,source_bucket=x"
    influx.write("marks", f'{tags} incarnation="{mark.incarnation}",id="{mark.text()}" {mark.time}'.encode())
    for way in (ReadWay.FLUX, ReadWay.INFLUXQL):
        client = Client(influx)
        reader, stream = SourceReader(client, way), stream_of("marks")
        assert reader.has_mark(stream, mark)
        assert not reader.has_mark(stream, MarkId(mark.time, "0123abce"))
        assert not reader.has_mark(stream, MarkId(mark.time + 1, mark.incarnation))
        assert reader.count(stream, SPAN) == 0  # its own are no data
        assert (client.flux == []) is (way is ReadWay.INFLUXQL)


def test_what_flux_cannot_read_is_not_counted(influx: InfluxServer) -> None:
    influx.create_bucket("shadowed")
    lines = [f"m,_value=x v=1 {AT}", f"m,_time=x v=1 {AT}", f"m,_start=x v=1 {AT}", f"m,k=x v=1 {AT + SECOND}"]
    influx.write("shadowed", "\n".join(lines).encode())
    client, stream = Client(influx), stream_of("shadowed")
    reader = SourceReader(client, ReadWay.INFLUXQL)
    assert reader.count(stream, SPAN) == 1
    assert reader.first(stream, NOW) == AT + SECOND
    assert not reader.exists(stream, (AT, AT + SECOND))
    assert client.flux == []


def read_central(server: InfluxServer, way: ReadWay, stream: StreamDefinition) -> tuple[dict[str, Any], list[str]]:
    """Read central's side of a stream by one language; return what it said, and what was asked of Flux."""
    client = Client(server)
    credential = Credential(server.token, None)
    reader = CentralReader(Server(server.url, server.org, credential, read=way), "metrics", client)
    reader.probe(stream.central_bucket, AT)
    found: dict[str, Any] = {"never": reader.exists(stream, (AT - 20 * WEEK, AT - 10 * WEEK))}
    client.flux.clear()
    for span in SPANS:
        digest = Digest()
        points: dict[tuple[Any, ...], int] = {}
        for blocks, exact in reader.blocks(stream, span):
            for block in blocks:
                digest.add(block, exact)
                for time, value in zip(block.times, block.values, strict=True):
                    key = (*block.key, block.type, time, value, exact)
                    points[key] = points.get(key, 0) + 1
        told = reader.count(stream, span), reader.exists(stream, span), reader.newest_types(stream, span)
        found[f"{span}"] = points, digest.points, digest.sum, told
    found["values"] = reader.values
    return found, client.flux


def same_in_central(server: InfluxServer, stream: StreamDefinition) -> list[str]:
    """Assert that central says the same in both languages; return what was asked of Flux in spite of InfluxQL."""
    found, by_flux = read_central(server, ReadWay.INFLUXQL, stream)
    assert found == read_central(server, ReadWay.FLUX, stream)[0]
    return by_flux


@pytest.mark.parametrize("keys", SELECTIONS.values(), ids=list(SELECTIONS))
def test_central_says_the_same_both_ways(filled: InfluxServer, keys: dict[str, Any]) -> None:
    same_in_central(filled, stream_of("landing", **{"metadata_tags": (MetadataTag.HOST,)} | keys))


IN_CENTRAL: dict[str, dict[str, Any]] = {
    "by its bucket": {},
    "by a tag": {"tags": (("k", ("v", "x,l=y")),)},
    "by a tag that mapping renames": {"tags": (("source_bucket", ("other", "v")),)},
    "without a field": {"exclude_fields": ("float",)},
}


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(lines=st.lists(LINE, min_size=3, max_size=25))
@pytest.mark.parametrize("keys", IN_CENTRAL.values(), ids=list(IN_CENTRAL))
def test_central_says_the_same_of_random_points(filled: InfluxServer, keys: dict[str, Any], lines: list[Any]) -> None:
    filled.empty_bucket("random")
    more = [{"source_bucket": "random"}, {"source_bucket": "random", "exported_source_bucket": "v"}, {}]
    tagged = [(name, tags | more[at % 3], *rest) for at, (name, tags, *rest) in enumerate(lines)]
    filled.write("random", text_of(tagged) + f"\ncollector_ledger,source_bucket=random,k=v id=1 {AT}".encode())
    assert same_in_central(filled, stream_of("random", **keys)) == []


def test_central_counts_many_streams_by_one_query_of_flux_as_it_counts_each(influx: InfluxServer) -> None:
    """Also points of four types, and of a stream that has none there; and not the collector's own."""
    influx.create_bucket("many")
    streams = [
        replace(stream_of(f"b{at}", metadata_tags=tuple(MetadataTag)), source=f"POD-{at % 2}", central_bucket="many")
        for at in range(MANY + 2)
    ]
    lines = []
    for at, stream in enumerate(streams[1:]):
        tags = f"field=v,source={stream.source},source_bucket={stream.bucket}"
        lines += [f"m{at % 4},{tags} v={value} {MIDDLE + row}" for row in range(at + 1) for value in [VALUES[at % 4]]]
    lines.append(f"collector_ledger,source=POD-1,source_bucket=b1,stream=b1 id=1i {MIDDLE}")
    influx.write("many", "\n".join(lines).encode())
    server = Server(influx.url, influx.org, Credential(influx.token))
    together, alone = CentralReader(server, "metrics", Client(influx)), CentralReader(server, "metrics", Client(influx))
    span = (MIDDLE, MIDDLE + SECOND)
    for some in (streams, streams[:3]):  # one count by tags for all of them; and each its own
        bundle = together.bundle("many", [partial(together.foreseen_counts, each, [span]) for each in some])
        before = together.times_asked
        with sharing(bundle):
            found = [together.count(each, span) for each in some]
        assert together.times_asked == before + 1
        assert found == [alone.count(each, span) for each in some] == list(range(len(some)))


def test_central_reads_points_of_many_streams_by_one_query_of_flux_as_it_reads_each(influx: InfluxServer) -> None:
    """Also strings with quotes in them, and of a stream that has none there; and not the collector's own."""
    influx.create_bucket("many points")
    streams = [
        replace(
            stream_of(f"b{at}", metadata_tags=tuple(MetadataTag)), source=f"POD-{at % 2}", central_bucket="many points"
        )
        for at in range(2 * MANY)
    ]
    values = (*VALUES, '"a, \\"quoted\\" one"', '"returns\r"')
    lines = []
    for at, stream in enumerate(streams[1:]):
        tags = f"field=v,host=a,source={stream.source},source_bucket={stream.bucket}"
        value = values[at % len(values)]
        lines += [f"m{at % len(values)},{tags} v={value} {MIDDLE + row}" for row in range(at + 1)]
    lines.append(f"collector_ledger,source=POD-1,source_bucket=b1,stream=b1 id=1i {MIDDLE}")
    influx.write("many points", "\n".join(lines).encode())
    server = Server(influx.url, influx.org, Credential(influx.token))
    together, alone = CentralReader(server, "metrics", Client(influx)), CentralReader(server, "metrics", Client(influx))
    span = (MIDDLE, MIDDLE + SECOND)

    def digest(reader: CentralReader, stream: StreamDefinition) -> tuple[int, int]:
        found = Digest()
        for blocks, exact in reader.blocks(stream, span):
            for block in blocks:
                found.add(block, exact)
        return found.points, found.sum

    bundle = together.bundle("many points", [partial(together.foreseen_points, each, [span]) for each in streams])
    before = together.times_asked
    with sharing(bundle):
        found = [digest(together, each) for each in streams]
    texts = sum(at % len(values) in (4, 5) for at in range(len(streams) - 1))
    assert together.times_asked == before + 1 + 2 * texts  # where a carriage return may be missing each asks alone
    assert found == [digest(alone, each) for each in streams]
    assert [points for points, _ in found] == list(range(len(streams)))
    assert together.values == alone.values
