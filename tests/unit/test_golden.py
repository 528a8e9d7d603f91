"""Whole cases: `reply.csv`, as influxd 2.9.1 answered `case.json`'s query, becomes exactly `lines.txt`.

Every source bucket held the same made-up points; the settings in `case.json` are the stream's.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from telegraf_plugin.errors import BadReply
from telegraf_plugin.influxdb.annotated_csv import Decoder
from telegraf_plugin.stream.drops import Drops
from telegraf_plugin.stream.mapping import MetadataTag, TagMapper
from telegraf_plugin.telegraf.line_protocol import LineMapper, encode
from tests import slow_csv
from tests.slow_lines import LinePoint, read_lines

GOLDEN = Path(__file__).parent.parent / "golden"
CASES = sorted(path.parent.name for path in GOLDEN.glob("*/case.json"))


def mapper(case: dict[str, Any]) -> TagMapper:
    return TagMapper(case["source"], case["bucket"], tuple(map(MetadataTag, case["metadata_tags"])))


def load(name: str) -> tuple[dict[str, Any], bytes, bytes]:
    folder = GOLDEN / name
    case: dict[str, Any] = json.loads((folder / "case.json").read_text("utf-8"))
    return case, (folder / "reply.csv").read_bytes(), (folder / "lines.txt").read_bytes()


def test_the_cases_are_there() -> None:
    assert len(CASES) >= 12


@pytest.mark.parametrize("size", [1, 61, 65_536])
@pytest.mark.parametrize("name", CASES)
def test_a_reply_becomes_its_lines(name: str, size: int) -> None:
    case, reply, expected = load(name)
    decoder, mapped = Decoder(case["escaped"]), LineMapper(mapper(case))
    lines, error = b"", None
    try:
        for at in range(0, len(reply), size):
            for block in decoder.feed(reply[at : at + size]):
                fit = mapped.mapped(block)
                lines += encode(fit) if fit is not None else b""
        decoder.finish()
    except BadReply as refusal:
        error = refusal.summary
    assert lines == expected
    assert case["error"] is error or (case["error"] is not None and case["error"] in str(error))
    drops = Drops()
    drops.merge(decoder.drops)
    drops.merge(mapped.drops)
    assert {reason.value: drop.points for reason, drop in drops.items()} == case["drops"]


@pytest.mark.parametrize("name", CASES)
def test_the_lines_are_what_the_slow_readers_make_of_them(name: str) -> None:
    case, reply, lines = load(name)
    reading = slow_csv.read(reply, case["escaped"])
    assert (reading.refused is None) == (case["error"] is None)
    points = [
        LinePoint(p.measurement, mapper(case).map(p.tags, p.field), p.field, p.type, p.time_ns, p.value)
        for p in reading.points
    ]
    unwritable = case["drops"].get("unwritable_name", 0)
    writable = [p for p in points if not any(b"\t" in value for _, value in p.tags)]
    assert len(points) - len(writable) == unwritable
    assert read_lines(lines) == writable
