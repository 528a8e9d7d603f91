"""What the buckets on both sides set for a stream, and where it begins."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telegraf_plugin.errors import PermanentError
from telegraf_plugin.stream.account import RENEW, Account
from telegraf_plugin.stream.bounds import RETENTION_MARGIN, Bounds, Bucket, bounds_of, kept_by, refuse_unfit
from telegraf_plugin.stream.clocks import Instant, instant
from telegraf_plugin.stream.definition import Aggregate, AggregateFunction
from telegraf_plugin.stream.spans import BEGINNING
from telegraf_plugin.stream.units import HOUR
from tests.unit.test_definition import STREAM

SECOND = 1_000_000_000
DAY = 24 * HOUR
SOURCE, CLOCK = 10**18, 10**18 + 5 * SECOND  # the source's clock is behind
AT = Instant(SOURCE, CLOCK, 7)


def bounds(here: Bucket | None = None, there: Bucket | None = None) -> Bounds:
    return bounds_of(here, there, AT)


def renewed(here: Bucket | None, there: Bucket | None) -> int:
    account = Account(STREAM, "me")
    account.set_bounds(here, there, AT)
    return account.renew


def test_what_is_not_known_of_the_buckets_bounds_nothing() -> None:
    assert bounds() == Bounds(frozenset({HOUR}), BEGINNING, BEGINNING, BEGINNING)


def test_buckets_that_keep_for_ever_set_where_is_cut_alone() -> None:
    assert bounds(Bucket(0, 7 * DAY), Bucket(0, DAY)) == Bounds(
        frozenset({7 * DAY, DAY}), BEGINNING, BEGINNING, BEGINNING
    )
    assert bounds(None, Bucket(0, DAY)).groups == {DAY}


def test_what_central_is_about_to_refuse_as_too_old_is_not_sent() -> None:
    found = bounds(Bucket(0, DAY), Bucket(3 * DAY, DAY))
    assert found.oldest == SOURCE - 3 * DAY + RETENTION_MARGIN
    assert found.expires == found.lost == BEGINNING


def test_this_machines_clock_far_ahead_leaves_no_point_out_as_too_old() -> None:
    """Two clocks agree, that of the source and central's: by the third alone all would be older than central keeps."""
    at = instant(SOURCE + 3 * DAY, 0, -3 * 86_400.0, -3 * 86_400.0)
    assert at.source == SOURCE // SECOND * SECOND
    assert bounds_of(None, Bucket(2 * DAY, DAY), at).oldest <= SOURCE - 2 * DAY + RETENTION_MARGIN


@pytest.mark.parametrize(("retention", "margin"), [(10 * HOUR, HOUR), (10 * DAY, DAY), (100 * DAY, DAY)])
def test_what_the_source_is_about_to_lose_is_told_a_tenth_of_its_retention_before(retention: int, margin: int) -> None:
    found = bounds(Bucket(retention, DAY), None)
    assert (found.lost, found.expires) == (SOURCE - retention, SOURCE - retention + margin)
    assert found.oldest == BEGINNING


@pytest.mark.parametrize(
    ("here", "there", "kept"), [(None, None, None), (0, 0, None), (DAY, 0, DAY), (0, HOUR, HOUR), (DAY, HOUR, HOUR)]
)
def test_points_are_kept_as_long_as_the_side_keeps_them_that_does_for_the_shorter_time(
    here: int | None, there: int | None, kept: int | None
) -> None:
    assert kept_by(*(Bucket(each, HOUR) if each is not None else None for each in (here, there))) == kept


def test_a_mark_is_renewed_before_centrals_retention_takes_it() -> None:
    assert renewed(None, Bucket(DAY, HOUR)) == RENEW
    assert renewed(None, Bucket(HOUR // 2, HOUR)) == HOUR // 8
    assert renewed(Bucket(HOUR, HOUR), None) == RENEW


def test_an_aggregate_longer_than_a_shard_group_is_refused() -> None:
    day = replace(STREAM, aggregate=Aggregate(DAY, AggregateFunction.MEAN))
    refuse_unfit(day, Bucket(0, DAY), Bucket(0, DAY))
    refuse_unfit(day, None, None)
    with pytest.raises(PermanentError, match=r"aggregate.every is longer than the bucket's shard groups \(1 h\)"):
        refuse_unfit(day, Bucket(0, DAY), Bucket(0, HOUR))
