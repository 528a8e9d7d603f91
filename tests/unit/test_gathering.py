"""When the small proofs of many streams are begun: all at once, behind what a tick has asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from telegraf_plugin.stream import jobs
from telegraf_plugin.stream.asking import CALM_STREAMS
from telegraf_plugin.stream.commands import Command
from telegraf_plugin.stream.gathering import MARKS_PATIENCE, PATIENCE, Gathering, Proofs
from telegraf_plugin.stream.places import PLACES
from tests.unit.core_bench import SECOND, Site, stream

MANY = [f"site-{number:02}" for number in range(PLACES + 9)]


def crowd(sweep: float = 0.0) -> Site:
    """More sources than places, of a stream each that brings little, as it has shown."""
    site = Site(*(stream("a", source=name) for name in MANY), sweep=sweep).start()
    for _ in range(2):
        site.cycle()
        site.run(58.0)
    return site


def proofs(commands: list[Command]) -> list[str]:
    return [each.stream.source for each in commands if isinstance(each.job, jobs.Prove)]


def steps(site: Site) -> Iterator[list[Command]]:
    """Work for half a minute, one thing at a time; yields what is to be done before each."""
    end = site.now + 30 * SECOND
    while site.now < end:
        yield list(site.commands)
        if site.commands:
            site.do()
        elif site.readings:
            site.look()
        else:
            site.wait(0.2)


def until_proofs(site: Site) -> list[str]:
    """Work from tick to tick until something is proved; returns whose proofs are handed out just then."""
    for _ in range(20):
        site.tick()
        for found in steps(site):
            proved = proofs(found)
            if proved:
                return proved
        site.run(59.0)
    return []


def test_all_sources_prove_at_once_when_the_last_of_them_has_done_what_the_tick_asked_for() -> None:
    site = crowd()
    assert sorted(until_proofs(site)) == MANY
    assert not [each for each in site.commands if each.of_the_tick]


def test_a_source_that_hangs_keeps_the_others_proofs_for_a_moment_and_no_longer() -> None:
    site = crowd()
    until_proofs(site)
    site.work()
    site.run(59.0)
    proved: list[str] = []
    for _ in range(20):
        site.tick()
        begun = site.now
        hangs = next(each for each in site.commands if each.stream.source == MANY[0])
        site.commands.remove(hangs)
        before = len(site.done)
        site.run((PATIENCE - 1) / SECOND)
        assert not proofs(site.done[before:])
        site.run(2 / SECOND)
        proved = proofs(site.done[before:])
        site.do(hangs)
        site.run(59.0)
        assert site.now - begun >= 59 * SECOND
        if proved:
            break
    assert sorted(proved) == MANY[1:]


def test_what_has_landed_of_all_sources_is_counted_at_once_however_many_places_there_are() -> None:
    site = crowd()
    places = site.collector._places
    for _ in range(PLACES):
        places.take("another")
    site.tick()
    site.until(jobs.Land)
    assert sorted(each.stream.source for each in site.commands if isinstance(each.job, jobs.Land)) == MANY
    assert places._free == 0


def test_all_sources_go_over_what_is_proved_at_once_behind_a_tick_and_places_are_not_needed() -> None:
    site = crowd(sweep=0.02)
    before = len(site.done)
    rounds: list[int] = []
    for _ in range(20):
        site.tick()
        for commands in steps(site):
            handed = [each.stream.source for each in commands if isinstance(each.job, jobs.Recheck)]
            if handed:
                rounds.append(len(handed))
                break
        quiet = len(site.done) + len(site.commands)
        site.run(59.0)
        late = [each for each in site.done[quiet:] if isinstance(each.job, jobs.Recheck)]
        assert len(late) <= len(MANY)  # what a first piece is followed by, not one after the other
    assert rounds
    assert all(each == len(MANY) for each in rounds), rounds
    swept = Counter(each.stream.source for each in site.done[before:] if isinstance(each.job, jobs.Recheck))
    assert set(swept) == set(MANY)


def test_what_is_gone_over_by_hash_is_as_short_as_what_is_proved_and_needs_no_place() -> None:
    site = crowd(sweep=0.02)
    for _ in range(120):
        site.tick()
        site.run(60.0)
    hashed = [each for each in site.done if isinstance(each.job, jobs.Recheck) and each.job.by_hash]
    assert {each.stream.source for each in hashed} == set(MANY)
    assert max(each.job.span[1] - each.job.span[0] for each in hashed) == site.streams[0].lookback  # type: ignore[union-attr]
    assert all(each.prompt for each in hashed)


def test_who_proves_something_behind_each_tick_goes_over_what_is_proved_all_the_same() -> None:
    lookback = 30 * SECOND
    site = Site(*(stream("a", source=name, lookback=lookback) for name in MANY), sweep=0.02).start()
    for _ in range(20):
        site.tick()
        site.run(60.0)
    assert min(Counter(proofs(site.done)).values()) > 15
    swept = Counter(each.stream.source for each in site.done if isinstance(each.job, jobs.Recheck))
    assert set(swept) == set(MANY)


def test_what_lies_in_the_future_is_counted_behind_a_tick_too() -> None:
    site = crowd()
    asked: set[str] = set()
    for _ in range(15):
        site.tick()
        for commands in steps(site):
            foreseen = {each.stream.source for each in commands if isinstance(each.job, jobs.Foresee)}
            assert not foreseen or not any(each.of_the_tick for each in commands)
            asked |= foreseen
        if asked:
            break
        site.run(29.0)
    assert sorted(asked) == MANY  # of one tick


def test_few_streams_prove_as_soon_as_something_has_settled() -> None:
    site = Site(*(stream(f"s{number}") for number in range(CALM_STREAMS))).start()
    between = 0
    for _ in range(20):
        site.cycle()
        before = len(site.done)
        site.run(58.0)
        between += len(proofs(site.done[before:]))
    assert between


def test_each_stream_of_a_crowd_is_proved_once_a_lookback() -> None:
    site = crowd()
    ticks = 20
    before = len(site.done)
    for _ in range(ticks):
        site.tick()
        site.run(60.0)
    times = Counter(proofs(site.done[before:]))
    lookbacks = ticks * 60 * SECOND // site.streams[0].lookback
    assert set(times) == set(MANY)
    assert all(lookbacks - 1 <= each <= lookbacks + 1 for each in times.values()), times


def yes() -> bool:
    return True


def test_it_is_time_once_a_tick() -> None:
    gathering = Gathering(many=True)
    assert (gathering.proofs, gathering.wakes_at()) == (Proofs.ANY_TIME, None)
    gathering.tick(100)
    assert (gathering.proofs, gathering.wakes_at()) == (Proofs.NOT_YET, 100 + PATIENCE)
    assert not gathering.begins(False, yes, 100 + PATIENCE - 1)
    assert gathering.begins(False, yes, 100 + PATIENCE)
    assert not gathering.begins(True, yes, 100 + PATIENCE)
    assert (gathering.proofs, gathering.wakes_at()) == (Proofs.NOW, None)
    gathering.tick(200)
    assert gathering.begins(True, yes, 200)


def test_what_is_on_its_way_is_waited_for_a_little_longer_and_for_half_a_tick_at_the_most() -> None:
    gathering = Gathering(many=True)
    gathering.tick(0)
    assert not gathering.begins(True, lambda: False, 1)
    assert gathering.wakes_at() == MARKS_PATIENCE
    assert not gathering.begins(True, lambda: False, MARKS_PATIENCE - 1)
    assert gathering.begins(True, lambda: False, MARKS_PATIENCE)
    tick = 10 * SECOND
    gathering.tick(tick)
    assert not gathering.begins(True, lambda: False, tick + 5 * SECOND - 1)
    assert gathering.begins(True, lambda: False, tick + 5 * SECOND)


def test_few_need_not_wait() -> None:
    gathering = Gathering(many=False)
    gathering.tick(100)
    assert (gathering.proofs, gathering.wakes_at()) == (Proofs.ANY_TIME, None)
    assert not gathering.begins(True, yes, 100)
