"""How a stream stands, as its account tells: what lacks, what is late, how long it takes, what is about to be lost."""

from __future__ import annotations

import pytest

from telegraf_plugin.stream.account import Account, State
from telegraf_plugin.stream.bounds import Bounds
from telegraf_plugin.stream.clocks import Instant
from telegraf_plugin.stream.spans import span
from tests.unit.account_bench import mark, running, state
from tests.unit.course_bench import SECOND, T, at, s, sp
from tests.unit.marks import make_mark
from tests.unit.test_definition import STREAM

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
