"""How long a backfill takes: its parts, each by itself."""

from __future__ import annotations

import pytest

from telegraf_plugin.commands.estimate import (
    ASSUMED_SPEED,
    ENDING_SECONDS,
    PROOF_SPEED,
    estimate,
    speed_of,
    until_tick,
)


def test_long_after_a_start_nothing_waits_for_its_proof() -> None:
    found = estimate(1_000_000, 10, 50_000.0, 1e6, 7.0, 3600.0, 300.0)
    assert (found.tick, found.waiting) == (7.0, 0.0)
    assert 20 < found.copying < 21
    assert found.proving > ENDING_SECONDS
    assert found.seconds == found.tick + found.copying + found.waiting + found.proving


def test_in_the_first_lookback_all_that_is_copied_at_once_waits_for_one() -> None:
    """Read in 2 s and then five minutes without a word: that is what the plan has to say."""
    found = estimate(1, 50, 50_000.0, 1e6, 8.0, 10.0, 300.0)
    assert found.copying == pytest.approx(2.0, abs=0.001)
    assert found.waiting == pytest.approx(300.0)


def test_where_there_are_no_points_nothing_waits() -> None:
    """Nothing is printed that an older request could land over."""
    found = estimate(0, 4, 50_000.0, 1e6, 8.0, 10.0, 300.0)
    assert found.waiting == 0.0
    assert found.seconds < 8.0 + ENDING_SECONDS + 1.0


def test_what_is_copied_meanwhile_shortens_the_wait() -> None:
    found = estimate(50_000 * 400, 0, 50_000.0, 1e6, 0.0, 100.0, 300.0)  # copied until 500 s after the start
    assert found.waiting == pytest.approx(100.0)  # what was printed at 300 s is compared at 600 s
    assert estimate(50_000 * 600, 0, 50_000.0, 1e6, 0.0, 100.0, 300.0).waiting == 0.0


@pytest.mark.parametrize(
    ("told", "read", "speed"),
    [
        (984.0, 48_000.0, 48_000.0),  # the last backlog was a minute: its speed is what queries cost
        (80_000.0, 48_000.0, 80_000.0),
        (0.0, 1000.0, 1000.0),  # a slow source
        (0.0, 200_000.0, ASSUMED_SPEED),  # read faster than Telegraf and central take it in
    ],
)
def test_the_speed_is_what_was_told_or_what_a_sample_shows(told: float, read: float, speed: float) -> None:
    assert speed_of(told, read) == speed


def test_a_central_that_is_slow_to_be_read_is_slow_to_prove() -> None:
    slow, fast = (estimate(100_000, 0, 50_000.0, read, 0.0, None, 300.0).proving for read in (1000.0, 1e6))
    assert slow - fast == pytest.approx(100_000 / 1000 - 100_000 / PROOF_SPEED)


@pytest.mark.parametrize(("now", "left"), [(100.0, 60.0), (110.0, 50.0), (159.0, 1.0), (225.0, 55.0), (90.0, 60.0)])
def test_the_next_tick_is_an_interval_after_the_last_word(now: float, left: float) -> None:
    assert until_tick(100.0, 60.0, now) == pytest.approx(left)
