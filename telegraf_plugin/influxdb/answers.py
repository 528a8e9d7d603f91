"""What a whole reply says: a number, a time, the types of fields. Pure; both sides' readers use it."""

from __future__ import annotations

from collections.abc import Iterable

from telegraf_plugin.errors import BadReply
from telegraf_plugin.influxdb.annotated_csv import Decoder
from telegraf_plugin.influxdb.rows import whole_number
from telegraf_plugin.influxdb.timestamps import parse_time

FieldTypes = dict[tuple[bytes, bytes], str]
"""By measurement and field: its type."""


def types_of(chunks: Iterable[bytes]) -> FieldTypes:
    """Return the type of each field in a reply of `newest_types_query`. Raises BadReply."""
    decoder = Decoder()
    types = {}
    for chunk in chunks:
        for block in decoder.feed(chunk):
            types[block.measurement, block.field] = block.type.value
    decoder.finish()
    return types


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
