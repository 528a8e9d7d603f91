"""The points of one span of one stream that can pass, read by InfluxQL: a row a time, a chunk in memory at a time.

They are the same ones that `Passage` reads by Flux, with the same digests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.influxql import Place, rows_statement
from telegraf_plugin.influxdb.layouts import Layout
from telegraf_plugin.influxdb.messagepack import LongRow, Reply, Rows
from telegraf_plugin.influxdb.overwrite_guard import MOST_NAMES
from telegraf_plugin.influxdb.unreadable import SHADOWING
from telegraf_plugin.influxdb.wide_rows import Mistyped, blocks_of
from telegraf_plugin.stream.block import Block, FieldType, pick
from telegraf_plugin.stream.circle import gone_round
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.drops import DropReason, Drops, series_text
from telegraf_plugin.stream.mapping import TagMapper
from telegraf_plugin.stream.overwrites import OverwriteWatch
from telegraf_plugin.stream.spans import Span
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.telegraf.line_protocol import LineMapper

MAX_STATEMENTS = 100
"""Measurements that one request asks for."""
_RESERVED = frozenset((b"time", *(name.encode() for name in SHADOWING)))


class Unfit(Exception):
    """A measurement cannot be read by InfluxQL as Flux reads it: found when it was read."""

    def __init__(self, measurement: str, reason: str) -> None:
        super().__init__(f"{measurement}: {reason}")
        self.measurement, self.reason = measurement, reason


class WidePassage:
    """Reads some measurements of one span, within one shard group; `tally` counts.

    `unfit`: those that turned out to be Flux's, with the reason, before anything of them was yielded. Raises
    SourceError and Unfit, also half way.
    """

    def __init__(
        self,
        client: QueryClient,
        place: Place,
        stream: StreamDefinition,
        span: Span,
        layouts: Mapping[str, Layout],
        renewed: Callable[[str], Layout],
        tally: Tally,
    ) -> None:
        """`layouts`: the measurements to be read; `renewed` asks how one of them looks now."""
        self._client, self._place, self._stream, self._span = client, place, stream, span
        self._layouts = {name.encode(): layout for name, layout in layouts.items()}
        self._renewed, self._tally = renewed, tally
        self.unfit: dict[str, str] = {}
        mapper = TagMapper(stream.source, stream.bucket, stream.metadata_tags)
        self._watch = OverwriteWatch(mapper, stream.renames)
        self._without = frozenset(field.encode() for field in stream.exclude_fields)
        self._bucket = stream.bucket.encode()
        self._begun: set[bytes] = set()  # measurements of which something was yielded
        # What was said and counted of the first reading is not said again of the second.
        self._lines, self._again = (LineMapper(mapper, stream.naming) for _ in range(2))

    def blocks(self) -> Iterator[tuple[list[Block], bool]]:
        """Yield what can pass, as `Passage.blocks` does: strings with a carriage return come twice here as well."""
        names = [name.decode() for name in self._layouts]
        try:
            for at in range(0, len(names), MAX_STATEMENTS):
                yield from self._read(names[at : at + MAX_STATEMENTS])
        except LongRow as long:
            raise Unfit(long.measurement.decode("utf-8", "replace"), "a row of it is too long") from None
        finally:
            self._tally.unwatched = self._tally.unwatched or self._watch.overfull
            self._tally.drops.merge(self._lines.drops)

    def _read(self, names: list[str]) -> Iterator[tuple[list[Block], bool]]:
        statements = [rows_statement(self._place, name, self._stream.tags, self._span) for name in names]
        reply = Reply(len(names))
        for chunk in self._client.rows(self._place, statements):
            parts: list[_Part] = []
            size = 0
            for found in reply.feed(chunk):
                try:
                    parts.append(self._of(found))
                except Unfit as unfit:
                    if found.measurement in self._begun:
                        raise
                    self.unfit[unfit.measurement] = unfit.reason
                    parts = [part for part in parts if part.measurement != found.measurement]
                size += len(found.columns) * (2 + len(found.tags))
                if size >= MOST_NAMES:
                    yield from self._passed(parts)
                    parts, size = [], 0
            if parts:
                yield from self._passed(parts)
        reply.finish()

    def _passed(self, parts: list[_Part]) -> Iterator[tuple[list[Block], bool]]:
        """Yield the blocks with central's tags, and once more, exact, the strings that have a carriage return.

        Flux's CSV leaves those out at first: what is hashed is the same by either way.
        """
        first, exact = [], []
        for part in parts:
            self._begun.add(part.measurement)
            self._tally.points += part.drops.points
            self._tally.drops.merge(part.drops)
            for block in part.blocks:
                self._tally.points += len(block)
                if block.type is FieldType.STRING and b"\r" in b"".join(block.values):
                    exact.append(pick(block, [at for at, value in enumerate(block.values) if b"\r" in value]))
                    block = replace(block, values=[value.replace(b"\r", b"") for value in block.values])
                first.append(block)
        yield [mapped for block in first if (mapped := self._lines.mapped(block)) is not None], False
        if exact:
            yield [mapped for block in exact if (mapped := self._again.mapped(block)) is not None], True

    def _of(self, found: Rows) -> _Part:
        """Return what of rows goes round in no circle, and overwrites nothing. Raises Unfit."""
        name = found.measurement.decode("utf-8", "replace")
        part = _Part(found.measurement)
        if name in self.unfit:
            return part
        if not _RESERVED.isdisjoint((*found.keys, *found.columns[1:])):
            raise Unfit(name, "it has a tag or a field called like a column of Flux or InfluxQL")
        if not set(found.columns).isdisjoint(found.keys):
            raise Unfit(name, "it has a tag and a field of one name")
        part.blocks, part.drops = self._typed(found, name)
        if gone_round(found.tags, self._bucket):
            for block in part.blocks:
                part.drops.add(DropReason.CIRCULAR, len(block), series_text(*block.key))
            part.blocks = []
        # Which of two series that meet comes first differs from language to language, and the first one is kept.
        if any(self._watch.others(block) for block in part.blocks):
            raise Unfit(name, "two of its series are one in central")
        return part

    def _typed(self, found: Rows, name: str) -> tuple[list[Block], Drops]:
        for attempt in range(2):
            layout = self._layouts.get(found.measurement)
            if layout is None or layout.unfit:
                raise Unfit(name, layout.unfit if layout is not None else "it was not asked for")
            drops = Drops()
            try:
                return blocks_of(found, layout.types, self._without, drops), drops
            except Mistyped:
                if not attempt:
                    self._layouts[found.measurement] = self._renewed(name)
        raise Unfit(name, "a field of it is not of the type that the server says")


@dataclass(slots=True)
class _Part:
    """What some rows of one measurement have become, not yielded yet."""

    measurement: bytes
    blocks: list[Block] = field(default_factory=list)
    drops: Drops = field(default_factory=Drops)
