"""Fields of a series and time come together, whatever the order of blocks; what arrives does not depend on it."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable, Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.stream.block import Block, FieldKey, FieldType, Tags, pick
from telegraf_plugin.telegraf.merger import HELD_BYTES, LineMerger
from telegraf_plugin.telegraf.wide_lines import Columns, encoded
from tests.slow_lines import LinePoint, read_lines
from tests.unit.counted import calls

AT = 1_795_473_000 * 10**9
A, B = ((b"host", b"a"),), ((b"host", b"b"),)
Landed = dict[tuple[bytes, Tags, bytes, int], tuple[str, bytes]]


def block(field: bytes, *times: int, tags: Tags = A, value: bytes = b"1", kind: FieldType = FieldType.INTEGER) -> Block:
    return Block(b"m", tags, field, kind, [b"%d" % (AT + time) for time in times], [value] * len(times))


def written(merger: LineMerger, lists: Iterable[list[Block]]) -> list[Columns]:
    several = [columns for blocks in lists for columns in merger.add(blocks)]
    return [*several, *merger.rest()]


def lines(several: Iterable[Columns]) -> list[list[LinePoint]]:
    return [read_lines(line + b"\n") for piece in encoded(several) for line in piece.content.rstrip(b"\n").split(b"\n")]


def shape(several: Iterable[Columns]) -> list[tuple[int, str]]:
    """Each line's time and fields."""
    return [(found[0].time_ns - AT, "".join(point.field.decode() for point in found)) for found in lines(several)]


def landed(points: Iterable[LinePoint]) -> Landed:
    """What central has when they came in that order: the later one wins."""
    return {(p.measurement, p.tags, p.field, p.time_ns): (p.type, p.value) for p in points}


def one_by_one(blocks: Iterable[Block]) -> Landed:
    return landed(
        LinePoint(each.measurement, each.tags, each.field, each.type.value, int(time), value)
        for each in blocks
        for time, value in zip(each.times, each.values, strict=True)
    )


blocks = st.builds(
    lambda field, tags, times, kind, number: Block(
        b"m",
        tags,
        field,
        kind,
        [b"%d" % time for time in times],
        [b"%d" % (number + at) for at in range(len(times))],
    ),
    st.sampled_from([b"a", b"b", b"c"]),
    st.sampled_from([A, B]),
    # Around the time from which on it has 19 digits, and before 1970: text is not in the order of numbers there.
    st.lists(st.integers(10**18 - 3, 10**18 + 5) | st.integers(-11, 2), min_size=1, max_size=6)
    | st.lists(st.integers(AT, AT + 9), min_size=1, max_size=6, unique=True).map(sorted),
    st.sampled_from([FieldType.INTEGER, FieldType.FLOAT]),
    st.integers(0, 99),
)


@given(st.lists(st.lists(blocks, max_size=4), max_size=6), st.integers(0, 4000), st.sets(st.sampled_from("abc")))
def test_blocks_in_any_order_arrive_as_if_each_point_had_a_line(
    lists: list[list[Block]], most: int, apart: set[str]
) -> None:
    groups = frozenset(FieldKey(b"m", field.encode(), FieldType.FLOAT) for field in apart)
    before = [(list(each.times), list(each.values)) for blocks in lists for each in blocks]
    several = written(LineMerger(apart=groups, most=most), lists)
    found = lines(several) if several else []
    for line in found:
        assert len({point.field for point in line}) == len(line)
        if len(line) > 1:
            assert not any((b"m", point.field, FieldType(point.type)) in groups for point in line)
    assert landed(point for line in found for point in line) == one_by_one(each for blocks in lists for each in blocks)
    assert sum(map(len, found)) == sum(len(each) for blocks in lists for each in blocks)
    # The source's columns are not ours to change: fields may share one.
    assert before == [(each.times, each.values) for blocks in lists for each in blocks]


@given(st.randoms(use_true_random=False), st.integers(1, 7))
def test_tables_in_any_order_make_one_line_a_time(chance: random.Random, chunk: int) -> None:
    """Table by table, each cut in chunks as a reply is."""
    tables = [block(field, *range(10), tags=tags) for field in (b"a", b"b", b"c") for tags in (A, B)]
    chance.shuffle(tables)
    cut = [[pick(table, range(at, min(at + chunk, 10)))] for table in tables for at in range(0, 10, chunk)]
    merger = LineMerger()
    assert len(lines(written(merger, cut))) == 20
    assert merger.size == 0


def test_all_fields_of_one_list_make_lines_at_once_when_their_next_times_come() -> None:
    """As InfluxQL gives them: no more is held than one list."""
    merger = LineMerger()
    for first in range(0, 1000, 10):
        times = [b"%d" % (AT + at) for at in range(first, first + 10)]
        row = [Block(b"m", A, field, FieldType.INTEGER, times, [b"1"] * 10) for field in (b"a", b"b", b"c")]
        out = list(merger.add(row))
        assert [len(columns) for columns in out] == ([3] if first else [])
        assert all(columns[0].times is columns[1].times for columns in out)
    assert shape(merger.rest()) == [(at, "abc") for at in range(990, 1000)]


@pytest.mark.parametrize(
    ("arrivals", "expected"),
    [
        pytest.param([block(b"a", 1), block(b"b", 1)], [(1, "ab")], id="one line"),
        pytest.param([block(b"a", 1, 3), block(b"b", 2, 3)], [(1, "a"), (3, "ab"), (2, "b")], id="other times"),
        pytest.param([block(b"a", 1), block(b"a", 1, value=b"2")], [(1, "a"), (1, "a")], id="a field twice"),
        pytest.param([block(b"a", 1), block(b"b", 1), block(b"a", 1)], [(1, "ab"), (1, "a")], id="twice, later"),
        pytest.param([block(b"a", 2, 1), block(b"b", 1, 2)], [(2, "a"), (1, "a"), (1, "b"), (2, "b")], id="descending"),
        pytest.param(
            [block(b"a", 1), block(b"b", 1), block(b"b", 2), block(b"a", 2), block(b"a", 3), block(b"b", 3)],
            [(1, "ab"), (2, "ab"), (3, "ab")],
            id="by time, fields in any order",
        ),
        pytest.param([block(b"a", 1, 1), block(b"b", 1)], [(1, "a"), (1, "a"), (1, "b")], id="twice in one block"),
        pytest.param(
            [block(b"a", 1), block(b"a", 2, kind=FieldType.FLOAT)], [(1, "a"), (2, "a")], id="another type later"
        ),
    ],
)
def test_what_shares_a_line(arrivals: list[Block], expected: list[tuple[int, str]]) -> None:
    assert shape(written(LineMerger(), [arrivals])) == expected
    assert shape(written(LineMerger(), [[each] for each in arrivals])) == expected


def test_without_wide_each_block_goes_out_at_once() -> None:
    merger = LineMerger(wide=False)
    assert shape(merger.add([block(b"a", 1), block(b"b", 1)])) == [(1, "a"), (1, "b")]
    assert list(merger.rest()) == []


def test_a_group_that_central_refuses_leaves_the_line_and_its_neighbours_stay_together() -> None:
    merger = LineMerger(apart={FieldKey(b"m", b"b", FieldType.INTEGER)})
    several = written(merger, [[block(field, 1, 2) for field in (b"a", b"b", b"c")]])
    assert sorted(shape(several)) == [(1, "ac"), (1, "b"), (2, "ac"), (2, "b")]


def test_what_is_forgotten_is_not_written() -> None:
    merger = LineMerger()
    assert list(merger.add([block(b"a", 1)])) == []
    merger.clear()
    assert (list(merger.rest()), merger.size) == ([], 0)


# Bounds


def in_order_of_fields() -> Iterable[Block]:
    """All series' first field, then all series' second one: nothing is complete before the end."""
    for field in (b"a", b"b", b"c"):
        for series in range(1000):
            yield block(field, *range(100), tags=((b"host", b"h%d" % series),))


def one_long_series() -> Iterable[Block]:
    for field in (b"a", b"b", b"c"):
        for first in range(0, 60_000, 500):
            yield block(field, *range(first, first + 500))


def long_texts() -> Iterable[Block]:
    for number in range(60):
        text = b"%d" % number * 400_000
        yield block(b"f%d" % number, 1, kind=FieldType.STRING, value=text)


def many_short_series() -> Iterable[Block]:
    for series in range(8_000):
        yield block(b"a", 1, tags=((b"host", b"h%d" % series + b"x" * 100),))


@pytest.mark.parametrize("source", [in_order_of_fields, one_long_series, long_texts, many_short_series])
def test_no_more_is_held_than_the_bound(source: Callable[[], Iterable[Block]]) -> None:
    merger, points, longest = LineMerger(), 0, 0
    tracemalloc.start()
    try:
        for each in source():
            # A block is in memory before it comes, and one series at a time while it goes.
            points += sum(len(column) for columns in merger.add([each]) for column in columns)
            assert merger.size <= HELD_BYTES
        held = tracemalloc.get_traced_memory()[0]
        longest = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    points += sum(len(column) for columns in merger.rest() for column in columns)
    assert points == sum(map(len, source()))
    assert held <= HELD_BYTES
    assert longest <= 2 * HELD_BYTES


def test_the_series_that_came_first_goes_out_first() -> None:
    merger = LineMerger(most=5000)
    hosts = []
    for number in range(50):
        tags = ((b"host", b"%02d" % number),)
        hosts += [columns[0].tags[0][1] for columns in merger.add([block(b"a", 1, tags=tags)])]
    assert len(hosts) > 20
    assert all(first < second for first, second in pairwise(hosts))


# Work


@pytest.mark.parametrize("shared", [True, False], ids=["InfluxQL", "Flux"])
def test_a_value_costs_no_call(shared: bool) -> None:
    """A line does, in C; Python's own code runs for columns alone."""
    rows, fields = 2000, 10
    times = [b"%d" % (AT + at) for at in range(rows)]
    columns = [
        Block(b"m", A, b"f%d" % field, FieldType.FLOAT, times if shared else list(times), [b"1.5"] * rows)
        for field in range(fields)
    ]

    def wide() -> None:
        merger = LineMerger(most=64 * 2**20)
        assert sum(piece.lines for piece in encoded(written(merger, [columns]))) == rows

    assert calls(wide) < 0.1 * rows * fields


def test_fields_of_other_times_cost_a_few_calls_a_value() -> None:
    rows, fields = 2000, 10
    columns = [block(b"f%d" % field, *range(field, rows + field)) for field in range(fields)]

    def wide() -> None:
        assert sum(piece.lines for piece in encoded(written(LineMerger(), [columns]))) == rows + fields - 1

    assert calls(wide) < 3 * rows * fields
