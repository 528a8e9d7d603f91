"""Decoders, digest and encoders work by columns: a call more for each value is found, on any machine.

A reply is decoded in pieces of 64 KiB and a column's head is made for each: that is most of what is counted here.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import msgpack
import pytest

from telegraf_plugin.influxdb.annotated_csv import Decoder
from telegraf_plugin.influxdb.messagepack import Reply
from telegraf_plugin.influxdb.wide_rows import blocks_of
from telegraf_plugin.stream.block import Block, FieldType
from telegraf_plugin.stream.digest import Digest
from telegraf_plugin.stream.drops import Drops
from telegraf_plugin.stream.mapping import MetadataTag, TagMapper
from telegraf_plugin.telegraf.line_protocol import LineMapper, encode
from telegraf_plugin.telegraf.merger import LineMerger
from telegraf_plugin.telegraf.wide_lines import encoded
from tests.replies import time_text
from tests.unit.counted import calls

AT = 1_795_473_000 * 10**9
SERIES, FIELDS = 2, 10
FEW, MANY = 1000, 3000
"""Times of each series: the difference is what a value costs, without what a series or a reply does."""
VALUES = SERIES * FIELDS * (MANY - FEW)
CHUNK = 65536
HEAD = (
    "#datatype,string,long,dateTime:RFC3339,double,string,string,string\r\n"
    "#group,false,false,false,false,true,true,true\r\n"
    "#default,_result,,,,,,\r\n"
    ",result,table,_time,_value,_field,_measurement,host\r\n"
)


def number(series: int, field: int, time: int) -> float:
    return round(random.Random(series * 1_000_000 + field * 10_000 + time).random() * 100, 4)


def flux_reply(times: int) -> bytes:
    tables = (
        (series * FIELDS + field, series, field, time)
        for series in range(SERIES)
        for field in range(FIELDS)
        for time in range(times)
    )
    rows = (
        f",,{table},{time_text(AT + time * 10**10)},{number(series, field, time)},f{field},cpu,h{series}\r\n"
        for table, series, field, time in tables
    )
    return (HEAD + "".join(rows) + "\r\n").encode()


def influxql_reply(times: int) -> bytes:
    series = [
        {
            "name": "cpu",
            "tags": {"host": f"h{series}"},
            "columns": ["time", *(f"f{field}" for field in range(FIELDS))],
            "values": [
                [AT + time * 10**10, *(number(series, field, time) for field in range(FIELDS))] for time in range(times)
            ],
        }
        for series in range(SERIES)
    ]
    return bytes(msgpack.packb({"results": [{"statement_id": 0, "series": series}]}, use_bin_type=False))


def chunks(reply: bytes) -> Iterator[bytes]:
    return (reply[at : at + CHUNK] for at in range(0, len(reply), CHUNK))


def by_flux(reply: bytes) -> list[Block]:
    decoder = Decoder()
    blocks = [block for chunk in chunks(reply) for block in decoder.feed(chunk)]
    decoder.finish()
    return blocks


def by_influxql(reply: bytes) -> list[Block]:
    types = {b"f%d" % field: FieldType.FLOAT for field in range(FIELDS)}
    decoder, drops = Reply(1), Drops()
    blocks = [
        block for chunk in chunks(reply) for rows in decoder.feed(chunk) for block in blocks_of(rows, types, (), drops)
    ]
    decoder.finish()
    return blocks


def points(blocks: list[Block]) -> set[tuple[object, ...]]:
    return {
        (block.tags, block.field, time, float(value))
        for block in blocks
        for time, value in zip(block.times, block.values, strict=True)
    }


REPLIES: dict[Callable[[bytes], list[Block]], Callable[[int], bytes]] = {
    by_flux: flux_reply,
    by_influxql: influxql_reply,
}
BLOCKS = {times: by_influxql(influxql_reply(times)) for times in (FEW, MANY)}


@pytest.mark.parametrize(
    ("decode", "most"), [(by_flux, 0.6), (by_influxql, 0.6)], ids=["Flux", "InfluxQL, a row of ten values"]
)
def test_what_a_value_costs_to_decode(decode: Callable[[bytes], list[Block]], most: float) -> None:
    found: dict[int, list[Block]] = {}
    counts = {}
    for times in (FEW, MANY):
        reply = REPLIES[decode](times)
        counts[times] = calls(lambda reply=reply, times=times: found.update({times: decode(reply)}))  # type: ignore[misc]
        assert points(found[times]) == points(BLOCKS[times])
        assert len(points(found[times])) == SERIES * FIELDS * times
    assert 0 <= counts[MANY] - counts[FEW] < most * VALUES


def one_field_each(blocks: list[Block]) -> int:
    lines = LineMapper(TagMapper("POD-8", "telegraf", tuple(MetadataTag)[:3]))
    mapped = [each for block in blocks if (each := lines.mapped(block)) is not None]
    return sum(encode(block).count(b"\n") for block in mapped)


def wide(blocks: list[Block]) -> int:
    merger = LineMerger(most=64 * 2**20)
    columns = [each for block in blocks for each in merger.add([block])]
    return sum(piece.lines for piece in encoded([*columns, *merger.rest()]))


def digest(blocks: list[Block]) -> int:
    summed = Digest((b"host",))
    for block in blocks:
        summed.add(block)
    return sum(map(len, blocks))


@pytest.mark.parametrize(
    ("do", "fields_a_line", "most"),
    [(one_field_each, 1, 0.5), (wide, FIELDS, 0.12), (digest, 1, 0.03)],
    ids=["encoded with field", "encoded wide", "digest"],
)
def test_what_a_value_costs_to_encode_and_to_prove(
    do: Callable[[list[Block]], int], fields_a_line: int, most: float
) -> None:
    made: dict[int, int] = {}
    counts = {}
    for times in (FEW, MANY):
        counts[times] = calls(lambda times=times: made.update({times: do(BLOCKS[times])}))  # type: ignore[misc]
        assert made[times] == SERIES * FIELDS * times // fields_a_line
    assert 0 <= counts[MANY] - counts[FEW] < most * VALUES
