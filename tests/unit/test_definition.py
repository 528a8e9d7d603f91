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
EVER = -(2**63)
"""Central keeps points for ever."""
TIMES = st.integers(0, 2**62)
LOOKBACKS = st.integers(1, 400 * 24 * HOUR)
EVERIES = st.integers(1, 31 * 24 * HOUR) | st.sampled_from([SECOND, MINUTE, HOUR, 24 * HOUR, 7 * 24 * HOUR])


def aggregated(every: int, lookback: int = 5 * MINUTE) -> StreamDefinition:
    return replace(STREAM, aggregate=Aggregate(every, AggregateFunction.MEAN), lookback=lookback)


def test_a_stream_is_called_by_source_and_name() -> None:
    assert STREAM.label == "POD-8/telegraf"


@given(TIMES, LOOKBACKS)
def test_points_are_read_up_to_now_and_as_far_back_as_one_may_come_late(now: int, lookback: int) -> None:
    assert replace(STREAM, lookback=lookback).window(now, EVER) == (now - lookback, now)


@given(TIMES, LOOKBACKS, LOOKBACKS)
def test_nothing_is_read_that_central_would_refuse_as_too_old(now: int, lookback: int, kept: int) -> None:
    stream = replace(STREAM, lookback=lookback)
    assert stream.window(now, now - kept) == (now - min(lookback, kept), now)


@given(TIMES, LOOKBACKS, EVERIES | st.none(), TIMES)
def test_where_central_takes_nothing_nothing_is_read(now: int, lookback: int, every: int | None, ahead: int) -> None:
    stream = aggregated(every, lookback) if every is not None else replace(STREAM, lookback=lookback)
    start, stop = stream.window(now, now + ahead)
    assert start == stop
    assert list(stream.windows(now, now + ahead, HOUR)) == []


@given(TIMES, EVERIES, LOOKBACKS)
def test_aggregates_are_read_in_whole_windows_that_are_over(now: int, every: int, lookback: int) -> None:
    start, stop = aggregated(every, lookback).window(now, EVER)
    assert start % every == 0
    assert stop % every == 0
    assert stop <= now < stop + every  # every window that is over, and none that is not
    assert start <= now - lookback < start + every  # from the window on into which the oldest late point would fall
    assert start <= stop


@given(TIMES, EVERIES, LOOKBACKS, LOOKBACKS)
def test_an_aggregates_window_that_begins_before_what_central_takes_is_left_out(
    now: int, every: int, lookback: int, kept: int
) -> None:
    oldest = now - kept
    start, stop = aggregated(every, lookback).window(now, oldest)
    whole = now - now % every
    assert start % every == 0
    assert start <= stop
    if start < stop:
        assert stop == whole
        assert start >= oldest  # its row is timed by its start
        assert start - every < max(oldest, now - lookback)  # and no other is left out
    else:
        assert whole - every < oldest or whole <= now - lookback


def test_nothing_is_read_while_no_window_is_complete() -> None:
    stream = aggregated(10 * MINUTE)
    assert stream.window(NOW + 9 * MINUTE, EVER) == (NOW, NOW)
    assert stream.window(NOW + 4 * MINUTE, EVER) == (NOW - 10 * MINUTE, NOW)
    assert list(stream.windows(NOW + 9 * MINUTE, EVER, 24 * HOUR)) == []


@given(TIMES, EVERIES, st.integers(1, HOUR))
def test_every_window_is_read_by_some_tick_while_ticks_come_within_the_lookback(
    now: int, every: int, interval: int
) -> None:
    stream = aggregated(every, lookback=interval)
    _, stop = stream.window(now, EVER)
    start, _ = stream.window(now + interval, EVER)
    assert start <= stop


@given(TIMES, st.integers(1, 40 * HOUR), st.sampled_from([HOUR, 24 * HOUR, 7 * 24 * HOUR]))
def test_the_spans_of_a_read_make_up_its_window(now: int, lookback: int, shard_group: int) -> None:
    stream = replace(STREAM, lookback=lookback)
    spans = list(stream.windows(now, EVER, shard_group))
    assert (spans[0][0], spans[-1][1]) == stream.window(now, EVER)
    assert all(first[1] == second[0] for first, second in pairwise(spans))
    assert all(start < stop <= (start // HOUR + 1) * HOUR for start, stop in spans)


@pytest.mark.parametrize("every", [MINUTE, 7 * MINUTE, HOUR, 90 * MINUTE, 24 * HOUR])
def test_no_span_ends_inside_an_aggregates_window(every: int) -> None:
    spans = list(aggregated(every, lookback=50 * HOUR).windows(NOW + 17 * SECOND, EVER, 24 * HOUR))
    assert spans
    assert [edge % every for span in spans for edge in span] == [0] * 2 * len(spans)


def test_the_operators_own_query_is_asked_once() -> None:
    stream = replace(STREAM, flux="start stop", lookback=5 * HOUR)
    assert list(stream.windows(NOW, EVER, HOUR)) == [(NOW - 5 * HOUR, NOW)]
    assert list(stream.windows(NOW, NOW - 2 * HOUR, HOUR)) == [(NOW - 2 * HOUR, NOW)]


@pytest.mark.parametrize("function", list(AggregateFunction))
def test_only_what_counts_or_picks_takes_strings(function: AggregateFunction) -> None:
    assert function.numeric is (function.value not in {"count", "first", "last"})
