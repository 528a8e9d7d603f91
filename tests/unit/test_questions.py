"""A question changes nothing, however often it is asked: only what is told or taken does."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import pytest

from telegraf_plugin.stream.account import Account
from telegraf_plugin.stream.markbook import MarkBook
from telegraf_plugin.stream.spans import NOTHING, span
from telegraf_plugin.stream.sweep import Sweep
from tests.unit.account_bench import running
from tests.unit.course_bench import at, sp
from tests.unit.marks import book_mark, make_mark

# Their first answers differ with time: when a mark is overdue, when one is due, when what is mirrored is.
WHEN = (0, 1, 11, 61, 3600, 90_000)

QUESTIONS: dict[str, Callable[[Account, int], object]] = {
    "should_ask": lambda account, when: account.book.should_ask(at(when).steady),
    "is_back": lambda account, _: account.book.is_back(account.book.base),
    "claimed": lambda account, _: (account.book.claimed, account.book.newest_claims),
    "mark_due": lambda account, when: account.mark_due(at(when)),
    "template": lambda account, when: account.template(at(when)),
    "mark_wakes_at": lambda account, _: account.mark_wakes_at(),
    "wakes_at": lambda account, when: account.course.wakes_at(at(when)),
    "mirror": lambda account, _: account.mirror,
    "progress": lambda account, when: account.progress(at(when)),
    "work": lambda account, when: account.course.work(at(when)),
    "lacking": lambda account, when: account.course.lacking(at(when)),
    "aside": lambda account, _: (account.course.aside, account.course.aside_reason, account.course.unprovable),
    "waiting": lambda account, _: account.course.waiting,
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS.keys())
@pytest.mark.parametrize("marks", [0, 2])
def test_a_streams_state_is_the_same_after_it_was_asked(question: Callable[[Account, int], object], marks: int) -> None:
    account = running(start=-3600)
    account.course.tick(at(0))
    for number in range(marks):  # one is waited for
        make_mark(account, at(number + 1))
    for when in WHEN:
        before = pickle.dumps(account)
        answers = [question(account, when) for _ in range(5)]
        assert pickle.dumps(account) == before, when
        assert all(answer == answers[0] for answer in answers), when


def test_a_mark_is_asked_for_no_later_for_having_been_asked_about() -> None:
    asked, left = MarkBook("me", None), MarkBook("me", None)
    for book in (asked, left):
        book_mark(book, at(0).source, at(0).steady, NOTHING)
    for _ in range(100):
        asked.should_ask(at(60).steady)
    first = [next(when for when in range(600) if book.should_ask(at(when).steady)) for book in (asked, left)]
    assert first[0] == first[1] <= 10


def test_a_sweep_that_is_asked_whether_it_may_stays_where_it_is() -> None:
    sweep = Sweep(0.1)
    before = pickle.dumps(sweep)
    for when in WHEN:
        assert [sweep.may(at(when).steady) for _ in range(5)] == [True] * 5
        assert len({(sweep.place, sweep.by_hash) for _ in range(5)}) == 1
    assert pickle.dumps(sweep) == before
    assert sweep.next(span(*sp(-3600, 0)), sp(-7200, 0)[0], (), 1, at(0).steady) is not None
