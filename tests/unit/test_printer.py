"""Wide lines on their way out: what is held is neither counted nor behind a mark, and none of it is lost or late."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import cast

import pytest

from telegraf_plugin.errors import NoRoom, SourceError, TransientError
from telegraf_plugin.stream import jobs
from telegraf_plugin.stream.block import Block, FieldKey, FieldType
from telegraf_plugin.stream.commands import StreamJob
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.flow import Load
from telegraf_plugin.stream.mapping import MetadataTag
from telegraf_plugin.stream.spans import Span
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.telegraf.inflight import InFlightWindow
from telegraf_plugin.telegraf.merger import HELD_BYTES
from telegraf_plugin.telegraf.printer import Printer
from telegraf_plugin.telegraf.writer import LineWriter
from tests.unit.core_bench import BEGIN, SECOND
from tests.unit.executor_bench import WHOLE, A, Bench, command

WIDE = replace(A, metadata_tags=(MetadataTag.HOST, MetadataTag.SOURCE_BUCKET))
NARROW = replace(A, metadata_tags=(MetadataTag.SOURCE_BUCKET, MetadataTag.FIELD))
COPY = jobs.Copy(WHOLE, live=True)


def column(field: bytes, rows: int, first: int = 0, value: bytes = b"1") -> Block:
    times = [b"%d" % (BEGIN - 60 * SECOND + first + row) for row in range(rows)]
    return Block(b"m", ((b"k", b"v"),), field, FieldType.INTEGER, times, [value] * rows)


def printer(bench: Bench, job: StreamJob = COPY, stream: StreamDefinition = WIDE) -> Printer:
    return Printer(
        command(job, stream), cast(LineWriter, bench.output), bench.window, bench.output.told.append, lambda: bench.now
    )


def data(bench: Bench) -> list[bytes]:
    """The lines that are no marks, as far as they are written."""
    lines = b"".join(bench.output.lines).splitlines()
    return [line.partition(b" ")[2].rpartition(b" ")[0] for line in lines if not line.startswith(b"collector_")]


def test_fields_share_lines_which_are_counted_as_lines_and_their_points_as_points() -> None:
    bench = Bench()
    prints = printer(bench)
    prints.print([column(b"a", 2), column(b"b", 2)], exact=False)
    assert (data(bench), prints.points, bench.window.lines()) == ([], 0, 0)
    mark = prints.finish()
    assert data(bench) == [b"a=1i,b=1i"] * 2
    assert (prints.points, bench.window.lines()) == (4, 3)  # and the mark
    assert bench.output.lines[-1].startswith(b"collector_ledger,")
    assert mark == bench.output.told[-1].mark.id


@pytest.mark.parametrize(
    ("job", "stream"),
    [
        pytest.param(replace(COPY, narrow=True), WIDE, id="some line did not land"),
        pytest.param(replace(COPY, apart=frozenset({FieldKey(b"m", b"b", FieldType.INTEGER)})), WIDE, id="held"),
        pytest.param(jobs.Compare(WHOLE), WIDE, id="found missing"),
        pytest.param(COPY, NARROW, id="with the tag field"),
    ],
)
def test_fields_do_not_share_a_line(job: StreamJob, stream: StreamDefinition) -> None:
    bench = Bench()
    prints = printer(bench, job, stream)
    prints.print([column(b"a", 1), column(b"b", 1)], exact=False)
    prints.finish()
    assert sorted(data(bench)) == [b"a=1i", b"b=1i"]
    assert prints.points == 2


def test_a_mark_inside_a_read_has_nothing_behind_it_that_is_held() -> None:
    bench = Bench()
    prints = printer(bench)
    prints.print([column(b"a", 150)], exact=False)  # more than an eighth of the limit of 1,000 lines
    prints.print([column(b"b", 150), column(b"b", 10, first=150)], exact=False)
    assert bench.output.lines == []
    prints.print([column(b"a", 10)], exact=False)  # once more the same times: all before goes out
    assert len(data(bench)) == 160
    assert len(bench.output.told) == 1
    before = len(bench.output.lines)
    bench.now += 1
    last = prints.finish()
    rest, mark = bench.output.lines[before:]
    assert rest.count(b"\n") == 10
    assert mark.startswith(b"collector_ledger,")
    first, second = (told.mark.id for told in bench.output.told)
    assert first.time < second.time
    assert last == second


def test_marks_are_printed_inside_of_what_was_held_as_well() -> None:
    """A quarter of the limit, and a piece that enters at a time."""
    bench = Bench()
    prints = printer(bench)
    prints.print([column(field, 800) for field in (b"a", b"b", b"c")], exact=False)
    assert bench.output.lines == []
    prints.finish()
    behind = [0]
    for content in bench.output.lines:
        if content.startswith(b"collector_"):
            behind.append(0)
        else:
            behind[-1] += content.count(b"\n")
    assert sum(behind) == 800
    assert max(behind) <= 1000 // 4 + 1000 // 8
    assert prints.points == 2400


def test_a_second_reading_lands_over_the_first_and_its_points_are_the_same_ones() -> None:
    bench = Bench()
    prints = printer(bench)
    prints.print([column(b"a", 1), column(b"b", 1)], exact=False)
    prints.print([column(b"c", 1), column(b"a", 1, value=b"2")], exact=True)
    prints.finish()
    assert data(bench) == [b"a=1i,b=1i", b"c=1i,a=2i"]
    assert prints.points == 2


def test_without_room_the_rest_of_the_read_is_forgotten_and_what_was_printed_is_counted() -> None:
    bench = Bench()
    bench.window.enter("another", Load(900, 3), True, lambda: None)
    prints = printer(bench)
    prints.print([column(b"a", 50), column(b"b", 50)], exact=False)
    prints.print([column(b"a", 50, first=50), column(b"b", 50, first=50)], exact=False)
    with pytest.raises(NoRoom):
        prints.print([column(b"a", 500, first=100), column(b"b", 500, first=100), column(b"a", 1, first=600)], False)
    assert prints.points == 200
    before = list(bench.output.lines)
    prints.finish()
    assert data(bench) == [b"a=1i,b=1i"] * 100
    assert before[-1].startswith(b"collector_ledger,")
    assert before == bench.output.lines


class Broken(Bench):
    """Its source gives two fields, then fails as the test says, or is done."""

    def __init__(self, rows: int, fails: SourceError | None) -> None:
        super().__init__()
        self.rows, self.fails = rows, fails
        self.source.blocks = self.blocks  # type: ignore[method-assign]

    def blocks(self, _stream: StreamDefinition, _span: Span, tally: Tally) -> Iterator[tuple[list[Block], bool]]:
        for field in (b"a", b"b"):
            tally.points += self.rows
            yield [column(field, self.rows)], False
        if self.fails is not None:
            raise self.fails


def test_what_was_read_before_the_source_failed_is_sent_and_a_mark_behind_it() -> None:
    bench = Broken(2, TransientError("cut", "wait"))
    outcome = bench.doer.do(command(COPY, WIDE))
    assert outcome.result is bench.fails
    assert (outcome.stats.points, outcome.stats.sent) == (4, 4)
    assert data(bench) == [b"a=1i,b=1i"] * 2
    assert bench.output.lines[-1].startswith(b"collector_ledger,")


@pytest.mark.parametrize("fails", [None, TransientError("cut", "wait")])
def test_no_room_for_what_was_held_is_an_outcome(fails: SourceError | None) -> None:
    bench = Broken(500, fails)
    bench.window.enter("another", Load(960, 3), True, lambda: None)
    outcome = bench.doer.do(command(COPY, WIDE))
    assert isinstance(outcome.result, NoRoom) if fails is None else outcome.result is fails
    assert (outcome.stats.points, outcome.stats.sent, data(bench)) == (1000, 0, [])


def test_a_series_that_is_longer_than_the_bound_is_printed_while_it_is_read() -> None:
    bench = Bench()
    window = InFlightWindow(10**9, 10**12, wait=lambda *_: False)
    bench.window = window
    prints = printer(bench)
    printed = []
    for first in range(0, 100_000, 1000):
        prints.print([column(field, 1000, first) for field in (b"a", b"b")], exact=False)
        printed.append(prints.points)
    prints.finish()
    assert prints.points == 200_000
    assert max(later - before for before, later in pairwise(printed)) * 100 < HELD_BYTES
    assert set(data(bench)) == {b"a=1i,b=1i"}
