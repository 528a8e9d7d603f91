"""The points of one span of one stream that can pass, read from its source, a chunk in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from telegraf_plugin.errors import PermanentError, SourceError
from telegraf_plugin.influxdb.annotated_csv import Decoder
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.flux import (
    Query,
    carriage_return_query,
    lossy_names_query,
    stream_query,
)
from telegraf_plugin.influxdb.overwrite_guard import OverwriteGuard, blocks_of, read_blocks, size_of
from telegraf_plugin.influxdb.table import quoted_for_nothing
from telegraf_plugin.stream.block import Block, SeriesKey
from telegraf_plugin.stream.circle import gone_round
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.drops import DropReason, series_text
from telegraf_plugin.stream.mapping import TagMapper
from telegraf_plugin.stream.names import is_own
from telegraf_plugin.stream.spans import Span
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.telegraf.line_protocol import LineMapper

MAX_LOSSY_COLUMNS = 20
"""Columns of names that the source is asked about for one span, a query each."""
MAX_LOSSY_BYTES = 1024 * 1024
"""What the series with a carriage return in a name may take, of all columns."""


class Passage:
    """Reads one span, within one shard group, of one stream; `tally` counts. Raises SourceError, also half way."""

    def __init__(
        self, client: QueryClient, stream: StreamDefinition, span: Span, tally: Tally, reply: bytes | None = None
    ) -> None:
        """`reply`: what has come already to `stream_query`; it is asked unless given."""
        self._client, self._stream, self._span, self._tally, self._reply = client, stream, span, tally, reply
        self._mapper = TagMapper(stream.source, stream.bucket, stream.metadata_tags)
        self._names = _LossyNames(client, stream, span)

    def blocks(self) -> Iterator[tuple[list[Block], bool]]:
        """Yield what can pass, with the tags that it has in central, chunk by chunk, and whether it is exact.

        Strings that may have a carriage return come twice, at first without it, then as they are (exact): the later
        line wins.
        """
        decoder, lines = Decoder(), LineMapper(self._mapper, self._stream.naming)
        guard = OverwriteGuard(self._client, self._stream, self._mapper, self._span)
        try:
            for blocks in self._points(decoder):
                fit = self._fit(blocks, decoder)
                self._tally.points += sum(map(len, blocks))
                yield [mapped for b in fit if (kept := guard.passed(b)) and (mapped := lines.mapped(kept))], False
            for blocks in guard.rest():
                yield [mapped for block in blocks if (mapped := lines.mapped(block))], False
        finally:
            self._tally.unwatched = self._tally.unwatched or guard.overfull
            self._tally.points += decoder.drops.points
            for drops in (decoder.drops, guard.drops, lines.drops):
                self._tally.drops.merge(drops)
        if decoder.quoted and self._stream.flux is None:
            # What was said and counted of these points the first time is not said again.
            lines = LineMapper(self._mapper, self._stream.naming)
            again = carriage_return_query(self._stream, *self._span, decoder.quoted)
            for blocks in self._read(again, Decoder(escaped=True)):
                sound = [block for block in blocks if not (self._names.may_be_lossy(block) or self._goes_round(block))]
                whole = [kept for block in sound if (kept := guard.passed(block))]
                yield [mapped for block in whole if (mapped := lines.mapped(block))], True
            for blocks in guard.rest():
                yield [mapped for block in blocks if (mapped := lines.mapped(block))], True

    def _fit(self, blocks: list[Block], decoder: Decoder) -> list[Block]:
        """Return `blocks` without what must not be sent under the name that it has here."""
        for block in blocks:
            if is_own(block.measurement):
                self._tally.drops.add(DropReason.OWN_MEASUREMENT, len(block), series_text(block.measurement, (), b""))
        blocks = [block for block in blocks if not is_own(block.measurement)]
        blocks = [block for block in blocks if not self._is_circular(block)]
        if self._stream.flux is not None:
            for block in blocks:
                self._check_times(block)
            return blocks
        self._names.look(decoder.quoted_names)
        fit = []
        for block in blocks:
            if self._names.may_be_lossy(block):
                self._tally.drops.add(DropReason.UNWRITABLE_NAME, len(block), series_text(*block.key))
            else:
                fit.append(block)
        return fit

    def _goes_round(self, block: Block) -> bool:
        return gone_round(block.tags, self._stream.bucket.encode())

    def _is_circular(self, block: Block) -> bool:
        """Say whether the points of `block` have gone round, and count them: nothing else would end that."""
        if not self._goes_round(block):
            return False
        self._tally.drops.add(DropReason.CIRCULAR, len(block), series_text(*block.key))
        return True

    def _check_times(self, block: Block) -> None:
        """Refuse rows outside of the span that was asked for: the next span would bring them again, or never."""
        start, stop = self._span
        if int(min(block.times, key=int)) < start or int(max(block.times, key=int)) >= stop:
            name = series_text(*block.key)
            hint = "a stream's flux must yield rows with start <= _time and _time < stop: see its range, and timeSrc"
            raise PermanentError(f"the stream's flux yields rows outside of [start, stop): of {name}", hint)

    def _points(self, decoder: Decoder) -> Iterator[list[Block]]:
        if self._reply is not None:
            return blocks_of([self._reply], decoder)
        return self._read(stream_query(self._stream, *self._span), decoder)

    def _read(self, query: Query, decoder: Decoder) -> Iterator[list[Block]]:
        return read_blocks(self._client, query, decoder)


class _LossyNames:
    """Knows the series of one span whose name, as it came, is not the whole one: it had a carriage return.

    The source is asked, a column at a time. Where there are too many of them, or of columns, all names that stood in
    quotes there count as such: what has thousands of them is broken.
    """

    def __init__(self, client: QueryClient, stream: StreamDefinition, span: Span) -> None:
        self._client, self._stream, self._span = client, stream, span
        self._looked_at: set[bytes] = set()
        self._lossy: set[SeriesKey] = set()
        self._room = MAX_LOSSY_BYTES
        self._distrusted: set[bytes] = set()
        self._distrusts_all = False

    def look(self, columns: set[bytes]) -> None:
        """Ask about those of `columns` that were not asked about yet: names in them stood in quotes."""
        new = columns - self._looked_at
        if len(self._looked_at) + len(new) > MAX_LOSSY_COLUMNS:
            self._distrusts_all = True
            return
        for column in new:
            self._looked_at.add(column)
            # InfluxDB panics at it where a series has a tag called _start: then such names pass as they came.
            with suppress(SourceError):
                for found in read_blocks(self._client, lossy_names_query(self._stream, *self._span, column), Decoder()):
                    if not self._remember(found):
                        self._distrusted.add(column)
                        break

    def _remember(self, blocks: list[Block]) -> bool:
        """Note the series of `blocks`; says whether there was room for all of them."""
        for block in blocks:
            if block.key not in self._lossy:
                self._room -= size_of(block.key)
                if self._room < 0:
                    return False
                self._lossy.add(block.key)
        return True

    def may_be_lossy(self, block: Block) -> bool:
        """Say whether a name of `block` had a carriage return, or cannot be known to have had none."""
        if block.key in self._lossy:
            return True
        if not self._distrusted and not self._distrusts_all:
            return False
        named = [(b"_measurement", block.measurement), (b"_field", block.field), *block.tags]
        return any(
            (self._distrusts_all or column in self._distrusted) and not quoted_for_nothing(name)
            for column, name in named
        )
