"""Flux and InfluxQL give the same points and digests: the corpus, random points, and what only one of them can read."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.influxd import InfluxServer
from lab.loopback import open_url
from telegraf_plugin.errors import PermanentError
from telegraf_plugin.influxdb import flux_replies, flux_together
from telegraf_plugin.influxdb.bundle import Bundle, sharing
from telegraf_plugin.influxdb.source import SourceReader
from telegraf_plugin.stream.definition import ReadWay
from telegraf_plugin.stream.mapping import MetadataTag
from telegraf_plugin.stream.naming import Naming
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.stream.units import HOUR, SECOND
from tests.engines.corpus import FLOATS, INTEGERS, NAMES, STRINGS, UNSIGNED, corpus, escaped, lost, quoted, twins
from tests.engines.two_ways import Client, read, same_both_ways, stream_of

AT = 1_763_978_400 * SECOND  # a whole hour
SPAN = (AT, AT + HOUR)
MIDDLE = AT + HOUR // 2
WEEK = 7 * 24 * HOUR


@pytest.fixture(scope="module")
def filled(influx: InfluxServer) -> InfluxServer:
    influx.create_bucket("corpus")
    for content in (corpus, lost, twins):
        influx.write("corpus", content(MIDDLE))
    return influx


SELECTIONS: dict[str, dict[str, Any]] = {
    "all": {},
    "with a line a field": {"metadata_tags": tuple(MetadataTag)},
    "some measurements": {"measurements": ("float", "wide", "returns", "text", "nothing")},
    "without fields": {"exclude_fields": ("f000", "v", "g3")},
    "by a tag": {"tags": (("k", ("v", "a,b", "größe ✓ 漢字 🙂", "'")),)},
    "by two tags": {"tags": (("k", ("v",)), ("host", ("POD-30", "h")))},
    "by a tag that is a field": {"tags": (("v", ("x",)),)},
    "renamed": {
        "naming": Naming(
            (("float", "integer"), ("wide", "a, b= d"), ("text", "größe ✓")), (("v", "w"), ("f000", "f001"))
        ),
        "metadata_tags": tuple(MetadataTag),
    },
}


@pytest.mark.parametrize("keys", SELECTIONS.values(), ids=list(SELECTIONS))
def test_the_corpus_is_the_same_both_ways(filled: InfluxServer, keys: dict[str, Any]) -> None:
    same_both_ways(filled, stream_of("corpus", **keys), SPAN)


def test_what_influxql_can_read_is_asked_of_flux_no_more(filled: InfluxServer) -> None:
    names = ("float", "integer", "unsigned", "boolean", "text", "returns", "sparse", "wide", "a, b= c", "nothing")
    client, found = same_both_ways(filled, stream_of("corpus", measurements=names), SPAN, tries=1)
    assert client.flux == []
    assert len(client.selects) == len(names)
    assert found.number > 600


def test_a_string_with_a_carriage_return_comes_whole_at_first_reading(filled: InfluxServer) -> None:
    client, found = same_both_ways(filled, stream_of("corpus", measurements=("returns",)), SPAN)
    assert len(client.selects) == 1
    assert sum(b"\r" in key[5] for key in found.points) == 7


MEASUREMENT = st.sampled_from(["m", "n", "o p"])
KEY = st.sampled_from(["k", "l", "k,l", "host", "größe", "a=b"])
TAG = st.sampled_from([*NAMES, "v", "x,l=y", "POD-7", "x\\y", "k=v"])
FIELDS = {
    "float": st.floats(allow_nan=False, allow_infinity=False).map(repr) | st.sampled_from(FLOATS),
    "integer": st.integers(-(2**63), 2**63 - 1).map(lambda n: f"{n}i") | st.sampled_from([f"{n}i" for n in INTEGERS]),
    "unsigned": st.integers(0, 2**64 - 1).map(lambda n: f"{n}u") | st.sampled_from([f"{n}u" for n in UNSIGNED]),
    "boolean": st.sampled_from(["true", "false"]),
    "string": st.sampled_from([quoted(text) for text in STRINGS if len(text) < 100])
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8).map(quoted),
}
LINE = st.tuples(
    MEASUREMENT,
    st.dictionaries(KEY, TAG, max_size=3),
    st.fixed_dictionaries({}, optional=FIELDS).filter(bool),
    st.integers(0, 40) | st.integers(0, HOUR - 1),
)


def text_of(lines: list[Any]) -> bytes:
    """Return line protocol of what LINE gives."""
    text = "\n".join(
        escaped(name)
        + "".join(f",{escaped(key)}={escaped(value)}" for key, value in sorted(tags.items()))
        + " "
        + ",".join(f"{key}={value}" for key, value in fields.items())
        + f" {AT + at}"
        for name, tags, fields, at in lines
    )
    return text.encode()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(lines=st.lists(LINE, min_size=1, max_size=25))
def test_random_points_are_the_same_both_ways(influx: InfluxServer, lines: list[Any]) -> None:
    influx.empty_bucket("random")
    influx.write("random", text_of(lines))
    client, found = same_both_ways(influx, stream_of("random"), SPAN)
    assert found.number > 0
    assert client.selects


@pytest.fixture(scope="module", autouse=True)
def random_bucket(influx: InfluxServer) -> None:
    influx.create_bucket("random")


UNFIT = {
    "a tag and a field of one name": ("both,k=v k=1", "a tag and a field of one name"),
    "a name of InfluxQL's own": ("_series v=1", "InfluxQL may take its name"),
    "a tag of Flux's own": ("own,_start=x v=1", "a field called like a column"),
    "two series that are one": ("one,host=POD-30 v=1 {0}\none v=2", "two of its series are one"),
}


@pytest.mark.parametrize(("lines", "reason"), UNFIT.values(), ids=list(UNFIT))
def test_flux_reads_what_influxql_would_read_otherwise_and_it_is_said_once(
    influx: InfluxServer, lines: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    bucket = reason
    influx.create_bucket(bucket)
    influx.write(bucket, f"good,a=b v=1 {AT}\n{lines.format(AT)} {AT}".encode())
    client, stream = Client(influx), stream_of(bucket)
    reader = SourceReader(client, ReadWay.AUTO)
    caplog.set_level("INFO", "telegraf_plugin")
    by_flux = read(SourceReader(Client(influx), ReadWay.FLUX), stream, SPAN)
    for _ in range(2):
        found = read(reader, stream, SPAN, tries=1)
        assert (found.points, found.drops) == (by_flux.points, by_flux.drops)
    assert all('"good"' not in text for text in client.flux)
    said = [each.getMessage() for each in caplog.records if "is read by Flux" in each.getMessage()]
    assert len(said) == 1
    assert reason in said[0]


def test_a_field_that_has_two_types_is_read_by_flux(influx: InfluxServer) -> None:
    influx.create_bucket("types")
    influx.write("types", f"changing v=1i {AT}\nchanging v=1.5 {AT - 8 * WEEK}\nsame v=2 {AT}".encode())
    client, _ = same_both_ways(influx, stream_of("types"), SPAN)
    assert [text for text in client.selects if "changing" in text] == []
    assert len([text for text in client.flux if "changing" in text]) == 1


def test_a_field_that_is_new_is_read_though_the_layout_is_known(influx: InfluxServer) -> None:
    influx.create_bucket("new")
    client, stream = Client(influx), stream_of("new")
    reader = SourceReader(client, ReadWay.INFLUXQL)
    influx.write("new", f"m a=1 {AT}".encode())
    assert read(reader, stream, SPAN).number == 1
    influx.write("new", f'm a=1,b=2u,c=3i,d="",e=false {AT + 1}\nn x=18446744073709551615u {AT}'.encode())
    found = read(reader, stream, SPAN, tries=1)
    assert found.points == read(SourceReader(Client(influx), ReadWay.FLUX), stream, SPAN).points
    assert found.number == 7
    assert client.flux == []


@pytest.mark.parametrize("then", ["2u", "2i", "2.0"])
@pytest.mark.parametrize("before", ["1u", "1i", "1.0"])
def test_a_type_is_asked_for_again_in_a_new_shard_group(influx: InfluxServer, before: str, then: str) -> None:
    bucket = f"{before} {then}"
    influx.create_bucket(bucket)
    client, stream = Client(influx), stream_of(bucket)
    reader = SourceReader(client, ReadWay.INFLUXQL)
    influx.write(bucket, f"m v={before} {AT}".encode())
    read(reader, stream, SPAN)
    future = (AT + 500 * WEEK, AT + 500 * WEEK + HOUR)  # no shard group that was there when it was asked
    influx.write(bucket, f"m v={then} {future[0]}".encode())
    assert read(reader, stream, future).points == read(SourceReader(Client(influx)), stream, future).points


def make_mapping(server: InfluxServer, bucket: str, database: str) -> None:
    headers = {"Authorization": f"Token {server.token}", "Content-Type": "application/json"}
    with open_url("GET", f"{server.url}/api/v2/buckets?name={bucket}", headers=headers) as reply:
        found = json.loads(reply.read())["buckets"][0]
    document = {"orgID": found["orgID"], "bucketID": found["id"], "database": database}
    document |= {"retention_policy": "autogen", "default": True}
    with open_url("POST", f"{server.url}/api/v2/dbrps", json.dumps(document).encode(), headers) as reply:
        reply.read()


def test_a_bucket_whose_name_is_mapped_to_another_is_read_by_flux(influx: InfluxServer) -> None:
    for name in ("mine", "theirs"):
        influx.create_bucket(name)
        influx.write(name, f"m,whose={name} v=1 {AT}".encode())
    make_mapping(influx, "theirs", "mine")
    client, stream = Client(influx), stream_of("mine")
    found = read(SourceReader(client, ReadWay.AUTO), stream, SPAN)
    assert [dict(key[1])[b"whose"] for key in found.points] == [b"mine"]
    assert client.selects == []
    with pytest.raises(PermanentError, match="InfluxQL cannot read mine"):
        list(SourceReader(client, ReadWay.INFLUXQL).blocks(stream, SPAN, Tally()))


@pytest.mark.parametrize("name", ["a/b", "a b", "größe", "a/b/c"])
def test_a_bucket_of_any_name_is_found(influx: InfluxServer, name: str) -> None:
    influx.create_bucket(name)
    influx.write(name, f"m v=1 {AT}".encode())
    token = influx.token_for(read=[name])
    client = Client(influx, token)
    assert read(SourceReader(client, ReadWay.INFLUXQL), stream_of(name), SPAN).number == 1
    assert client.flux == []


def test_two_buckets_that_are_policies_of_one_database_are_told_apart(influx: InfluxServer) -> None:
    for name in ("db", "db/one", "db/two"):
        influx.create_bucket(name)
        influx.write(name, f"{name[3:] or 'plain'} {name[-1]}=1 {AT}".encode())
    for name in ("db", "db/one", "db/two"):
        client, found = same_both_ways(influx, stream_of(name), SPAN)
        assert [key[0].decode() for key in found.points] == [name[3:] or "plain"]
        assert client.flux == []


@pytest.mark.parametrize("way", [ReadWay.FLUX, ReadWay.AUTO])
def test_what_many_streams_ask_together_by_flux_each_reads_and_counts_as_alone(
    filled: InfluxServer, monkeypatch: pytest.MonkeyPatch, way: ReadWay
) -> None:
    """Of the corpus, and of a span without a point: one query for all points, one for all counts."""
    monkeypatch.setattr(flux_together, "MANY_BUCKETS", 1)
    monkeypatch.setattr(flux_together, "BUCKETS_A_POINT", 0)
    monkeypatch.setattr(flux_together, "MAX_POINTS", 1 << 20)
    for bound in ("MAX_QUERY_BYTES", "MAX_BYTES"):  # the corpus has strings of a megabyte
        monkeypatch.setattr(flux_replies, bound, 1 << 26)
    streams = [stream_of("corpus", name=name, **keys) for name, keys in SELECTIONS.items()]
    spans = [SPAN, (AT - WEEK, AT - WEEK + HOUR)]
    client, alone = Client(filled), SourceReader(Client(filled), ReadWay.FLUX)
    together = SourceReader(client, way)
    if way is ReadWay.AUTO:
        together.ask(streams[0], lambda _: None, lambda _: None)  # which finds the one bucket
    for bundle in (
        [partial(together.foreseen_points, each, spans) for each in streams],
        [partial(together.foreseen_counts, each, spans) for each in streams],
    ):
        client.flux.clear()
        with sharing(Bundle(client, bundle)):
            for each in streams:
                for span in spans:
                    if bundle[0].func == together.foreseen_counts:
                        assert together.count(each, span) == alone.count(each, span)
                    else:
                        assert read(together, each, span, tries=1) == read(alone, each, span)
        assert sum('yield(name: "1")' in text for text in client.flux) == 1
    assert client.selects == []
