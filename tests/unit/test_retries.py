"""When a stream is tried again: at its source, and in central."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.errors import BadReply, CentralError, PermanentError, TransientError
from telegraf_plugin.stream.retries import SOURCE_RETRIES, Retries, retry_delay

SECOND = 1_000_000_000
NOW = 100 * SECOND
FAR = 10**9 * SECOND


def source_failed(*errors: TransientError | PermanentError, alone: bool = False) -> Retries:
    retries = Retries()
    for error in errors:
        retries.source_failed(error, NOW, alone)
    return retries


def wait_of_central(retries: Retries, error: CentralError | None = None) -> float:
    """Have central fail at NOW; returns how long (s) it is left alone."""
    retries.central_failed(error or CentralError("away", "wait"), NOW, False)
    wakes_at = retries.wakes_at(NOW)
    assert wakes_at is not None
    assert not retries.may_ask_central(wakes_at - 1)
    assert retries.may_ask_central(wakes_at)
    return (wakes_at - NOW) / SECOND


def test_a_failure_is_tried_again_after_a_while_and_at_a_tick_at_once() -> None:
    retries = source_failed(TransientError("what", "hint"))
    wakes_at = retries.wakes_at(NOW)
    assert wakes_at == NOW + SECOND
    assert not retries.may_ask_source(wakes_at - 1)
    assert retries.may_ask_source(wakes_at)
    assert retries.tick(NOW)
    assert retries.may_ask_source(NOW)
    assert retries.wakes_at(NOW) is None


def test_a_source_that_asked_to_be_left_alone_is_also_at_a_tick() -> None:
    retries = source_failed(TransientError("what", "hint", retry_after=30.0))
    assert not retries.tick(NOW + 10 * SECOND)
    assert not retries.may_ask_source(NOW + 30 * SECOND - 1)
    assert retries.may_ask_source(NOW + 30 * SECOND)
    assert retries.tick(NOW + 30 * SECOND)


def test_a_permanent_failure_is_tried_again_with_the_next_tick() -> None:
    retries = source_failed(PermanentError("what", "hint"))
    assert not retries.may_ask_source(FAR)
    assert retries.wakes_at(NOW) is None  # not by itself
    assert retries.tick(NOW)
    assert retries.may_ask_source(NOW)


@pytest.mark.parametrize(
    ("retry_after", "alone", "at_once"), [(None, True, True), (None, False, False), (9.0, True, False)]
)
def test_only_a_failure_alone_with_nothing_asked_for_is_tried_again_at_once(
    retry_after: float | None, alone: bool, at_once: bool
) -> None:
    retries = source_failed(TransientError("busy", "wait", retry_after=retry_after), alone=alone)
    assert retries.may_ask_source(NOW) is at_once


def test_what_central_must_answer_waits_longer_after_each_failure_until_it_answers() -> None:
    retries = Retries()
    assert [wait_of_central(retries) for _ in range(3)] == [1.0, 2.0, 4.0]
    assert retries.may_ask_source(NOW)  # its source has nothing to do with it
    retries.source_answered()
    assert not retries.may_ask_central(NOW)
    retries.central_answered()
    assert retries.may_ask_central(NOW)
    assert wait_of_central(retries) == 1.0  # the waiting begins anew


@pytest.mark.parametrize(("asks", "waits"), [(None, 1.0), (30.0, 30.0), (0.1, 1.0)])
def test_a_stream_waits_as_long_as_central_asks_for(asks: float | None, waits: float) -> None:
    assert wait_of_central(Retries(), CentralError("limits requests", "wait", retry_after=asks)) == waits


def test_who_is_asked_whether_it_may_be_changes_nothing() -> None:
    retries = source_failed(TransientError("what", "hint"))
    answers = [(retries.may_ask_source(NOW), retries.may_ask_central(NOW), retries.wakes_at(NOW)) for _ in range(5)]
    assert len(set(answers)) == 1


def test_each_retry_waits_twice_as_long_up_to_a_minute() -> None:
    delays = [retry_delay(failures, TransientError("what", "hint")) for failures in range(1, 10)]
    assert delays == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]


def test_a_damaged_reply_is_tried_again_like_what_passes_by_itself() -> None:
    assert [retry_delay(failures, BadReply("what", "hint")) for failures in (1, 2, 3)] == [1.0, 2.0, 4.0]


@pytest.mark.parametrize("failures", [1, 2, 100])
def test_what_somebody_must_mend_waits_for_the_next_tick(failures: int) -> None:
    assert retry_delay(failures, PermanentError("what", "hint")) is None


@pytest.mark.parametrize(
    ("failures", "asked", "delay"),
    [(1, 0.0, 1.0), (1, 0.5, 1.0), (1, 7.0, 7.0), (5, 7.0, 16.0), (20, 61.0, 61.0), (1, 3600.0, 3600.0)],
)
def test_the_server_can_ask_for_more_time_but_not_for_less(failures: int, asked: float, delay: float) -> None:
    assert retry_delay(failures, TransientError("what", "hint", retry_after=asked)) == delay


@given(st.integers(1, 10**9), st.none() | st.floats(0, 1e6))
def test_every_delay_can_be_waited_for(failures: int, asked: float | None) -> None:
    delay = retry_delay(failures, TransientError("what", "hint", retry_after=asked))
    assert delay is not None
    assert SOURCE_RETRIES.first <= delay <= max(SOURCE_RETRIES.longest, asked or 0.0) <= threading.TIMEOUT_MAX
