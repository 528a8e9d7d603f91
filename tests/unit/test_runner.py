"""What a job does, between a source and a central that are lists of points: found exactly, and printed again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import cast

import pytest

from telegraf_plugin import compare as compare_module
from telegraf_plugin.compare import SET_POINTS, narrowed
from telegraf_plugin.execution.runner import JobRunner
from telegraf_plugin.influxdb.central import CentralReader
from telegraf_plugin.influxdb.source import SourceReader
from telegraf_plugin.stream.account import Account
from telegraf_plugin.stream.block import Block, FieldKey, FieldType, Tags
from telegraf_plugin.stream.clocks import Instant
from telegraf_plugin.stream.commands import Command, Probe
from telegraf_plugin.stream.definition import Aggregate, AggregateFunction, StreamDefinition
from telegraf_plugin.stream.jobs import Compare, Compared, Copy, Prove, Recheck
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.spans import Span, span
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.stream.units import HOUR
from telegraf_plugin.telegraf.printer import Printer
from tests.unit.test_definition import STREAM

SECOND = 1_000_000_000
BEGIN = 1_795_471_200 * SECOND
WHOLE = (BEGIN, BEGIN + HOUR)
TAGS: Tags = ((b"host", b"a"), (b"source_bucket", b"telegraf"))
GROUP = FieldKey(b"m", b"v", FieldType.INTEGER)
TEXTS = FieldKey(b"m", b"text", FieldType.STRING)
MARK = MarkId(9, "me")


@dataclass
class Side:
    """What one side has; blocks of a thousand points. `asked` are the spans that were read."""

    blocks: list[Block] = field(default_factory=list)
    exact: list[Block] = field(default_factory=list)
    asked: list[Span] = field(default_factory=list)

    def read(self, span: Span) -> Iterator[tuple[list[Block], bool]]:
        self.asked.append(span)
        yield list(_cut(self.blocks, span)), False
        yield list(_cut(self.exact, span)), True

    def count(self, _stream: StreamDefinition, span: Span) -> int:
        return sum(map(len, _cut(self.blocks, span)))

    def most(self) -> int:
        """The most points that a span held that was read since this was asked."""
        asked, self.asked = self.asked, []
        return max(self.count(STREAM, span) for span in asked)


def _cut(blocks: Iterable[Block], span: Span) -> Iterator[Block]:
    for block in blocks:
        inside = [at for at, time in enumerate(block.times) if span[0] <= int(time) < span[1]]
        if inside:
            yield replace(block, times=[block.times[at] for at in inside], values=[block.values[at] for at in inside])


def blocks(times: Sequence[int], field_key: FieldKey = GROUP, tags: Tags = TAGS, value: bytes = b"7") -> list[Block]:
    return [
        Block(field_key[0], tags, field_key[1], field_key[2], [b"%d" % time for time in part], [value] * len(part))
        for part in (times[at : at + 1000] for at in range(0, len(times), 1000))
    ]


class Prints:
    """In place of a Printer."""

    def __init__(self) -> None:
        self.printed: list[tuple[bytes, int, bool]] = []

    @property
    def points(self) -> int:
        return len(self.printed)

    def print(self, blocks: list[Block], exact: bool) -> None:
        self.printed += [(block.field, int(time), exact) for block in blocks for time in block.times]

    def finish(self) -> MarkId | None:
        return MARK if self.printed else None


class Bench:
    """A runner between two sides, and the course of a stream."""

    def __init__(self, stream: StreamDefinition = STREAM) -> None:
        self.here, self.there, self.out = Side(), Side(), Prints()
        self.has_mark, self.marks_asked = False, list[MarkId]()  # whether the source is central itself
        self.account = Account(stream, "me")
        self.course = self.account.course
        central = self.there
        bench = self

        class Central:
            count = staticmethod(central.count)

            @staticmethod
            def blocks(_stream: object, span: Span) -> Iterator[tuple[list[Block], bool]]:
                return central.read(span)

        class Source:
            count = staticmethod(self.here.count)

            @staticmethod
            def blocks(_stream: object, span: Span, tally: Tally) -> Iterator[tuple[list[Block], bool]]:
                for blocks, exact in bench.here.read(span):
                    tally.points += 0 if exact else sum(map(len, blocks))
                    yield blocks, exact

            @staticmethod
            def has_mark(_stream: object, mark: MarkId) -> bool:
                bench.marks_asked.append(mark)
                return bench.has_mark

        self.runner = JobRunner(cast(SourceReader, Source()), cast(CentralReader, Central()))

    @property
    def command(self) -> Command:
        """A command for the stream, whatever its job."""
        account = self.account
        at = Instant(WHOLE[1], WHOLE[1], 0)
        return Command(account.stream, Probe(0), self.course.bounds.groups, account.book.base, account.template(at))

    def compare(self, field_key: FieldKey | None = None, whole: Span = WHOLE) -> Compared:
        job = Compare(whole, field_key, frozenset() if field_key else self.course.holds.within(whole))
        return self.runner.compare(self.command, job, cast(Printer, self.out), Tally())


@pytest.fixture
def bench() -> Bench:
    return Bench()


MANY = [BEGIN + number * 30_000_000 for number in range(120_000)]


FEW = 50_000


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A set takes fewer points than MANY."""
    monkeypatch.setattr(compare_module, "SET_POINTS", FEW)


def test_one_point_of_120000_is_found_and_nothing_else_is_printed(bench: Bench) -> None:
    lost = MANY[71_234]
    bench.here.blocks = blocks(MANY)
    bench.there.blocks = blocks([time for time in MANY if time != lost])
    found = bench.compare()
    assert found == Compared({GROUP: 1}, 0, {}, 120_000, MARK, {GROUP: (lost, lost + 1)})
    assert bench.out.printed == [(b"v", lost, False)]


def test_more_than_a_set_takes_is_read_whole_once_and_narrower_from_then_on(bench: Bench, few: None) -> None:
    bench.here.blocks = blocks(MANY)
    bench.there.blocks = blocks(MANY[1:])
    bench.compare()
    (first, *rest), bench.here.asked = bench.here.asked, []
    assert first == WHOLE
    assert max(bench.here.count(STREAM, span) for span in rest) <= FEW
    assert rest.count(rest[1]) == 2  # the one in which it is: to compare it, and to print
    assert {each for each in rest if rest.count(each) == 1} == set(rest) - {rest[0]}


def at_one_instant(number: int) -> list[Block]:
    """Return what no cut in time makes less: a series each."""
    each = (blocks([BEGIN + 5], tags=((b"host", b"%d" % host), *TAGS[1:])) for host in range(number))
    return [block for some in each for block in some]


@pytest.mark.parametrize(
    ("lost", "reads"),
    [
        pytest.param({7, 600, 5999}, 1, id="those few that differ"),
        pytest.param(set(range(6000)), 1, id="central has nothing, and no set is needed"),
        pytest.param(set(range(0, 6000, 2)), 7, id="half of them: central's 3,000 by 500"),
    ],
)
def test_how_often_points_at_one_instant_are_read_goes_by_what_differs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, lost: set[int], reads: int
) -> None:
    """12 parts of 500 would be read, if each were compared. Before that: all, what is narrowed in time, the classes."""
    monkeypatch.setattr(compare_module, "SET_POINTS", 500)
    bench.here.blocks = at_one_instant(6000)
    bench.there.blocks = [block for number, block in enumerate(bench.here.blocks) if number not in lost]
    found = bench.compare()
    assert found.missing == {GROUP: len(lost)}
    assert len(bench.out.printed) == len(lost)
    assert found.extras == 0
    for side in (bench.here, bench.there):
        assert sum(start <= BEGIN + 5 < stop for start, stop in side.asked) <= 3 + reads


def test_what_only_central_has_is_counted_and_not_printed(bench: Bench) -> None:
    bench.here.blocks = blocks(MANY[:100])
    bench.there.blocks = blocks(MANY[:107])
    assert bench.compare() == Compared({}, 7, {}, points_read=100, mark=None)
    assert bench.out.printed == []


def test_another_value_is_missing_and_not_counted_as_extra(bench: Bench) -> None:
    """It is overwritten by what is printed."""
    bench.here.blocks = blocks(MANY[:100])
    bench.there.blocks = [*blocks(MANY[:99]), *blocks(MANY[99:100], value=b"8")]
    found = bench.compare()
    assert (found.missing, found.extras) == ({GROUP: 1}, 0)
    assert bench.out.printed == [(b"v", MANY[99], False)]


def test_what_the_operators_flux_computes_has_no_extras() -> None:
    bench = Bench(replace(STREAM, flux="start stop"))
    bench.here.blocks = blocks(MANY[:100])
    bench.there.blocks = blocks(MANY[:107])
    assert bench.compare().extras == 0
    assert set(bench.here.asked) == {WHOLE}


def test_a_carriage_return_that_central_lacks_is_printed_as_it_is(bench: Bench) -> None:
    bench.here.blocks = bench.there.blocks = blocks([BEGIN], TEXTS, value=b"ab")
    bench.here.exact = blocks([BEGIN], TEXTS, value=b"a\rb")
    found = bench.compare()
    assert found.missing == {TEXTS: 1}
    assert bench.out.printed == [(b"text", BEGIN, True)]


def test_what_is_held_is_left_out_on_both_sides_and_counted(bench: Bench) -> None:
    bench.course.holds.restore({TEXTS: span(*WHOLE)})
    bench.here.blocks = [*blocks(MANY[:50]), *blocks(MANY[:20], TEXTS)]
    bench.there.blocks = blocks(MANY[:49])
    found = bench.compare()
    assert found == Compared({GROUP: 1}, 0, {TEXTS: 20}, 70, MARK, {GROUP: (MANY[49], MANY[49] + 1)})
    assert bench.out.printed == [(b"v", MANY[49], False)]
    bench.there.blocks = blocks(MANY[:50])
    proved = bench.runner.prove(bench.command, Prove(WHOLE, None, frozenset((TEXTS,))))
    assert (proved.equal, proved.left_out) == (True, {TEXTS: 20})


def test_what_is_held_is_tried_alone(bench: Bench) -> None:
    bench.course.holds.restore({TEXTS: span(*WHOLE)})
    bench.here.blocks = [*blocks(MANY[:50]), *blocks(MANY[:20], TEXTS)]
    bench.there.blocks = [*blocks(MANY[:40]), *blocks(MANY[:19], TEXTS)]
    assert bench.compare(TEXTS).missing == {TEXTS: 1}
    assert bench.out.printed == [(b"text", MANY[19], False)]


def test_what_is_held_is_printed_by_a_copy_all_the_same(bench: Bench) -> None:
    bench.course.holds.restore({TEXTS: span(*WHOLE)})
    bench.here.blocks = [*blocks(MANY[:5]), *blocks(MANY[:2], TEXTS)]
    copied = bench.runner.copy(
        bench.command, Copy(WHOLE, live=False, held=frozenset((TEXTS,))), cast(Printer, bench.out), Tally()
    )
    assert (copied.points_read, copied.digest.points, copied.digest.left_out) == (7, 5, {TEXTS: 2})
    assert {name for name, _, _ in bench.out.printed} == {b"v", b"text"}
    assert copied.mark == MARK
    bench.there.blocks = blocks(MANY[:5])
    assert bench.runner.prove(bench.command, Prove(WHOLE, copied.digest)).equal


def test_no_query_reaches_over_the_end_of_a_shard_group(bench: Bench) -> None:
    bench.here.blocks = blocks(MANY[:5])
    bench.compare(whole=(BEGIN - HOUR // 2, BEGIN + HOUR // 2))
    pieces = {(BEGIN - HOUR // 2, BEGIN), (BEGIN, BEGIN + HOUR // 2)}
    assert set(bench.here.asked) == set(bench.there.asked) == pieces


# The sweep


@pytest.mark.parametrize("by_hash", [False, True])
def test_equal_sides_lack_nothing(bench: Bench, by_hash: bool) -> None:
    bench.here.blocks = bench.there.blocks = blocks(MANY[:100])
    assert bench.runner.sweep(bench.command, Recheck(WHOLE, by_hash)).equal
    assert bool(bench.here.asked) is by_hash  # else it was counted


def test_a_changed_value_is_found_by_hash_alone(bench: Bench) -> None:
    bench.here.blocks = blocks(MANY[:100])
    bench.there.blocks = blocks(MANY[:100], value=b"8")
    assert bench.runner.sweep(bench.command, Recheck(WHOLE, by_hash=False)).equal
    assert not bench.runner.sweep(bench.command, Recheck(WHOLE, by_hash=True)).equal


def test_what_central_lacks_is_found_and_not_printed(bench: Bench) -> None:
    bench.here.blocks = blocks(MANY[:100])
    bench.there.blocks = blocks(MANY[:99])
    assert not bench.runner.sweep(bench.command, Recheck(WHOLE, by_hash=False)).equal
    assert bench.out.printed == []


def test_what_only_central_has_is_nothing_that_is_missing(bench: Bench) -> None:
    bench.here.blocks = blocks(MANY[:99])
    bench.there.blocks = blocks(MANY[:100])
    assert bench.runner.sweep(bench.command, Recheck(WHOLE, by_hash=False)).equal


# Narrowing


def test_a_span_is_cut_into_so_many_parts_as_make_a_set_each() -> None:
    assert narrowed(STREAM, WHOLE, SET_POINTS, SET_POINTS) == [WHOLE]
    parts = narrowed(STREAM, WHOLE, 3 * SET_POINTS - 1, SET_POINTS)
    assert len(parts) == 3
    assert (parts[0][0], parts[-1][1]) == WHOLE
    assert all(before[1] == after[0] for before, after in pairwise(parts))
    assert narrowed(STREAM, (5, 6), 10**7, SET_POINTS) == [(5, 6)]


def test_an_aggregates_windows_are_not_cut() -> None:
    minutes = replace(STREAM, aggregate=Aggregate(60 * SECOND, AggregateFunction.MEAN))
    parts = narrowed(minutes, WHOLE, 7 * SET_POINTS, SET_POINTS)
    assert all(start % (60 * SECOND) == 0 for start, _ in parts)
    assert parts[-1][1] == WHOLE[1]
