"""What the encoder writes, read back by a slow reader with Telegraf's rules, and by line_protocol_parser."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from line_protocol_parser import parse_line

from telegraf_plugin.stream.block import Block, FieldType, Tags
from telegraf_plugin.stream.mapping import MetadataTag, TagMapper
from telegraf_plugin.telegraf.line_protocol import MAX_KEY_BYTES, MAX_STRING_BYTES, LineMapper, encode
from tests.slow_lines import LinePoint, RefusedLineError, read_lines

_BARE = TagMapper("s", "b", ())
_ODD = 'ab ,"=\\#{é漢🙂0:-'
names = st.one_of(
    st.text(alphabet=_ODD, min_size=1, max_size=6),
    st.text(min_size=1, max_size=6),
).map(str.encode)
strings = st.one_of(st.text(alphabet=_ODD + "\n\r\tn", max_size=8), st.text())
VALUES: dict[FieldType, st.SearchStrategy[str]] = {
    FieldType.FLOAT: st.floats(allow_nan=False, allow_infinity=False).map(repr),
    FieldType.INTEGER: st.integers(-(2**63), 2**63 - 1).map(str),
    FieldType.UNSIGNED: st.integers(0, 2**64 - 1).map(str),
    FieldType.BOOLEAN: st.sampled_from(["true", "false"]),
    FieldType.STRING: strings,
}


@st.composite
def blocks(draw: st.DrawFn, names: st.SearchStrategy[bytes] = names) -> Block:
    kind = draw(st.sampled_from(FieldType))
    size = draw(st.integers(1, 4))
    tags = draw(st.dictionaries(names | st.sampled_from([b"host", b"field", b"source_bucket"]), names, max_size=4))
    return Block(
        draw(names),
        tuple(sorted(tags.items())),
        draw(names),
        kind,
        [b"%d" % draw(st.integers(-(2**63) + 2, 2**63 - 2)) for _ in range(size)],
        [draw(VALUES[kind]).encode() for _ in range(size)],
    )


mappers = st.builds(
    TagMapper,
    st.text(alphabet=_ODD, min_size=1, max_size=4).filter(lambda name: not name.endswith("\\")),
    st.just("a bucket, b=c"),
    st.lists(st.sampled_from(MetadataTag), unique=True).map(tuple),
)


def unwritable(word: bytes) -> bool:
    return word == b"" or word.endswith(b"\\") or any(byte < 32 or byte == 127 for byte in word)


def refused(measurement: bytes, tags: Tags, field: bytes) -> str:
    """The reason for which no point of that name may leave, by the rules as the module words them; else empty."""
    if field == b"time" or any(key in (b"time", b"_field", b"_measurement") for key, _ in tags):
        return "reserved_name"
    words = [measurement, field, *(word for tag in tags for word in tag)]
    before = any(b"\\" + sign in name for name in (measurement, field) for sign in (b",", b" ", b"=", b'"'))
    keys = [at for at, (key, _) in enumerate(tags) if b"\\ " in key]
    swallows = bool(keys) and any(b'"' in word for word in [field, *(value for _, value in tags[keys[0] :])])
    return "unwritable_name" if measurement[:1] == b"#" or any(map(unwritable, words)) or before or swallows else ""


def lines_of(mapper: LineMapper, block: Block) -> bytes:
    """Map and encode, as the printer does."""
    mapped = mapper.mapped(block)
    return encode(mapped) if mapped is not None else b""


def dropped(mapper: LineMapper) -> dict[str, int]:
    return {reason.value: drop.points for reason, drop in mapper.drops.items()}


def points_of(block: Block, tags: Tags) -> list[LinePoint]:
    return [
        LinePoint(block.measurement, tags, block.field, block.type.value, int(time), value)
        for time, value in zip(block.times, block.values, strict=True)
    ]


@given(blocks(), mappers)
def test_a_block_reads_back_as_the_same_points_with_mapped_tags_or_is_dropped_whole(
    block: Block, mapper: TagMapper
) -> None:
    lines_mapper = LineMapper(mapper)
    lines = lines_of(lines_mapper, block)
    tags = mapper.map(block.tags, block.field)
    if reason := refused(block.measurement, tags, block.field):
        assert lines == b""
        assert dropped(lines_mapper) == {reason: len(block)}
    else:
        assert read_lines(lines) == points_of(block, tags)
        assert lines.endswith(b"\n")
        assert lines_mapper.drops == {}


def by_the_parser(line: bytes) -> tuple[str, dict[str, str], dict[str, Any], int]:
    parsed: Any = parse_line(line.decode())
    return parsed["measurement"], dict(sorted(parsed["tags"].items())), parsed["fields"], parsed["time"]


# It unescapes strings by other rules, knows neither backslashes in names nor control characters, and no subnormals.
plain_names = st.text(alphabet="ab ,=é漢🙂0:-", min_size=1, max_size=6).map(str.encode)


@given(blocks(plain_names))
def test_line_protocol_parser_agrees_where_it_is_able_to(block: Block) -> None:
    assume(b"=" not in block.measurement)
    assume(not any(sign in value for value in block.values for sign in b"\\\n\r\t\0"))
    if block.type is FieldType.FLOAT:
        assume(all(float(value) == 0 or abs(float(value)) >= sys.float_info.min for value in block.values))
    assume(all(abs(int(time)) < 2**63 - 1 for time in block.times))  # the last one is an error to it
    lines = lines_of(LineMapper(_BARE), block).split(b"\n")[:-1]
    assert len(lines) == len(block)
    of_type: dict[FieldType, Any] = {
        FieldType.FLOAT: float,
        FieldType.INTEGER: int,
        FieldType.UNSIGNED: int,
        FieldType.BOOLEAN: "true".__eq__,
        FieldType.STRING: str,
    }
    tags = dict(sorted((key.decode(), value.decode()) for key, value in block.tags))
    for line, time, value in zip(lines, block.times, block.values, strict=True):
        fields = {block.field.decode(): of_type[block.type](value.decode())}
        assert repr(by_the_parser(line)) == repr((block.measurement.decode(), tags, fields, int(time)))


def block(
    measurement: bytes = b"m",
    tags: Tags = ((b"k", b"v"),),
    field: bytes = b"f",
    kind: FieldType = FieldType.INTEGER,
    values: tuple[bytes, ...] = (b"1", b"2"),
) -> Block:
    return Block(measurement, tags, field, kind, [b"%d" % n for n in range(len(values))], list(values))


@pytest.mark.parametrize(
    "refused",
    [
        block(measurement=b"#m"),
        block(measurement=b""),
        block(measurement=b"m\\"),
        block(measurement=b"m\tn"),
        block(field=b""),
        block(field=b"f\\"),
        block(field=b"f\x7f"),
        block(field=b"f\ng"),
        block(tags=((b"k\\", b"v"),)),
        block(tags=((b"k\x01", b"v"),)),
        block(tags=((b"k", b"v\\"),)),
        block(tags=((b"k", b"v\r"),)),
        block(tags=((b"k", b"v\x00"),)),
        block(field=b"a\\,b"),
        block(field=b"a\\ b"),
        block(field=b"a\\=b"),
        block(field=b'a\\"b'),
        block(field=b"\\\\,"),
        block(measurement=b"a\\,b"),
        block(measurement=b"a\\ b"),
        block(measurement=b"\\=b"),
        block(measurement=b'\\"'),
        block(tags=((b"a\\ b", b'x"y'),)),
        block(tags=((b"a\\ b", b"x"),), field=b'"'),
        block(tags=((b"a\\ b", b"x"), (b"b", b'"'))),
    ],
    ids=lambda refused: f"{refused.measurement!r} {refused.tags!r} {refused.field!r}",
)
def test_a_name_that_cannot_be_written_is_counted_and_its_neighbours_stay(refused: Block) -> None:
    lines_mapper = LineMapper(_BARE)
    lines = (
        lines_of(lines_mapper, block()) + lines_of(lines_mapper, refused) + lines_of(lines_mapper, block(field=b"g"))
    )
    assert [(point.field, point.value) for point in read_lines(lines)] == [
        (b"f", b"1"),
        (b"f", b"2"),
        (b"g", b"1"),
        (b"g", b"2"),
    ]
    assert {reason.value: drop.points for reason, drop in lines_mapper.drops.items()} == {"unwritable_name": 2}


@pytest.mark.parametrize(
    "reserved",
    [
        block(field=b"time"),
        block(tags=((b"time", b"v"),)),
        block(tags=((b"_field", b"v"),)),
        block(tags=((b"_measurement", b"v"), (b"k", b"v"))),
    ],
    ids=lambda reserved: f"{reserved.tags!r} {reserved.field!r}",
)
def test_a_name_that_influxdb_keeps_for_itself_is_counted_as_that(reserved: Block) -> None:
    lines_mapper = LineMapper(_BARE)
    assert lines_of(lines_mapper, reserved) == b""
    assert dropped(lines_mapper) == {"reserved_name": 2}


@pytest.mark.parametrize(
    "near",
    [
        block(measurement=b"time"),
        block(tags=((b"k", b"time"), (b"timer", b"_field"))),
        block(field=b"Time"),
        block(field=b"a\\b"),
        block(field=b"a, =\\b"),
        block(measurement=b"a, =b\\c", tags=((b"a\\,\\=b", b"\\ \\,\\="),)),
        block(tags=((b"a\\ b", b"x"),)),
        block(measurement=b'"', tags=((b"a", b'"'), (b'b\\ "', b"x"), (b'c"', b"x"))),
        block(measurement=b"a b", tags=((b"k", b'\\ "'),), field=b'"'),
    ],
    ids=lambda near: f"{near.measurement!r} {near.tags!r} {near.field!r}",
)
def test_what_is_only_near_to_it_passes(near: Block) -> None:
    lines_mapper = LineMapper(_BARE)
    assert read_lines(lines_of(lines_mapper, near)) == points_of(near, near.tags)
    assert dropped(lines_mapper) == {}


def test_a_time_that_influxdb_keeps_for_itself_is_dropped_alone() -> None:
    times = [b"-9223372036854775808", b"-9223372036854775807", b"-9223372036854775806", b"0"]
    times += [b"9223372036854775806", b"9223372036854775807"]
    of_all_times = Block(b"m", (), b"f", FieldType.INTEGER, times, [b"%d" % n for n in range(6)])
    lines_mapper = LineMapper(_BARE)
    assert [point.value for point in read_lines(lines_of(lines_mapper, of_all_times))] == [b"2", b"3", b"4"]
    assert dropped(lines_mapper) == {"out_of_range": 3}


@pytest.mark.parametrize(
    "beyond", [b"1e999", b"-1e999", b"1E309", b"1.8e308", b"1" + b"0" * 309, b"-2" + b"0" * 308 + b".5"]
)
def test_a_float_beyond_64_bits_is_dropped_alone(beyond: bytes) -> None:
    longest = b"17976931348623157" + b"0" * 292
    values = (b"1e-999", beyond, b"1.7976931348623157e308", longest, b"0." + b"0" * 400 + b"1")
    lines_mapper = LineMapper(_BARE)
    points = read_lines(lines_of(lines_mapper, block(kind=FieldType.FLOAT, values=values)))
    assert [point.value for point in points] == [value for value in values if value != beyond]
    assert dropped(lines_mapper) == {"out_of_range": 1}


def test_a_point_that_is_unfit_in_two_ways_is_counted_once() -> None:
    first = Block(b"m", (), b"f", FieldType.FLOAT, [b"9223372036854775807", b"1"], [b"1e999", b"1e999"])
    lines_mapper = LineMapper(_BARE)
    assert lines_of(lines_mapper, first) == b""
    assert dropped(lines_mapper) == {"out_of_range": 2}


def key_bytes(block_: Block) -> int:
    """The key by InfluxDB's count: what stands before the value without ` ` and `=`, and 4 bytes."""
    return len(lines_of(LineMapper(_BARE), block_).split(b" ")[0]) + 4 + len(block_.field)


@pytest.mark.parametrize("sign", [b"x", b","])
def test_a_key_is_taken_up_to_the_limit_and_dropped_beyond_it(sign: bytes) -> None:
    """The limit counts what is written: an escaped comma is two bytes."""
    width = 2 if sign == b"," else 1
    room = MAX_KEY_BYTES - key_bytes(block(tags=((b"k", b"v"),))) + 1
    fits = block(tags=((b"k", sign * (room // width)),))
    too_long = block(tags=((b"k", sign * (room // width + 1)),))
    lines_mapper = LineMapper(_BARE)
    assert key_bytes(fits) in (MAX_KEY_BYTES, MAX_KEY_BYTES - 1)
    assert len(read_lines(lines_of(lines_mapper, fits))) == 2
    assert lines_of(lines_mapper, too_long) == b""
    assert {reason.value: drop.points for reason, drop in lines_mapper.drops.items()} == {"key_too_long": 2}


def test_the_tags_that_are_added_count_towards_a_keys_length() -> None:
    own = block(tags=((b"k", b"x" * 65_500),))
    assert lines_of(LineMapper(_BARE), own) != b""
    lines_mapper = LineMapper(TagMapper("a-source-with-a-name", "bucket", tuple(MetadataTag)))
    assert lines_of(lines_mapper, own) == b""
    assert lines_mapper.drops.points == 2


def test_a_string_is_taken_up_to_a_mebibyte_and_dropped_beyond_it_alone() -> None:
    longest = b"\\" * MAX_STRING_BYTES  # by its content, however much it takes escaped
    lines_mapper = LineMapper(_BARE)
    lines = lines_of(lines_mapper, block(kind=FieldType.STRING, values=(b"a", longest + b"x", longest, b"b")))
    assert lines.count(b"\n") == 3
    assert [line.rpartition(b" ")[2] for line in lines.split(b"\n")[:-1]] == [b"0", b"2", b"3"]
    assert {reason.value: drop.points for reason, drop in lines_mapper.drops.items()} == {"string_too_long": 1}


def test_a_block_of_nothing_but_too_long_strings_writes_nothing() -> None:
    lines_mapper = LineMapper(_BARE)
    assert lines_of(lines_mapper, block(kind=FieldType.STRING, values=(b"x" * (MAX_STRING_BYTES + 1),))) == b""
    assert lines_mapper.drops.points == 1


@pytest.mark.parametrize(
    "line",
    [
        b"m f=1\n",
        b"#m f=1i 1\n",
        b"m f=1i 1",
        b"m f=x 1\n",
        b"m f=+1 1\n",
        b"m f=9223372036854775808i 1\n",
        b"m f=-1u 1\n",
        b'm f="x 1\n',
        b"m\\ f=1i 1\n",
        b"m,k=v\\ f=1i 1\n",
        b"m,k= f=1i 1\n",
        b"m,k=a\tb f=1i 1\n",
        b"m,k=1,k=2 f=1i 1\n",
        b"m,k=\xff f=1i 1\n",
        b"m =1i 1\n",
    ],
)
def test_the_slow_reader_refuses_what_telegraf_does(line: bytes) -> None:
    with pytest.raises(RefusedLineError):
        read_lines(line)


def test_the_slow_reader_keeps_a_backslash_that_escapes_nothing() -> None:
    (point,) = read_lines(rb'a\b\=c,k\x=C:\y\,\ z f\"="q\"\n\\n\z" -1' + b"\n")
    assert point == LinePoint(rb"a\b\=c", ((rb"k\x", rb"C:\y, z"),), rb"f\"", "string", -1, b'q"\n\\n\\z')
