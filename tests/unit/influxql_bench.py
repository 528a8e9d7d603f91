"""A server that answers InfluxQL about what it is given, and a reader that asks it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from telegraf_plugin.errors import SourceError
from telegraf_plugin.influxdb import influxql_way, layouts
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.influxql import Place
from telegraf_plugin.influxdb.influxql_reader import InfluxqlReader
from telegraf_plugin.influxdb.influxql_way import InfluxqlWay
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.definition import ReadWay, StreamDefinition
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
