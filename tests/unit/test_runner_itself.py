"""A bucket that is central's own under another name: found out by a mark of the run itself, before anything is read."""

from __future__ import annotations

from typing import cast

import pytest

from telegraf_plugin.errors import PermanentError
from telegraf_plugin.stream.jobs import Copy
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.stream.units import SECOND
from telegraf_plugin.telegraf.printer import Printer
from tests.unit.test_runner import BEGIN, Bench, blocks

TIMES = [BEGIN + number * SECOND for number in range(3)]
MINE = MarkId(BEGIN, "me")


def made(has_mark: bool) -> Bench:
    bench = Bench()
    bench.has_mark = has_mark
    bench.here.blocks, bench.course.book.base = blocks(TIMES), MINE
    return bench


def copy(bench: Bench) -> None:
    bench.runner.copy(bench.command, Copy((BEGIN, BEGIN + 60 * SECOND), True), cast(Printer, bench.out), Tally())


def test_nothing_is_read_of_a_bucket_that_has_the_mark_that_central_has() -> None:
    bench = made(has_mark=True)
    for _ in range(2):
        with pytest.raises(PermanentError, match="its points would be copied into itself for ever"):
            copy(bench)
    assert (bench.here.asked, bench.out.printed, bench.marks_asked) == ([], [], [MINE, MINE])


def test_a_bucket_without_it_is_another_one_and_asked_once() -> None:
    bench = made(has_mark=False)
    for _ in range(2):
        copy(bench)
    assert bench.marks_asked == [MINE]
    assert len(bench.out.printed) == 2 * len(TIMES)
