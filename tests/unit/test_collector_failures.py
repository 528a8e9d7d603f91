"""The collector by its one door: what fails is tried again, and keeps no other stream from being read."""

from __future__ import annotations

from itertools import pairwise

import pytest

from telegraf_plugin.errors import BadReply, CentralError, NoRoom, PermanentError, SourceError, TransientError
from telegraf_plugin.stream import jobs
from telegraf_plugin.stream.commands import PrintMark, Probe
from telegraf_plugin.stream.definition import Start
from tests.unit.core_bench import BEGIN, HOUR, SECOND, Site, stream
from tests.unit.test_collector import names_of, transient


@pytest.fixture
def site() -> Site:
    return Site().start()


def test_one_streams_failure_is_its_own(site: Site) -> None:
    error = PermanentError("not found (404)", "check the bucket")
    site.script["b"].append(error)
    attempts = site.cycle()
    assert [(each.stream.name, each.error) for each in attempts] == [("a", None), ("b", error), ("c", None)]
    assert site.idle() == [1]
    assert [each.error for each in site.cycle()] == [None, None, None]


@pytest.mark.parametrize("error", [transient(), BadReply("what", "hint")])
def test_what_may_pass_by_itself_is_tried_again_until_it_has(error: SourceError) -> None:
    site = Site(stream("a"), stream("b")).start()
    site.script["a"].extend([error] * 4)
    site.tick()
    times: list[int] = []
    while len(times) < 5:
        before = len(site.attempts())
        site.run(0.1)
        times += [site.now] * sum(each.stream.name == "a" for each in site.attempts()[before:])
    waits = [(after - before) / SECOND for before, after in pairwise(times)]
    assert waits == pytest.approx([1, 2, 4, 8], abs=0.11)
    site.run(5.0)
    assert site.copies() == {"a": 5, "b": 1}  # no retry after the success


def test_what_somebody_must_mend_waits_for_the_next_tick() -> None:
    site = Site(stream("mend"), stream("pass")).start()
    site.script["mend"].extend([PermanentError("what", "hint")] * 2)
    site.script["pass"].extend([transient()] * 4)
    site.tick()
    site.run(30.0)
    assert site.copies() == {"mend": 1, "pass": 5}
    site.tick()
    site.run(1.0)
    assert site.copies() == {"mend": 2, "pass": 6}


def test_a_tick_is_a_retry() -> None:
    site = Site(stream("a")).start()
    site.script["a"].extend([transient()] * 5)
    for _ in range(5):
        assert [each.error is None for each in site.cycle()] == [False]
        site.now -= SECOND
    assert [each.error is None for each in site.cycle()] == [True]


def test_a_stream_that_the_server_wants_left_alone_is_left_alone_by_ticks() -> None:
    site = Site(stream("a"), stream("b")).start()
    site.script["a"].append(transient(retry_after=3600.0))
    assert names_of(site.cycle()) == ["a", "b"]
    assert names_of(site.cycle()) == ["b"]
    assert site.idle() == [1, 2]
    site.wait(3600)
    assert set(names_of(site.cycle())) == {"a", "b"}


def test_a_source_whose_every_stream_is_left_alone_is_idle_at_once() -> None:
    site = Site(stream("a")).start()
    site.script["a"].append(transient(retry_after=3600.0))
    site.cycle()
    site.tick()
    assert site.idle() == [1, 2]
    assert not site.commands


def test_retries_that_are_due_keep_no_healthy_stream_from_being_read() -> None:
    site = Site().start()
    for name in "ab":
        site.script[name] += [transient()] * 1000
    for tick in range(1, 6):
        before = len(site.done)
        site.tick()
        site.work()
        place = next(at for at, each in enumerate(site.done[before:]) if each.stream.name == "c")
        assert place <= 3, tick
        site.wait(70)


def test_a_stream_without_room_is_given_up_without_failing() -> None:
    site = Site(stream("a"), limit=4).start()
    site.open = False
    assert [attempt.error for attempt in site.cycle()] == [None]
    (probe,) = site.cycle()  # two lines more have no room; the source answers
    assert (probe.points_read, probe.points_sent, probe.error) == (0, 0, None)
    site.flush()
    site.run(5.0)
    site.open = True
    assert [attempt.error for attempt in site.cycle()] == [None]
    assert site.copies()["a"] >= 2


def test_a_read_that_finds_no_room_half_way_fails_nobody(site: Site) -> None:
    site.script["a"].append(NoRoom("full"))
    attempts = site.cycle()
    assert [each.error for each in attempts] == [None] * len(attempts)
    assert not site.said("")


def test_while_central_cannot_be_compared_with_the_source_is_read() -> None:
    site = Site(stream("a")).start()
    site.uncounted = CentralError("central is away", "hint")
    site.cycle()
    asked = [each for each in site.done if not isinstance(each.job, jobs.Copy | PrintMark)]
    assert [attempt.error for attempt in site.cycle()] == [None]
    assert site.said("cannot be compared with central's bucket") == 1
    assert len([each for each in site.done if not isinstance(each.job, jobs.Copy | PrintMark)]) <= len(asked) + 1
    site.uncounted = None
    site.now += 30 * SECOND
    site.cycle()
    assert site.said("can be compared with central again") == 1


def test_a_source_that_had_nothing_to_be_asked_is_asked_all_the_same() -> None:
    """A stream that begins in the future is healthy only while its source answers."""
    site = Site(stream("a", start=Start(date=BEGIN + HOUR))).start()
    site.script["a"].append(TransientError("away", "hint"))
    (attempt,) = site.cycle()
    assert isinstance(site.done[-1].job, Probe)
    assert attempt.error is not None
    assert attempt.start == attempt.stop
