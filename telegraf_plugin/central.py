"""What the plugin reads in central: its ledger, and what has landed. That, and nothing else, is proof."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from telegraf_plugin.errors import BadReply
from telegraf_plugin.influxdb import central_flux as flux
from telegraf_plugin.influxdb.annotated_csv import Decoder
from telegraf_plugin.influxdb.client import Bucket
from telegraf_plugin.influxdb.flux import Query
from telegraf_plugin.influxdb.ledger_rows import StreamName
from telegraf_plugin.influxdb.rows import whole_number
from telegraf_plugin.influxdb.timestamps import parse_time
from telegraf_plugin.ledger_reader import LedgerReader
from telegraf_plugin.stream.block import Block
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.digest import Group
from telegraf_plugin.stream.spans import Span

__all__ = ["CentralReader", "StreamName", "count_of", "first_time"]


class CentralReader(LedgerReader):
    """Reads in central. Safe to use from several threads; whatever fails is a CentralError."""

    # What has landed

    def count(self, stream: StreamDefinition, span: Span) -> int:
        """Return how many points central has of `stream` in `span`, which crosses no shard group's end."""
        with self._explained():
            return count_of(self._rows(flux.count_query(stream, *span)))

    def exists(self, stream: StreamDefinition, span: Span) -> bool:
        """Say whether central has any point of `stream` in `span`, which may be years."""
        with self._explained():
            return next(iter(self._rows(flux.exists_query(stream, *span))), None) is not None

    def blocks(self, stream: StreamDefinition, span: Span) -> Iterator[tuple[list[Block], bool]]:
        """Yield what central has of `stream` in `span`, as `Passage.blocks` does for the source."""
        with self._explained():
            decoder = Decoder()
            for blocks in self._read(flux.points_query(stream, *span), decoder):
                self.values += sum(map(len, blocks))
                yield blocks, False
            if decoder.quoted and stream.flux is None:
                again = flux.carriage_return_query(stream, *span, decoder.quoted)
                yield from ((blocks, True) for blocks in self._read(again, Decoder(escaped=True)))

    def types(self, bucket: str, span: Span, group: Group) -> set[str]:
        """Return the types that central has of the group's field in `span`."""
        with self._explained():
            query = flux.field_types_query(bucket, *span, group[0], group[1])
            return {block.type.value for blocks in self._read(query, Decoder()) for block in blocks}

    def bucket(self, name: str) -> Bucket | None:
        """Return how long central keeps the bucket `name`; None when it does not say."""
        with self._explained():
            return self._client.bucket(name)

    def _read(self, query: Query, decoder: Decoder) -> Iterator[list[Block]]:
        for chunk in self._client.query(query):
            yield list(decoder.feed(chunk))
        decoder.finish()


def count_of(rows: Iterable[dict[str, str]]) -> int:
    """Return the number that a count's reply holds; nothing counted is no row at all. Raises BadReply."""
    return sum(whole_number(row) for row in rows)


def first_time(rows: Iterable[dict[str, str]]) -> int | None:
    """Return the earliest time (Unix ns) in a reply, None when there is none. Raises BadReply."""
    first = None
    for row in rows:  # to its end: before that nobody knows whether it is whole
        try:
            time_ns = parse_time(row.get("_time", "").encode())
        except (ValueError, OverflowError) as error:
            raise BadReply(f"the reply is not a time: {error}", "check the url: is this InfluxDB?") from None
        first = time_ns if first is None else min(first, time_ns)
    return first
