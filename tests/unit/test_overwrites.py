"""The watch names exactly the earlier series that would be the same one in central."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.stream import overwrites
from telegraf_plugin.stream.block import Block, FieldType, Tags
from telegraf_plugin.stream.mapping import MetadataTag, TagMapper
from telegraf_plugin.stream.overwrites import OverwriteWatch

KEYS = [
    stem + key
    for key in (b"host", b"field", b"source_bucket", b"source", b"other")
    for stem in (b"", b"exported_", b"exported_exported_")
]
# The values that are added are among those that a point may have.
values = st.sampled_from([b"POD-8", b"data", b"f", b"x"])
tag_sets = st.dictionaries(st.sampled_from(KEYS), values, max_size=4).map(lambda tags: tuple(sorted(tags.items())))
metadata = st.lists(st.sampled_from(MetadataTag), unique=True, min_size=1).map(tuple)
series = st.tuples(st.sampled_from([b"m", b"n"]), tag_sets, st.sampled_from([b"f", b"x"]))


def block(measurement: bytes, tags: Tags, field: bytes) -> Block:
    return Block(measurement, tags, field, FieldType.INTEGER, [b"1"], [b"1"])


@given(metadata, st.lists(series, max_size=8))
def test_a_series_is_told_which_earlier_one_has_its_place(
    added: tuple[MetadataTag, ...], read: list[tuple[bytes, Tags, bytes]]
) -> None:
    mapper = TagMapper("POD-8", "data", added)
    watch = OverwriteWatch(mapper)
    first: dict[tuple[bytes, Tags, bytes], Tags] = {}
    for measurement, tags, field in read:
        owner = first.setdefault((measurement, mapper.map(tags, field), field), tags)
        assert watch.other(block(measurement, tags, field)) == (owner if owner != tags else None)


@given(metadata, tag_sets, tag_sets)
def test_two_series_that_meet_are_found_in_either_order(added: tuple[MetadataTag, ...], one: Tags, two: Tags) -> None:
    mapper = TagMapper("POD-8", "data", added)
    meet = one != two and mapper.map(one, b"f") == mapper.map(two, b"f")
    for earlier, later in ((one, two), (two, one)):
        watch = OverwriteWatch(mapper)
        assert watch.other(block(b"m", earlier, b"f")) is None
        assert watch.other(block(b"m", later, b"f")) == (earlier if meet else None)


ALL = (MetadataTag.HOST, MetadataTag.SOURCE_BUCKET, MetadataTag.FIELD)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ((), ((b"host", b"POD-8"),)),
        (((b"cpu", b"0"),), ((b"cpu", b"0"), (b"host", b"POD-8"))),
        (((b"exported_field", b"a"),), ((b"field", b"a"),)),
        (((b"exported_source_bucket", b"a"),), ((b"host", b"POD-8"), (b"source_bucket", b"a"))),
    ],
)
def test_known_pairs_meet(one: Tags, two: Tags) -> None:
    watch = OverwriteWatch(TagMapper("POD-8", "data", ALL))
    assert watch.other(block(b"m", one, b"f")) is None
    assert watch.other(block(b"m", two, b"f")) == one
    assert watch.other(block(b"m", one, b"g")) is None
    assert watch.other(block(b"n", two, b"f")) is None


def test_the_blocks_of_one_series_are_not_each_others() -> None:
    watch = OverwriteWatch(TagMapper("POD-8", "data", ALL))
    assert [watch.other(block(b"m", (), b"f")) for _ in range(3)] == [None] * 3


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overwrites, "MAX_SERIES", 2)
    watch = OverwriteWatch(TagMapper("POD-8", "data", ALL))
    own = ((b"host", b"POD-8"),)
    assert [watch.other(block(b"m%d" % n, (), b"f")) for n in range(3)] == [None] * 3
    assert watch.overfull
    assert [watch.other(block(b"m%d" % n, own, b"f")) for n in range(3)] == [(), (), None]


def test_tags_that_were_exported_sixty_times_are_told_apart_at_once() -> None:
    """Every way in which they can have come about was tried: 216,000 of them for each block."""
    watch = OverwriteWatch(TagMapper("POD-8", "data", tuple(MetadataTag)))
    keys = (b"field", b"source_bucket", b"source")
    chain = {b"exported_" * n + key: b"x" for key in keys for n in range(1, 60)}
    one = tuple(sorted((chain | dict.fromkeys(keys, b"own")).items()))
    two = tuple(sorted((chain | {b"exported_" * 60 + key: b"own" for key in keys}).items()))
    began = time.monotonic()
    for number in range(100):
        field = b"f%d" % number
        assert watch.other(block(b"m", one, field)) is None
        assert watch.other(block(b"m", two, field)) == one
    assert time.monotonic() - began < 5.0


def test_what_is_remembered_takes_little() -> None:
    tracemalloc.start()
    try:
        watch = OverwriteWatch(TagMapper("POD-8", "data", ALL))
        for number in range(overwrites.MAX_SERIES + 1):
            watch.other(block(b"m", (), b"%d" % number))
        assert watch.overfull
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()
    own = ((b"host", b"POD-8"),)
    for number in (0, 1, 50_000, overwrites.MAX_SERIES - 1):
        assert watch.other(block(b"m", own, b"%d" % number)) == ()
    assert watch.other(block(b"m", own, b"%d" % overwrites.MAX_SERIES)) is None


def test_ways_to_map_beyond_a_number_are_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overwrites, "MAX_TRACES", 2)
    watch = OverwriteWatch(TagMapper("POD-8", "data", ALL))
    chains: list[Tags] = [()]
    for depth in range(3):
        keys = [b"exported_" * n + b"field" for n in range(depth + 1)]
        chains.append(tuple(sorted((key, b"x") for key in keys)))
    assert [watch.other(block(b"m", tags, b"f")) for tags in chains] == [None] * 4
    assert watch.overfull
