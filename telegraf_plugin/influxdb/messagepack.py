"""MessagePack, as InfluxDB answers InfluxQL with it, to rows: bytes in, rows out, no more kept than a row. Pure.

A reply is a document after the other, each `{"results": [{"statement_id", "series": [{"name", "tags", "columns",
"values", "partial"}], "partial", "error"}]}`; a series of which more is to come is `partial`, and so is a statement of
points. The last document of each statement is not, also where it found nothing: by that a whole reply is known. (What
tells of tags is never partial, and comes in several documents all the same.)
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

import msgpack

from telegraf_plugin.errors import BadReply
from telegraf_plugin.stream.block import Tags

MAX_ROW_BYTES = 5 * 1024 * 1024 // 2
"""A longer row, or series' head, is damage, or of a measurement that is read otherwise: strings are of 1 MiB."""
READ_BYTES = 4096
"""What a reply takes from the beginning; it grows with what comes. Without it each, however small, would take 1 MiB."""
MAX_STRING_BYTES = 2 * 1024 * 1024
MAX_FIELDS = 2000
"""Fields of a row, and tags of a series: what has more is read otherwise."""
_AGAIN = "it is read again; when it stays, look at the source's log, and at proxies on the way"

Row = list[Any]
"""A row's values, by column."""
Names = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of one series. `columns` are the rows' names; `tags` are without the empty ones, `keys` with them."""

    statement: int
    measurement: bytes
    tags: Tags
    keys: Names
    columns: Names
    rows: list[Row]


class LongRow(Exception):
    """A row of `measurement` takes more than MAX_ROW_BYTES."""

    def __init__(self, measurement: bytes) -> None:
        super().__init__(measurement)
        self.measurement = measurement


_Parts = Generator[Rows | None, None, Any]
"""Yields rows, None where bytes are missing."""


class Reply:
    """Turns one reply to `statements` statements into rows, fed with its bytes in chunks of any size."""

    def __init__(self, statements: int) -> None:
        self._statements = statements
        self._statement = self._answered = 0
        self._unpacker = msgpack.Unpacker(
            raw=True,
            strict_map_key=False,
            max_buffer_size=0,
            read_size=READ_BYTES,
            max_str_len=MAX_STRING_BYTES,
            max_bin_len=MAX_STRING_BYTES,
            max_array_len=MAX_FIELDS + 1,
            max_map_len=MAX_FIELDS,
            max_ext_len=0,
            list_hook=self._list,
            object_hook=self._map,
        )
        self._documents = self._parse()
        self._listed = False  # a list has ended within what is being read
        self._in_rows = False
        self._measurement = b""
        self._begun = False  # within a document
        self._mark = 0  # since where no row has ended, more or less

    def feed(self, data: bytes) -> Iterator[Rows]:
        """Decode the reply's next bytes and yield the rows that are whole by now. Raises BadReply and LongRow.

        The iterator must be run to its end before the next call.
        """
        self._unpacker.feed(data)
        try:
            for found in self._documents:
                if found is None:
                    break
                yield found
        except (ValueError, TypeError, RecursionError) as error:
            raise _damaged(error) from None
        if self._unpacker.tell() - self._mark > MAX_ROW_BYTES:
            raise LongRow(self._measurement)

    @property
    def answered(self) -> int:
        """How many statements, the first ones, were answered whole by now."""
        return self._answered

    def finish(self) -> None:
        """Say that the reply has ended; raises BadReply when it cannot have ended here."""
        if self._begun or self._answered != self._statements:
            raise BadReply("the reply was cut short", _AGAIN)

    def _parse(self) -> _Parts:
        """Never ends."""
        while True:
            self._begun = False
            while (pairs := self._header(self._unpacker.read_map_header)) is None:
                yield None
            self._begun = True
            for _ in range(pairs):
                key = yield from self._object()
                if key == b"error":
                    raise _refused((yield from self._object()))
                if key != b"results":
                    yield from self._object()
                    continue
                for _ in range((yield from self._size(self._unpacker.read_array_header))):
                    yield from self._result()

    def _result(self) -> _Parts:
        partial = False
        for _ in range((yield from self._size(self._unpacker.read_map_header))):
            key = yield from self._object()
            if key == b"series":
                for _ in range((yield from self._size(self._unpacker.read_array_header))):
                    yield from self._series()
                continue
            value = yield from self._object()
            if key == b"error":
                raise _refused(value)
            if key == b"statement_id":
                if value not in (self._answered, self._answered - 1) or not 0 <= value < self._statements:
                    raise ValueError(f"statement {value} instead of {self._answered}")
                self._statement = value
            partial = partial or (key == b"partial" and bool(value))
        if not partial:
            self._answered = self._statement + 1

    def _series(self) -> _Parts:
        measurement = b""
        tags: Tags = ()
        keys: Names = ()
        columns: Names = ()
        for _ in range((yield from self._size(self._unpacker.read_map_header))):
            key = yield from self._object()
            if key != b"values":
                value = yield from self._object()
                if key == b"name":
                    measurement = self._measurement = _bytes(value)
                elif key == b"tags":
                    if not isinstance(value, dict):
                        raise ValueError("tags that are none")
                    pairs = sorted((_bytes(name), _bytes(each)) for name, each in value.items())
                    tags, keys = tuple(pair for pair in pairs if pair[1]), tuple(name for name, _ in pairs)
                elif key == b"columns":
                    columns = tuple(map(_bytes, value))
                continue
            head = (self._statement, measurement, tags, keys, columns)
            yield from self._rows(Rows(*head, []), (yield from self._size(self._unpacker.read_array_header)))

    def _rows(self, head: Rows, count: int) -> _Parts:
        unpack, width = self._unpacker.unpack, len(head.columns)
        rows: list[Row] = []
        missing = count
        self._in_rows, self._listed = True, False
        while missing:
            try:
                while missing:
                    rows.append(unpack())
                    self._listed = False
                    missing -= 1
            except msgpack.OutOfData:
                yield from self._checked(head, rows, width)
                rows = []
                yield None
        self._in_rows = False
        yield from self._checked(head, rows, width)

    def _list(self, value: Row) -> Row:
        """Note a list that has ended: one within another would take ten times its bytes in memory."""
        if self._listed:
            raise ValueError("a list within a list")
        self._listed = True
        return value

    def _map(self, value: dict[Any, Any]) -> dict[Any, Any]:
        if self._in_rows:
            raise ValueError("a map within a row")
        return value

    def _checked(self, head: Rows, rows: list[Row], width: int) -> Iterator[Rows]:
        if rows:
            self._mark = self._unpacker.tell()
            if set(map(type, rows)) != {list} or set(map(len, rows)) != {width}:
                raise ValueError("a row that has not a value for each column")
            yield Rows(head.statement, head.measurement, head.tags, head.keys, head.columns, rows)

    def _object(self) -> _Parts:
        """Return the next whole object."""
        self._listed = False
        while True:
            try:
                return self._unpacker.unpack()
            except msgpack.OutOfData:
                yield None

    def _size(self, read: Callable[[], Any]) -> Generator[None, None, int]:
        """Return how many pairs, or items, the map or array that begins here has."""
        while (size := self._header(read)) is None:
            yield None
        return size

    def _header(self, read: Callable[[], Any]) -> int | None:
        self._mark = self._unpacker.tell()
        try:
            return int(read())
        except msgpack.OutOfData:
            return None


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError("a name that is no text")
    return value


def _refused(said: object) -> BadReply:
    text = said[:300].decode("utf-8", "replace") if isinstance(said, bytes) else repr(said)[:300]
    return BadReply(f"the source broke off with an error: {text.encode('unicode_escape').decode()}", _AGAIN)


def _damaged(error: Exception) -> BadReply:
    return BadReply(f"the reply is not InfluxDB's MessagePack: {str(error)[:100] or type(error).__name__}", _AGAIN)
