"""Which tags a point carries in central: by its own tags and the definition alone, and no own value is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.stream.block import Tags
from telegraf_plugin.stream.mapping import EXPORTED, MetadataTag, TagMapper

SOURCE, BUCKET = "POD-8", "telegraf"
KEYS = st.sampled_from(
    [
        *(tag.value.encode() for tag in MetadataTag),
        *(EXPORTED + tag.value.encode() for tag in MetadataTag),
        *(EXPORTED * 2 + tag.value.encode() for tag in MetadataTag),
        b"cpu",
        b"exported_",
        b"exported_cpu",
    ]
) | st.binary(min_size=1, max_size=6)
TAGS = st.dictionaries(KEYS, st.binary(min_size=1, max_size=6), max_size=8).map(lambda own: tuple(sorted(own.items())))
ADDED = st.lists(st.sampled_from(MetadataTag), unique=True).map(tuple)
FIELDS = st.binary(min_size=1, max_size=6)


def mapped(tags: Tags, *added: MetadataTag, field: bytes = b"usage") -> dict[bytes, bytes]:
    return dict(TagMapper(SOURCE, BUCKET, added).map(tags, field))


def test_each_metadata_tag_says_what_it_is_for() -> None:
    assert mapped(((b"cpu", b"0"),), *MetadataTag) == {
        b"cpu": b"0",
        b"host": b"POD-8",
        b"source_bucket": b"telegraf",
        b"field": b"usage",
        b"source": b"POD-8",
    }


@pytest.mark.parametrize("tag", list(MetadataTag))
def test_a_metadata_tag_that_is_not_asked_for_is_not_added(tag: MetadataTag) -> None:
    others = [other for other in MetadataTag if other is not tag]
    assert set(mapped((), *others)) == {other.value.encode() for other in others}


def test_a_point_without_tags_is_given_them() -> None:
    assert mapped((), MetadataTag.HOST, MetadataTag.SOURCE_BUCKET) == {b"host": b"POD-8", b"source_bucket": b"telegraf"}


def test_an_own_host_stays_and_is_not_exported() -> None:
    assert mapped(((b"host", b"pod8-node1"),), MetadataTag.HOST) == {b"host": b"pod8-node1"}


@pytest.mark.parametrize("tag", [MetadataTag.SOURCE_BUCKET, MetadataTag.FIELD, MetadataTag.SOURCE])
def test_an_own_tag_gives_way_and_is_kept_as_exported(tag: MetadataTag) -> None:
    key = tag.value.encode()
    value = {b"source_bucket": b"telegraf", b"field": b"usage", b"source": b"POD-8"}[key]
    assert mapped(((key, b"own"),), tag) == {key: value, b"exported_" + key: b"own"}


def test_an_own_tag_stays_where_no_metadata_tag_takes_its_key() -> None:
    assert mapped(((b"field", b"own"), (b"source", b"own")), MetadataTag.HOST) == {
        b"field": b"own",
        b"source": b"own",
        b"host": b"POD-8",
    }


def test_an_exported_name_that_is_taken_gets_another_exported_in_front() -> None:
    own = ((b"exported_exported_field", b"c"), (b"exported_field", b"b"), (b"field", b"a"))
    assert mapped(own, MetadataTag.FIELD) == {
        b"field": b"usage",
        b"exported_field": b"b",
        b"exported_exported_field": b"c",
        b"exported_exported_exported_field": b"a",
    }


@given(TAGS, ADDED, FIELDS)
def test_no_own_value_is_ever_lost(tags: Tags, added: tuple[MetadataTag, ...], field: bytes) -> None:
    result = mapped(tags, *added, field=field)
    taken = {tag.value.encode() for tag in added if tag is not MetadataTag.HOST}
    for key, value in tags:
        if key in taken:
            copies = [k for k in result if k.endswith(key) and k not in dict(tags) and k != key]
            assert [result[k] for k in copies if k.replace(EXPORTED, b"") == key.replace(EXPORTED, b"")] == [value]
        else:
            assert result[key] == value
    assert len(result) == len(dict(tags).keys() | {tag.value.encode() for tag in added}) + sum(
        key in taken for key, _ in tags
    )


@given(TAGS, ADDED, FIELDS)
def test_every_point_carries_what_is_asked_for(tags: Tags, added: tuple[MetadataTag, ...], field: bytes) -> None:
    result = mapped(tags, *added, field=field)
    wanted = {
        MetadataTag.HOST: dict(tags).get(b"host", SOURCE.encode()),
        MetadataTag.SOURCE_BUCKET: BUCKET.encode(),
        MetadataTag.FIELD: field,
        MetadataTag.SOURCE: SOURCE.encode(),
    }
    assert {tag: result[tag.value.encode()] for tag in added} == {tag: wanted[tag] for tag in added}


@given(TAGS, ADDED, FIELDS)
def test_tags_are_sorted_and_no_key_stands_twice(tags: Tags, added: tuple[MetadataTag, ...], field: bytes) -> None:
    keys = [key for key, _ in TagMapper(SOURCE, BUCKET, added).map(tags, field)]
    assert keys == sorted(set(keys))


@given(TAGS, st.lists(TAGS, max_size=4), ADDED, FIELDS)
def test_the_mapping_does_not_depend_on_what_was_mapped_before(
    tags: Tags, others: list[Tags], added: tuple[MetadataTag, ...], field: bytes
) -> None:
    mapper = TagMapper(SOURCE, BUCKET, added)
    for other in others:
        mapper.map(other, b"other")
    assert mapper.map(tags, field) == TagMapper(SOURCE, BUCKET, added[::-1]).map(tags, field)


@given(TAGS, TAGS, ADDED, FIELDS)
def test_two_series_that_become_one_are_announced(
    tags: Tags, others: Tags, added: tuple[MetadataTag, ...], field: bytes
) -> None:
    mapper = TagMapper(SOURCE, BUCKET, added)
    without_host = tuple(tag for tag in tags if tag[0] != b"host")
    for first, second in ((tags, others), (tags, without_host), (tags, mapper.map(tags, field))):
        if first != second and mapper.map(first, field) == mapper.map(second, field):
            assert mapper.may_collide(first)
            assert mapper.may_collide(second)


def test_a_series_without_host_and_one_of_the_sources_name_become_one() -> None:
    mapper = TagMapper(SOURCE, BUCKET, (MetadataTag.HOST,))
    own: Tags = ((b"host", b"POD-8"),)
    assert mapper.map(own, b"f") == mapper.map((), b"f")
    assert mapper.may_collide(own)
    assert mapper.may_collide(())
    assert not mapper.may_collide(((b"host", b"another"),))


@pytest.mark.parametrize("tag", [MetadataTag.SOURCE_BUCKET, MetadataTag.FIELD, MetadataTag.SOURCE])
def test_an_own_tag_and_one_that_is_called_exported_like_it_become_one(tag: MetadataTag) -> None:
    mapper = TagMapper(SOURCE, BUCKET, (tag,))
    own: Tags = ((tag.value.encode(), b"own"),)
    exported: Tags = ((EXPORTED + tag.value.encode(), b"own"),)
    assert mapper.map(own, b"f") == mapper.map(exported, b"f")
    assert mapper.may_collide(own)
    assert mapper.may_collide(exported)
    assert not mapper.may_collide(((b"cpu", b"own"),))


@given(ADDED)
def test_the_added_keys_are_those_that_are_asked_for(added: tuple[MetadataTag, ...]) -> None:
    assert sorted(TagMapper(SOURCE, BUCKET, added).added_keys) == sorted(tag.value.encode() for tag in added)


@given(TAGS, ADDED, FIELDS)
def test_what_was_mapped_can_be_undone_by_how_it_was(own: Tags, added: tuple[MetadataTag, ...], field: bytes) -> None:
    mapper = TagMapper(SOURCE, BUCKET, added)
    tags, trace = mapper.trace(own, field)
    assert tags == mapper.map(own, field)
    assert mapper.undo(tags, trace) == own
