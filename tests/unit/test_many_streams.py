"""What many streams cost, by what is asked and not by a clock: as much as few, but for what is their own."""

from __future__ import annotations

from collections import Counter

import pytest

from telegraf_plugin.errors import CentralError, PermanentError
from telegraf_plugin.stream import jobs
from telegraf_plugin.stream.asking import CALM_PATIENCE, CALM_STREAMS
from telegraf_plugin.stream.commands import Command, MarkPrinted, ReadMarkIds
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.source_tasks import MOST_TOGETHER
from telegraf_plugin.stream.spans import NOTHING
from telegraf_plugin.stream.sweep import FULL
from telegraf_plugin.stream.task import LITTLE
from telegraf_plugin.stream.watched import FAR, released
from tests.unit.core_bench import BEGIN, HOUR, SECOND, Site, stream


def many(sources: int, each: int) -> list[StreamDefinition]:
    return [
        stream(f"s{number}", source=f"POD-{source}", central_bucket=f"landing-{number % 2}")
        for source in range(sources)
        for number in range(each)
    ]


def settled(sources: int, each: int, **options: int) -> Site:
    """A site whose streams bring little, as they have shown."""
    site = Site(*many(sources, each), **options).start()
    for _ in range(2):
        site.cycle()
        site.run(58.0)
    return site


def batches(commands: list[Command], kind: type) -> Counter[str]:
    """How many batches of each source there were with such a job."""
    found = {(each.stream.source, each.batch) for each in commands if isinstance(each.job, kind)}
    return Counter(source for source, _ in found)


@pytest.mark.parametrize("each", [7, 40])
def test_a_tick_takes_as_many_batches_of_a_source_however_many_streams_it_has(each: int) -> None:
    site = settled(3, each)
    site.tick()
    done = site.run(58.0)
    for kind in (jobs.Copy, jobs.Check):
        found = batches(done, kind)
        assert set(found) == {"POD-0", "POD-1", "POD-2"}
        assert max(found.values()) <= 2
    assert sum(isinstance(command.job, jobs.Copy) for command in done) == 3 * each  # each is copied


@pytest.mark.parametrize("each", [7, 40])
def test_a_tick_takes_as_many_looks_at_a_bucket_however_many_streams_land_there(each: int) -> None:
    site = settled(3, each)
    site.asked.clear()
    site.tick()
    site.run(58.0)
    asked = Counter((type(question), question.bucket) for question in site.asked)
    assert {bucket for _, bucket in asked} == {"landing-0", "landing-1"}
    most = 1 if each > CALM_STREAMS else 2
    assert all(1 <= asked[ReadMarkIds, bucket] <= most for bucket in ("landing-0", "landing-1"))
    of_requests = Counter(each.bucket for each in site.asked if isinstance(each, ReadMarkIds) and each.asked)
    assert of_requests == {"landing-0": 1, "landing-1": 1}
    assert {kind for kind, _ in asked} == {ReadMarkIds}  # and nothing besides


def test_what_has_landed_of_all_buckets_is_counted_at_once_when_all_is_back() -> None:
    site = settled(3, 10)
    site.tick()
    site.until(jobs.Land)
    lands = [each for each in site.commands if isinstance(each.job, jobs.Land)]
    assert len(lands) == 30
    assert len({(each.stream.source, each.batch) for each in lands}) == 3


def test_a_bucket_that_does_not_answer_keeps_no_other_from_being_counted() -> None:
    site = settled(3, 10)
    site.away["landing-1"] = CentralError("away", "wait")
    site.tick()
    done = site.run(20.0)
    counted = Counter(each.stream.central_bucket for each in done if isinstance(each.job, jobs.Land))
    assert counted["landing-0"] == 15
    assert not counted["landing-1"]


def test_what_is_back_waits_for_others_marks_and_for_no_series_of_them_that_does_not_end() -> None:
    site = settled(3, 10)
    first, second, *_ = site.collector.tasks.values()
    buckets = site.collector.watch._buckets
    mark, _ = first.account.template(first.ticked, NOTHING).make(site.now)
    site.hand_in(MarkPrinted(first.stream.id, mark, None))
    now, back = site.clocks(), buckets[second.stream.central_bucket].back
    back[second.stream.id] = now.steady - CALM_PATIENCE + 1
    assert released(buckets.values(), now) == set()
    back[second.stream.id] -= 1
    assert released(buckets.values(), now) == {second.stream.id}
    assert not back


def test_the_marks_of_an_hour_and_of_a_day_are_looked_over_less_often_where_the_streams_are_many() -> None:
    site = settled(3, 10)
    begun = site.now
    far: list[bool] = []
    while site.now < begun + 2 * FAR:
        site.asked.clear()
        site.tick()
        site.run(60.0)
        looks = [each for each in site.asked if isinstance(each, ReadMarkIds) and each.bucket == "landing-0"]
        far.append(any(each.start < site.now - HOUR for each in looks))
    assert sum(far) <= 2
    assert len(far) >= 20


def test_one_that_brings_much_ends_its_batch_and_one_that_has_failed_is_alone_until_it_is_well() -> None:
    site = settled(1, 5)
    task = next(iter(site.collector.tasks.values()))
    name = task.stream.name
    site.script[name].append(PermanentError("no", "act"))
    site.tick()
    site.run(58.0)
    assert not task.brings_little
    site.tick()
    done = site.run(58.0)
    mine = {each.batch for each in done if each.stream.name == name and isinstance(each.job, jobs.Check | jobs.Copy)}
    for batch in mine:
        assert [each.stream.name for each in done if each.batch == batch][-1] == name
    assert task.brings_little
    site.tick()
    done = site.run(58.0)
    assert max(batches(done, jobs.Copy).values()) == 1


def test_how_much_is_little_and_how_many_go_together_is_bounded() -> None:
    site = settled(1, MOST_TOGETHER + 5)
    site.tick()
    sizes = Counter(each.batch for each in site.commands)
    assert max(sizes.values()) == MOST_TOGETHER
    assert LITTLE * MOST_TOGETHER <= 250_000  # points, as of one comparison


def test_where_several_may_be_in_hand_nobody_waits_in_a_batch_for_them() -> None:
    site = settled(1, 12, at_once=3)
    site.tick()
    assert sorted(Counter(each.batch for each in site.commands).values()) == [4, 4, 4]


def test_the_sweeps_of_many_streams_take_no_more_of_the_time_than_those_of_four() -> None:
    def swept(streams: int) -> int:
        site = Site(*(stream(f"s{number}") for number in range(streams)), sweep=0.02).start()
        for _ in range(30):
            site.tick()
            site.run(60.0)
        return sum(isinstance(each.job, jobs.Recheck) for each in site.done)

    few, more = swept(FULL), swept(10 * FULL)
    assert few > 4 * FULL
    assert more <= 2 * few + 10 * FULL  # and one of each at the start


def test_a_small_site_is_looked_at_as_soon_as_ever() -> None:
    site = Site(*(stream(f"s{number}") for number in range(CALM_STREAMS))).start()
    site.asked.clear()
    site.tick()
    assert site.readings
    assert BEGIN < site.now < BEGIN + 60 * SECOND


def test_what_lies_in_the_future_of_a_sources_streams_is_counted_together_once_an_hour() -> None:
    site = settled(3, 10)
    before, ticks = len(site.done), 75
    for _ in range(ticks):
        site.tick()
        site.run(60.0)
    found = batches(site.done[before:], jobs.Foresee)
    assert set(found) == {"POD-0", "POD-1", "POD-2"}
    assert max(found.values()) <= 2
    assert sum(isinstance(each.job, jobs.Foresee) for each in site.done[before:]) >= 30
