"""Blocks to line protocol, as Telegraf's upstream parser and InfluxDB's own read it: here a field a line.

https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/ names what is escaped where. A line passes two
parsers: Telegraf's (github.com/influxdata/line-protocol/v2, `lineprotocol/decoder.go`), which leaves out what it does
not take, and that of central (github.com/influxdata/influxdb/v2, `models/points.go`), for which one line that it does
not take is a reason to refuse the whole batch (400), neighbours and all. So whatever either refuses by its form stays
here. The rules, all of them (`tests/engines/test_line_rules.py` sends each to the real ones):

- A measurement, a tag or a field is not empty, has no control character, does not end in a backslash, which would
  escape what follows, and a measurement does not begin with `#`, which begins a comment.
- A measurement or a field has no backslash before a comma, a space, an equals sign or a quotation mark: of a field
  central takes two backslashes in a row for one that is escaped, and `\\"` for a quotation mark; of a measurement it
  takes the line, and nobody can read it there again.
- Nor has a tag's key one before a space, where a quotation mark stands in its value, a later one or the field: central
  would look for the line's end behind the next one, in other lines.
- No tag is called `time`, `_field` or `_measurement`, and no field `time`.
- A key is of 65,535 bytes at most, a string of 1 MiB.
- A time is from -9223372036854775806 to 9223372036854775806 ns; a float is one of 64 bits.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from functools import lru_cache

from telegraf_plugin.stream.block import Block, FieldType, Tags, pick
from telegraf_plugin.stream.drops import DropReason, Drops, series_text
from telegraf_plugin.stream.mapping import TagMapper
from telegraf_plugin.stream.naming import AS_THEY_ARE, Naming, Renamer

VALUE = {
    FieldType.FLOAT: b"%b",
    FieldType.INTEGER: b"%bi",
    FieldType.UNSIGNED: b"%bu",
    FieldType.BOOLEAN: b"%b",
    FieldType.STRING: b'"%b"',
}
"""How a value of each type stands in a line."""
_UNWRITABLE = re.compile(rb"[\x00-\x1f\x7f]|\\\Z")
_ESCAPE = re.compile(rb'\\[,= "]')
_STRING_ESCAPES = ((b"\\", b"\\\\"), (b'"', b'\\"'), (b"\n", b"\\n"), (b"\r", b"\\r"), (b"\t", b"\\t"))

MAX_KEY_BYTES = 65_535
"""InfluxDB's limit for measurement, tags and field, escaped, with 4 bytes between tags and field. A longer one is
answered with 400, for which Telegraf drops the whole batch."""
MAX_STRING_BYTES = 1024 * 1024
"""InfluxDB's limit for a string's content."""
RESERVED_TAGS = frozenset((b"time", b"_field", b"_measurement"))
"""What InfluxDB does not take as a tag's key: it refuses the whole batch."""
RESERVED_FIELD = b"time"
"""What it does not take as a field."""
MIN_TIME, MAX_TIME = -(2**63) + 2, 2**63 - 2
"""The first and the last time (Unix ns) that InfluxDB takes."""
_UNWRITABLE_TIMES = frozenset(b"%d" % time for time in (MIN_TIME - 2, MIN_TIME - 1, MAX_TIME + 1))
"""Of 64 bits, but InfluxDB keeps them for itself."""
_LONG_FLOAT = 309
"""Digits from which on a number without an exponent may be beyond 64 bits."""
_KEY_OVERHEAD = 4 - len(b" =")


class UnwritableName(ValueError):
    """A measurement, tag or field that line protocol cannot carry; `reason` is what it counts as."""

    def __init__(self, name: bytes, reason: DropReason = DropReason.UNWRITABLE_NAME) -> None:
        super().__init__(name)
        self.reason = reason


class LineMapper:
    """Maps the blocks of one stream by `mapper` and `naming`. `drops` counts the points that no line can carry.

    They are named as the source names them.
    """

    def __init__(self, mapper: TagMapper, naming: Naming = AS_THEY_ARE) -> None:
        self.drops = Drops()
        self._mapper, self._renamer = mapper, Renamer(naming)
        self._last: tuple[Tags, Tags] | None = None  # a series' own tags, and those that all its fields have in central

    def mapped(self, block: Block) -> Block | None:
        """Return `block` with the names and tags that it has in central, without the points that cannot be written."""
        source, named = block, self._renamer.renamed(block)
        if named is None:
            self._drop(DropReason.NAME_TAKEN, source, len(block))
            return None
        block = named
        tags = self._tags(block)
        try:
            head = line_head(block.measurement, tags, block.field)
        except UnwritableName as unwritable:
            self._drop(unwritable.reason, source, len(block))
            return None
        if len(head) + _KEY_OVERHEAD > MAX_KEY_BYTES:
            self._drop(DropReason.KEY_TOO_LONG, source, len(block))
            return None
        unfit = _unfit(block)
        for reason in set(unfit.values()):
            self._drop(reason, source, sum(each is reason for each in unfit.values()))
        fit = [at for at in range(len(block)) if at not in unfit] if unfit else range(len(block))
        return pick(replace(block, tags=tags), fit) if fit else None

    def _tags(self, block: Block) -> Tags:
        """Return the tags that `block` has in central: the very same object for a series' fields one after another."""
        if self._mapper.by_field:
            return self._mapper.map(block.tags, block.field)
        if self._last is None or self._last[0] != block.tags:
            self._last = block.tags, self._mapper.map(block.tags, block.field)
        return self._last[1]

    def _drop(self, reason: DropReason, block: Block, points: int) -> None:
        if points:
            self.drops.add(reason, points, series_text(*block.key))


def encode(block: Block) -> bytes:
    """Return the lines of `block`, tags as they stand, each ended by a newline. Raises UnwritableName."""
    head = line_head(block.measurement, block.tags, block.field)
    values = map(escape_string, block.values) if block.type is FieldType.STRING else block.values
    lines = map((VALUE[block.type] + b" %b").__mod__, zip(values, block.times, strict=True))
    return b"%b%b\n" % (head, (b"\n" + head).join(lines))


def line_head(measurement: bytes, tags: Tags, field: bytes) -> bytes:
    """Return a line up to and with the `=` before its value. Raises UnwritableName."""
    if field == RESERVED_FIELD:
        raise UnwritableName(field, DropReason.RESERVED_NAME)
    series, open_to_quotes = _series_head(measurement, tags)
    if _ESCAPE.search(field) or (open_to_quotes and b'"' in field):
        raise UnwritableName(field)
    return b"%b %b=" % (series, escape_key(field))


@lru_cache(maxsize=4)
def _series_head(measurement: bytes, tags: Tags) -> tuple[bytes, bool]:
    """Return a line up to its fields, and whether for InfluxDB the fields begin in a key before there.

    A series' fields come one after another. Raises UnwritableName.
    """
    if measurement.startswith(b"#"):
        raise UnwritableName(measurement)  # the line would be a comment
    if _ESCAPE.search(measurement):
        raise UnwritableName(measurement)
    parts = [escape_measurement(measurement)]
    open_to_quotes = False
    for key, value in tags:
        if key in RESERVED_TAGS:
            raise UnwritableName(key, DropReason.RESERVED_NAME)
        open_to_quotes = open_to_quotes or b"\\ " in key
        if open_to_quotes and b'"' in value:
            raise UnwritableName(key)
        parts.append(b",%b=%b" % (escape_key(key), escape_key(value)))
    return b"".join(parts), open_to_quotes


def _unfit(block: Block) -> dict[int, DropReason]:
    """Return the places of the points that InfluxDB cannot hold, and why."""
    unfit: dict[int, DropReason] = {}
    if not _UNWRITABLE_TIMES.isdisjoint(block.times):
        unfit = {at: DropReason.OUT_OF_RANGE for at, time in enumerate(block.times) if time in _UNWRITABLE_TIMES}
    if block.type is FieldType.STRING:
        long = (at for at, value in enumerate(block.values) if len(value) > MAX_STRING_BYTES)
        unfit |= dict.fromkeys(long, DropReason.STRING_TOO_LONG)
    elif block.type is FieldType.FLOAT:
        column = b",".join(block.values)
        if b"e" in column or b"E" in column or _has_long_value(column):
            infinite = (at for at, value in enumerate(block.values) if math.isinf(float(value)))
            unfit |= dict.fromkeys(infinite, DropReason.OUT_OF_RANGE)
    return unfit


def _has_long_value(column: bytes) -> bool:
    """Say whether a value of `column`, parted by commas, may have _LONG_FLOAT digits: half of them have no comma."""
    half = _LONG_FLOAT // 2
    return any(column.find(b",", at, at + half) < 0 for at in range(0, len(column) - half + 1, half))


def escape_measurement(name: bytes) -> bytes:
    """Return `name` as it stands at a line's start. Raises UnwritableName."""
    _check(name)
    return name.replace(b",", b"\\,").replace(b" ", b"\\ ")


def escape_key(name: bytes) -> bytes:
    """Return a tag's key, a tag's value or a field's key as it stands in a line. Raises UnwritableName."""
    _check(name)
    return name.replace(b",", b"\\,").replace(b"=", b"\\=").replace(b" ", b"\\ ")


def escape_string(value: bytes) -> bytes:
    """Return a string's content as it stands between the quotes."""
    for character, escaped in _STRING_ESCAPES:
        value = value.replace(character, escaped)
    return value


def _check(name: bytes) -> None:
    if not name or _UNWRITABLE.search(name):
        raise UnwritableName(name)
