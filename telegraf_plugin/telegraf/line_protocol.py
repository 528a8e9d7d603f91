"""Blocks to line protocol, as Telegraf's upstream parser reads it: one line a point, one field a line.

https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/ names what is escaped where. What that parser
adds (github.com/influxdata/line-protocol/v2, `lineprotocol/decoder.go` and `encoder.go`): control characters are
refused outside of strings, and a backslash before a separator cannot be told from an escape, so a name cannot end
in one.
"""

from __future__ import annotations

import re
from dataclasses import replace

from telegraf_plugin.stream.block import Block, FieldType, Tags, pick
from telegraf_plugin.stream.drops import DropReason, Drops, series_text
from telegraf_plugin.stream.mapping import TagMapper

_LINE = {
    FieldType.FLOAT: b"%b %b",
    FieldType.INTEGER: b"%bi %b",
    FieldType.UNSIGNED: b"%bu %b",
    FieldType.BOOLEAN: b"%b %b",
    FieldType.STRING: b'"%b" %b',
}
_UNWRITABLE = re.compile(rb"[\x00-\x1f\x7f]|\\\Z")
_STRING_ESCAPES = ((b"\\", b"\\\\"), (b'"', b'\\"'), (b"\n", b"\\n"), (b"\r", b"\\r"), (b"\t", b"\\t"))


MAX_KEY_BYTES = 65_535
"""InfluxDB's limit for measurement, tags and field, escaped, with 4 bytes between tags and field. A longer one is
answered with 400, for which Telegraf drops the whole batch."""
MAX_STRING_BYTES = 1024 * 1024
"""InfluxDB's limit for a string's content."""
_KEY_OVERHEAD = 4 - len(b" =")


class UnwritableName(ValueError):
    """A measurement, tag or field that line protocol cannot carry."""


class LineMapper:
    """Maps the blocks of one stream by `mapper`. `drops` counts the points that no line can carry."""

    def __init__(self, mapper: TagMapper) -> None:
        self.drops = Drops()
        self._mapper = mapper

    def mapped(self, block: Block) -> Block | None:
        """Return `block` with the tags that it has in central, without the points that cannot be written."""
        tags = self._mapper.map(block.tags, block.field)
        try:
            head = line_head(block.measurement, tags, block.field)
        except UnwritableName:
            self._drop(DropReason.UNWRITABLE_NAME, block, len(block))
            return None
        if len(head) + _KEY_OVERHEAD > MAX_KEY_BYTES:
            self._drop(DropReason.KEY_TOO_LONG, block, len(block))
            return None
        mapped = replace(block, tags=tags)
        if block.type is FieldType.STRING:
            fit = [at for at, value in enumerate(block.values) if len(value) <= MAX_STRING_BYTES]
            self._drop(DropReason.STRING_TOO_LONG, block, len(block) - len(fit))
            return pick(mapped, fit) if fit else None
        return mapped

    def _drop(self, reason: DropReason, block: Block, points: int) -> None:
        if points:
            self.drops.add(reason, points, series_text(*block.key))


def encode(block: Block) -> bytes:
    """Return the lines of `block`, tags as they stand, each ended by a newline. Raises UnwritableName."""
    head = line_head(block.measurement, block.tags, block.field)
    values = map(escape_string, block.values) if block.type is FieldType.STRING else block.values
    lines = map(_LINE[block.type].__mod__, zip(values, block.times, strict=True))
    return b"%b%b\n" % (head, (b"\n" + head).join(lines))


def line_head(measurement: bytes, tags: Tags, field: bytes) -> bytes:
    """Return a line up to and with the `=` before its value. Raises UnwritableName."""
    if measurement.startswith(b"#"):
        raise UnwritableName(measurement)  # the line would be a comment
    parts = [escape_measurement(measurement)]
    parts += [b",%b=%b" % (escape_key(key), escape_key(value)) for key, value in tags]
    parts += [b" ", escape_key(field), b"="]
    return b"".join(parts)


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
