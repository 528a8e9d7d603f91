"""What the plugin reads in central: its ledger, and what has landed. That, and nothing else, is proof."""

from __future__ import annotations

from collections.abc import Iterator

from telegraf_plugin.influxdb import central_flux as flux
from telegraf_plugin.influxdb.annotated_csv import Decoder
from telegraf_plugin.influxdb.answers import FieldTypes, count_of, types_of
from telegraf_plugin.influxdb.flux import Query, series_predicates
from telegraf_plugin.influxdb.ledger_reader import LedgerReader
from telegraf_plugin.influxdb.timestamps import parse_time
from telegraf_plugin.stream.block import Block, FieldKey
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.definition import StreamDefinition, StreamId
from telegraf_plugin.stream.selection import named_in_central
from telegraf_plugin.stream.spans import Span
from telegraf_plugin.stream.units import SECOND


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

    def types(self, bucket: str, span: Span, field_key: FieldKey) -> set[str]:
        """Return the types that central has of the field key's field in `span`."""
        with self._explained():
            query = flux.field_types_query(bucket, *span, field_key[0], field_key[1])
            return {block.type.value for blocks in self._read(query, Decoder()) for block in blocks}

    def newest_types(self, stream: StreamDefinition, span: Span) -> FieldTypes:
        """Return the type of each field that may be the stream's in `span`, which crosses no shard group's end."""
        with self._explained():
            query = flux.newest_types_query(stream.central_bucket, *span, series_predicates(named_in_central(stream)))
            return types_of(self._client.query(query))

    def probe(self, bucket: str, now: int) -> None:
        """Have central answer for `bucket` at `now` (Unix ns): whether it is there, and may be read."""
        with self._explained():
            for _ in self._rows(flux.bucket_query(bucket, now - SECOND, now)):
                pass

    def stream_metrics(self, span: Span) -> list[tuple[StreamId, int, str, str]]:
        """Return what the plugin said of its streams in `span`: whose, when (Unix ns), and each field with its text."""
        with self._explained():
            return [
                (
                    StreamId(row["source"], row["stream"]),
                    parse_time(row["_time"].encode()),
                    row["_field"],
                    row["_value"],
                )
                for row in self._rows(flux.stream_metrics_query(self._metrics_bucket, *span))
            ]

    def bucket(self, name: str) -> Bucket | None:
        """Return how long central keeps the bucket `name`; None when it does not say."""
        with self._explained():
            return self._client.bucket(name)

    def _read(self, query: Query, decoder: Decoder) -> Iterator[list[Block]]:
        for chunk in self._client.query(query):
            yield list(decoder.feed(chunk))
        decoder.finish()


def _time_of(row: dict[str, str]) -> int:
    return parse_time(row["_time"].encode())
