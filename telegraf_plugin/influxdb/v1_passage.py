"""The points of one span of an InfluxDB 1.x that can pass, all of them by InfluxQL: there may be no Flux beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.influxql import SHADOWING, Place, UnspeakableName, rows_statement, string
from telegraf_plugin.influxdb.layouts import Layout
from telegraf_plugin.influxdb.messagepack import Reply, Rows
from telegraf_plugin.influxdb.overwrite_guard import OverwriteGuard
from telegraf_plugin.influxdb.wide_blocks import Part
from telegraf_plugin.influxdb.wide_passage import WidePassage
from telegraf_plugin.influxdb.wide_rows import TYPES, blocks_of
from telegraf_plugin.stream.block import Block, FieldType, SeriesKey
from telegraf_plugin.stream.circle import gone_round
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.drops import DropReason, Drops, series_text
from telegraf_plugin.stream.mapping import TagMapper
from telegraf_plugin.stream.names import is_own
from telegraf_plugin.stream.spans import Span
from telegraf_plugin.stream.tally import Tally

_SHADOWING = frozenset(name.encode() for name in SHADOWING)


class V1Passage(WidePassage):
    """Reads some measurements of one span, within one shard group; `tally` counts. Raises SourceError and Unfit."""

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
        super().__init__(client, place, stream, span, layouts, renewed, tally)
        mapper = TagMapper(stream.source, stream.bucket, stream.metadata_tags)
        self._guard = OverwriteGuard(client, stream, mapper, span, self._series)

    def _read(self, names: list[str]) -> Iterator[tuple[list[Block], bool]]:
        yield from super()._read(names)
        for blocks in self._guard.rest():
            yield from self._passed([self._guarded(blocks)])
        yield from self._passed([self._guarded([])])  # what there was no room for is counted as well
        self._tally.unwatched = self._tally.unwatched or self._guard.overfull

    def _guarded(self, blocks: list[Block]) -> Part:
        """Return what the guard lets pass, with what it has dropped since."""
        part = Part(blocks[0].measurement if blocks else b"", blocks, self._guard.drops)
        self._guard.drops = Drops()
        return part

    def _of(self, found: Rows) -> Part:
        """Return what of rows can pass at once: of two series that are one in central the second one is put off."""
        part = Part(found.measurement)
        if found.measurement.decode("utf-8", "replace") in self.unfit:
            return part
        blocks, part.drops = self._typed(found, found.measurement.decode("utf-8", "replace"))
        reason = self._refusal(found)
        if reason is not None:
            # What no question counts is no point that was read.
            drops = part.drops if reason is not DropReason.SHADOWED_TAG else self._tally.drops
            for block in blocks:
                drops.add(reason, len(block), series_text(*block.key))
            return part
        part.blocks = [kept for block in blocks if (kept := self._guard.passed(block)) is not None]
        return part

    def _refusal(self, found: Rows) -> DropReason | None:
        if is_own(found.measurement):
            return DropReason.OWN_MEASUREMENT
        if not _SHADOWING.isdisjoint(key for key, _ in found.tags):
            return DropReason.SHADOWED_TAG  # central's questions would break at it
        return DropReason.CIRCULAR if gone_round(found.tags, self._bucket) else None

    def _types(self, layout: Layout, found: Rows) -> Mapping[bytes, FieldType]:
        """Return the types of the fields: where one has several, the one that its values show in this shard group.

        Whole numbers without sign are not told from those with one then: an InfluxDB 1.x as published takes none.
        """
        types = dict(layout.types)
        for at, field in enumerate(found.columns):
            if field in layout.several:
                shown = next((TYPES.get(type(row[at])) for row in found.rows if row[at] is not None), None)
                types[field] = shown or types[field]
        return types

    def _series(self, series: SeriesKey) -> Iterator[list[Block]]:
        """Yield the points of one series; those of others may be among them. Raises SourceError."""
        measurement, tags, _ = series
        conditions = [
            (((key.decode(), (value.decode(),)),),) for key, value in tags if _speakable(key) and _speakable(value)
        ]
        name = measurement.decode()
        reply = Reply(1)
        for chunk in self._client.rows(self._place, [rows_statement(self._place, name, conditions, self._span)]):
            for found in reply.feed(chunk):
                layout = self._layouts[measurement]
                yield blocks_of(found, self._types(layout, found), self._chosen.without, Drops())
        reply.finish()


def _speakable(text: bytes) -> bool:
    try:
        string(text.decode())
    except (UnspeakableName, UnicodeDecodeError):
        return False
    return True
