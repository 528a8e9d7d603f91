"""The points of one span of one stream that can pass, read by InfluxQL.

They are the same ones that `Passage` reads by Flux, with the same digests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.influxql import Place, at_source
from telegraf_plugin.influxdb.layouts import Layout
from telegraf_plugin.influxdb.messagepack import Rows
from telegraf_plugin.influxdb.wide_blocks import Part, Unfit, WideBlocks
from telegraf_plugin.stream.block import Block
from telegraf_plugin.stream.circle import gone_round
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.drops import DropReason, series_text
from telegraf_plugin.stream.mapping import TagMapper
from telegraf_plugin.stream.overwrites import OverwriteWatch
from telegraf_plugin.stream.spans import Span
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.telegraf.line_protocol import LineMapper


class WidePassage(WideBlocks):
    """Reads some measurements of one span of a source, with the tags that they have in central; `tally` counts."""

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
        super().__init__(client, place, at_source(stream), span, layouts, renewed, stream.aggregate)
        self._tally = tally
        mapper = TagMapper(stream.source, stream.bucket, stream.metadata_tags)
        self._watch = OverwriteWatch(mapper, stream.renames)
        self._bucket = stream.bucket.encode()
        # What was said and counted of the first reading is not said again of the second.
        self._lines, self._again = (LineMapper(mapper, stream.naming) for _ in range(2))

    def blocks(self) -> Iterator[tuple[list[Block], bool]]:
        """Yield what can pass, as `Passage.blocks` does: strings with a carriage return come twice here as well."""
        try:
            yield from super().blocks()
        finally:
            self._tally.unwatched = self._tally.unwatched or self._watch.overfull
            self._tally.drops.merge(self._lines.drops)

    def _take(self, part: Part) -> None:
        self._tally.points += part.drops.points + sum(map(len, part.blocks))
        self._tally.drops.merge(part.drops)

    def _mapped(self, blocks: list[Block], again: bool = False) -> list[Block]:
        lines = self._again if again else self._lines
        return [mapped for block in blocks if (mapped := lines.mapped(block)) is not None]

    def _of(self, found: Rows) -> Part:
        """Return what of rows goes round in no circle, and overwrites nothing. Raises Unfit."""
        part = super()._of(found)
        if gone_round(found.tags, self._bucket):
            for block in part.blocks:
                part.drops.add(DropReason.CIRCULAR, len(block), series_text(*block.key))
            part.blocks = []
        # Which of two series that meet comes first differs from language to language, and the first one is kept.
        if any(self._watch.others(block) for block in part.blocks):
            raise Unfit(found.measurement.decode("utf-8", "replace"), "two of its series are one in central")
        return part
