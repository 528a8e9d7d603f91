"""Points that Flux is asked for are one request a bucket of central, however many streams; each has its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import cast

import pytest

from telegraf_plugin.config import Credential, Server
from telegraf_plugin.errors import CentralError, SourceError, TransientError
from telegraf_plugin.influxdb import flux_points
from telegraf_plugin.influxdb.bundle import sharing
from telegraf_plugin.influxdb.central import ALONE_SECONDS, CentralReader
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.flux import MAX_NAMED_FIELDS, Query
from telegraf_plugin.influxdb.flux_points import MANY
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.mapping import MetadataTag
from tests.unit.core_bench import stream

SPAN = (1_795_473_000_000_000_000, 1_795_473_060_000_000_000)
HEAD = (
    "#datatype,string,long,dateTime:RFC3339,{},string,string,string,string\r\n"
    "#group,false,false,false,false,true,true,true,true\r\n#default,_result,,,,,,,\r\n"
    ",result,table,_time,_value,_field,_measurement,source,source_bucket\r\n"
)


class Client:
    """Central as Flux shows it: of each stream as many points as its number says, in a field that is its own."""

    clock_skew, requests = 0.0, 0

    def __init__(self, streams: list[StreamDefinition]) -> None:
        self.streams = streams
        self.asked: list[str] = []
        self.fails: SourceError | None = None
        self.breaks = ""  # a query with that in it
        self.texts: dict[str, str] = {}  # by bucket, what its value is in place of a number

    def redact(self, text: str) -> str:
        return text

    def query(self, query: Query) -> Iterator[bytes]:
        self.asked.append(query.text)
        if self.fails is not None:
            raise self.fails
        if self.breaks and self.breaks in query.text:
            yield b'{"code":"internal error","message":"panic: no way"}\n'
            return
        alone = [each for each in self.streams if f'"{each.bucket}"' in query.text]
        if "containsStr" in query.text:
            alone = []
        for table, each in enumerate(alone or self.streams):
            if "containsStr" in query.text:
                break
            text = self.texts.get(each.bucket)
            yield HEAD.format("string" if text else "double").encode()
            tail = f"f{each.bucket},cpu,{each.source},{each.bucket}"
            for row in range(number(each)):
                yield f",,{table},2026-11-24T00:00:{row:02}Z,{text or row + 0.5},{tail}\r\n".encode()
            yield b"\r\n"
        yield b"\r\n"


def number(each: StreamDefinition) -> int:
    return int(each.bucket.removeprefix("b")) + 1


class Bench:
    """Central, and streams of it that are read by Flux; time is the test's."""

    def __init__(self, count: int) -> None:
        tags = (MetadataTag.HOST, MetadataTag.SOURCE_BUCKET, MetadataTag.SOURCE, MetadataTag.FIELD)
        nothing = {"measurements": (), "tags": (), "exclude_fields": (), "central_bucket": "landing"}
        self.streams = [
            replace(stream(f"s{at}", bucket=f"b{at}", source=f"POD-{at % 3}", **nothing), metadata_tags=tags)
            for at in range(count)
        ]
        self.client = Client(self.streams)
        self.now = 0.0
        server = Server("http://central:8086", "org", Credential("token"))
        client = cast(QueryClient, self.client)
        self.central = CentralReader(server, "metrics", client, lambda: self.now)

    def read(self) -> dict[str, int | CentralError]:
        """Ask for the points of all streams at one time; returns how many each got, by its bucket."""
        foreseen = [partial(self.central.foreseen_points, each, [SPAN]) for each in self.streams]
        found: dict[str, int | CentralError] = {}
        with sharing(self.central.bundle("landing", foreseen)):
            for each in self.streams:
                try:
                    blocks = [block for some, _ in self.central.blocks(each, SPAN) for block in some]
                except CentralError as error:
                    found[each.bucket] = error
                    continue
                assert {block.field.decode() for block in blocks} == {f"f{each.bucket}"}
                found[each.bucket] = sum(map(len, blocks))
        return found

    @property
    def right(self) -> dict[str, int]:
        return {each.bucket: number(each) for each in self.streams}


@pytest.mark.parametrize(("streams", "requests"), [(MANY - 1, MANY - 1), (MANY, 1), (5 * MANY, 1)])
def test_the_points_of_many_streams_are_one_request_and_each_has_its_own(streams: int, requests: int) -> None:
    bench = Bench(streams)
    assert bench.read() == bench.right
    assert len(bench.client.asked) == requests
    assert bench.central.values == sum(bench.right.values())


def test_asked_once_more_it_is_another_question() -> None:
    bench = Bench(MANY)
    foreseen = [partial(bench.central.foreseen_points, each, [SPAN]) for each in bench.streams]
    with sharing(bench.central.bundle("landing", foreseen)):
        for _ in range(2):
            assert sum(len(block) for some, _ in bench.central.blocks(bench.streams[3], SPAN) for block in some) == 4
    assert len(bench.client.asked) == 2


def test_who_has_a_string_in_quotes_asks_alone_and_for_its_carriage_returns() -> None:
    bench = Bench(MANY + 2)
    bench.client.texts = {"b1": '"a, b"', "b2": "plain"}
    assert bench.read() == bench.right
    alone = [text for text in bench.client.asked if '"b1"' in text]
    assert len(alone) == 2
    assert len(bench.client.asked) == 3


def test_where_more_fields_are_in_quotes_than_are_remembered_each_asks_alone() -> None:
    bench = Bench(MAX_NAMED_FIELDS + 5)
    bench.client.texts = dict.fromkeys(bench.right, '"a, b"')
    bench.client.texts.pop("b0")
    assert bench.read() == bench.right
    assert sum('"b0"' in text for text in bench.client.asked) == 1


def test_what_is_too_much_each_asks_for_alone_and_for_a_while_nobody_tries_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench(2 * MANY)
    monkeypatch.setattr(flux_points, "MAX_BYTES", 1000)
    for asked in (1 + 2 * MANY, 2 * MANY):
        bench.client.asked.clear()
        assert bench.read() == bench.right
        assert len(bench.client.asked) == asked
    bench.now += ALONE_SECONDS
    monkeypatch.setattr(flux_points, "MAX_BYTES", 1_000_000)
    bench.client.asked.clear()
    assert bench.read() == bench.right
    assert len(bench.client.asked) == 1


def test_one_that_breaks_the_query_is_its_own_failure_alone() -> None:
    bench = Bench(MANY)
    bench.client.breaks = "cpu"  # none has that in it
    assert bench.read() == bench.right
    bench.client.breaks = 'bucket: "landing"'
    assert all(isinstance(each, CentralError) for each in bench.read().values())
    bench.client.breaks = '"b2"'
    real, tried = bench.client.query, iter(range(100))

    def broken(query: Query) -> Iterator[bytes]:
        if next(tried) == 0:
            bench.client.asked.append(query.text)
            return iter([b"<html>"])
        return real(query)

    bench.client.query = broken  # type: ignore[method-assign]
    found = bench.read()
    assert isinstance(found.pop("b2"), CentralError)
    assert found == {bucket: points for bucket, points in bench.right.items() if bucket != "b2"}


def test_a_central_that_does_not_answer_fails_each_and_is_asked_once() -> None:
    bench = Bench(MANY)
    bench.client.fails = TransientError("no answer in 15 s", "look at it")
    found = bench.read()
    assert all(isinstance(each, CentralError) for each in found.values())
    assert len(bench.client.asked) == 1
