"""Lines of one field or many: the same points as one field a line, in bounded pieces, in lines of bounded length."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.stream.block import Block, FieldType
from telegraf_plugin.telegraf import wide_lines
from telegraf_plugin.telegraf.line_protocol import LineMapper, encode
from telegraf_plugin.telegraf.wide_lines import MAX_LINE_BYTES, PIECE_BYTES, Columns, encoded
from tests.slow_lines import LinePoint, read_lines
from tests.unit.test_line_protocol import _BARE, VALUES, blocks, refused
from tests.unit.test_line_protocol import names as any_names

MIB = 2**20
AT = 1_795_473_000 * 10**9


def column(field: bytes, times: list[bytes], kind: FieldType = FieldType.FLOAT, value: bytes = b"1.5") -> Block:
    return Block(b"m", ((b"k", b"v"),), field, kind, times, [value] * len(times))


def times(count: int, first: int = 0) -> list[bytes]:
    return [b"%d" % (AT + number) for number in range(first, first + count)]


@st.composite
def columns(draw: st.DrawFn) -> list[Block]:
    """Fields of one series with some of the same times, often all."""
    tags = tuple(sorted(draw(st.dictionaries(any_names, any_names, max_size=3)).items()))
    measurement = draw(any_names)
    fields = draw(st.lists(any_names, min_size=1, max_size=6, unique=True))
    fields = [field for field in fields if not refused(measurement, tags, field)]
    several = draw(st.lists(st.lists(st.integers(AT, AT + 6), min_size=1, max_size=5, unique=True), min_size=1))
    made = []
    for field in fields:
        at = sorted(draw(st.sampled_from(several)))
        kind = draw(st.sampled_from(FieldType))
        values = [draw(VALUES[kind]).encode() for _ in at]
        made.append(Block(measurement, tags, field, kind, [b"%d" % time for time in at], values))
    return made


def points_of(several: Iterable[Columns]) -> list[LinePoint]:
    return [
        LinePoint(block.measurement, block.tags, block.field, block.type.value, int(time), value)
        for blocks_ in several
        for block in blocks_
        for time, value in zip(block.times, block.values, strict=True)
    ]


@given(st.lists(columns().filter(bool), max_size=3), st.integers(1, 300), st.integers(1, 8))
def test_lines_hold_each_point_once_in_pieces_of_so_many_lines(
    several: list[list[Block]], most: int, most_lines: int
) -> None:
    pieces = list(encoded(several, most, most_lines))
    for lines, points, content in pieces:
        assert lines == content.count(b"\n")
        assert 1 <= lines <= most_lines
        assert points == len(read_lines(content))
    read = [point for piece in pieces for point in read_lines(piece.content)]
    assert sorted(read) == sorted(points_of(several))


@given(st.lists(columns().filter(bool), max_size=3))
def test_with_room_there_is_one_line_for_each_series_and_time(several: list[list[Block]]) -> None:
    wanted = sum(len({time for block in blocks_ for time in block.times}) for blocks_ in several)
    assert sum(piece.lines for piece in encoded(several)) == wanted


@given(st.lists(blocks(), max_size=5), st.integers(1, 300))
def test_pieces_of_single_fields_are_the_same_lines_in_the_same_order(several: list[Block], most: int) -> None:
    fit = [mapped for each in several if (mapped := LineMapper(_BARE).mapped(each)) is not None]
    pieces = list(encoded([(block,) for block in fit], most))
    assert b"".join(piece.content for piece in pieces) == b"".join(map(encode, fit))
    for lines, points, content in pieces:
        assert lines == points == len(read_lines(content))


def test_a_series_with_a_long_name_and_many_rows_is_encoded_piece_by_piece() -> None:
    name = ((b"k", b"x" * 60_000),)
    for fields in ([b"a"], [b"a", b"b"]):
        long = [Block(b"m", name, field, FieldType.INTEGER, times(500), [b"1"] * 500) for field in fields]
        sizes = [len(piece.content) for piece in encoded([long])]
        assert sum(sizes) > 30_000_000
        assert max(sizes) < 400_000


def test_many_fields_with_long_names_and_other_times_take_no_more_than_a_piece() -> None:
    long = [column(b"%d" % number + b"x" * 30_000, times(100, number)) for number in range(2, 12)]
    tracemalloc.start()
    try:
        total = sum(len(piece.content) for piece in encoded([long]))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total > 25 * MIB
    assert peak < 3 * MIB


@pytest.mark.parametrize("aligned", [True, False])
def test_no_line_of_several_fields_is_longer_than_was_tried(aligned: bool) -> None:
    text = b"x" * 20_000
    wide = [column(b"f%d" % number, times(3, 0 if aligned else number), FieldType.STRING, text) for number in range(9)]
    wide.append(column(b"long", times(3), FieldType.STRING, b'"' * 200_000))
    pieces = list(encoded([wide]))
    read = [point for piece in pieces for point in read_lines(piece.content)]
    assert sorted(read) == sorted(points_of([wide]))
    lines = [line for piece in pieces for line in piece.content.splitlines()]
    assert sum(piece.lines for piece in pieces) == len(lines)
    long = [line for line in lines if len(line) > MAX_LINE_BYTES]
    assert len(long) == 3
    assert all(len(read_lines(line + b"\n")) == 1 for line in long)
    assert max(len(read_lines(line + b"\n")) for line in lines) == 3


def test_a_name_with_a_per_cent_sign_is_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = [
        Block(b"%b", ((b"%d", b"%%"),), field, FieldType.INTEGER, times(2), [b"1", b"2"]) for field in (b"%b", b"%s%")
    ]
    for _ in range(2):
        pieces = list(encoded([wide]))
        assert sorted(p for piece in pieces for p in read_lines(piece.content)) == sorted(points_of([wide]))
        monkeypatch.setattr(wide_lines, "MAX_LINE_BYTES", 1)  # the way of what is too long, field by field


def test_fields_of_ever_other_times_cost_no_square_of_their_number() -> None:
    """Each is compared with a few of the others at the most."""

    class Times(list[bytes]):
        compared = 0

        def __eq__(self, other: object) -> bool:
            Times.compared += 1
            return list.__eq__(self, other)

    many = [column(b"f%d" % number, Times(times(3, number))) for number in range(500)]
    assert sum(piece.points for piece in encoded([many])) == 1500
    assert Times.compared <= 500 * 8


def test_pieces_are_of_the_size_that_was_asked_for() -> None:
    wide = [column(b"f%d" % number, times(5000)) for number in range(10)]
    sizes = [len(piece.content) for piece in encoded([wide])]
    assert max(sizes) <= PIECE_BYTES
    assert min(sizes[:-1]) > PIECE_BYTES // 4
