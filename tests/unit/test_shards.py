"""Which sources fall to which collector: every source to exactly one, and few of them move when one more is added."""

from __future__ import annotations

import pytest

from telegraf_plugin.config import shards
from telegraf_plugin.config.shards import Shard

SOURCES = [f"POD-{number}" for number in range(1000)]


@pytest.mark.parametrize("count", [1, 2, 3, 8, 100])
def test_each_source_falls_to_exactly_one_shard(count: int) -> None:
    all_shards = [Shard(number, count) for number in range(1, count + 1)]

    for source in SOURCES[:200]:
        assert sum(shard.takes(source) for shard in all_shards) == 1


@pytest.mark.parametrize("count", [2, 8, 20])
def test_one_shard_more_takes_its_part_and_moves_nothing_between_the_others(count: int) -> None:
    moved = [source for source in SOURCES if shards.shard_of(source, count) != shards.shard_of(source, count + 1)]

    assert all(shards.shard_of(source, count + 1) == count + 1 for source in moved)
    assert len(moved) == pytest.approx(len(SOURCES) / (count + 1), rel=0.3)


def test_shards_have_about_as_many_sources() -> None:
    sizes = [len(share) for share in shards.by_shard(SOURCES, 8).values()]

    assert sum(sizes) == len(SOURCES)
    assert min(sizes) > 90
    assert max(sizes) < 165


def test_where_a_source_falls_is_the_same_on_every_machine_and_in_every_version() -> None:
    # A change here moves sources when a new version is taken into use: harmless, but not for nothing.
    assert {name: shards.shard_of(name, 8) for name in ("POD-8", "POD-30", "POD-31", "Büro #1")} == {
        "POD-8": 5,
        "POD-30": 4,
        "POD-31": 7,
        "Büro #1": 2,
    }


@pytest.mark.parametrize(
    ("text", "shard"), [("1/1", Shard(1, 1)), ("2/8", Shard(2, 8)), ("1000/1000", Shard(1000, 1000))]
)
def test_a_shard_is_read_as_it_is_written(text: str, shard: Shard) -> None:
    assert Shard.parse(text) == shard
    assert str(Shard.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["0/8", "9/8", "2", "2/", "/8", "2/0", "a/b", "-1/8", "2/8 ", "1/1001", "02/8", "2/8/1"]
)
def test_what_is_no_shard_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match="such as 2/8"):
        Shard.parse(text)


def test_without_the_variable_one_collector_takes_all() -> None:
    assert shards.of({}) is None
    assert shards.of({"COLLECTOR_SHARD": ""}) is None
    assert shards.of({"COLLECTOR_SHARD": "2/8"}) == Shard(2, 8)
