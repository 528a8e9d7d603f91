"""When a failed read is tried again: sooner for what passes by itself, and never sooner than the server asks for."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.errors import BadReply, PermanentError, TransientError
from telegraf_plugin.stream.retry import RETRIES, retry_delay


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
    assert RETRIES.first <= delay <= max(RETRIES.longest, asked or 0.0) <= threading.TIMEOUT_MAX
