"""Points of many streams by one Flux query: of what a bucket has in a span each stream finds its own (decision 0096).

As with counts (`flux_counts`) a question does not know of it: what was not foreseen, or not answered, is asked alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgpack

from telegraf_plugin.errors import SourceError, TransientError
from telegraf_plugin.influxdb.annotated_csv import Decoder
from telegraf_plugin.influxdb.awaited import Awaited, AwaitedAnswers
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.flux import MAX_NAMED_FIELDS, Query
from telegraf_plugin.stream.block import Block, FieldType, Tags

MANY = 8
"""From so many questions on all points of a bucket are asked for in place of theirs: those as well that nobody asks
about."""
MAX_BYTES = 1024 * 1024
"""What is kept of the points of one query, packed; where there is more each asks alone."""


class ForeseenPoints(NamedTuple):
    """Points that are about to be asked for by Flux: those that have the `tags` among the points of `whole`.

    `too_many` is told when those are more than are kept.
    """

    query: Query
    whole: Query
    tags: Tags
    too_many: Callable[[], None]


class _Packed(NamedTuple):
    """A block that is kept for a while, its columns packed."""

    measurement: bytes
    tags: Tags
    field: bytes
    type: FieldType
    columns: bytes

    @classmethod
    def of(cls, block: Block) -> _Packed:
        """Pack a block."""
        columns = msgpack.packb([block.times, block.values], use_bin_type=False)
        return cls(block.measurement, block.tags, block.field, block.type, columns)

    def unpacked(self) -> Block:
        """Return the block."""
        times, values = msgpack.unpackb(self.columns, raw=True)
        return Block(self.measurement, self.tags, self.field, self.type, times, values)


_Points = Awaited[ForeseenPoints, list[_Packed]]


class Points:
    """What several questions are about to read by Flux, and the points; one thread's at a time."""

    def __init__(self) -> None:
        self._points: AwaitedAnswers[ForeseenPoints, list[_Packed]] = AwaitedAnswers()

    def add(self, foreseen: ForeseenPoints) -> None:
        """Note what is about to be read."""
        self._points.add(foreseen.query.text, foreseen)

    def ask(self, client: QueryClient) -> None:
        """Ask for all of them. Raises TransientError, behind which nothing more is asked."""
        wholes: dict[tuple[str, tuple[bytes, ...]], list[_Points]] = {}
        for points in self._points.all():
            keys, _ = zip(*points.asked.tags, strict=True)  # a stream may lack one that others have
            wholes.setdefault((points.asked.whole.text, keys), []).append(points)
        for (_, keys), several in wholes.items():
            if len(several) < MANY:
                continue
            try:
                _tell(several, keys, client)
            except TransientError:
                raise
            except SourceError:  # whose it is each finds out alone
                continue

    def knows(self, query: Query) -> bool:
        """Say whether `query` was foreseen, and has no answer."""
        return self._points.knows(query.text)

    def answer(self, query: Query) -> list[Block] | None:
        """Return the points; None where they are not known."""
        packed = self._points.take(query.text)
        return [each.unpacked() for each in packed] if packed is not None else None


def _tell(several: list[_Points], keys: tuple[bytes, ...], client: QueryClient) -> None:
    """Read what all of `several` ask for, by tags of those `keys`, and give each its own. Raises SourceError."""
    found: dict[tuple[bytes | None, ...], list[_Packed]] = {}
    own = [found.setdefault(tuple(value for _, value in points.asked.tags), []) for points in several]
    decoder, left = Decoder(), MAX_BYTES
    for block in _blocks(client, several[0].asked.whole, decoder):
        tags = dict(block.tags)
        blocks = found.get(tuple(map(tags.get, keys)))
        if blocks is None:  # of a stream that asks for nothing, or of none
            continue
        blocks.append(_Packed.of(block))
        left -= len(blocks[-1].columns)
        if left < 0:
            several[0].asked.too_many()
            return
    if len(decoder.quoted) > MAX_NAMED_FIELDS:  # not all of them are known
        return
    for points, blocks in zip(several, own, strict=True):
        # A string in quotes may have lost a carriage return: who has such a field asks alone, and once more for it.
        if not any((each.measurement, each.field) in decoder.quoted for each in blocks):
            points.told = blocks


def _blocks(client: QueryClient, query: Query, decoder: Decoder) -> Iterator[Block]:
    for chunk in client.query(query):
        yield from decoder.feed(chunk)
    decoder.finish()
