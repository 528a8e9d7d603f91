"""One span of a real source, read by Flux and by InfluxQL, as sets of points with their digests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lab.influxd import InfluxServer
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.flux import Query
from telegraf_plugin.influxdb.influxql import Place
from telegraf_plugin.influxdb.source import SourceReader
from telegraf_plugin.stream.definition import ReadWay, StreamDefinition
from telegraf_plugin.stream.digest import Digest
from telegraf_plugin.stream.mapping import MetadataTag
from telegraf_plugin.stream.spans import Span
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.stream.units import MINUTE

SHORT = (MetadataTag.HOST, MetadataTag.SOURCE_BUCKET)


class Client(QueryClient):
    """Notes what it was asked for, by language."""

    def __init__(self, server: InfluxServer, token: str | None = None) -> None:
        super().__init__(server.url, server.org, lambda: token or server.token, 5, 60, 120)
        self.flux: list[str] = []
        self.statements: list[str] = []

    def query(self, query: Query) -> Iterator[bytes]:
        self.flux.append(query.text)
        return super().query(query)

    def rows(self, place: Place, statements: Sequence[str]) -> Iterator[bytes]:
        self.statements += statements
        return super().rows(place, statements)

    @property
    def selects(self) -> list[str]:
        """The questions for points in InfluxQL."""
        return [text for text in self.statements if text.startswith("SELECT")]


@dataclass
class Read:
    """What was read: each point with how often it came, digest, tally, and how often it was tried."""

    points: dict[tuple[Any, ...], int]
    digest: tuple[int, int]
    drops: dict[str, int]
    number: int
    tries: int


def stream_of(bucket: str, **keys: Any) -> StreamDefinition:
    """A stream of a whole bucket."""
    chosen = {"name": "s", "measurements": (), "exclude_fields": (), "tags": (), "metadata_tags": SHORT} | keys
    return StreamDefinition(
        source="POD-30",
        bucket=bucket,
        central_bucket=bucket,
        aggregate=None,
        flux=None,
        lookback=5 * MINUTE,
        **chosen,
    )


def read(reader: SourceReader, stream: StreamDefinition, span: Span, tries: int = 4) -> Read:
    """Read a span, again where it has to be, as the plugin does."""
    for number in range(1, tries + 1):
        tally, digest = Tally(), Digest()
        points: dict[tuple[Any, ...], int] = {}
        try:
            for blocks, exact in reader.blocks(stream, span, tally):
                for block in blocks:
                    digest.add(block, exact)
                    for time, value in zip(block.times, block.values, strict=True):
                        key = (*block.key, block.type, time, value, exact)
                        points[key] = points.get(key, 0) + 1
        except Exception:
            if number == tries:
                raise
            continue
        drops = {reason.value: drop.points for reason, drop in tally.drops.items()}
        return Read(points, (digest.points, digest.sum), drops, tally.points, number)
    raise AssertionError


def same_both_ways(server: InfluxServer, stream: StreamDefinition, span: Span, tries: int = 4) -> tuple[Client, Read]:
    """Assert that both ways read the same; return who asked by InfluxQL, and what was read."""
    client = Client(server)
    by_flux = read(SourceReader(Client(server), ReadWay.FLUX), stream, span)
    found = read(SourceReader(client, ReadWay.INFLUXQL), stream, span, tries)
    assert found.points.keys() - by_flux.points.keys() == set()
    assert by_flux.points.keys() - found.points.keys() == set()
    assert found.points == by_flux.points
    assert (found.digest, found.drops, found.number) == (by_flux.digest, by_flux.drops, by_flux.number)
    return client, found
