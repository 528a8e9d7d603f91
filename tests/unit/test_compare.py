"""The one comparison: equal exactly when both sides hold the same points, for every filter, mapping and rename."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest
from hypothesis import example, given, reject
from hypothesis import strategies as st

from telegraf_plugin import compare
from telegraf_plugin.compare import Comparer, Outcome
from telegraf_plugin.stream.block import Block, FieldKey, FieldType, Tags
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.mapping import MetadataTag, TagMapper
from telegraf_plugin.stream.renames import TagRule, changed
from telegraf_plugin.stream.selection import tags_in_central
from telegraf_plugin.stream.spans import Span
from telegraf_plugin.stream.tally import Tally
from tests.unit.test_definition import STREAM

Key = tuple[bytes, Tags, bytes, int]
"""Measurement, tags, field and time (ns)."""
Value = tuple[FieldType, bytes]
Points = dict[Key, Value]

WHOLE: Span = (0, 10)
HOST, BUCKET, SOURCE = MetadataTag.HOST, MetadataTag.SOURCE_BUCKET, MetadataTag.SOURCE
RENAMES = [
    (),
    (TagRule("host", r"^POD-(\d+)$", "pod_${1}"),),
    (TagRule("host", r"^POD-(\d+)$", "pod_${1}"), TagRule("host", "_", "-"), TagRule("rack", "^R", "row ", "row")),
    (TagRule("exported_source", "a", "b"),),
]

tags = st.fixed_dictionaries(
    {},
    optional={
        b"host": st.sampled_from([b"POD-8", b"POD-9", b"web", b"pod_8"]),
        b"rack": st.sampled_from([b"R1", b"R2"]),
        b"source": st.sampled_from([b"a", b"b"]),
        b"exported_source": st.sampled_from([b"a", b"c"]),
    },
).map(lambda found: tuple(sorted(found.items())))
keys = st.tuples(st.sampled_from([b"m", b"n"]), tags, st.sampled_from([b"f", b"g"]), st.integers(0, 9))
values = st.one_of(
    st.tuples(st.sampled_from([FieldType.FLOAT, FieldType.INTEGER]), st.sampled_from([b"1", b"2"])),
    st.tuples(st.just(FieldType.STRING), st.sampled_from([b"ab", b"a\rb", b"ab\r", b"\r", b"", b"1"])),
)
streams = st.builds(
    lambda measurements, fields, selected, added, renames: replace(
        STREAM,
        source="POD-8",
        measurements=measurements,
        exclude_fields=fields,
        tags=tuple(sorted(selected.items())),
        metadata_tags=added,
        renames=renames,
        rewritten_tags=(),
        aggregate=None,
    ),
    st.sampled_from([(), ("m",), ("m", "n")]),
    st.sampled_from([(), ("g",)]),
    st.fixed_dictionaries(
        {},
        optional={
            "host": st.sampled_from([("POD-8",), ("POD-9", "web")]),
            "rack": st.sampled_from([("R1",), ("R1", "R2")]),
            "source": st.sampled_from([("a",), ("b", "a")]),
        },
    ),
    st.sampled_from([(BUCKET,), (HOST, BUCKET), (HOST, BUCKET, SOURCE)]),
    st.sampled_from(RENAMES),
)
edits = st.lists(st.tuples(st.integers(0, 50), st.one_of(st.none(), values)), max_size=3)


def selects(stream: StreamDefinition, key: Key) -> bool:
    """What the source's own query selects."""
    own = dict(key[1])
    return (
        (not stream.measurements or key[0].decode() in stream.measurements)
        and key[2].decode() not in stream.exclude_fields
        and all(own.get(tag.encode(), b"").decode() in chosen for tag, chosen in stream.tags)
    )


def landed(stream: StreamDefinition, key: Key) -> Key:
    """The key of a source's point in central."""
    mapper = TagMapper(stream.source, stream.bucket, stream.metadata_tags)
    return key[0], changed(stream.renames, mapper.map(key[1], key[2])), key[2], key[3]


def is_told_apart(stream: StreamDefinition, key: Key) -> bool:
    """Whether a point that the stream does not select looks in central like none that it does, by its tags."""
    own = dict(key[1])
    for tag, chosen in stream.tags:
        name = tag.encode()
        if name not in own and (name == b"host" or b"exported_" + name in own):
            return False
        if name in own and own[name].decode() not in chosen:
            called = name if name == b"host" or SOURCE not in stream.metadata_tags else b"exported_" + name
            there = dict(changed(stream.renames, ((called, own[name]),)))
            if there in [dict(changed(stream.renames, ((called, each.encode()),))) for each in chosen]:
                return False  # `data-collector check` tells of streams that meet so
    return True


def has(stream: StreamDefinition, points: Points) -> Points:
    """What central gives for the stream: the conditions that its query is made of, on points."""

    def selected(key: Key) -> bool:
        found = {name.decode(): value.decode() for name, value in key[1]}
        by_tags = all(
            any(
                all(
                    found.get(name) in chosen if chosen else (name in found) is (chosen is None)
                    for name, chosen in each
                )
                for each in alternatives
            )
            for alternatives in tags_in_central(stream)
        )
        return by_tags and selects(replace(stream, tags=()), key)

    return {key: value for key, value in points.items() if selected(key)}


def read(points: Points, span: Span) -> Iterator[tuple[list[Block], bool]]:
    """Both readings of `points`: without carriage returns, then those that have some."""
    inside = {key: value for key, value in points.items() if span[0] <= key[3] < span[1]}
    for exact in (False, True):
        yield (
            [
                Block(key[0], key[1], key[2], kind, [b"%d" % key[3]], [text if exact else text.replace(b"\r", b"")])
                for key, (kind, text) in inside.items()
                if not exact or b"\r" in text
            ],
            exact,
        )


class Copy:
    """A sink that does what Telegraf and central do with what is printed; `told` counts what differs."""

    def __init__(self, stream: StreamDefinition, central: Points, wants_extras: bool) -> None:
        self._stream, self._central, self.wants_extras = stream, central, wants_extras
        self.told = self.lacked = 0
        self.printed: Points = {}

    def lacking(self, block: Block, there: Block, exact: bool) -> None:
        self.told += len(block)
        self.lacked += len(block)
        assert there.tags == changed(self._stream.renames, block.tags)
        for time, value in zip(block.times, block.values, strict=True):
            self.printed[block.measurement, there.tags, block.field, int(time)] = (block.type, value)

    def besides(self, block: Block, exact: bool) -> None:
        self.told += len(block)

    def done(self) -> None:
        pass


class Pair:
    """A source's points as they pass, those of its bucket in central, and the comparison of one stream between them."""

    def __init__(self, stream: StreamDefinition, source: Points) -> None:
        self.stream = stream
        mapper = TagMapper(stream.source, stream.bucket, stream.metadata_tags)
        self.here: Points = {}
        self.central: Points = {}
        for key, value in source.items():
            there = landed(stream, key)
            if there in self.central:
                reject()  # series that become one: the overwrite watch has all but one dropped
            self.central[there] = value
            if selects(stream, key):
                self.here[key[0], mapper.map(key[1], key[2]), key[2], key[3]] = value

    @property
    def expected(self) -> Points:
        return {
            (m, changed(self.stream.renames, tags), f, time): value for (m, tags, f, time), value in self.here.items()
        }

    def compare(self, sink: Copy) -> Outcome:
        def halves(span: Span) -> Iterable[Span]:
            return [(span[0], 5), (5, span[1])] if span[0] < 5 < span[1] else [span]

        def source(span: Span, _: Tally) -> Iterator[tuple[list[Block], bool]]:
            return read(self.here, span)

        def central(span: Span) -> Iterator[tuple[list[Block], bool]]:
            return read(has(self.stream, self.central), span)

        return Comparer(self.stream, source, central, halves).compare(WHOLE, sink)


LOST = ((b"m", ((b"host", b"POD-8"),), b"f", 1), (FieldType.FLOAT, b"1"))
TEXT = (b"m", ((b"host", b"POD-9"),), b"f", 2)
SPLIT = replace(STREAM, source="POD-8", tags=(("host", ("POD-8",)),), metadata_tags=(HOST, BUCKET), renames=RENAMES[1])
SPLIT = replace(SPLIT, measurements=(), exclude_fields=(), aggregate=None, rewritten_tags=())

EXPORTED = {
    (b"m", ((b"exported_source", b"c"), (b"source", b"a")), b"f", 1): LOST[1],
    (b"m", ((b"exported_source", b"a"), (b"source", b"b")), b"f", 1): LOST[1],  # not selected
}


@given(streams, st.dictionaries(keys, values, max_size=8), edits, st.integers(1, 60))
@example(SPLIT, dict([LOST]), [(0, None)], 50)  # central has nothing of the host
@example(replace(SPLIT, tags=(("source", ("a",)),), metadata_tags=(BUCKET, SOURCE)), EXPORTED, [], 50)
@example(SPLIT, {LOST[0]: (FieldType.STRING, b"ab")}, [(0, (FieldType.STRING, b"a\rb"))], 50)
@example(SPLIT, {LOST[0]: (FieldType.STRING, b"a\rb")}, [(0, (FieldType.STRING, b"ab"))], 50)
@example(SPLIT, {LOST[0]: (FieldType.STRING, b"a\rb")}, [(0, (FieldType.STRING, b"ab\r"))], 1)
def test_both_sides_are_equal_exactly_when_they_hold_the_same(
    stream: StreamDefinition, source: Points, changes: list[tuple[int, Value | None]], most: int
) -> None:
    source = {key: value for key, value in source.items() if selects(stream, key) or is_told_apart(stream, key)}
    pair = Pair(stream, source)
    expected = pair.expected
    for number, value in changes:
        places = sorted(pair.central) if pair.central else []
        if places and value is None:
            del pair.central[places[number % len(places)]]
        elif places and value is not None:
            pair.central[places[number % len(places)]] = value
    selected = {landed(stream, key) for key in source if selects(stream, key)}
    there = {key: value for key, value in pair.central.items() if key in selected}
    equal = Counter(expected.items()) == Counter(there.items())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare, "SET_POINTS", most)
        patch.setattr(compare, "TOLD_POINTS", most)
        recorded = Copy(stream, pair.central, wants_extras=True)
        pair.compare(recorded)
        assert (recorded.told == 0) is equal

        printing = Copy(stream, pair.central, wants_extras=False)
        outcome = pair.compare(printing)
        assert bool(outcome.missing or outcome.extras) is not equal
        assert sum(outcome.missing.values()) == printing.lacked
        pair.central |= printing.printed
        after = pair.compare(Copy(stream, pair.central, wants_extras=True))
        assert (after.missing, after.extras) == ({}, 0)
        assert {key: pair.central.get(key) for key in expected} == expected


@pytest.mark.parametrize("lost", [False, True])
def test_a_neighbours_point_that_gets_the_selected_host_is_an_extra_and_hides_nothing(lost: bool) -> None:
    """The neighbour is another stream of the bucket; its point has no host, and is given the source's name."""
    neighbours = (b"m", ((b"rack", b"R1"),), b"f", LOST[0][3])
    assert not selects(SPLIT, neighbours)
    compared_beside(SPLIT, LOST[0], neighbours, lost)


@pytest.mark.parametrize("lost", [False, True])
def test_a_neighbours_exported_tag_is_an_extra_and_hides_nothing(lost: bool) -> None:
    stream = replace(SPLIT, tags=(("source", ("a",)),), metadata_tags=(BUCKET, SOURCE))
    own = (b"m", ((b"rack", b"R1"), (b"source", b"a")), b"f", 1)
    neighbours = (b"m", ((b"exported_source", b"a"),), b"f", 1)
    assert not selects(stream, neighbours)
    compared_beside(stream, own, neighbours, lost)


def compared_beside(stream: StreamDefinition, own: Key, neighbours: Key, lost: bool) -> None:
    """Compare the stream's own point, which central may have lost, beside a neighbour's of the same time and value."""
    pair = Pair(stream, {own: LOST[1], neighbours: LOST[1]})
    if lost:
        del pair.central[landed(stream, own)]
    recorded = Copy(stream, pair.central, wants_extras=True)
    outcome = pair.compare(recorded)
    assert (sum(outcome.missing.values()), recorded.lacked, recorded.told) == (int(lost), int(lost), 1 + int(lost))
    if not lost:
        assert outcome.extras == 1


def test_what_only_central_has_is_an_extra_and_no_reason_to_print() -> None:
    pair = Pair(SPLIT, {LOST[0]: LOST[1]})
    there = landed(SPLIT, LOST[0])
    pair.central[there[0], there[1], there[2], 7] = LOST[1]
    sink = Copy(SPLIT, pair.central, wants_extras=False)
    outcome = pair.compare(sink)
    assert (outcome.missing, outcome.extras, sink.told) == ({}, 1, 0)


def test_held_groups_are_not_compared_and_of_one_group_only_its_points() -> None:
    lost, text = LOST[0], (b"m", LOST[0][1], b"g", 3)
    pair = Pair(SPLIT, {lost: LOST[1], text: (FieldType.STRING, b"ab")})
    field_key, texts = FieldKey(b"m", b"f", FieldType.FLOAT), FieldKey(b"m", b"g", FieldType.STRING)
    pair.central = {landed(SPLIT, text): (FieldType.STRING, b"a\rb")}
    comparer = Comparer(
        SPLIT, lambda span, _: read(pair.here, span), lambda span: read(pair.central, span), lambda span: [span]
    )
    sink = Copy(SPLIT, pair.central, wants_extras=False)
    held = comparer.compare(WHOLE, sink, without=frozenset([field_key]))
    assert (held.missing, held.left_out, held.points) == ({texts: 1}, {field_key: 1}, 1)
    assert comparer.compare(WHOLE, sink, field_key=field_key).missing == {field_key: 1}
    assert comparer.compare(WHOLE, sink, field_key=texts).missing == {texts: 1}
