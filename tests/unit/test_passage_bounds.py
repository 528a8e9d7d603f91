"""What a span's reading remembers of names and of series that meet is bounded, and what is beyond it does not pass."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import cast

import pytest

from telegraf_plugin.influxdb import overwrite_guard
from telegraf_plugin.influxdb import passage as passage_module
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.flux import Query
from telegraf_plugin.influxdb.passage import MAX_LOSSY_COLUMNS, Passage
from telegraf_plugin.stream.block import Block
from telegraf_plugin.stream.mapping import MetadataTag
from telegraf_plugin.stream.tally import Tally
from tests.behaviours import END
from tests.unit.test_status import CPU as SHIPPED

CPU = replace(SHIPPED, metadata_tags=(MetadataTag.HOST, MetadataTag.SOURCE_BUCKET))
SPAN = (1_763_978_400_000_000_000, 1_763_978_460_000_000_000)
MIB = 2**20


def head(*tags: str) -> bytes:
    extra = len(tags)
    kinds = "string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,string,string"
    return (
        f"#datatype,{kinds}{',string' * extra}\r\n"
        f"#group,false,false,true,true,false,false,true,true{',true' * extra}\r\n"
        f"#default,_result,,,,,,,{',' * extra}\r\n"
        f"{','.join(['', 'result,table,_start,_stop,_time,_value,_field,_measurement', *tags])}\r\n"
    ).encode()


def row(nanosecond: int, field: str, *tags: str, measurement: str = "m") -> bytes:
    at = f"2025-11-24T10:00:{nanosecond // 10**9:02d}.{nanosecond % 10**9:09d}Z"
    cells = ["2025-11-24T10:00:00Z,2025-11-24T11:00:00Z", at, "1.5", field, measurement, *tags]
    return f",,0,{','.join(cells)}\r\n".encode()


class Source:
    """Answers each query by what `answer` says of its text."""

    def __init__(self, answer: Callable[[str], Iterable[bytes]]) -> None:
        self.answer = answer
        self.asked: list[str] = []
        self.taken = 0

    def query(self, query: Query) -> Iterator[bytes]:
        self.asked.append(query.text)
        for piece in self.answer(query.text):
            self.taken += len(piece)
            yield piece


def read(source: Source) -> tuple[list[Block], dict[str, int]]:
    """What passes, and how many points were dropped for what."""
    tally = Tally()
    passage = Passage(cast(QueryClient, source), CPU, SPAN, tally)
    passed = [block for blocks, exact in passage.blocks() for block in blocks if not exact]
    return passed, {reason.value: drop.points for reason, drop in tally.drops.items()}


def test_millions_of_points_of_the_first_of_two_series_that_meet_are_not_remembered() -> None:
    def answer(text: str) -> Iterator[bytes]:
        yield head("host")
        if 'r["_field"]' in text:  # the times of the first series
            for start in range(0, 60_000, 500):
                yield b"".join(row(n, "f", "") for n in range(start, start + 500))
        else:
            yield row(0, "f", "") + b"".join(row(n, "f", CPU.source) for n in (5, 6, 999_999))
        yield END

    source = Source(answer)
    tracemalloc.start()
    try:
        passed, dropped = read(source)
        assert tracemalloc.get_traced_memory()[1] < 5 * MIB
    finally:
        tracemalloc.stop()
    assert source.taken > 4_000_000
    assert dropped == {"overwritten": 2}
    assert [block.times for block in passed] == [[b"1763978400000000000"], [b"1763978400000999999"]]


def test_what_is_put_off_is_bounded_and_the_rest_does_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overwrite_guard, "MAX_PUT_OFF_BYTES", 100_000)

    def answer(text: str) -> Iterator[bytes]:
        yield head("host")
        yield row(0, "f", "")
        if 'r["_field"]' not in text:
            for start in range(0, 2000, 100):
                yield b"".join(row(n, "f", CPU.source) for n in range(start + 1, start + 101))
        yield END

    passed, dropped = read(Source(answer))
    points = sum(map(len, passed))
    assert points + dropped["overwritten"] == 2001
    assert 300 <= points <= 700


def lossy(text: str) -> bool:
    return "containsStr" in text and "_value" not in text


def test_a_column_with_too_many_names_that_lost_a_return_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passage_module, "MAX_LOSSY_BYTES", 10_000)

    def answer(text: str) -> Iterator[bytes]:
        yield head("one", "two")
        if lossy(text):
            yield from (row(0, f"f{n}", '"a,b"', "x") for n in range(100_000))
        elif "containsStr" not in text:
            yield row(0, "f", '"c,d"', "x") + row(0, "g", "plain", "x")
        yield END

    source = Source(answer)
    passed, dropped = read(source)
    assert [block.field for block in passed] == [b"g"]
    assert dropped == {"unwritable_name": 1}
    assert source.taken < 100_000  # it does not go on reading


def test_names_that_lost_a_return_are_told_one_by_one_where_there_is_room() -> None:
    def answer(text: str) -> Iterator[bytes]:
        yield head("one")
        if lossy(text):
            yield row(0, "f", '"c,d"')
        elif "containsStr" not in text:
            yield row(0, "f", '"c,d"') + row(0, "f", '"e,f"')
        yield END

    passed, dropped = read(Source(answer))
    assert [dict(block.tags)[b"one"] for block in passed] == [b"e,f"]
    assert dropped == {"unwritable_name": 1}


def test_of_too_many_columns_none_is_asked_about_and_none_is_trusted() -> None:
    tags = [f"t{n}" for n in range(MAX_LOSSY_COLUMNS + 1)]

    def answer(text: str) -> Iterator[bytes]:
        yield head(*tags)
        if "containsStr" not in text:
            yield row(0, "f", *['"a,b"'] * len(tags)) + row(0, "g", *["plain"] * len(tags))
        yield END

    source = Source(answer)
    passed, dropped = read(source)
    assert [block.field for block in passed] == [b"g"]
    assert dropped == {"unwritable_name": 1}
    assert not any(map(lossy, source.asked))


def test_series_that_have_gone_round_are_left_out_and_counted() -> None:
    keys = ["source_bucket", *("exported_" * depth + "source_bucket" for depth in (1, 2, 3))]
    bucket, other = CPU.bucket, "other"
    ways = [["", "", "", ""], [other, bucket, "", ""], [other, bucket, other, bucket], [other, "x", other, "x"]]
    rows = (row(at, f"f{at}", *way) for at, way in enumerate(ways))
    blocks, dropped = read(Source(lambda _: [head(*keys), *rows, END]))
    assert sorted(block.field for block in blocks) == [b"f0", b"f1", b"f3"]
    assert dropped == {"circular": 1}


@pytest.mark.parametrize("tags", [0, 6, 60])
def test_a_chunk_of_very_many_series_comes_in_pieces_of_so_many_names(tags: int) -> None:
    names = [f"t{number}" for number in range(tags)]
    series, each = 20_000 // (tags + 2), tags + 2

    def answer(text: str) -> Iterator[bytes]:
        rows = (row(0, f"f{n}", *names) for n in range(series)) if "containsStr" not in text else ()
        yield head(*names) + b"".join(rows)  # one chunk
        yield END

    passage = Passage(cast(QueryClient, Source(answer)), CPU, SPAN, Tally())
    pieces = [blocks for blocks, _ in passage.blocks() if blocks]
    assert sum(map(len, pieces)) == series
    assert max(map(len, pieces)) * each < overwrite_guard.MOST_NAMES + each
