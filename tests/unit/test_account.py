"""A stream's account with the ledger: with what it begins, when it prints a mark, and how it stands."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telegraf_plugin.stream.account import LONGEST_WITHOUT_MARK, RENEW, Account, State
from telegraf_plugin.stream.definition import Aggregate, AggregateFunction
from telegraf_plugin.stream.digest import Digest
from telegraf_plugin.stream.jobs import Copied, Copy
from telegraf_plugin.stream.ledger import Mark, MarkId, Origin
from telegraf_plugin.stream.pending import PendingState
from telegraf_plugin.stream.renames import TagRule
from telegraf_plugin.stream.request import Kind, Request
from telegraf_plugin.stream.spans import NOTHING, Spans, span
from tests.unit.account_bench import BASE, GROUP, adopted, mark, running, state
from tests.unit.course_bench import SECOND, T, at, s, seconds, sp
from tests.unit.marks import make_mark
from tests.unit.test_definition import STREAM

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


def test_marks_of_before_renames_were_known_are_of_the_same_stream() -> None:
    stream = replace(STREAM, renames=(TagRule("host", "^POD-(.*)$", "pod_$1"),))
    account = Account(stream, "me")
    account.adopt(mark(span(*sp(-1000, -400)), definition=STREAM.hash), None, s(-100), at(0))
    assert account.course.proved == span(*sp(-1000, -400))
    assert account.course.origin == s(-1000)
    other = Account(replace(stream, renames=(TagRule("host", "^x$", "y"),)), "me")
    other.adopt(mark(span(*sp(-1000, -400)), definition=stream.hash), None, s(-100), at(0))
    assert not other.course.proved
