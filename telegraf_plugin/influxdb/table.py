"""A table of an annotated CSV reply: where its columns stand, and which series a row belongs to. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from telegraf_plugin.errors import PermanentError
from telegraf_plugin.influxdb.csv_rows import Row
from telegraf_plugin.stream.block import FieldType, Tags
from telegraf_plugin.stream.drops import DropReason

_TYPES = {
    b"double": FieldType.FLOAT,
    b"long": FieldType.INTEGER,
    b"unsignedLong": FieldType.UNSIGNED,
    b"boolean": FieldType.BOOLEAN,
    b"string": FieldType.STRING,
}
# A point's own columns, then those that say what was asked: neither is a tag.
_POINT = (b"_time", b"_value", b"_field", b"_measurement")
_BOUNDS = (b"_start", b"_stop")
_QUOTED = re.compile(rb'[,"\r\n]|\A\\\.\Z')
_LEADING = 3  # the annotation's column, result and table: known by position, as tags may be called like them
MAX_NAMES_BYTES = 65_535
"""InfluxDB's limit for measurement, tags and field: longer ones are damage, or harm."""
_HINT = "a stream's Flux must yield _time, _value, _field and _measurement, and only tags beside them"


@dataclass(frozen=True, slots=True)
class Series:
    """What the rows of one table share.

    `columnar`: time and value stand side by side and unquoted, in the order that `value_first` says; `head` is then
    a row's bytes before them, `tail` those behind them with the line end. `unfit` says why such points cannot pass:
    the reply hides a tag's value, or a name is not UTF-8.
    """

    measurement: bytes
    tags: Tags
    field: bytes
    type: FieldType
    columnar: bool
    head: bytes
    tail: bytes
    value_first: bool
    unfit: DropReason | None


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the columns stand, from a header row to the next empty row."""

    defaults: list[bytes]
    time: int
    value: int
    field: int
    measurement: int
    type: FieldType
    tags: list[tuple[bytes, int]]
    shadowed: bytes | None

    @classmethod
    def of(cls, names: list[bytes], types: list[bytes], defaults: list[bytes]) -> Columns:
        """Read a header row (`names`) with its annotations, all of one length.

        Raises PermanentError when the columns do not make points.
        """
        places = {name: names.index(name, _LEADING) for name in _POINT if name in names[_LEADING:]}
        missing = [name.decode() for name in _POINT if name not in places]
        if missing:
            raise PermanentError(f"the reply's tables have no column {', '.join(missing)}", _HINT)
        value_type = _TYPES.get(types[places[b"_value"]])
        if value_type is None:
            kind = types[places[b"_value"]].decode("utf-8", "replace")
            raise PermanentError(f"the reply's _value is of type {kind}, which no field can have", _HINT)
        tags: list[tuple[bytes, int]] = []
        taken = {b"": _LEADING}
        shadowed = None
        for place in range(_LEADING, len(names)):
            name = names[place]
            first = name not in taken
            taken[name] = place
            if not first:
                shadowed = name
            elif name not in _POINT and name not in _BOUNDS:
                if types[place] != b"string":
                    kind = types[place].decode("utf-8", "replace")
                    raise PermanentError(f"the reply's column {name.decode(errors='replace')} is of type {kind}", _HINT)
                tags.append((name, place))
        return cls(
            defaults,
            places[b"_time"],
            places[b"_value"],
            places[b"_field"],
            places[b"_measurement"],
            value_type,
            sorted(tags),
            shadowed,
        )

    @classmethod
    def blank(cls, defaults: list[bytes]) -> Columns:
        """Stand in for the columns of an error table, whose rows are not points."""
        return cls(defaults, 0, 0, 0, 0, FieldType.STRING, [], None)

    def __len__(self) -> int:
        return len(self.defaults)

    def cell(self, row: Row, place: int) -> bytes:
        """Return what `row` says in the column at `place`, the column's default where it says nothing."""
        return row.cells[place] or self.defaults[place]

    def quoted_names(self, row: Row) -> list[bytes]:
        """Return the columns in which `row` has a name that stands in quotes and needs them."""
        named = [(b"_measurement", self.measurement), (b"_field", self.field), *self.tags]
        return [key for key, place in named if not row.plain(place) and not quoted_for_nothing(row.cells[place])]

    def series(self, buffer: bytes, row: Row) -> Series:
        """Return the series of a `row` of `buffer`; an empty tag is none."""
        first, second = sorted((self.time, self.value))
        defaults = self.defaults[first] or self.defaults[second]
        columnar = second == first + 1 and row.plain(first) and row.plain(second) and not defaults
        measurement, field = self.cell(row, self.measurement), self.cell(row, self.field)
        tags = tuple((key, value) for key, place in self.tags if (value := self.cell(row, place)))
        unfit = DropReason.SHADOWED_TAG if self.shadowed is not None else None
        names = (self.measurement, self.field, *(place for _, place in self.tags))
        if any(not row.plain(place) and quoted_for_nothing(row.cells[place]) for place in names):
            unfit = DropReason.UNWRITABLE_NAME
        whole = b"\0".join([measurement, field, *(part for tag in tags for part in tag)])
        if not is_utf8(whole):
            unfit = DropReason.NOT_UTF8
        if len(whole) > MAX_NAMES_BYTES:  # nothing is to remember such names
            unfit = DropReason.KEY_TOO_LONG
        return Series(
            measurement=measurement,
            tags=tags,
            field=field,
            type=self.type,
            columnar=columnar,
            head=buffer[row.start : row.begin(first)],
            tail=buffer[row.begin(second) + row.widths[second] : row.next],
            value_first=self.value < self.time,
            unfit=unfit,
        )


def is_utf8(content: bytes) -> bool:
    """Say whether `content` is UTF-8."""
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def quoted_for_nothing(content: bytes) -> bool:
    """Say whether a quoted cell with this content needs no quotes as it is: then a carriage return was lost from it.

    Go's `encoding/csv` quotes what has a comma, a quote, a line end or white space in front, and nothing else; with
    CR LF as the line end it leaves out a lone carriage return.
    """
    return not _QUOTED.search(content) and not content[:4].decode("utf-8", "ignore")[:1].isspace()
