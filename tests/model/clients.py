"""How the collector reads source and central: in the model, instead of over HTTP. Each question is a point."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from telegraf_plugin.errors import CentralError, TransientError
from telegraf_plugin.influxdb.central import CentralReader
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.ledger_rows import claims_of
from telegraf_plugin.stream.block import Block, FieldKey
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.claim import Claim
from telegraf_plugin.stream.commands import Asked
from telegraf_plugin.stream.definition import StreamDefinition, StreamId
from telegraf_plugin.stream.ledger import Believed, Mark, MarkId, Origin, newest_believable
from telegraf_plugin.stream.spans import BEGINNING, END, Span
from tests.model.outside import HOUR, SECOND, TYPES, Key, Question, label_of, name_of, text_of

if TYPE_CHECKING:
    from tests.model.world import World

CHUNK = 3
"""Points that a chunk of a reply holds."""


class SourceClient(QueryClient):
    """The side of one source."""

    def __init__(self, world: World, source: str) -> None:
        self.url = f"http://{source}:8086"
        self.there = world.sources[source]
        self.clock_skew = None
        self.requests = 0
        self.world = world

    def bucket(self, name: str) -> Bucket | None:
        """Say how it is kept, if it is not kept for ever."""
        self.ask()
        return _bucket(self.there.retention)

    def redact(self, text: str) -> str:
        """Blot out nothing."""
        return text

    def ask(self, question: Question | None = None, span: Span = (0, 0)) -> None:
        """Ask the source, which says what time it is."""
        self.world.at()
        self.requests += 1
        if self.there.silent:
            raise TransientError("silent", "wait")
        if question is not None and self.there.failures.fails(question, span):
            raise TransientError("failing", "wait")
        self.clock_skew = (self.there.ahead - self.world.collector_ahead) / SECOND


def blocks_of(stream: StreamDefinition, points: dict[Key, int], span: Span) -> Iterator[Block]:
    """Yield the points of `span` in blocks, as they are in central."""
    there = sorted((key, value) for key, value in points.items() if span[0] <= key[1] < span[1])
    tags = (
        (b"source", stream.source.encode()),
        (b"source_bucket", stream.bucket.encode()),
        (b"stream", stream.name.encode()),
    )
    for measurement, field_key in groupby(there, key=lambda item: item[0][0]):
        items = list(field_key)
        for first in range(0, len(items), CHUNK):
            some = items[first : first + CHUNK]
            times, values = [b"%d" % key[1] for key, _ in some], [text_of(measurement, value) for _, value in some]
            yield Block(measurement.encode(), tags, b"v", TYPES[measurement], times, values)


def believed(world: World, stream: str) -> Believed | None:
    """Return the mark that is believed: what central keeps no longer speaks against none."""
    kept = world.now - world.central.retention if world.central.retention else BEGINNING
    return newest_believable(world.central.marks[stream].values(), lambda base: base.time < kept)


def _name(stream: StreamDefinition) -> str:
    return name_of(stream.source, stream.name)


def _labelled(name: str) -> StreamId:
    source, _, stream = label_of(name).partition("/")
    return StreamId(source, stream)


def _bucket(retention: int) -> Bucket | None:
    return Bucket(retention, HOUR) if retention else None


class Reader(CentralReader):
    """Central's side."""

    def __init__(self, world: World) -> None:
        self.url = "http://central:8086"
        self._world = world

    @property
    def clock_skew(self) -> float | None:
        """Central's clock says nothing."""
        return None

    def _ask(self, question: Question | None = None, span: Span = (0, 0)) -> None:
        self._world.at()
        if self._world.central.silent or self._world.cut_off:
            raise CentralError("silent", "wait")
        if question is not None and self._world.central.failures.fails(question, span):
            raise CentralError("failing", "wait")

    def count(self, stream: StreamDefinition, span: Span) -> int:
        self._ask(Question.COUNT, span)
        return sum(map(len, blocks_of(stream, self._world.central.points[_name(stream)], span)))

    def exists(self, stream: StreamDefinition, span: Span) -> bool:
        self._ask(Question.EXISTS, span)
        return next(blocks_of(stream, self._world.central.points[_name(stream)], span), None) is not None

    def blocks(self, stream: StreamDefinition, span: Span) -> Iterator[tuple[list[Block], bool]]:
        self._ask(Question.POINTS, span)
        yield list(blocks_of(stream, self._world.central.points[_name(stream)], span)), False

    def types(self, bucket: str, span: Span, field_key: FieldKey) -> set[str]:
        self._ask(Question.POINTS, span)
        there = self._world.central.conflicts
        return {"boolean" for name, hour in there if name == field_key[0].decode() and span[0] <= hour < span[1]}

    def bucket(self, name: str) -> Bucket | None:
        self._ask()
        return _bucket(self._world.central.retention)

    def ledger(self, bucket: str, names: Iterable[StreamId], *_bounds: object) -> dict[StreamId, Believed | None]:
        self._ask()
        if self._world.central.looks:
            self._world.central.looks -= 1
            return {}
        return {name: believed(self._world, name_of(*name)) for name in names}

    def asked(self, bucket: str) -> Asked:
        self._ask()
        requests, pauses = self._world.central.requests, self._world.central.pauses
        return Asked(*({_labelled(name): each for name, each in of.items()} for of in (requests, pauses)))  # type: ignore[arg-type]

    def mark_ids(
        self, bucket: str, start: int, until: int = END
    ) -> Iterator[tuple[dict[StreamId, set[MarkId]], int, int]]:
        self._ask()
        found = {
            _labelled(name): {mark.id for time, mark in marks.items() if time >= start}
            for name, marks in self._world.central.marks.items()
        }
        yield found, start, END

    def marks_and_requests(
        self, bucket: str, start: int, until: int = END
    ) -> tuple[dict[StreamId, set[MarkId]], int, int, Asked]:
        return (*next(self.mark_ids(bucket, start, until)), self.asked(bucket))

    def marks(self, bucket: str, name: StreamId, ids: Collection[MarkId]) -> list[Mark]:
        self._ask()
        return [mark for mark in self._world.central.marks[name_of(*name)].values() if mark.id in ids]

    def claims(self, lease: str) -> dict[str, Claim]:
        self._ask()
        there = [dict(claim.row) for claim in self._world.central.claims.values() if claim.series[1] != "standby"]
        return claims_of(there, self._world.wrong)

    def origins(self) -> dict[StreamId, Origin]:
        self._ask()
        if self._world.central.metrics_silent:
            raise CentralError("silent", "wait")
        return {_labelled(name): line.origin for name, line in self._world.central.origins.items()}
