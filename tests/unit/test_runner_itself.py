"""A bucket that is central's own under another name: found out by a mark of the run itself, before anything is read."""

from __future__ import annotations

from typing import cast

import pytest

from telegraf_plugin.errors import PermanentError
from telegraf_plugin.influxdb.passage import Tally
from telegraf_plugin.influxdb.source import SourceReader
from telegraf_plugin.printer import Printer
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.jobs import Copy
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.units import SECOND
from tests.unit.test_runner import BEGIN, Bench, blocks

TIMES = [BEGIN + number * SECOND for number in range(3)]
MINE = MarkId(BEGIN, "me")


class Source:
    """Says whether it has a mark, and notes of which it was asked."""

    def __init__(self, has: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[MarkId] = []

        def has_mark(_reader: SourceReader, _stream: StreamDefinition, mark: MarkId) -> bool:
            self.asked.append(mark)
            return has

        monkeypatch.setattr(SourceReader, "has_mark", has_mark)


def copy(bench: Bench) -> None:
    bench.runner.copy(bench.course, Copy((BEGIN, BEGIN + 60 * SECOND), True), cast(Printer, bench.out), Tally())


def test_nothing_is_read_of_a_bucket_that_has_the_mark_that_central_has(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, source = Bench(monkeypatch), Source(True, monkeypatch)
    bench.here.blocks, bench.course.book.base = blocks(TIMES), MINE
    for _ in range(2):
        with pytest.raises(PermanentError, match="its points would be copied into itself for ever"):
            copy(bench)
    assert (bench.here.asked, bench.out.printed, source.asked) == ([], [], [MINE, MINE])


def test_a_bucket_without_it_is_another_one_and_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, source = Bench(monkeypatch), Source(False, monkeypatch)
    bench.here.blocks, bench.course.book.base = blocks(TIMES), MINE
    for _ in range(2):
        copy(bench)
    assert source.asked == [MINE]
    assert len(bench.out.printed) == 2 * len(TIMES)
