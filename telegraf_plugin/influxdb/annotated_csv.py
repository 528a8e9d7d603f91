"""Annotated CSV, as InfluxDB 2 answers a query with it, to blocks: bytes in, blocks out, no more kept than a row.

https://docs.influxdata.com/influxdb/v2/reference/syntax/annotated-csv/ describes the form; the real server adds
where annotations repeat, how it ends (an empty row) and how an error in mid-stream looks (docs/engines.md).

A table's rows differ in time and value only, all else repeats byte for byte. So a table's first row is parsed cell
by cell, and what stands before its time and behind its value finds the others by one `bytes.split`. A row that does
not fit that (quotes in its value, time and value apart) is parsed cell by cell as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile

from telegraf_plugin.errors import BadReply
from telegraf_plugin.influxdb.csv_rows import MalformedRow, Row, parse_row, split_run
from telegraf_plugin.influxdb.flux import MAX_NAMED_FIELDS
from telegraf_plugin.influxdb.table import Columns, Series, is_utf8
from telegraf_plugin.influxdb.timestamps import TimeColumn
from telegraf_plugin.stream.block import Block, FieldType
from telegraf_plugin.stream.drops import DropReason, Drops, series_text

MAX_ROW_BYTES = 2 * 1024 * 1024 + 300_000
"""A longer row is damage: InfluxDB takes strings of 1 MiB, whose quotes may double, and keys of 64 KiB."""
MAX_QUOTED_COLUMNS = 100
"""Columns that are remembered for having had a name in quotes."""

_ANNOTATIONS = (b"#datatype", b"#group", b"#default")
_COLUMN = {
    FieldType.FLOAT: re.compile(rb"(?:(?:-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[+-]?Inf|NaN),)*+"),
    FieldType.INTEGER: re.compile(rb"(?:-?\d+,)*+"),
    FieldType.UNSIGNED: re.compile(rb"(?:\d+,)*+"),
    FieldType.BOOLEAN: re.compile(rb"(?:true,|false,)*+"),
}
_ESCAPE = re.compile(rb"\\[\\r]")
_WHOLE = (FieldType.INTEGER, FieldType.UNSIGNED)
_LONG_NUMBER = len("9223372036854775807")  # a shorter one is in every type's range
_NO_VALUE = frozenset((b"", b"NaN", b"+Inf", b"-Inf", b"Inf"))
_PLAIN = rb'[^,"\r\n]*+'
_FINITE = {
    FieldType.FLOAT: rb"-?\d++(?:\.\d++)?+",
    FieldType.INTEGER: rb"-?\d++",
    FieldType.UNSIGNED: rb"\d++",
    FieldType.BOOLEAN: rb"(?:true|false)",
}
_ROWS = {
    (kind, value_first): re.compile(rb"(?:%b,%b\n)*%b,%b" % (2 * ((value, _PLAIN) if value_first else (_PLAIN, value))))
    for kind, value in _FINITE.items()
    for value_first in (False, True)
}
"""Time and value of rows as nearly all are: then one look says that the columns are sound.

The repetition of rows is not possessive: before 3.11.5 Python finds no match then (CPython's issue 106052).
"""
_PAIR = re.compile(rb'[^,"\r\n]*+,[^,"\r\n]*+')
_PAIRS = re.compile(rb'(?:[^,"\r\n]*+,[^,"\r\n]*+\n)*+')
_PAGE = "the url may lead to a login page or a proxy instead of InfluxDB"
_AGAIN = "it is read again; when it stays, look at the source's log, and at proxies on the way"


class Decoder:
    """Turns one reply into blocks, fed with its bytes in chunks of any size.

    `drops` counts what could not pass. `quoted` holds measurement and field of the strings that stood in quotes: the
    server's CSV loses a carriage return in those without a trace (`flux.carriage_return_query` asks for them); it stops
    at one more than such a query names.
    `quoted_names` holds the columns whose names stood in quotes that they need: those may have lost one as well
    (`flux.lossy_names_query`).
    """

    def __init__(self, escaped: bool = False) -> None:
        """`escaped`: the query wrote backslash and carriage return in strings as `\\\\` and `\\r`."""
        self.drops = Drops()
        self.quoted: set[tuple[bytes, bytes]] = set()
        self.quoted_names: set[bytes] = set()
        self._escaped = escaped
        self._buffer = b""
        self._annotations: dict[bytes, list[bytes]] = {}
        self._columns: Columns | None = None
        self._series: Series | None = None
        self._in_error_table = False
        self._ended = False  # an empty row was the last one
        self._times = TimeColumn()

    def feed(self, data: bytes) -> Iterator[Block]:
        """Decode the reply's next bytes and yield the blocks of the rows that are whole by now.

        The iterator must be run to its end before the next call. Raises BadReply when the bytes are not annotated
        CSV or tell of an error, PermanentError when their tables are not made of points.
        """
        self._buffer += data
        at = 0
        # No row ends without a line end: to parse one anew with each of its chunks would take the square of its length.
        end = len(self._buffer) if b"\n" in data else 0
        while at < end:
            block, after = self._step(at)
            if after == at:
                break
            at = after
            if block is not None:
                yield block
        self._buffer = self._buffer[at:]
        if len(self._buffer) > MAX_ROW_BYTES:
            raise BadReply(f"the reply has a row of more than {MAX_ROW_BYTES:,} bytes", _AGAIN)

    def finish(self) -> None:
        """Say that the reply has ended; raises BadReply when it cannot have ended here."""
        if self._buffer[:1] in (b"{", b"<"):
            raise _foreign(self._buffer)
        if self._buffer or not self._ended:
            raise BadReply("the reply was cut short", _AGAIN)

    def _step(self, at: int) -> tuple[Block | None, int]:
        """Decode what begins at `at`: return a block, if it makes one, and where to go on (`at`: bytes are missing)."""
        series = self._series
        if series is not None and self._buffer.startswith(series.head, at):
            times, values, after, sound = self._run(series, at)
            if times:
                return self._block(series, times, values, sound), after
        row = self._row(at)
        if row is None:
            return None, at
        columns = self._columns
        if columns is None or row.cells[0] or len(row.cells) == 1:
            self._control(row)
            return None, row.next
        if self._in_error_table:
            raise BadReply(f"the source broke off with an error: {_text(row.cells[1])}", _AGAIN)
        if len(row.cells) != len(columns):
            raise BadReply(f"a row of {len(row.cells)} cells under a header of {len(columns)}", _AGAIN)
        series = columns.series(self._buffer, row)
        if series.unfit is None and len(self.quoted_names) < MAX_QUOTED_COLUMNS:
            self.quoted_names.update(columns.quoted_names(row)[:MAX_QUOTED_COLUMNS])
        if series.columnar:
            self._series = series
            times, values, after, sound = self._run(series, at)
            if times:  # none where rows of other series lie between this one's, as they may after group()
                return self._block(series, times, values, sound), after
        in_quotes = series.type is FieldType.STRING and series.unfit is None and not row.plain(columns.value)
        if in_quotes and len(self.quoted) <= MAX_NAMED_FIELDS:
            self.quoted.add((series.measurement, series.field))
        time, value = columns.cell(row, columns.time), columns.cell(row, columns.value)
        return self._block(series, [time], [value]), row.next

    def _row(self, at: int) -> Row | None:
        """Parse the row at `at`, None while it is not whole."""
        if self._buffer[at] in b"{<":  # a panic's JSON, a proxy's page: told whole, as far as it comes
            if b"\n" not in self._buffer[at:]:
                return None
            raise _foreign(self._buffer[at:])
        try:
            return parse_row(self._buffer, at)
        except MalformedRow:
            raise _foreign(self._buffer[at:]) from None

    def _control(self, row: Row) -> None:
        """Handle a row that is not data: annotation, header, or the empty row that ends a table."""
        kind = row.cells[0]
        if self._in_error_table and row.cells == [b""]:
            raise BadReply("the source broke off with an error, and does not say which", _AGAIN)
        self._ended = row.cells == [b""]
        if self._ended:
            self._annotations, self._columns, self._series, self._in_error_table = {}, None, None, False
        elif kind in _ANNOTATIONS and self._columns is None:
            self._annotations[kind] = row.cells
        elif row.cells == [b"error", b"reference"]:  # the form of an error table without annotations
            self._in_error_table = True
        elif self._in_error_table:
            raise BadReply(f"the source broke off with an error: {_text(kind)}", _AGAIN)
        elif kind or self._columns is not None:
            raise BadReply(f"the reply has a row that is not annotated CSV: {_text(b','.join(row.cells))}", _AGAIN)
        else:
            self._header(row)

    def _header(self, row: Row) -> None:
        """Handle the row that names the columns."""
        annotations = [self._annotations.get(kind, []) for kind in _ANNOTATIONS]
        if any(len(cells) != len(row.cells) for cells in annotations):
            raise BadReply("the reply has a table whose header and annotations do not fit", _AGAIN)
        types, _, defaults = annotations
        self._in_error_table = row.cells[1:] == [b"error", b"reference"]
        self._columns = Columns.blank(defaults) if self._in_error_table else Columns.of(row.cells, types, defaults)

    def _run(self, series: Series, at: int) -> tuple[list[bytes], list[bytes], int, bool]:
        """Return times and values of the whole rows of `series` from `at` on, none when the first does not fit; where
        they end, and whether all values are known to be finite ones of their type.
        """
        pairs, after = split_run(self._buffer, at, series.head, series.tail)
        column = b"\n".join(pairs)
        rows = _ROWS.get((series.type, series.value_first))
        sound = rows is not None and rows.fullmatch(column) is not None
        if not sound and not _PAIRS.fullmatch(column + b"\n"):
            pairs = list(takewhile(_PAIR.fullmatch, pairs))
            column = b"\n".join(pairs)
            after = at + sum(map(len, pairs)) + len(pairs) * (len(series.head) + len(series.tail))
        if not pairs:
            return [], [], at, False
        cells = column.replace(b"\n", b",").split(b",")
        times, values = cells[series.value_first :: 2], cells[not series.value_first :: 2]
        return times, values, after, sound

    def _block(self, series: Series, times: list[bytes], values: list[bytes], sound: bool = False) -> Block | None:
        """Check the columns of `series` and return them as a block, None when no point of them can pass.

        `sound`: all values are known to be finite ones of their type, but for their range.
        """
        if series.unfit is not None:
            self._drop(series.unfit, series, len(times))
            return None
        try:
            times = list(map(self._times.__getitem__, times))
        except ValueError as error:
            raise BadReply(f"the reply is damaged: {error}", _AGAIN) from None
        pattern = _COLUMN.get(series.type)
        if pattern is not None:
            column = b",".join(values) + b"," if not sound else b""
            if not sound and (b"N" in column or b"I" in column or not pattern.fullmatch(column)):
                kept = [pair for pair in zip(times, values, strict=True) if pair[1] not in _NO_VALUE]
                self._drop(DropReason.NOT_A_VALUE, series, len(times) - len(kept))
                times, values = [time for time, _ in kept], [value for _, value in kept]
                bad = next((value for value in values if not pattern.fullmatch(value + b",")), None)
                if bad is not None:
                    raise _wrong_type(bad, series.type)
            if series.type in _WHOLE and len(max(values, key=len, default=b"")) >= _LONG_NUMBER:
                for value in values:
                    if not _in_range(value, series.type):
                        raise _wrong_type(value, series.type)
        else:
            if not all(map(is_utf8, values)):
                kept = [pair for pair in zip(times, values, strict=True) if is_utf8(pair[1])]
                self._drop(DropReason.NOT_UTF8, series, len(times) - len(kept))
                times, values = [time for time, _ in kept], [value for _, value in kept]
            if self._escaped:
                values = [_ESCAPE.sub(_unescape, value) for value in values]
        if not times:
            return None
        return Block(series.measurement, series.tags, series.field, series.type, times, values)

    def _drop(self, reason: DropReason, series: Series, points: int) -> None:
        if points:
            self.drops.add(reason, points, series_text(series.measurement, series.tags, series.field))


def _in_range(value: bytes, kind: FieldType) -> bool:
    """Say whether a whole number is one that a field of its type can hold."""
    if kind is FieldType.INTEGER:
        return len(value) <= len("-9223372036854775808") and -(2**63) <= int(value) < 2**63
    return len(value) <= len("18446744073709551615") and int(value) < 2**64


def _wrong_type(value: bytes, kind: FieldType) -> BadReply:
    return BadReply(f"the reply is damaged: not of type {kind.value}: {_text(value)}", _AGAIN)


def _foreign(content: bytes) -> BadReply:
    """Say what came instead of annotated CSV."""
    if content[:1] == b"{":
        return BadReply(f"the source broke off with an error: {_text(content)}", _AGAIN)
    if content[:1] == b"<":
        return BadReply(f"the reply is a web page, not annotated CSV: {_text(content)}", _PAGE)
    return BadReply(f"the reply is not annotated CSV: {_text(content)}", _AGAIN)


def _unescape(escape: re.Match[bytes]) -> bytes:
    return b"\r" if escape.group() == b"\\r" else b"\\"


def _text(content: bytes) -> str:
    """The first 300 bytes of what a source said, on one line and without control characters."""
    return content[:300].decode("utf-8", "replace").encode("unicode_escape").decode("ascii").strip()
