"""What a stream is called, and what its hash in the ledger depends on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telegraf_plugin.stream.definition import Aggregate, AggregateFunction, Start, StreamDefinition
from telegraf_plugin.stream.mapping import MetadataTag

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


def test_a_stream_is_called_by_source_and_name() -> None:
    assert STREAM.label == "POD-8/telegraf"


@pytest.mark.parametrize("function", list(AggregateFunction))
def test_only_what_counts_or_picks_takes_strings(function: AggregateFunction) -> None:
    assert function.numeric is (function.value not in {"count", "first", "last"})


def test_the_hash_is_this_from_version_to_version() -> None:
    """Another hash makes every ledger that is there one of a changed definition."""
    assert STREAM.hash == "bea04b81ba517afc"
    every_part = replace(
        STREAM,
        measurements=("cpu", "mem"),
        exclude_fields=("idle",),
        tags=(("host", ("a", "b")),),
        aggregate=Aggregate(MINUTE, AggregateFunction.MEAN),
        flux="own",
    )
    assert every_part.hash == "69b76a381d19dd0a"


@pytest.mark.parametrize(
    "change",
    [
        {"bucket": "other"},
        {"measurements": ("cpu",)},
        {"exclude_fields": ("idle",)},
        {"tags": (("host", ("a",)),)},
        {"aggregate": Aggregate(MINUTE, AggregateFunction.MEAN)},
        {"flux": "start stop"},
        {"metadata_tags": (MetadataTag.SOURCE_BUCKET, MetadataTag.SOURCE)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_is_selected_or_mapped_otherwise_has_another_hash(change: dict[str, object]) -> None:
    assert replace(STREAM, **change).hash != STREAM.hash  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        {"lookback": 1},
        {"start": Start()},
        {"max_lag": 1},
        {"rewritten_tags": ()},
        {"name": "other"},
        {"source": "other"},
        {"central_bucket": "other"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_changes_neither_selection_nor_mapping_leaves_the_hash(change: dict[str, object]) -> None:
    assert replace(STREAM, **change).hash == STREAM.hash  # type: ignore[arg-type]


def test_the_order_of_metadata_tags_means_nothing() -> None:
    tags = (MetadataTag.SOURCE, MetadataTag.SOURCE_BUCKET, MetadataTag.HOST)
    assert replace(STREAM, metadata_tags=tags).hash == replace(STREAM, metadata_tags=tags[::-1]).hash


def test_a_stream_begins_five_minutes_ago_unless_something_else_is_said() -> None:
    assert STREAM.start == Start(ago=5 * MINUTE)
