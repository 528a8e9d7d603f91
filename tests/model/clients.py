"""How the collector reads source and central: in the model, instead of over HTTP. Each question is a point."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from telegraf_plugin.central import CentralReader, StreamName
from telegraf_plugin.errors import CentralError, TransientError
from telegraf_plugin.influxdb.client import Bucket, QueryClient
from telegraf_plugin.stream.account import Origin
from telegraf_plugin.stream.block import Block, FieldType
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.digest import Group
from telegraf_plugin.stream.ledger import Believed, Mark, MarkId, newest_believable
from telegraf_plugin.stream.request import Request
from telegraf_plugin.stream.spans import END, Span
from tests.model.outside import SECOND, Key

if TYPE_CHECKING:
    from tests.model.world import World

CHUNK = 3
"""Points that a chunk of a reply holds."""


class SourceClient(QueryClient):
    """The source's side."""

    def __init__(self, world: World) -> None:
        self.url = "http://source:8086"
        self.clock_skew = None
        self.requests = 0
        self._world = world

    def bucket(self, name: str) -> Bucket | None:
        """Say nothing of how it is kept."""
        self.ask()
        return None

    def redact(self, text: str) -> str:
        """Blot out nothing."""
        return text

    def ask(self) -> None:
        """Ask the source, which says what time it is."""
        self._world.at()
        if self._world.source.silent:
            raise TransientError("silent", "wait")
        self.clock_skew = (self._world.source.ahead - self._world.collector_ahead) / SECOND


def blocks_of(stream: StreamDefinition, points: dict[Key, int], span: Span) -> Iterator[Block]:
    """Yield the points of `span` in blocks, as they are in central."""
    there = sorted((key, value) for key, value in points.items() if span[0] <= key[1] < span[1])
    tags = ((b"source_bucket", stream.bucket.encode()), (b"stream", stream.name.encode()))
    for measurement, group in groupby(there, key=lambda item: item[0][0]):
        items = list(group)
        for first in range(0, len(items), CHUNK):
            some = items[first : first + CHUNK]
            times, values = [b"%d" % key[1] for key, _ in some], [b"%d" % value for _, value in some]
            yield Block(measurement.encode(), tags, b"v", FieldType.INTEGER, times, values)


class Reader(CentralReader):
    """Central's side."""

    def __init__(self, world: World) -> None:
        self.url = "http://central:8086"
        self._world = world

    @property
    def clock_skew(self) -> float | None:
        """Central's clock says nothing."""
        return None

    def _ask(self) -> None:
        self._world.at()
        if self._world.central.silent:
            raise CentralError("silent", "wait")

    def count(self, stream: StreamDefinition, span: Span) -> int:
        self._ask()
        return sum(map(len, blocks_of(stream, self._world.central.points[stream.name], span)))

    def exists(self, stream: StreamDefinition, span: Span) -> bool:
        return self.count(stream, span) > 0

    def blocks(self, stream: StreamDefinition, span: Span) -> Iterator[tuple[list[Block], bool]]:
        self._ask()
        yield list(blocks_of(stream, self._world.central.points[stream.name], span)), False

    def types(self, bucket: str, span: Span, group: Group) -> set[str]:
        return set()

    def bucket(self, name: str) -> Bucket | None:
        return None

    def ledger(self, bucket: str, names: Iterable[StreamName], *_bounds: object) -> dict[StreamName, Believed | None]:
        self._ask()
        return {name: newest_believable(self._world.central.marks[name[1]].values()) for name in names}

    def requests(self, bucket: str) -> dict[StreamName, Request]:
        return {}

    def mark_ids(self, bucket: str, start: int) -> Iterator[tuple[dict[StreamName, set[MarkId]], int, int]]:
        self._ask()
        found = {
            ("pod", name): {mark.id for time, mark in marks.items() if time >= start}
            for name, marks in self._world.central.marks.items()
        }
        yield found, start, END

    def marks(self, bucket: str, name: StreamName, ids: Collection[MarkId]) -> list[Mark]:
        self._ask()
        return [mark for mark in self._world.central.marks[name[1]].values() if mark.id in ids]

    def origins(self) -> dict[StreamName, Origin]:
        self._ask()
        return {("pod", name): line.origin for name, line in self._world.central.origins.items()}
