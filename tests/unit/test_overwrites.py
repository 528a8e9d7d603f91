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
from telegraf_plugin.stream.renames import TagRule, changed

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


RENAMES = [
    (),
    (TagRule("host", r"^(?i)pod[-_](\d+)$", "pod_$1"),),
    (TagRule("host", r"^x$", "POD-8"), TagRule("other", "", "same", "site")),
]


@given(metadata, st.sampled_from(RENAMES), st.lists(series, max_size=8))
def test_a_series_is_told_which_earlier_ones_have_its_place(
    added: tuple[MetadataTag, ...], renames: tuple[TagRule, ...], read: list[tuple[bytes, Tags, bytes]]
) -> None:
    mapper = TagMapper("POD-8", "data", added)
    watch = OverwriteWatch(mapper, renames)
    owners: dict[tuple[bytes, Tags, bytes], list[Tags]] = {}
    for measurement, tags, field in read:
        there = owners.setdefault((measurement, changed(renames, mapper.map(tags, field)), field), [])
        expected = there[: there.index(tags)] if tags in there else list(there)
        there += [] if tags in there else [tags]
        assert watch.others(block(measurement, tags, field)) == expected


@given(metadata, st.sampled_from(RENAMES), tag_sets, tag_sets)
def test_two_series_that_meet_are_found_in_either_order(
    added: tuple[MetadataTag, ...], renames: tuple[TagRule, ...], one: Tags, two: Tags
) -> None:
    mapper = TagMapper("POD-8", "data", added)
    there = [changed(renames, mapper.map(tags, b"f")) for tags in (one, two)]
    meet = one != two and there[0] == there[1]
    for earlier, later in ((one, two), (two, one)):
        watch = OverwriteWatch(mapper, renames)
        assert watch.others(block(b"m", earlier, b"f")) == []
        assert watch.others(block(b"m", later, b"f")) == ([earlier] if meet else [])


def test_hosts_that_telegraf_gives_one_name_meet() -> None:
    watch = OverwriteWatch(TagMapper("POD-1", "data", ALL), RENAMES[1])
    hosts = [((b"host", host),) for host in (b"POD-8", b"pod_8", b"Pod-8", b"POD-9")]
    told = [watch.others(block(b"m", tags, b"f")) for tags in hosts]
    assert told == [[], hosts[:1], hosts[:2], []]


def test_names_with_nul_are_not_taken_for_others() -> None:
    watch = OverwriteWatch(TagMapper("POD-1", "data", ()), (TagRule("host", ".*", "x"),))
    odd = ((b"a\0", b"\0\1"), (b"host", b"\0\0"))
    assert watch.others(block(b"m", odd, b"f")) == []
    other = ((b"a\0", b"\0\1"), (b"host", b"y"))
    assert watch.others(block(b"m", other, b"f")) == [odd]


def test_so_many_that_become_one_are_bounded() -> None:
    watch = OverwriteWatch(TagMapper("POD-1", "data", ()), (TagRule("host", ".*", "x"),))
    told = [len(watch.others(block(b"m", ((b"host", b"%d" % n),), b"f"))) for n in range(100)]
    assert told[:3] == [0, 1, 2]
    assert max(told) == overwrites.MAX_EARLIER + 1


def test_the_bytes_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overwrites, "MAX_WAY_BYTES", 10_000)
    watch = OverwriteWatch(TagMapper("POD-1", "data", ()), (TagRule("host", ".*", "x"),))
    for number in range(3):
        watch.others(block(b"m", ((b"host", b"%d" % number * 4000),), b"f"))
    assert watch.overfull


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
    assert watch.others(block(b"m", one, b"f")) == []
    assert watch.others(block(b"m", two, b"f")) == [one]
    assert watch.others(block(b"m", one, b"g")) == []
    assert watch.others(block(b"n", two, b"f")) == []


def test_the_blocks_of_one_series_are_not_each_others() -> None:
    watch = OverwriteWatch(TagMapper("POD-8", "data", ALL))
    assert [watch.others(block(b"m", (), b"f")) for _ in range(3)] == [[]] * 3


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overwrites, "MAX_SERIES", 2)
    watch = OverwriteWatch(TagMapper("POD-8", "data", ALL))
    own = ((b"host", b"POD-8"),)
    assert [watch.others(block(b"m%d" % n, (), b"f")) for n in range(3)] == [[]] * 3
    assert watch.overfull
    assert [watch.others(block(b"m%d" % n, own, b"f")) for n in range(3)] == [[()], [()], []]


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
        assert watch.others(block(b"m", one, field)) == []
        assert watch.others(block(b"m", two, field)) == [one]
    assert time.monotonic() - began < 5.0


def test_what_is_remembered_takes_little() -> None:
    tracemalloc.start()
    try:
        watch = OverwriteWatch(TagMapper("POD-8", "data", ALL))
        for number in range(overwrites.MAX_SERIES + 1):
            watch.others(block(b"m", (), b"%d" % number))
        assert watch.overfull
        assert tracemalloc.get_traced_memory()[1] < 5 * 2**20
    finally:
        tracemalloc.stop()
    own = ((b"host", b"POD-8"),)
    for number in (0, 1, 10_000, overwrites.MAX_SERIES - 1):
        assert watch.others(block(b"m", own, b"%d" % number)) == [()]
    assert watch.others(block(b"m", own, b"%d" % overwrites.MAX_SERIES)) == []


def test_ways_to_map_beyond_a_number_are_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overwrites, "MAX_WAYS", 2)
    watch = OverwriteWatch(TagMapper("POD-8", "data", ALL))
    chains: list[Tags] = [()]
    for depth in range(3):
        keys = [b"exported_" * n + b"field" for n in range(depth + 1)]
        chains.append(tuple(sorted((key, b"x") for key in keys)))
    assert [watch.others(block(b"m", tags, b"f")) for tags in chains] == [[]] * 4
    assert watch.overfull
