"""A stream's account with the ledger: with what it begins, when it prints a mark, and how it stands."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telegraf_plugin.stream.account import LONGEST_WITHOUT_MARK, RENEW, Account, State
from telegraf_plugin.stream.block import FieldKey, FieldType
from telegraf_plugin.stream.bounds import Bounds
from telegraf_plugin.stream.clocks import Instant
from telegraf_plugin.stream.definition import Aggregate, AggregateFunction
from telegraf_plugin.stream.digest import Digest
from telegraf_plugin.stream.jobs import Copied, Copy
from telegraf_plugin.stream.ledger import Mark, MarkId, Origin
from telegraf_plugin.stream.pending import PendingState
from telegraf_plugin.stream.renames import TagRule
from telegraf_plugin.stream.request import Kind, Request
from telegraf_plugin.stream.spans import NOTHING, Spans, span
from tests.unit.course_bench import SECOND, T, at, s, seconds, sp
from tests.unit.marks import make_mark
from tests.unit.test_definition import STREAM

BASE = MarkId(s(-50), "before")
GROUP = FieldKey(b"m", b"f", FieldType.FLOAT)


def mark(proved: Spans = NOTHING, origin: int = -1000, began: int = -900, definition: str = STREAM.hash) -> Mark:
    held = {GROUP: span(*sp(-1000, -990))}
    return Mark(BASE, None, definition, s(origin), s(began), proved, held=held)


def adopted(mark: Mark | None = None, mirror: Origin | None = None, start: int = -100) -> Account:
    account = Account(STREAM, "me")
    account.adopt(mark, mirror, s(start), at(0))
    return account


def state(account: Account) -> State:
    """Where it stands now: mypy would go on with what it was."""
    return account.state


def running(mark: Mark | None = None, start: int = -100) -> Account:
    account = adopted(mark, start=start)
    first = make_mark(account, at(0))
    assert account.seen({first.id, BASE}) == first.id
    return account


# Adopting


def test_without_a_ledger_a_stream_begins_at_its_start() -> None:
    account = adopted(start=-3600)
    assert state(account) is State.STARTING
    assert (account.course.origin, account.began) == (s(-3600), T)  # before now it is history
    assert seconds(account.course.work(at(0))) == [(-3600, 0)]
    assert adopted(start=100).began == s(100)


def test_a_mark_of_the_same_definition_is_gone_on_with() -> None:
    account = adopted(mark(span(*sp(-1000, -400))))
    assert (account.course.origin, account.began) == (s(-1000), s(-900))
    assert seconds(account.course.work(at(0))) == [(-400, 0)]
    assert account.course.holds.spans() == {GROUP: span(*sp(-1000, -990))}
    assert account.book.base == BASE
    assert account.book.claimed == span(*sp(-1000, -400))


def test_what_a_mark_claims_and_is_not_settled_is_claimed_and_not_proved() -> None:
    account = adopted(mark(span(*sp(-1000, 0))))
    assert seconds(account.course.work(at(0))) == [(-300, 0)]
    assert account.book.claimed == span(*sp(-1000, 0))


def test_a_changed_definition_begins_where_the_old_one_was_not_proved() -> None:
    proved = Spans.of([sp(-1000, -700), sp(-600, -500)])
    account = adopted(mark(proved, definition="another"), Origin(STREAM.hash, s(-5000), 0, s(-5000)))
    assert account.course.origin == s(-700)
    assert seconds(account.course.work(at(0))) == [(-700, 0)]
    assert account.began == s(-900)
    assert account.book.claimed == proved
    assert account.course.holds.spans() == {GROUP: span(*sp(-1000, -990))}  # central goes on refusing
    assert account.mirror.oldest == s(-5000)


def test_what_an_earlier_definition_has_sent_and_not_proved_is_known_also_where_a_backfill_sent_it() -> None:
    made = mark(Spans.of([sp(-3000, -2500), sp(-1000, -700)]), definition="another")
    sent = Spans.of([sp(-3500, -2400), sp(-1000, -100)])
    found = adopted(replace(made, sent=sent)).redefined
    assert found is not None
    assert seconds(found) == [(-3500, -3000), (-2500, -2400), (-700, -100)]


def test_of_a_mark_and_its_mirror_the_lower_origin_counts() -> None:
    ledger = mark(span(*sp(-1000, -400)))
    assert adopted(ledger, Origin(STREAM.hash, s(-2000), 0, s(-2000))).course.origin == s(-2000)
    assert adopted(ledger, Origin(STREAM.hash, s(-20), 0, s(-20))).course.origin == s(-1000)
    assert adopted(ledger, Origin("another", s(-2000), 0, s(-2000))).course.origin == s(-1000)


def test_an_emptied_bucket_is_filled_from_the_lowest_origin_that_it_ever_had() -> None:
    account = adopted(None, Origin("another", s(-500), s(-4000), s(-5000)))
    assert (account.course.origin, account.began) == (s(-5000), s(-4000))
    assert seconds(account.course.work(at(0))) == [(-5000, 0)]
    assert account.book.base is None


# Marks


def test_a_mark_says_what_is_known_when_it_is_made() -> None:
    account = adopted(mark(span(*sp(-1000, -400))))
    printing = span(*sp(-400, -300)) + span(*sp(-100, 0))
    account.request = "7"
    made = make_mark(account, at(0), printing)
    assert made == Mark(
        id=MarkId(T, "me"),
        base=BASE,
        definition=STREAM.hash,
        origin=s(-1000),
        began=s(-900),
        proved=span(*sp(-1000, -400)),
        printed=Spans.of([sp(-400, -300), sp(-100, 0)]),
        held={GROUP: span(*sp(-1000, -990))},
        request="7",
        sent=Spans.of([sp(-400, -300), sp(-100, 0)]),
        sweep=account.course.sweep.place,
    )
    account.seen({BASE, made.id})
    second = make_mark(account, at(1))
    assert (second.base, second.printed) == (made.id, NOTHING)


def test_the_first_mark_is_due_at_once_and_then_asked_for_again() -> None:
    assert not Account(STREAM, "me").mark_due(at(0))
    account = adopted()
    assert account.mark_due(at(0))
    make_mark(account, at(0))
    assert not account.mark_due(at(4))
    assert account.mark_due(at(5))


def test_a_mark_is_due_when_one_is_waited_for_too_long() -> None:
    account = running()
    make_mark(account, at(10))
    assert not account.mark_due(at(14))
    assert not account.mark_due(at(15), central=False)  # then it waits in Telegraf's buffer
    assert account.mark_due(at(15))


def test_a_mark_without_it_is_due_as_soon_as_anything_is_not_proved_any_more() -> None:
    account = running(mark(span(*sp(-1000, -400))))
    assert not account.mark_due(at(1))
    account.stranger(replace(mark(), printed=span(*sp(-500, -450))), at(1))
    assert account.foreign == 1
    assert account.mark_due(at(1))
    make_mark(account, at(1))
    assert not account.mark_due(at(2))


def test_what_was_proved_is_in_the_ledger_within_a_minute() -> None:
    account = running()
    longest = LONGEST_WITHOUT_MARK // SECOND
    assert not account.mark_due(at(longest))  # nothing changed
    account.course.proved = span(*sp(-100, -50))
    assert not account.mark_due(at(longest - 1))
    assert account.mark_due(at(longest))


def test_a_mark_is_renewed_though_nothing_changes() -> None:
    account = running()
    assert not account.mark_due(at(RENEW // SECOND - 1))
    assert account.mark_due(at(RENEW // SECOND))
    account.renew = 100 * SECOND  # a short retention
    assert account.mark_due(at(100))


def test_the_origin_is_mirrored_when_it_changed_and_now_and_then() -> None:
    account = adopted(mark())

    def mirrored(seconds: int) -> Origin | None:
        """What is mirrored beside a mark that is made then; asked five times, since a question changes nothing."""
        origin = {account.template(at(seconds)).origin for _ in range(5)}
        make_mark(account, at(seconds))
        return origin.pop()

    assert mirrored(0) == Origin(STREAM.hash, s(-1000), s(-900), s(-1000))
    assert mirrored(RENEW // SECOND - 1) is None
    assert mirrored(RENEW // SECOND) is not None
    assert mirrored(RENEW // SECOND + 1) is None
    account.course.origin = s(-2000)
    assert mirrored(RENEW // SECOND + 1) == Origin(STREAM.hash, s(-2000), s(-900), s(-2000))
    account.course.origin = s(-500)
    assert mirrored(RENEW // SECOND + 1) == Origin(STREAM.hash, s(-500), s(-900), s(-2000))


# What central has


def test_a_stream_runs_when_a_mark_of_this_run_is_back() -> None:
    account = adopted(mark())
    assert account.seen({BASE}) is None
    assert state(account) is State.STARTING
    first = make_mark(account, at(0))
    assert account.seen({BASE, MarkId(T, "another")}) is None
    assert account.seen({BASE, first.id}) == first.id
    assert state(account) is State.RUNNING
    assert account.seen({BASE, first.id}) is None  # no news


def test_a_central_that_lost_the_newest_mark_is_read_again() -> None:
    account = running(mark(span(*sp(-1000, -400))))
    account.course.tick(at(0))
    job = account.course.next(at(0), True, True, False)
    assert isinstance(job, Copy)
    account.course.copied(job, Copied(Digest(), 5, make_mark(account, at(0)).id), at(0))
    assert account.seen({BASE}) is None
    assert state(account) is State.LOADING
    assert not account.course.proved
    assert not list(account.course.pending)
    assert account.seen({BASE}) is None  # until it is
    account.adopt(mark(), None, 0, at(10))
    assert state(account) is State.STARTING
    assert seconds(account.course.work(at(10))) == [(-1000, 10)]
    assert account.mark_due(at(10))


def test_marks_of_other_runs_are_news_once_and_not_when_the_ledger_held_them() -> None:
    account = adopted(mark())
    other, known = MarkId(T, "other"), MarkId(T + 1, "known")
    account.know([known])
    own = make_mark(account, at(0)).id
    assert account.foreign_among([own, other, known]) == [other]
    assert account.foreign_among([own, other, known]) == [other]  # until it is told
    account.stranger(Mark(other, None, "d", 0, 0), at(0))
    assert account.foreign_among([own, other, known]) == []


# How it stands


def test_nothing_is_known_of_a_stream_whose_ledger_is_not_read() -> None:
    progress = Account(STREAM, "me").progress(at(0))
    assert (progress.state, progress.lag, progress.proved_up_to, progress.left) == (State.LOADING, None, None, 0)
    assert progress.time_to_loss is None


def test_what_was_history_when_the_stream_was_first_seen_is_left_and_not_late() -> None:
    account = running(start=-3600)
    assert account.began == T
    progress = account.progress(at(0))
    assert (progress.left, progress.lag) == (3600 * SECOND, 0)
    progress = account.progress(at(60))
    assert (progress.left, progress.lag) == (3660 * SECOND, 60 * SECOND)
    account.course.proved = span(*sp(-300, 0))
    progress = account.progress(at(0))
    assert (progress.left, progress.lag, progress.proved_up_to) == (3300 * SECOND, 0, s(-3600))


def test_progress_tells_how_long_it_takes() -> None:
    account = running(start=-3600)
    assert account.progress(at(0)).to_go is None
    account.speed.copied(sp(-100, 0), points=500, seconds=2.0, steady=100 * SECOND)
    progress = account.progress(at(0))
    assert (progress.points_per_second, progress.to_go) == (250.0, 72 * SECOND)  # 50 s a second
    account.speed.copied(sp(-100, 0), points=500, seconds=1.0, steady=101 * SECOND)
    assert account.progress(at(0)).points_per_second == 300.0
    account.speed.copied(sp(-100, 0), points=500, seconds=0.0, steady=101 * SECOND)
    assert account.progress(at(0)).points_per_second == 300.0


def test_what_lies_between_two_reads_of_a_backlog_counts() -> None:
    account = running(start=-3600)
    for steady in range(100, 150):  # one hour with one point in it a second, each read in 10 ms
        account.speed.copied(sp(-100, 0), points=1, seconds=0.01, steady=steady * SECOND)
    progress = account.progress(at(0))
    assert (round(progress.points_per_second), round((progress.to_go or 0) / SECOND)) == (1, 36)
    account.speed.copied(sp(-100, 0), points=1, seconds=1.0, steady=1000 * SECOND)  # that was a pause
    assert round(account.progress(at(0)).points_per_second) == 1


def test_progress_tells_when_the_source_takes_what_is_not_copied() -> None:
    account = running(start=-3600)
    assert account.progress(at(0)).time_to_loss is None
    account.course.bounds = Bounds(expires=s(-3000), lost=s(-4000))
    assert account.progress(at(0)).time_to_loss == 400 * SECOND
    account.course.bounds = Bounds(expires=s(-2000), lost=s(-3000))
    assert account.progress(at(0)).time_to_loss == -600 * SECOND
    account.course.proved = span(*sp(-3600, 0))
    assert account.progress(at(0)).time_to_loss is None


def test_what_is_proved_up_to_now_lacks_nothing() -> None:
    account = running(start=-3600)
    account.course.proved = span(*sp(-3600, 0))
    progress = account.progress(at(0))
    assert (progress.lag, progress.left, progress.proved_up_to, progress.to_go) == (0, 0, T, None)


@pytest.mark.parametrize("ahead", [-3600, 3600])
def test_a_clock_that_jumps_does_not_let_marks_go_back(ahead: int) -> None:
    account = running()
    first = make_mark(account, at(10))
    second = make_mark(account, Instant(s(10), s(10 + ahead), s(11)))
    third = make_mark(account, at(12))
    assert first.id < second.id < third.id


# What is kept beside proofs


def test_what_was_asked_for_before_the_origin_is_filled_again_when_the_bucket_was_emptied() -> None:
    """Also where it does not touch the origin: the mirror in the bucket of metrics keeps it."""
    account = running(start=-1000)
    account.course.tick(at(0))
    account.ask(Request("1", Kind.BACKFILL, span(*sp(-5000, -4000)), False, 0), at(0))
    account.course.proved = span(*sp(-5000, -4000)) + span(*sp(-1000, 0))
    make_mark(account, at(1))
    assert account.mirror.islands == span(*sp(-5000, -4000))
    again = adopted(mirror=account.mirror)
    assert seconds(again.course.work(at(0))) == [(-5000, -4000), (-1000, 0)]


def test_a_mark_carries_what_was_printed_and_is_not_proved() -> None:
    account = running(start=-1000)
    account.course.tick(at(0))
    job = account.course.next(at(0), True, True, False)
    assert isinstance(job, Copy)
    account.course.copied(job, Copied(Digest(points=5), 5, None, 5), at(0))
    made = make_mark(account, at(0))
    assert made.sent == span(*job.span)
    later = adopted(made)
    assert later.course.pending.spans() == span(*job.span)
    assert all(each.state is PendingState.INHERITED for each in later.course.pending)


def test_a_mark_behind_the_lines_of_a_copy_carries_what_is_being_copied() -> None:
    """It is made before the outcome is known; a start would else call that lacking, and send it again."""
    account = running(start=-1000)
    account.course.tick(at(0))
    job = account.course.next(at(0), True, True, False)
    assert isinstance(job, Copy)
    made = make_mark(account, at(0), span(*job.span))
    assert made.sent == span(*job.span)
    assert adopted(made).course.pending.spans() == span(*job.span)
    assert account.course.next(at(0), False, False, False) is None  # it has come to nothing
    assert make_mark(account, at(1)).sent == NOTHING


def test_a_mark_carries_what_a_tick_is_about_to_copy_again() -> None:
    account = running(start=-20)
    account.course.tick(at(0))
    job = account.course.next(at(0), True, True, False)
    assert isinstance(job, Copy)
    account.course.copied(job, Copied(Digest(points=5), 0, None), at(0))
    account.course.tick(at(10))
    assert seconds(account.course.pending.spans()) == [(-20, -15)]
    assert seconds(make_mark(account, at(10)).sent) == [(-20, 0)]


def test_what_lies_before_a_start_is_not_known_to_be_lacking_until_it_was_time_to_look() -> None:
    """The collector was away for ten minutes: that central has lacked something for so long nobody knows yet."""
    account = running(mark(span(*sp(-1000, -600)), began=-1000))
    assert account.progress(at(0)).left == 600 * SECOND
    assert [account.progress(at(now)).lag for now in (-1, 0, 10, 60)] == [0, 0, 10 * SECOND, 60 * SECOND]


def test_what_central_loses_while_running_is_lacking_at_once() -> None:
    account = running(mark(span(*sp(-1000, 0)), began=-1000))
    account.seen(set())
    assert state(account) is State.LOADING
    account.adopt(mark(span(*sp(-1000, 300)), began=-1000), None, s(-100), at(900))
    assert account.progress(at(900)).lag == 600 * SECOND


def test_the_sweep_goes_on_where_it_was_before_a_start() -> None:
    account = running(start=-1000)
    account.course.sweep.passes = 7
    later = adopted(make_mark(account, at(0)))
    assert later.course.sweep.passes == 7


def test_the_sweep_of_another_definition_does_not_go_on() -> None:
    """Its place may lie within a window of this one's, of which both sides would never be alike."""
    made = replace(mark(definition="another"), sweep=f"7/{s(-30)}")
    assert adopted(made).course.sweep.place == Account(STREAM, "me").course.sweep.place
    assert adopted(replace(made, definition=STREAM.hash)).course.sweep.place == made.sweep


def test_of_another_definition_only_what_was_asked_for_and_not_copied_is_so_again() -> None:
    """By whole windows of this one."""
    made = replace(mark(span(*sp(-5000, -4010)), definition="another"), islands=span(*sp(-5000, -4000)))
    minutes = Account(replace(STREAM, aggregate=Aggregate(60 * SECOND, AggregateFunction.MEAN)), "me")
    minutes.adopt(made, None, s(-100), at(0))
    assert seconds(minutes.course.islands) == [(-4020, -3960)]
    assert seconds(adopted(made).course.islands) == [(-4010, -4000)]
    assert seconds(adopted(replace(made, definition=STREAM.hash)).course.islands) == [(-5000, -4000)]


@pytest.mark.parametrize("place", ["", "x/1", "1", "-1/5", "9" * 50 + "/1", f"1/{2**63}"])
def test_a_place_of_the_sweep_that_is_none_is_its_beginning(place: str) -> None:
    made = replace(mark(), sweep=place)
    assert adopted(made).course.sweep.passes == 0


def test_a_retention_too_short_for_anything_to_settle_is_said() -> None:
    account = running()
    assert account.progress(at(0)).unprovable == ""
    account.course.kept = STREAM.lookback * 2
    assert "nothing can be proved" in account.progress(at(0)).unprovable
    account.course.kept = STREAM.lookback * 3
    assert account.progress(at(0)).unprovable == ""


def test_how_far_it_is_proved_begins_where_central_keeps_points() -> None:
    account = running(start=-10_000)
    account.course.bounds = Bounds(oldest=s(-1000))
    account.course.proved = span(*sp(-1000, -300))
    assert account.progress(at(0)).proved_up_to == s(-300)


def test_marks_of_before_renames_were_known_are_of_the_same_stream() -> None:
    stream = replace(STREAM, renames=(TagRule("host", "^POD-(.*)$", "pod_$1"),))
    account = Account(stream, "me")
    account.adopt(mark(span(*sp(-1000, -400)), definition=STREAM.hash), None, s(-100), at(0))
    assert account.course.proved == span(*sp(-1000, -400))
    assert account.course.origin == s(-1000)
    other = Account(replace(stream, renames=(TagRule("host", "^x$", "y"),)), "me")
    other.adopt(mark(span(*sp(-1000, -400)), definition=stream.hash), None, s(-100), at(0))
    assert not other.course.proved
