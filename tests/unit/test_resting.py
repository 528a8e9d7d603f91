"""What failed is left alone for a while, and then tried again."""

from __future__ import annotations

from telegraf_plugin.influxdb.resting import Resting


class Clock:
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        return self.seconds


def test_a_key_rests_until_its_time_is_over_and_no_other_does() -> None:
    clock = Clock(1_000.0)
    resting = Resting(600.0, clock)
    resting.add("data")
    assert ("data" in resting, "other" in resting) == (True, False)
    clock.seconds += 599.0
    assert "data" in resting
    clock.seconds += 1.0
    assert "data" not in resting


def test_what_fails_again_while_it_rests_rests_from_then_on() -> None:
    clock = Clock(0.0)
    resting = Resting(600.0, clock)
    resting.add("data")
    clock.seconds = 500.0
    resting.add("data")
    clock.seconds = 1_099.0
    assert "data" in resting
    clock.seconds = 1_100.0
    assert "data" not in resting


def test_nothing_rests_at_the_beginning_wherever_the_clock_stands() -> None:
    """A steady clock may begin anywhere, below zero as well."""
    assert "data" not in Resting(600.0, Clock(-5.0))
