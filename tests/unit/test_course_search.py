"""Where the source is asked where it has something: the edges of empty time, and how often it is asked."""

from __future__ import annotations

from itertools import pairwise

from telegraf_plugin.stream.failures import SEARCHES
from telegraf_plugin.stream.jobs import Copy, Seek
from telegraf_plugin.stream.plan import EMPTY_COPIES
from telegraf_plugin.stream.spans import span
from tests.unit.course_bench import HOUR, LOOKBACK, SECOND, CourseBench, s, sp


def emptied(origin: int) -> CourseBench:
    """A stream in which the newest copies of a backlog that begins at `origin` found nothing, and are proved."""
    bench = CourseBench(origin)
    bench.ticked(0)
    for _ in range(EMPTY_COPIES):
        bench.copied(bench.next(), points=0)
        bench.proved(bench.next())
    return bench


def test_up_to_two_hours_are_read_rather_than_asked_for() -> None:
    copied = 1800 + HOUR
    job = emptied(-copied - 2 * HOUR).next()
    assert isinstance(job, Copy)
    assert job.span[1] == s(-copied)
    assert emptied(-copied - 2 * HOUR - 1).next() == Seek(sp(-copied - 2 * HOUR - 1, -copied))


def test_where_the_newest_point_is_the_last_of_all_nothing_is_empty() -> None:
    bench = emptied(-9 * HOUR)
    job = bench.next()
    assert isinstance(job, Seek)
    bench.course.sought(job, job.span[1] - 1, bench.at)
    assert not list(bench.course.pending)
    assert isinstance(bench.next(), Copy)


def test_a_first_point_is_looked_for_ever_less_up_to_once_an_hour() -> None:
    bench = CourseBench(-LOOKBACK)
    bench.course.origin_open = True
    bench.ticked(0)
    looks: list[int] = []
    for now in range(0, 6 * HOUR, 10):
        bench.ticked(now)
        job = bench.course.next(bench.at, True, False, False)
        if isinstance(job, Seek):
            looks.append(now)
            bench.course.sought(job, None, bench.at)
    waits = [later - first for first, later in pairwise(looks)]
    assert waits[0] == SEARCHES.first // SECOND
    assert waits[-2:] == [SEARCHES.longest // SECOND] * 2 == [HOUR] * 2


def test_a_search_that_fails_is_put_off_if_it_is_for_the_first_point_and_else_the_time_is_read() -> None:
    first = CourseBench(-LOOKBACK)
    first.course.origin_open = True
    first.ticked(0)
    job = first.next()
    assert isinstance(job, Seek)
    assert job.origin
    first.course.failed(job, "no answer", first.at, central=False)
    assert first.next() is None
    first.now = int(SEARCHES.first) // SECOND
    assert first.next() == job

    empty = emptied(-9 * HOUR)
    job = empty.next()
    assert isinstance(job, Seek)
    assert not job.origin
    empty.course.failed(job, "no answer", empty.at, central=False)
    empty.course.origin_open = True
    assert isinstance(empty.next(), Copy)
    empty.course.proved = span(*sp(-9 * HOUR, 0))
    found = empty.course.next(empty.at, True, True, False)
    assert isinstance(found, Seek)  # the first point's search waits for nothing
    assert found.origin
