"""What a stream reads at a given time: up to now, back as far as a point may come late, aggregates in whole windows."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.stream.definition import Aggregate, AggregateFunction, StreamDefinition
from telegraf_plugin.stream.mapping import MetadataTag
from telegraf_plugin.stream.windows import HOUR

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
NOW = 1_795_471_200 * SECOND  # 2026-11-24T06:00:00Z, so a full hour
STREAM = StreamDefinition(
    source="POD-8",
    name="telegraf",
    bucket="telegraf",
    central_bucket="telegraf",
    measurements=(),
    exclude_fields=(),
    tags=(),
    aggregate=None,
    flux=None,
    lookback=5 * MINUTE,
    metadata_tags=(MetadataTag.SOURCE_BUCKET,),
)
TIMES = st.integers(0, 2**62)
LOOKBACKS = st.integers(1, 400 * 24 * HOUR)
EVERIES = st.integers(1, 31 * 24 * HOUR) | st.sampled_from([SECOND, MINUTE, HOUR, 24 * HOUR, 7 * 24 * HOUR])


def aggregated(every: int, lookback: int = 5 * MINUTE) -> StreamDefinition:
    return replace(STREAM, aggregate=Aggregate(every, AggregateFunction.MEAN), lookback=lookback)


def test_a_stream_is_called_by_source_and_name() -> None:
    assert STREAM.label == "POD-8/telegraf"


@given(TIMES, LOOKBACKS)
def test_points_are_read_up_to_now_and_as_far_back_as_one_may_come_late(now: int, lookback: int) -> None:
    assert replace(STREAM, lookback=lookback).window(now) == (now - lookback, now)


@given(TIMES, EVERIES, LOOKBACKS)
def test_aggregates_are_read_in_whole_windows_that_are_over(now: int, every: int, lookback: int) -> None:
    start, stop = aggregated(every, lookback).window(now)
    assert start % every == 0
    assert stop % every == 0
    assert stop <= now < stop + every  # every window that is over, and none that is not
    assert start <= now - lookback < start + every  # from the window on into which the oldest late point would fall
    assert start <= stop


def test_nothing_is_read_while_no_window_is_complete() -> None:
    stream = aggregated(10 * MINUTE)
    assert stream.window(NOW + 9 * MINUTE) == (NOW, NOW)
    assert stream.window(NOW + 4 * MINUTE) == (NOW - 10 * MINUTE, NOW)
    assert list(stream.windows(NOW + 9 * MINUTE, 24 * HOUR)) == []


@given(TIMES, EVERIES, st.integers(1, HOUR))
def test_every_window_is_read_by_some_tick_while_ticks_come_within_the_lookback(
    now: int, every: int, interval: int
) -> None:
    stream = aggregated(every, lookback=interval)
    _, stop = stream.window(now)
    start, _ = stream.window(now + interval)
    assert start <= stop


@given(
    TIMES, LOOKBACKS.filter(lambda lookback: lookback < 40 * HOUR), st.sampled_from([HOUR, 24 * HOUR, 7 * 24 * HOUR])
)
def test_the_spans_of_a_read_make_up_its_window(now: int, lookback: int, shard_group: int) -> None:
    stream = replace(STREAM, lookback=lookback)
    spans = list(stream.windows(now, shard_group))
    assert (spans[0][0], spans[-1][1]) == stream.window(now)
    assert all(first[1] == second[0] for first, second in pairwise(spans))
    assert all(start < stop <= (start // HOUR + 1) * HOUR for start, stop in spans)


@pytest.mark.parametrize("every", [MINUTE, 7 * MINUTE, HOUR, 90 * MINUTE, 24 * HOUR])
def test_no_span_ends_inside_an_aggregates_window(every: int) -> None:
    for start, stop in aggregated(every, lookback=50 * HOUR).windows(NOW + 17 * SECOND, 24 * HOUR):
        assert start % every == 0
        assert stop % every == 0


def test_the_operators_own_query_is_asked_once() -> None:
    stream = replace(STREAM, flux="start stop", lookback=5 * HOUR)
    assert list(stream.windows(NOW, HOUR)) == [(NOW - 5 * HOUR, NOW)]


@pytest.mark.parametrize("function", list(AggregateFunction))
def test_only_what_counts_or_picks_takes_strings(function: AggregateFunction) -> None:
    assert function.numeric is (function.value not in {"count", "first", "last"})
