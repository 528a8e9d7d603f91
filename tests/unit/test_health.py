"""Cycles and health, from tick to tick: what is said of them, when, and what it costs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telegraf_plugin.errors import CentralError, TransientError
from telegraf_plugin.stream.account import Account
from telegraf_plugin.stream.attempts import Attempt
from telegraf_plugin.stream.drops import Drops
from telegraf_plugin.stream.events import Idle, Moved
from telegraf_plugin.stream.health import LAG_INTERVALS, CycleOver, Health, HealthNews, Report, lag_of
from telegraf_plugin.stream.source_tasks import SourceTasks
from telegraf_plugin.stream.status import Effort
from tests.unit.core_bench import SECOND, Site, stream
from tests.unit.test_status import IN_TIME

INTERVAL = 60 * SECOND
MILLISECOND = SECOND // 1000


def judged(site: Site) -> Health:
    return Health(site.collector, site.streams, INTERVAL, lambda _name: (Effort(), False), site.clocks())


def attempt(site: Site, name: str = "a", error: TransientError | None = None) -> Attempt:
    return Attempt(site.task(name).stream, 0, 1, 1, 1, Drops(), 0.1, error)


def follow(site: Site, health: Health) -> list[Report]:
    """Hand on what the core has to tell, as the plugin does; returns what came of it."""
    reports: list[Report] = []
    for news in site.news:
        if isinstance(news, Attempt):
            reports += health.record(news, site.clocks())[1]
        elif isinstance(news, Idle):
            reports += health.idle(news, site.clocks())
        elif isinstance(news, Moved):
            reports += health.moved(site.clocks())
    site.news.clear()
    return reports


def tick(site: Site, health: Health) -> list[Report]:
    """One tick and all that follows in a second; returns what is said of it."""
    site.now += 10 * SECOND
    health.measure(site.clocks())
    reports = health.tick(site.clocks())
    site.tick()
    reports += health.ticked(site.clocks())
    site.run(1.0)
    return reports + follow(site, health)


def overs(reports: list[Report]) -> list[frozenset[str]]:
    return [each.busy for each in reports if isinstance(each, CycleOver)]


@pytest.mark.parametrize("streams", [1, 100])
def test_a_read_asks_for_its_own_streams_progress_alone(streams: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    progress = Account.progress

    def counted(account: Account, *at: object) -> object:
        asked.append(account.stream.label)
        return progress(account, *at)  # type: ignore[arg-type]

    monkeypatch.setattr(Account, "progress", counted)
    site = Site(*(stream(f"s{number}") for number in range(streams)))
    health = judged(site)
    for each in site.streams:
        health.record(Attempt(each, 0, 1, 1, 1, Drops(), 0.1), site.clocks())
    assert asked == [each.label for each in site.streams]


def test_while_streams_fail_what_arrives_asks_for_no_more_than_one_streams_progress(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A central that comes back tells of one arrival after the other: to ask all each time would be a square."""
    site = Site(*(stream(f"s{number}") for number in range(50))).start()
    health = judged(site)
    monkeypatch.setattr(Account, "progress", lambda *_: replace(IN_TIME, lag=10 * LAG_INTERVALS * INTERVAL))
    tick(site, health)
    assert health.said() is False
    asked: list[str] = []

    def late(account: Account, *_: object) -> object:
        asked.append(account.stream.label)
        return replace(IN_TIME, lag=10 * LAG_INTERVALS * INTERVAL)

    monkeypatch.setattr(Account, "progress", late)
    assert health.moved(site.clocks()) == []
    assert len(asked) == 1
    monkeypatch.setattr(Account, "progress", lambda *_: IN_TIME)
    assert health.moved(site.clocks()) == [HealthNews()]


@pytest.mark.parametrize("jitter", [-MILLISECOND, 0, MILLISECOND])
@pytest.mark.parametrize(("ticks", "news"), [(LAG_INTERVALS - 1, []), (LAG_INTERVALS, [HealthNews()])])
def test_what_is_behind_is_told_at_the_tick(
    ticks: int, news: list[Report], jitter: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its cycle may last until the next one: a thread that waits for a central that hangs ends none.

    Ticks come a little early or late: that must not put it off until the next one.
    """
    site = Site(stream("a")).start()
    health = judged(site)
    monkeypatch.setattr(Account, "progress", lambda *_: replace(IN_TIME, lag=0))
    health.tick(site.clocks())
    health.record(attempt(site), site.clocks())
    assert health.end(site.clocks())
    monkeypatch.setattr(Account, "progress", lambda *_: replace(IN_TIME, lag=ticks * INTERVAL + jitter))
    health.tick(site.clocks())
    assert health.ticked(site.clocks()) == news


def test_a_central_that_is_away_is_told_by_the_third_tick_though_nothing_is_new(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Sources that have nothing new are read in vain: nothing of theirs is ever late."""
    monkeypatch.setattr(Account, "progress", lambda *_: IN_TIME)
    site = Site(stream("a")).start()
    health = judged(site)
    said = []
    tick(site, health)
    site.away[site.streams[0].central_bucket] = CentralError("connection refused", "hint")
    for _ in range(3):
        tick(site, health)
        said.append(health.said())
    assert said == [True, True, False]
    assert health.board.streams["POD-8/a"].trouble == "central could not be compared with for 23 s: connection refused"
    site.away.clear()
    tick(site, health)
    assert health.said() is True


def test_a_central_that_hangs_is_told_before_its_question_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Account, "progress", lambda *_: IN_TIME)
    site = Site(stream("a")).start()
    health = judged(site)
    said = []
    tick(site, health)
    monkeypatch.setattr(site, "look", lambda: None)
    for _ in range(3):
        tick(site, health)
        said.append(health.said())
    assert said == [True, True, False]
    assert health.board.streams["POD-8/a"].trouble == "central could not be compared with for 23 s: no answer yet"


def test_a_cycle_is_over_when_every_source_is_done_and_all_is_well() -> None:
    site = Site().start()
    health = judged(site)
    assert overs(tick(site, health)) == [frozenset()]
    assert health.said() is True
    assert not health.cycle_open
    assert overs(tick(site, health)) == [frozenset()]


def test_a_cycle_that_the_next_tick_ends_names_who_is_not_done() -> None:
    site = Site(stream("a"), stream("b", source="POD-30")).start()
    health = judged(site)
    tick(site, health)
    site.now += 10 * SECOND
    health.tick(site.clocks())
    site.tick()
    while any(each.stream.source == "POD-30" for each in site.commands):
        site.do(next(each for each in site.commands if each.stream.source == "POD-30"))
        site.commands = type(site.commands)(each for each in site.commands if each not in site.done)
    assert overs(follow(site, health)) == []
    site.now += 10 * SECOND
    assert overs(health.tick(site.clocks())) == [frozenset({"POD-8"})]


def test_nothing_is_said_while_nothing_is_known_and_bad_news_at_once() -> None:
    site = Site(stream("a"), stream("b"))
    health = judged(site)
    health.tick(site.clocks())
    site.tick()
    assert health.end(site.clocks()) == []
    assert health.said() is None
    site.run(5.0)
    follow(site, health)
    tick(site, health)
    assert health.said() is True
    site.script["b"].append(TransientError("away", "hint"))
    assert HealthNews() in tick(site, health)
    assert health.said() is False
    site.run(5.0)  # a retry: it is well again, and all is known
    assert HealthNews() in follow(site, health)
    assert health.said() is True


def test_the_interval_is_measured_between_two_ticks_of_telegraf() -> None:
    site = Site(stream("a")).start()
    health = judged(site)
    tick(site, health)
    assert health.board.interval == INTERVAL
    tick(site, health)
    assert health.board.interval == 11 * SECOND
    assert health.board.streams["POD-8/a"].max_lag == lag_of(LAG_INTERVALS, 11 * SECOND)


@pytest.mark.parametrize("seconds", [1, 10, 300])
def test_every_bound_of_health_follows_the_interval(seconds: int) -> None:
    site = Site(stream("a"), stream("b", max_lag=420 * SECOND))
    health = Health(site.collector, site.streams, seconds * SECOND, lambda _name: (Effort(), False), site.clocks())
    health.ticked(site.clocks())
    patient, one_of_its_own = health.board.streams.values()
    assert (patient.max_lag, patient.patience) == (lag_of(3, seconds * SECOND), lag_of(2, seconds * SECOND))
    assert (one_of_its_own.max_lag, one_of_its_own.patience) == (420 * SECOND, lag_of(2, seconds * SECOND))


def test_what_was_not_read_by_the_second_tick_of_a_start_is_not_called_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger and the first mark took their time; health would be bad for an interval after a reload."""
    monkeypatch.setattr(Account, "progress", lambda *_: IN_TIME)
    site = Site(stream("a"))
    health = judged(site)
    monkeypatch.setattr(SourceTasks, "late", lambda *_: {"POD-8/a"})
    for _ in range(2):
        health.tick(site.clocks())
    assert not health.board.streams["POD-8/a"].late
    site.now += 121 * SECOND  # the start is over
    health.tick(site.clocks())
    assert health.board.streams["POD-8/a"].late
