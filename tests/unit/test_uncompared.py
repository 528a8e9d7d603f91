"""Since when central does not answer, by kind of question: what is news, and how long it lasts."""

from __future__ import annotations

from telegraf_plugin.stream.uncompared import Question, Uncompared
from telegraf_plugin.stream.units import SECOND


def test_a_bucket_that_does_not_answer_counts_from_its_first_silence_and_is_no_question_about_points() -> None:
    failures = Uncompared()
    failures.silent("connection refused", 10 * SECOND)
    failures.silent("timed out", 20 * SECOND)
    assert failures.longest(30 * SECOND) == (20 * SECOND, "timed out")
    assert failures.total == 0
    assert failures.answered(Question.LOOK) is False  # the watch has said it
    assert failures.longest(30 * SECOND) == (0, "")


def test_that_all_can_be_compared_again_is_news_once_whatever_the_bucket_does() -> None:
    failures = Uncompared()
    assert failures.failed(Question.COUNT, "a memory limit", 0)
    failures.silent("connection refused", 0)
    assert failures.answered(Question.COUNT)
    assert not failures.answered(Question.LOOK)
    assert not failures.answered(Question.COUNT)


def test_what_is_not_answered_yet_counts_from_when_it_was_asked() -> None:
    failures = Uncompared()
    failures.looked(10 * SECOND)
    assert failures.longest(15 * SECOND) == (5 * SECOND, "no answer yet")
    failures.looked(16 * SECOND)  # the first step was answered
    assert failures.longest(17 * SECOND) == (SECOND, "no answer yet")
    failures.silent("timed out", 31 * SECOND)
    assert failures.longest(32 * SECOND) == (16 * SECOND, "timed out")
    failures.looked(33 * SECOND)
    failures.answered(Question.LOOK)
    assert failures.longest(40 * SECOND) == (0, "")
