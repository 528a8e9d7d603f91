"""Digests and sets of points: what tells two sides apart, and what must not."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.stream.block import Block, FieldType, Tags, pick
from telegraf_plugin.stream.digest import CLASSES, ClassDigest, Digest, PointSet

TAGS = (((b"host", b"POD-8"), (b"k", b"v")), ((b"k", b"v"),), ((b"k", b"w"),))


def block(
    values: list[bytes],
    field: bytes = b"f",
    kind: FieldType = FieldType.FLOAT,
    tags: Tags = TAGS[0],
    times: list[bytes] | None = None,
) -> Block:
    return Block(b"m", tags, field, kind, times or [b"%d" % at for at in range(len(values))], values)


BLOCKS = st.lists(
    st.builds(
        block,
        st.lists(st.sampled_from([b"1", b"2", b"3"]), min_size=1, max_size=4),
        st.sampled_from([b"f", b"g"]),
        st.sampled_from([FieldType.FLOAT, FieldType.INTEGER]),
        st.sampled_from(TAGS),
    ),
    max_size=5,
)


def single(blocks: list[Block]) -> list[Block]:
    """Each point in a block of its own."""
    return [pick(each, [at]) for each in blocks for at in range(len(each))]


def digest(blocks: list[Block], **options: object) -> Digest:
    result = Digest(**options)  # type: ignore[arg-type]
    for each in blocks:
        result.add(each)
    return result


@given(BLOCKS, st.randoms(use_true_random=False))
def test_neither_the_order_nor_the_blocks_matter(blocks: list[Block], random: object) -> None:
    points = single(blocks)
    random.shuffle(points)  # type: ignore[attr-defined]
    assert digest(points).equals(digest(blocks))
    assert digest(points).points == sum(map(len, blocks))


@given(BLOCKS, BLOCKS)
def test_two_sides_are_equal_only_when_they_have_the_same_points(first: list[Block], second: list[Block]) -> None:
    def points(blocks: list[Block]) -> Counter[object]:
        return Counter((b.key, b.type, b.times[0], b.values[0]) for b in single(blocks))

    assert digest(first).equals(digest(second)) == (points(first) == points(second))


@pytest.mark.parametrize(
    "changed",
    [
        block([b"1", b"3"]),
        block([b"1"]),
        block([b"1", b"2", b"2"]),
        block([b"2", b"1"]),
        block([b"1", b"2"], field=b"g"),
        block([b"1", b"2"], kind=FieldType.INTEGER),
        block([b"1", b"2"], tags=TAGS[2]),
        block([b"1", b"2"], times=[b"0", b"7"]),
        replace(block([b"1", b"2"]), measurement=b"n"),
    ],
)
def test_any_part_of_a_point_counts(changed: Block) -> None:
    assert not digest([changed]).equals(digest([block([b"1", b"2"])]))


@pytest.mark.parametrize("kind", ["times", "series"])
def test_two_values_that_changed_places_are_noticed_every_time(kind: str) -> None:
    """A sum of tuples' hashes misses every other pair: each is nearly the sum of its parts."""
    for n in range(50):
        if kind == "times":
            here, there = [block([b"%d" % n, b"%d.5" % n])], [block([b"%d.5" % n, b"%d" % n])]
        else:
            here = [block([b"%d" % n], tags=TAGS[1]), block([b"%d.5" % n], tags=TAGS[2])]
            there = [block([b"%d.5" % n], tags=TAGS[1]), block([b"%d" % n], tags=TAGS[2])]
        assert not digest(here).equals(digest(there))


def test_a_tag_that_is_rewritten_on_the_way_does_not_count() -> None:
    here = block([b"1"], tags=((b"host", b"POD-8"), (b"k", b"v")))
    there = block([b"1"], tags=((b"host", b"pod_8"), (b"k", b"v")))
    assert digest([here], rewritten=(b"host",)).equals(digest([there], rewritten=(b"host",)))
    assert not digest([here]).equals(digest([there]))
    other = block([b"1"], tags=((b"host", b"pod_8"), (b"k", b"w")))
    assert not digest([here], rewritten=(b"host",)).equals(digest([other], rewritten=(b"host",)))


def test_two_series_that_a_rewritten_tag_makes_one_are_told_by_number() -> None:
    both = [block([b"1"], tags=((b"host", host),)) for host in (b"a", b"b")]
    assert not digest(both, rewritten=(b"host",)).equals(digest(both[:1], rewritten=(b"host",)))


def test_held_groups_are_left_out_and_counted() -> None:
    held, passing = block([b"1", b"2"]), block([b"1"], field=b"g")
    left = digest([held, passing, held], without={held.field_key})
    assert left.equals(digest([passing], without={held.field_key}))
    assert left.points == 1
    assert left.left_out == {held.field_key: 4}


def test_the_second_reading_of_strings_counts_what_they_are_and_no_points() -> None:
    short, exact = block([b"ab"], kind=FieldType.STRING), block([b"a\rb"], kind=FieldType.STRING)
    read, other = Digest(), Digest()
    for side, second in ((read, exact), (other, block([b"ab\r"], kind=FieldType.STRING))):
        side.add(short)
        side.add(second, exact=True)
    assert read.points == 1
    assert not read.equals(other)
    same = Digest()
    same.add(exact, exact=True)
    same.add(short)
    assert same.equals(read)
    held = Digest(without={short.field_key})
    held.add(short)
    held.add(exact, exact=True)
    assert (held.points, held.sum, held.left_out) == (0, 0, {short.field_key: 1})


@given(BLOCKS, BLOCKS, st.sampled_from([1, 2, 3, 10]))
def test_the_parts_of_a_set_together_find_what_is_missing_and_what_is_left(
    here: list[Block], there: list[Block], parts: int
) -> None:
    """As multisets of what a hash is of: a rewritten host does not count."""

    def points(blocks: list[Block]) -> Counter[object]:
        return Counter(
            (b.measurement, tuple(t for t in b.tags if t[0] != b"host"), b.field, b.type, b.times[0], b.values[0])
            for b in single(blocks)
        )

    missing: list[Block] = []
    left = 0
    for part in range(parts):
        known = PointSet((b"host",), range(part, CLASSES, parts))
        for each in there:
            known.add(each)
        for each in here:
            places = known.missing(each)
            missing += [pick(each, [place]) for place in places]
        left += known.left()
    assert points(missing) == points(here) - points(there)
    assert left == (points(there) - points(here)).total()


@given(BLOCKS, BLOCKS)
def test_the_classes_that_differ_hold_all_that_differs(here: list[Block], there: list[Block]) -> None:
    sides = ClassDigest((b"host",)), ClassDigest((b"host",))
    whole = Digest((b"host",)), Digest((b"host",))
    for blocks, digest, each in zip((here, there), sides, whole, strict=True):
        for block in blocks:
            digest.add(block)
            each.add(block)
    differing = sides[0].differing(sides[1])
    assert (not differing) is whole[0].equals(whole[1])
    assert [sum(map(side.points, range(CLASSES))) for side in sides] == [each.points for each in whole]
    known = PointSet((b"host",), set(range(CLASSES)) - set(differing))
    for block in there:
        known.add(block)
    assert not any(known.missing(block) for block in here if not differing)
    same = [[place for block in here for place in known.found(block)], known.left()]
    assert same[1] == 0


def test_of_one_group_only_its_points_are_looked_for() -> None:
    known = PointSet(())
    mine, other = block([b"1", b"2"]), block([b"1"], field=b"g")
    assert known.missing(other, field_key=mine.field_key) == []
    assert known.missing(mine, field_key=mine.field_key) == [0, 1]


def test_a_second_reading_is_not_taken_for_a_first() -> None:
    known = PointSet(())
    known.add(block([b"1"], kind=FieldType.STRING))
    assert known.missing(block([b"1"], kind=FieldType.STRING), exact=True) == [0]
