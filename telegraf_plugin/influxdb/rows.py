"""Small annotated CSV replies as rows: counts, marks, times. Points go through the Decoder. Pure.

A row is in memory at a time, whatever the reply holds, and a reply that has no end is given up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from telegraf_plugin.errors import BadReply
from telegraf_plugin.influxdb.csv_rows import MalformedRow, parse_row

MAX_BYTES = 64 * 1024 * 1024
"""No reply that is read this way comes near it."""
MAX_ROW_BYTES = 4 * 1024 * 1024
"""A longer row is damage: InfluxDB takes strings of 1 MiB, whose quotes may double."""

_LONGEST_NUMBER = 18  # digits: no server has more points
_AGAIN = "it is asked again; when it stays, look at the server's log, and at proxies on the way"


class ReplyRow(dict[str, str]):
    """One row by its columns' names; a column that the reply lacks is the reply's fault, and a BadReply."""

    def __missing__(self, column: str) -> str:
        raise BadReply(f"the reply has no column {column}", _AGAIN)


def whole_number(row: Mapping[str, str], column: str = "_value") -> int:
    """Return the number, zero or more, that a count's `row` has in `column`. Raises BadReply."""
    text = row[column]
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER):
        raise BadReply(f"the reply is not a number of points: {text[:100]!r}", _AGAIN)
    return int(text)


def read_rows(chunks: Iterable[bytes]) -> Iterator[ReplyRow]:
    """Yield each row of a reply by its columns' names. Raises BadReply, when the reply is cut short behind the last."""
    table = _Table()
    buffer, taken = b"", 0
    for chunk in chunks:
        taken += len(chunk)
        if taken > MAX_BYTES:
            raise BadReply("the reply has no end", _AGAIN)
        buffer += chunk
        if b"\n" not in chunk:  # no row ends without a line end: to look anew each time would cost the square
            if len(buffer) > MAX_ROW_BYTES:
                raise BadReply("the reply has a row without an end", _AGAIN)
            continue
        at = 0
        while at < len(buffer):
            cells, after = _cells(buffer, at)
            if after == at:
                break
            at = after
            row = table.row(cells)
            if row is not None:
                yield row
        buffer = buffer[at:]
    if buffer[:1] == b"{":
        raise _broken_off(buffer)
    if buffer or not table.ended:
        raise BadReply("the reply was cut short", _AGAIN)


def _cells(buffer: bytes, at: int) -> tuple[list[bytes], int]:
    """Return the cells of the row at `at`, and where the next one begins: at `at` while it is not whole."""
    if buffer.startswith((b"{", b"<"), at):  # a panic's JSON, a proxy's page
        if b"\n" not in buffer[at:]:
            return [], at
        raise _broken_off(buffer[at:])
    try:
        row = parse_row(buffer, at)
    except MalformedRow:
        raise BadReply("the reply is not annotated CSV: a row that cannot be", _AGAIN) from None
    return (row.cells, row.next) if row is not None else ([], at)


class _Table:
    """The columns of the table that is being read; `ended`: an empty row was the last one."""

    def __init__(self) -> None:
        self.ended = False
        self._names: list[str] = []
        self._defaults: list[str] = []

    def row(self, cells: list[bytes]) -> ReplyRow | None:
        """Read a row; return it by its columns' names if it holds data."""
        self.ended = cells == [b""]
        try:
            row = [cell.decode() for cell in cells]
            if self.ended:
                self._names = []
            elif row[0] == "#default":
                self._defaults = row
            elif row[0].startswith("#"):
                pass
            elif row[0]:
                raise _broken_off(cells[0])
            elif not self._names:
                self._names = row
            elif self._names[1:2] == ["error"]:
                raise _broken_off(cells[1])
            else:
                of_row = zip(self._names, row, self._defaults, strict=True)
                return ReplyRow({name: value or default for name, value, default in of_row})
        except ValueError as error:
            raise BadReply(f"the reply is not annotated CSV: {error}", _AGAIN) from None
        return None


def _broken_off(said: bytes) -> BadReply:
    text = said[:300].decode("utf-8", "replace").strip()
    return BadReply(f"the server broke off with an error: {text}", _AGAIN)
