"""The simulation of many sources and shards, in small: what it says, and that it says so when a rule is lacking."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab.simulation import document, studies, trouble
from lab.simulation.facts import facts
from lab.simulation.fleet import merged, simulate
from lab.simulation.meter import Wait
from lab.simulation.setting import AWAY_FROM, Setting
from lab.simulation.site import STEP, Line, count
from lab.simulation.world import Outcome, World
from telegraf_plugin.stream.course import Course
from telegraf_plugin.stream.definition import StreamId
from telegraf_plugin.stream.source_tasks import SourceTasks
from telegraf_plugin.stream.spans import Spans
from telegraf_plugin.stream.units import DAY, HOUR, MINUTE, SECOND

OUTAGE = Setting(sources=12, shards=2, length=HOUR, sweep=0.0, trouble=0.0, away=10 * MINUTE)
HISTORY = Setting(
    sources=1,
    shards=1,
    streams=6,
    length=20 * MINUTE,
    sweep=0.0,
    trouble=0.0,
    history=6 * HOUR,
    values=6000,
    line=Line(SECOND // 20, 50_000),
)
"""Six streams of one source have six hours each to be read, by a line that takes as long as that."""


def run(setting: Setting) -> Outcome:
    return simulate(setting, range(1, setting.shards + 1), 1)


def test_what_an_outage_of_central_and_the_end_of_a_shard_leave_is_made_up_for() -> None:
    world = World(OUTAGE, [1, 2])
    world.loop.at(OUTAGE.begin + 25 * MINUTE, lambda: world.kill(1))  # central is away then
    world.loop.at(OUTAGE.begin + 35 * MINUTE, lambda: world.start(1))
    outcome = world.run()
    assert outcome.wrong == []
    (away,) = outcome.troubles
    assert (away.start - OUTAGE.begin, away.stop - away.start) == (AWAY_FROM, 10 * MINUTE)
    assert away.lacked > 0
    assert away.took is not None
    assert 0 < away.took < 10 * MINUTE
    assert outcome.meters.live.longest < MINUTE
    assert outcome.meters.vain < 3 * outcome.meters.stream_ticks


def test_all_that_goes_wrong_in_a_week_goes_wrong_in_half_a_day_and_nothing_is_lost() -> None:
    setting = Setting(
        sources=8,
        shards=2,
        length=DAY // 2,
        interval=5 * MINUTE,
        lookback=15 * MINUTE,
        sweep=0.0,
        grow=DAY // 5,
        step=HOUR,
        history=DAY // 4,
        trouble=20.0,
    )
    outcome = run(setting)
    assert outcome.wrong == []
    kinds = {each.kind for each in outcome.troubles}
    assert kinds == {"central", "region", "shard", "shard, standby", "site"}
    assert [each for each in outcome.troubles if each.took is None] == []
    figures = facts(setting, [1, 2], outcome)
    assert figures["streams"] == 8
    assert sum(figures["hours"]["written"]) > 0
    assert "nothing called proved that was not there" in document.said("week", [{**figures, "took": 1.0}])


def test_the_same_seed_is_the_same_story_and_shards_apart_are_as_shards_together() -> None:
    setting = replace(OUTAGE, sources=6, length=30 * MINUTE, away=0)
    one, again = run(setting), run(setting)
    apart = merged([simulate(setting, [shard], 1) for shard in (1, 2)])
    for other in (again, apart):
        assert other.meters.asked_central.values == one.meters.asked_central.values
        assert {name: load.requests for name, load in other.loads.items()} == {
            name: load.requests for name, load in one.loads.items()
        }
    assert run(replace(setting, seed=2)).meters.read_sources.values != one.meters.read_sources.values


def test_a_source_is_asked_as_often_as_a_real_one_was() -> None:
    """By `python -m lab.ticks`, by Flux, one with 100 streams got 224 requests a tick of 15 s (docs/performance.md)."""
    setting = Setting(
        sources=1,
        shards=1,
        streams=100,
        length=3 * MINUTE,
        interval=15 * SECOND,
        lookback=MINUTE,
        sweep=0.0,
        trouble=0.0,
        buckets=1,
        at_once=2,
        line=Line(SECOND // 250, 1_000_000),
        values=500,
        together=False,
    )
    outcome = run(setting)
    ticks = MINUTE // setting.interval
    assert outcome.meters.asked_sources.values[2] / ticks == pytest.approx(224, rel=0.05)


def test_servers_are_asked_for_many_streams_in_one_request() -> None:
    """By `lab/many.py` 30 sources of three streams got 75 requests a tick, with those to find buckets, which are not
    simulated; and central's four buckets, of which three are, 48 (docs/performance.md).
    """
    setting = Setting(
        sources=30,
        shards=1,
        streams=3,
        length=5 * MINUTE,
        interval=10 * SECOND,
        lookback=50 * SECOND,
        sweep=0.0,
        trouble=0.0,
        line=Line(SECOND // 250, 1_000_000),
        values=100,
    )
    together, apart = run(setting).meters, run(replace(setting, together=False)).meters
    ticks = MINUTE // setting.interval
    assert 60 <= together.asked_sources.values[3] / ticks <= 75
    assert together.asked_central.values[3] / ticks < 48
    assert apart.asked_sources.values[3] / ticks > 180
    assert apart.asked_central.values[3] / ticks > 180


def test_all_outputs_of_a_shard_together_write_no_faster_than_its_part_of_central() -> None:
    setting = replace(HISTORY, streams=3, central=20_000, line=Line(SECOND // 20, 1_000_000))  # one in each bucket
    written = run(setting).meters.written.values
    assert 0.8 < max(written) / (setting.central // 10 * 60) <= 1.05


# Rules without which it says that something is wrong


def test_each_stream_of_a_source_has_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    longest = 30 * SECOND
    assert run(HISTORY).meters.live.longest < longest

    def first_again(self: SourceTasks, name: StreamId) -> None:
        """Whoever has done something is the first one again."""
        for names in (self._live, self._rest):
            names.pop(name, None)
        names = self._live if self.tasks[name].course.due else self._rest
        others = dict(names)
        names.clear()
        names.update({name: None, **others})

    monkeypatch.setattr(SourceTasks, "touch", first_again)
    assert run(HISTORY).meters.live.longest > longest


def test_live_data_comes_first_after_an_outage_of_central() -> None:
    """By two minutes after it; without the rules newest points wait longer than from one tick to the next."""
    away, dense = 20 * MINUTE, 10_000
    setting = Setting(
        sources=30,
        shards=1,
        length=AWAY_FROM + away + 8 * MINUTE,
        sweep=0.0,
        trouble=0.0,
        away=away,
        values=dense,
        central=60_000,
    )
    after = (AWAY_FROM + away) // MINUTE + 2
    meters = run(setting).meters
    assert max(meters.waited.values[after:]) < 30
    assert max(meters.stale.values[after:]) <= 2 * MINUTE // SECOND
    assert meters.vain < 3 * meters.stream_ticks  # it is not asked again and again for nothing
    with studies.who_comes_first_wins():
        meters = run(setting).meters
    assert max(meters.waited.values[after:]) > 60
    assert max(meters.stale.values[after:]) > 2 * MINUTE // SECOND


def test_a_core_that_wants_to_be_asked_all_the_time_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.simulation.shard.LEAST_WAKE", SECOND // 100)
    setting = replace(OUTAGE, sources=3, shards=1, length=AWAY_FROM + MINUTE, away=MINUTE)
    outcome = run(setting)
    assert outcome.meters.vain < 3 * outcome.meters.stream_ticks
    wakes_at = Course.wakes_at
    monkeypatch.setattr(
        Course, "wakes_at", lambda self, at: at.steady + 1 if self._count_failed else wakes_at(self, at)
    )
    outcome = run(setting)
    assert outcome.meters.vain > 10 * outcome.meters.stream_ticks


def test_a_ledger_that_forgets_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is called proved, and central lacks: a Course that proves what it has not compared."""
    monkeypatch.setattr("lab.simulation.jobs.Questions._landed", lambda self, span, read=False: self._source(span))
    setting = replace(OUTAGE, sources=3, shards=1)
    world = World(setting, [1])
    for output in world.outputs[1].values():  # what they hold never lands, and everybody says that it has
        world.loop.at(setting.begin + AWAY_FROM + 5 * MINUTE, output.kill)
    assert any("are called proved, and central lacks them" in text for text in world.run().wrong)


# What it is made of


def test_a_count_is_of_the_points_whose_time_is_in_it() -> None:
    assert count(Spans.of([(0, 1)]), 5) == 5
    assert count(Spans.of([(1, STEP)]), 5) == 0
    assert count(Spans.of([(1, STEP + 1), (2 * STEP, 4 * STEP)]), 5) == 15


def test_a_site_hands_in_its_points_late_and_its_clock_may_be_set() -> None:
    setting = replace(OUTAGE, sources=1, shards=1)
    site = setting.site("site-0001")
    begin, now = setting.begin, setting.begin + HOUR
    assert site.there(now).parts[-1][1] <= now - site.late + STEP
    site.stalls = Spans.of([(now, now + trouble.LONGEST_STALL)])
    assert site.there(now + trouble.LONGEST_STALL - 1) == site.there(now)
    assert site.there(now + trouble.LONGEST_STALL).parts[-1][1] > now
    site.stalls = Spans()
    site.jump(now + HOUR, 10 * MINUTE)
    ahead = site.there(now + HOUR + MINUTE)
    assert len(ahead.parts) == 2  # there is nothing of the time that was left out
    site.jump(now + 2 * HOUR, 0)
    assert site.there(now + 2 * HOUR + MINUTE).parts[-1][1] > now + 2 * HOUR + 9 * MINUTE  # the future stays
    assert begin < now


def test_sources_grow_from_three_by_the_same_factor() -> None:
    setting = Setting(sources=1000, grow=DAY, step=HOUR)
    joined = [
        sum(setting.joins(number) <= setting.begin + hour * HOUR for number in range(1, 1001)) for hour in range(25)
    ]
    assert (joined[0], joined[24]) == (3, 1000)
    assert joined == sorted(joined)
    assert 40 < joined[12] < 70


@pytest.mark.parametrize("seed", range(1, 6))
def test_long_outages_of_many_happen_when_all_sources_are_there(seed: int) -> None:
    setting = Setting(seed=seed, grow=3 * DAY)
    region = trouble.of_region(setting)
    assert region is not None
    many = [*trouble.of_central(setting), region[0], *(each for n in (1, 2) for each in trouble.of_shard(setting, n))]
    long = [each for each in many if each.stop - each.start >= trouble.LONG]
    assert [each.kind for each in long] == ["central", "region", "shard", "shard"]
    assert all(each.start >= setting.begin + setting.grow for each in long)
    whenever = [each.start for seed in range(5) for each in trouble.of_central(replace(setting, seed=seed))]
    assert min(whenever) < setting.begin + setting.grow // 2


def test_whoever_waits_has_a_longest_wait_of_their_own() -> None:
    wait, other = Wait(), Wait()
    wait.add(3, "a", 10)
    wait.still(5, "a", 12)
    wait.add(4, "b", 12)
    other.add(1, "c", 11)
    wait.plus(other)
    assert wait.of_each == {"a": 5, "b": 4, "c": 1}
    assert (wait.longest, wait.whose, wait.count, wait.total) == (5, "a", 3, 8)


def test_the_parts_of_the_document_are_made_anew(tmp_path: Path) -> None:
    runs = studies.calm(1, 1, (3,))
    text = "before\n<!-- make simulation, calm: begin -->\nold\n<!-- make simulation, calm: end -->\nafter\n"
    renewed = document.renewed(text, "calm", document.said("calm", runs))
    assert "old" not in renewed
    assert "| 3 | 1 | 3 |" in renewed
    assert renewed.startswith("before\n")
    assert renewed.endswith("-->\nafter\n")
    with pytest.raises(ValueError, match="no <!-- make simulation, week"):
        document.renewed(text, "week", "")
