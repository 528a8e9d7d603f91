"""Spans cover a window without gap or overlap, and never reach over the end of an hour or of a shard group."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.stream.units import HOUR
from telegraf_plugin.stream.windows import cut, newest

SECOND = 10**9
MINUTE = 60 * SECOND
DAY = 24 * HOUR
ZERO = datetime(1, 1, 1, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def ns(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> int:
    since = datetime(year, month, day, hour, minute, tzinfo=UTC) - EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND


def group(time_ns: int, duration: int) -> int:
    """The number of the shard group that a time is in: groups are counted from year 1."""
    return (time_ns + (EPOCH - ZERO) // timedelta(seconds=1) * SECOND) // duration


starts = st.integers(-(2**62), 2**62) | st.integers(1_790_000_000, 1_800_000_000).map(lambda s: s * SECOND)
lengths = st.integers(-5, 5) | st.integers(1, 5 * HOUR) | st.integers(1, 20 * DAY)
groups = st.sampled_from([HOUR, 90 * MINUTE, DAY, 7 * DAY, 7 * MINUTE, 36 * HOUR + 1])


@given(starts, lengths, groups)
def test_spans_follow_each_other_from_start_to_stop(start: int, length: int, shard_group: int) -> None:
    spans = list(cut(start, start + length, [shard_group]))
    if length <= 0:
        assert spans == []
        return
    assert spans[0][0] == start
    assert spans[-1][1] == start + length
    assert all(first < last for first, last in spans)
    assert all(before[1] == after[0] for before, after in pairwise(spans))


@given(starts, lengths, groups)
def test_no_span_reaches_over_an_hours_or_a_shard_groups_end(start: int, length: int, shard_group: int) -> None:
    for first, last in cut(start, start + length, [shard_group]):
        assert group(first, shard_group) == group(last - 1, shard_group)
        assert first // HOUR == (last - 1) // HOUR


@given(starts, lengths, groups)
def test_there_is_no_cut_without_a_reason(start: int, length: int, shard_group: int) -> None:
    for _, last in list(cut(start, start + length, [shard_group]))[:-1]:
        assert last % HOUR == 0 or group(last, shard_group) != group(last - 1, shard_group)


@given(st.integers(100_000, 2_000_000), st.integers(0, 300), st.sampled_from([1, 7, 20, 45, 60, 90, 1440]), groups)
def test_an_aggregates_window_is_never_cut(start: int, windows: int, minutes: int, shard_group: int) -> None:
    every = minutes * MINUTE
    start *= every
    stop = start + windows * every
    spans = list(cut(start, stop, [shard_group], every))
    assert all(first % every == last % every == 0 for first, last in spans)
    assert [*(first for first, _ in spans), stop] == [start, *(last for _, last in spans)]
    if every <= HOUR and HOUR % every == 0:
        assert all(first // HOUR == (last - 1) // HOUR for first, last in spans)


def test_groups_of_seven_days_begin_on_monday() -> None:
    sunday, tuesday = ns(2026, 11, 22, 23, 30), ns(2026, 11, 24, 0, 30)
    assert datetime(2026, 11, 23, tzinfo=UTC).strftime("%A") == "Monday"
    spans = list(cut(sunday, tuesday, [7 * DAY], every=10 * MINUTE))
    assert ns(2026, 11, 23) in {last for _, last in spans}


def test_groups_of_ninety_minutes_are_cut_between_the_hours() -> None:
    midnight = ns(2026, 11, 24)
    ends = [last - midnight for _, last in cut(midnight, midnight + 3 * HOUR, [90 * MINUTE])]
    assert ends == [HOUR, 90 * MINUTE, 2 * HOUR, 3 * HOUR]


@pytest.mark.parametrize("shard_group", [DAY, 7 * DAY, 30 * DAY])
def test_a_usual_lookback_within_an_hour_is_one_span(shard_group: int) -> None:
    now = ns(2026, 11, 24, 10, 30)
    assert list(cut(now - 5 * MINUTE, now, [shard_group])) == [(now - 5 * MINUTE, now)]


@given(starts, lengths, st.lists(groups, max_size=2))
def test_the_newest_span_is_the_last_one_of_the_cut(start: int, length: int, shard_groups: list[int]) -> None:
    spans = list(cut(start, start + length, shard_groups))
    if spans:
        assert newest(start, start + length, shard_groups, longest=2**63) == spans[-1]


@given(
    st.integers(100_000, 2_000_000),
    st.integers(1, 300),
    st.sampled_from([1, 7, 20, 45, 60, 90, 1440]),
    st.lists(groups, max_size=2),
)
def test_the_newest_span_of_aggregates_is_the_last_one_of_the_cut(
    start: int, windows: int, minutes: int, shard_groups: list[int]
) -> None:
    every = minutes * MINUTE
    start *= every
    stop = start + windows * every
    last = list(cut(start, stop, shard_groups, every))[-1]
    assert newest(start, stop, shard_groups, every, 2**63) == last
    begin, end = newest(start, stop, shard_groups, every, every)
    assert (begin, end) == (stop - every, stop)


@given(starts, lengths.filter(lambda length: length > 0), groups, st.integers(1, 2 * HOUR))
def test_of_the_newest_span_no_more_is_read_than_is_allowed(
    start: int, length: int, shard_group: int, longest: int
) -> None:
    last = list(cut(start, start + length, [shard_group]))[-1]
    begin, end = newest(start, start + length, [shard_group], longest=longest)
    assert (begin, end) == (max(last[0], end - longest), last[1])
