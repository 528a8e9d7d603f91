"""What a value of a Flux reply costs the decoder, in counted work: a column is looked at once, whatever its type."""

from __future__ import annotations

import sys
from collections import Counter
from types import FrameType

import pytest

from telegraf_plugin.influxdb.annotated_csv import Decoder
from telegraf_plugin.influxdb.timestamps import format_time
from telegraf_plugin.stream.block import Block

ROWS, TABLES, CHUNK = 500, 20, 64 * 1024
VALUES = {"double": "12.25", "long": "-7", "unsignedLong": "7", "boolean": "true"}


def reply(kind: str) -> bytes:
    head = (
        f"#datatype,string,long,dateTime:RFC3339,{kind},string,string,string\r\n"
        "#group,false,false,false,false,true,true,true\r\n#default,_result,,,,,,\r\n"
        ",result,table,_time,_value,_field,_measurement,cpu\r\n"
    )
    rows = (
        f",,{table},{format_time(1_795_473_000 * 10**9 + at)},{VALUES[kind]},usage,cpu,cpu{table}\r\n"
        for table in range(TABLES)
        for at in range(ROWS)
    )
    return (head + "".join(rows) + "\r\n").encode()


def calls(content: bytes) -> tuple[Counter[str], list[Block]]:
    """Return what was called how often while `content` was decoded, and the blocks."""
    found: Counter[str] = Counter()

    def count(frame: FrameType, event: str, called: object) -> None:
        if event == "c_call":
            found[getattr(called, "__name__", "")] += 1
        elif event == "call":
            found[frame.f_code.co_name] += 1

    decoder = Decoder()
    blocks: list[Block] = []
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        for at in range(0, len(content), CHUNK):
            blocks += decoder.feed(content[at : at + CHUNK])
        decoder.finish()
    finally:
        sys.setprofile(before)
    return found, blocks


@pytest.mark.parametrize("kind", VALUES)
def test_a_column_is_looked_at_once_and_no_value_is_by_itself(kind: str) -> None:
    found, blocks = calls(reply(kind))
    assert sum(map(len, blocks)) == ROWS * TABLES
    assert {value for block in blocks for value in block.values} == {VALUES[kind].encode()}
    assert found["fullmatch"] <= len(blocks) + TABLES  # where a chunk ends before a table's first row does
    assert sum(found.values()) < ROWS * TABLES  # less than one call a value, all told
