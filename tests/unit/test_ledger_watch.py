"""The watch on the ledger: what it reads at a start and of marks, what it tells the streams, and what the log."""

from __future__ import annotations

from dataclasses import replace

from telegraf_plugin.errors import CentralError
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.commands import ReadLedger, ReadMarkIds, ReadOrigins
from telegraf_plugin.stream.definition import StreamId
from telegraf_plugin.stream.ledger import Believed, Mark, MarkId, Origin
from telegraf_plugin.stream.ledger_watch import MIRROR_PATIENCE, OVERDUE
from telegraf_plugin.stream.progress import State
from telegraf_plugin.stream.request import Kind, Request
from telegraf_plugin.stream.spans import NOTHING, Spans, span
from tests.unit.core_bench import BEGIN, HOUR, SECOND, Site, stream

A, B, C = stream("a", central_bucket="one"), stream("b", central_bucket="one"), stream("c", central_bucket="two")


BELIEVED = Believed(
    Mark(MarkId(BEGIN - SECOND, "before"), None, A.hash, BEGIN - HOUR, BEGIN - HOUR, span(BEGIN - HOUR, BEGIN - 60)),
    NOTHING,
)
ORIGIN = Origin(A.hash, BEGIN - 2 * HOUR, BEGIN - 2 * HOUR, BEGIN - 2 * HOUR)


def fresh() -> Site:
    return Site(A, B, C)


def running() -> Site:
    return fresh().start()


def other(time: int, run: str = "other") -> Mark:
    return Mark(MarkId(time, run), None, A.hash, 0, 0, printed=span(BEGIN - 90 * SECOND, BEGIN - 80 * SECOND))


def states(site: Site) -> list[State]:
    return [site.task(name).state for name in "abc"]


# A start


def test_what_the_ledger_says_is_told_to_streams_that_wait_for_it() -> None:
    site = fresh()
    site.believed[A.id] = BELIEVED
    site.present[A.id][BELIEVED.mark.id] = BELIEVED.mark
    site.origins[B.id] = ORIGIN
    site.kept = Bucket(0, HOUR)
    site.run(1.0)
    a, b, c = (site.task(name) for name in "abc")
    assert a.account.began == BEGIN - HOUR
    assert a.account.book.base is not None
    assert not a.account.foreign_among([BELIEVED.mark.id])  # it is no news
    assert b.course.origin == ORIGIN.oldest
    assert c.course.origin == BEGIN - 100 * SECOND
    assert [task.central for task in (a, b, c)] == [True] * 3
    assert states(site) == [State.RUNNING] * 3


def test_while_the_metrics_bucket_cannot_be_read_a_new_stream_waits_and_one_with_a_mark_does_not() -> None:
    site = fresh()
    site.away["metrics"] = CentralError("not there", "make it")
    site.believed[A.id] = BELIEVED
    site.present[A.id][BELIEVED.mark.id] = BELIEVED.mark
    site.run(5.0)
    assert states(site) == [State.RUNNING, State.LOADING, State.LOADING]
    assert site.said("metrics (metrics)") == 1
    site.origins[B.id] = ORIGIN
    site.away.clear()
    site.run(1.0)
    assert states(site) == [State.RUNNING] * 3
    assert site.task("b").course.origin == ORIGIN.oldest
    assert site.said("metrics (metrics) can be read again") == 1


def test_a_metrics_bucket_that_hangs_holds_up_the_marks_of_no_stream() -> None:
    """A new stream of the same bucket waits for it, and asked for it at each look."""
    site = fresh()
    site.believed[A.id] = BELIEVED
    site.present[A.id][BELIEVED.mark.id] = BELIEVED.mark
    site.slow["metrics"] = SECOND
    site.away["metrics"] = CentralError("timed out", "later")
    site.run(60.0)
    assert states(site)[:2] == [State.RUNNING, State.LOADING]
    asked = sum(isinstance(each, ReadOrigins) for each in site.asked)
    assert 2 < asked <= 60 // (1 + MIRROR_PATIENCE) + 2


def test_a_ledger_that_is_long_or_cannot_be_read_holds_up_no_other() -> None:
    site = fresh()
    site.long.add(A.id)
    site.unreadable[C.id] = CentralError("of format 9", "run that version", permanent=True)
    site.run(5.0)
    assert states(site) == [State.LOADING, State.RUNNING, State.LOADING]
    assert site.said("POD-8/c: of format 9; run that version") == 1
    site.long.clear()
    site.unreadable.clear()
    site.run(1.0)
    assert states(site) == [State.RUNNING] * 3
    assert site.said("POD-8/c: its ledger can be read again") == 1


def test_a_ledger_that_waits_for_its_source_is_not_read_again_at_each_look() -> None:
    site = fresh()
    site.look()
    for _ in range(50):
        site.wait(0.2)
        site.look()
    assert sum(isinstance(each, ReadLedger) for each in site.asked) == 2  # a bucket each, though nobody has adopted
    site.wait(30)
    site.look()
    assert sum(isinstance(each, ReadLedger) for each in site.asked) == 4


def test_a_newer_reading_that_comes_while_one_is_adopted_is_adopted() -> None:
    """What landed between the two is news: known without being adopted, it would never be compared."""
    site = Site(A)
    site.look()
    (command,) = site.commands
    between = other(BEGIN + SECOND)
    site.present[A.id][between.id] = between
    task = site.task("a")
    assert task.account.foreign_among([between.id]) == [between.id]
    site.wait(31)
    site.believed[A.id] = Believed(replace(between, began=2), NOTHING)
    site.look()
    site.commands.clear()
    site.do(command)
    assert task.account.began == 2
    assert task.account.foreign_among([between.id]) == []


# Marks


def test_a_central_that_lost_a_mark_is_told_and_the_ledger_read_again() -> None:
    site = running()
    site.cycle()
    origin = site.task("a").course.origin
    site.present[A.id].clear()
    site.tick()
    site.look()
    assert site.said("POD-8/a: central has lost its newest mark") == 1
    assert states(site)[0] is State.LOADING
    site.run(1.0)
    assert states(site) == [State.RUNNING] * 3
    assert site.task("a").course.origin == origin  # the one that this run remembers


def test_a_ledger_that_went_back_is_believed_before_what_this_run_remembers() -> None:
    site = running()
    site.cycle()
    later = BEGIN - 60 * SECOND
    mark = Mark(MarkId(BEGIN - HOUR, "before"), None, A.hash, later, later)
    site.present[A.id].clear()
    site.present[A.id][mark.id] = mark
    site.believed[A.id] = Believed(mark, NOTHING)
    site.tick()
    site.run(1.0)
    assert site.task("a").course.origin == later


def test_marks_of_other_runs_are_read_and_told_and_each_run_is_said_once() -> None:
    site = running()
    site.cycle()
    for number in range(2):
        mark = other(site.now - SECOND + number)
        site.present[A.id][mark.id] = mark
        site.cycle()
    third = other(site.now - SECOND, "third")
    site.present[A.id][third.id] = third
    site.cycle()
    site.cycle()
    assert site.task("a").account.foreign == 3  # once each
    assert site.said("another run of the collector writes as well (other)") == 1
    assert site.said("another run of the collector writes as well (third)") == 1


def test_foreign_marks_that_could_not_be_read_are_news_again_and_damaged_ones_are_not() -> None:
    site = running()
    site.cycle()
    mark, damaged = other(site.now - 2 * SECOND), other(site.now - SECOND)
    site.present[A.id] |= {mark.id: mark, damaged.id: damaged}
    site.damaged.add(damaged.id)
    site.tick()
    site.away["one"] = CentralError("no", "later")
    site.look()
    assert site.task("a").account.foreign == 0
    site.away.clear()
    site.run(2.0)
    site.cycle()
    assert site.task("a").account.foreign == 1
    assert not site.task("a").account.foreign_among([mark.id, damaged.id])


def test_marks_that_central_does_not_keep_are_not_looked_for() -> None:
    site = fresh()
    site.kept = Bucket(8 * HOUR, HOUR)
    site.run(1.0)
    site.cycle()
    asked = [each for each in site.asked if isinstance(each, ReadMarkIds)]
    assert asked
    assert all(site.now - each.start < 8 * HOUR and each.start < each.until for each in asked)


def test_a_mark_that_does_not_come_is_said_once_and_once_when_one_comes() -> None:
    site = running()
    site.open = False
    site.cycle()
    site.run(OVERDUE / SECOND - 5)
    assert site.said("does not arrive") == 0
    site.run(70.0)
    assert site.said("POD-8/a: what was printed does not arrive in central's bucket one") == 1
    site.flush()
    site.open = True
    site.run(5.0)
    assert site.said("POD-8/a: what is printed arrives in central's bucket one again") == 1
    assert site.said("does not arrive") == 3  # each stream's own


def test_what_comes_late_by_centrals_own_outage_accuses_no_output() -> None:
    """At the end of an outage the marks are as old as it was long, and Telegraf has yet to send them."""
    site = running()
    site.open = False
    site.cycle()
    site.away["one"] = CentralError("connection refused", "")
    site.run(600.0)
    assert site.said("cannot read the ledger in central's bucket one") == 1
    assert site.collector.watch.away == ["one"]
    site.away.clear()
    site.run(10.0)
    assert site.said("central's bucket one can be read again") == 1
    assert site.said("POD-8/a: what was printed does not arrive") == 0
    assert site.collector.watch.away == []


# Requests


def test_requests_are_handed_to_their_stream_at_each_tick() -> None:
    site = running()
    site.cycle()
    site.requests[StreamId("POD-8", "b")] = Request(
        "7", Kind.BACKFILL, Spans.of([(BEGIN - HOUR, BEGIN - HOUR + SECOND)]), False, 7
    )
    site.cycle()
    assert site.task("b").course.requested or site.task("b").account.request == "7"
    assert not site.task("a").course.requested
    assert not site.task("a").account.request
