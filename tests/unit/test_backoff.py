"""Twice as long each time, up to a limit, in whatever unit it was made with."""

from __future__ import annotations

from itertools import pairwise

import pytest

from telegraf_plugin.stream.backoff import Backoff


@pytest.mark.parametrize(("first", "longest"), [(0.5, 5.0), (30, 3600)])
def test_each_wait_is_twice_the_one_before_up_to_the_longest(first: float, longest: float) -> None:
    backoff = Backoff(first, longest)
    waits = [backoff.after(failures) for failures in range(1, 20)]
    assert waits[0] == first
    assert waits[-1] == longest
    assert all(later == min(2 * earlier, longest) for earlier, later in pairwise(waits))


def test_nanoseconds_stay_whole_and_nothing_overflows() -> None:
    assert Backoff(30, 3600).after(10**9) == 3600
    assert Backoff(64 * 10**9 + 1, 10**18).after(9) == (64 * 10**9 + 1) * 256
    assert Backoff(1.0, float("inf")).after(10**9) < float("inf")
