"""What the core looks at when little has happened: little, however many sources and marks there are, and once."""

from __future__ import annotations

import pytest

from telegraf_plugin.stream.clocks import Instant
from telegraf_plugin.stream.commands import Command
from telegraf_plugin.stream.jobs import Check
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.source_tasks import SourceTasks
from telegraf_plugin.stream.spans import NOTHING
from tests.unit.core_bench import Site, stream
from tests.unit.course_bench import LOOKBACK, SECOND, CourseBench
from tests.unit.marks import book_mark
from tests.unit.test_markbook import book


def test_a_count_that_failed_keeps_nobody_awake_while_central_is_away() -> None:
    """The loop of a plugin without central was awake all the time, as fast as one processor could."""
    bench = CourseBench(-LOOKBACK)
    bench.tick(0)
    bench.copied(bench.next())
    bench.tick(30)
    job = bench.next()
    assert isinstance(job, Check)
    bench.course.failed(job, "away", bench.at, central=True)
    bench.course.due = False
    assert bench.next() is None
    assert bench.course.wakes_at(bench.at) == bench.at.steady + 1  # what could not be counted is looked at once more
    bench.central = False
    assert bench.next() is None
    wakes_at = bench.course.wakes_at(bench.at)
    assert wakes_at is None or wakes_at > bench.at.steady + SECOND


def test_an_outcome_has_only_its_own_source_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = [stream("a", source=f"POD-{number}") for number in range(50)]
    site = Site(*streams)
    site.run(1.0)
    site.tick()
    looked: list[str] = []
    asked: list[str] = []
    look, ask = SourceTasks.next, SourceTasks.wakes_at

    def counted_look(self: SourceTasks, at: Instant) -> list[Command]:
        looked.append(self.name)
        return look(self, at)

    def counted_question(self: SourceTasks) -> int | None:
        asked.append(self.name)
        return ask(self)

    monkeypatch.setattr(SourceTasks, "next", counted_look)
    monkeypatch.setattr(SourceTasks, "wakes_at", counted_question)
    command = site.do()
    assert set(looked) == {command.stream.source}
    site.collector.wakes_at()
    assert set(asked) == {command.stream.source}


class Counted(set[MarkId]):
    """Counts how often it is asked whether it holds a mark."""

    asked = 0

    def __contains__(self, mark: object) -> bool:
        self.asked += 1
        return super().__contains__(mark)


def test_of_the_marks_that_were_back_those_alone_are_looked_for_that_are_asked_for() -> None:
    marks = book()
    made = []
    for time in range(1, 500):
        made.append(book_mark(marks, 10 * time, 0, NOTHING))
        marks.back([made[-1]])
    present = Counted(made)
    assert not marks.gone(present, since=4980)
    assert present.asked <= 4
    assert marks.gone(present - {made[100]})
    assert not marks.gone(present - {made[100]}, since=made[101].time)
    assert marks.gone(present - {made[100]}, since=made[99].time, until=made[102].time)
