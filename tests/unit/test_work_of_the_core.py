"""What the core looks at when little has happened: little, however many sources and marks there are, and once."""

from __future__ import annotations

from functools import partial

import pytest

from telegraf_plugin.stream.clocks import Instant
from telegraf_plugin.stream.commands import Command, Outcome
from telegraf_plugin.stream.gathering import Proofs
from telegraf_plugin.stream.jobs import Check
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.source_tasks import SourceTasks
from telegraf_plugin.stream.spans import NOTHING
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.stream.terms import Terms
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

    def counted_look(self: SourceTasks, at: Instant, proofs: Proofs) -> list[Command]:
        looked.append(self.name)
        return look(self, at, proofs)

    def counted_question(self: SourceTasks) -> int | None:
        asked.append(self.name)
        return ask(self)

    monkeypatch.setattr(SourceTasks, "next", counted_look)
    monkeypatch.setattr(SourceTasks, "wakes_at", counted_question)
    command = site.do()
    assert set(looked) == {command.stream.source}
    site.collector.wakes_at()
    assert set(asked) == {command.stream.source}


def test_what_has_happened_together_is_told_at_once_and_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = [stream(f"s{number}") for number in range(20)]
    one_by_one, at_once = Site(*streams), Site(*streams)
    sites = one_by_one, at_once
    for site in sites:
        site.run(1.0)
        site.cycle()
        site.run(58.0)
        site.tick()
    told = [[Outcome(each, [], Tally(), SECOND // 100, None) for each in site.commands] for site in sites]
    assert len(told[0]) == len(told[1]) == len(streams)
    looks: list[str] = []
    look = SourceTasks.next

    def counted(self: SourceTasks, *rest: object) -> list[Command]:
        looks.append(self.name)
        return look(self, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(SourceTasks, "next", counted)
    asked: list[list[tuple[str, str]]] = []
    for site, outcomes in zip(sites, told, strict=True):
        site.commands.clear()
        looks.clear()
        if site is at_once:
            first, *more = outcomes
            actions = site.collector.handle(first, site.clocks(), *more)
            assert len(looks) == 1
        else:
            actions = [each for outcome in outcomes for each in site.collector.handle(outcome, site.clocks())]
            assert len(looks) == len(streams)
        commands = [each for each in actions if isinstance(each, Command)]
        asked.append([(each.stream.name, type(each.job).__name__) for each in commands])
    assert asked[0] == asked[1]
    assert len(asked[0]) == len(streams)


def test_nobody_is_woken_for_what_the_next_tick_will_see() -> None:
    """Streams that bring little prove what had settled by a tick: that more settles meanwhile is nothing to look at."""
    bench = CourseBench(-LOOKBACK)
    bench.tick(0)
    bench.copied(bench.next())
    ask = partial(bench.course.next, bench.at, live_room=True, room=True, central=True)
    while (job := ask(terms=Terms(little=True, proofs=Proofs.NOW))) is not None:
        bench.copied(job)
    settles = min(part.settles for part in bench.course.pending) - bench.at.safe + bench.at.steady
    assert (bench.course.wakes_at(bench.at) or settles + 1) > settles
    assert ask(terms=Terms(little=True)) is None
    assert bench.course.wakes_at(bench.at) == settles


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
