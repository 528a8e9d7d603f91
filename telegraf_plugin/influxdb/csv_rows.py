"""One row of a CSV reply as InfluxDB writes it: cells parted by commas, rows ended by CR LF, quotes doubled.

Pure: bytes in, cells out; "I need more bytes" is a value. `parse_row` takes any row; `split_run` takes the rows of
one table at once, which is what makes the decoder fast. The dialect is RFC 4180's as Go's `encoding/csv` writes
it, with one trait of its own: a newline inside a string arrives as CR LF inside the quotes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_CELL = re.compile(rb'(?:"([^"]*+(?:""[^"]*+)*+)"|([^,"\r\n]*+))(,|\r\n)')
# What may still become a cell when more bytes come; anything else at the buffer's end is damage.
_UNFINISHED = re.compile(rb'(?:"[^"]*+(?:""[^"]*+)*+(?:"\r?)?+|[^,"\r\n]*+\r?)\Z')


class MalformedRow(ValueError):
    """The bytes at hand cannot be a row, whatever comes after them."""


@dataclass(frozen=True, slots=True)
class Row:
    """A whole row, from `start` in the buffer to where the `next` one begins.

    `cells` are without quotes; `widths` are the bytes that each took in the buffer, quotes and all.
    """

    cells: list[bytes]
    widths: list[int]
    start: int
    next: int

    def begin(self, place: int) -> int:
        """Return where the cell at `place` begins in the buffer."""
        return self.start + sum(self.widths[:place]) + place

    def plain(self, place: int) -> bool:
        """Say whether the cell at `place` stands there as it is, without quotes."""
        return self.widths[place] == len(self.cells[place])


def parse_row(buffer: bytes, start: int) -> Row | None:
    """Return the row that begins at `start`, or None when `buffer` ends before the row does.

    Raises MalformedRow when it cannot be a row.
    """
    end = buffer.find(b"\r\n", start)
    line = buffer[start:end]
    if end >= 0 and b'"' not in line and b"\r" not in line and b"\n" not in line:  # nearly every row
        cells = line.split(b",")
        return Row(cells, list(map(len, cells)), start, end + 2)
    cells, widths = [], []
    at = start
    while cell := _CELL.match(buffer, at):
        quoted, plain, stop = cell.groups()
        cells.append(plain if quoted is None else unquote(quoted))
        widths.append(cell.start(3) - at)
        at = cell.end()
        if stop != b",":
            return Row(cells, widths, start, at)
    if _UNFINISHED.match(buffer, at):
        return None
    raise MalformedRow


def unquote(content: bytes) -> bytes:
    """Return what a quoted cell means, given what stands between its outer quotes."""
    return content.replace(b'""', b'"').replace(b"\r\n", b"\n")


_FIRST_LOOK = 16
"""Rows that `split_run` expects of a table at first; it looks four times as far each time it is wrong."""


def split_run(buffer: bytes, start: int, head: bytes, tail: bytes) -> tuple[list[bytes], int]:
    """Return what stands between `head` and `tail` in the whole rows from `start` on, and where they end.

    `buffer` has `head` at `start`. The run ends at the first row that begins with something else, or is not whole.
    What is returned is not yet known to be a time and a value: a quoted value may hold any bytes, these too.
    """
    separator = tail + head
    parts: list[bytes] = []
    begin = start + len(head)
    reach = _FIRST_LOOK * (len(separator) + 40)
    while True:
        end = min(begin + reach, len(buffer))
        *whole, last = buffer[begin:end].split(separator)
        parts += whole
        begin = end - len(last)
        length = last.find(tail)
        if length >= 0:
            parts.append(last[:length])
            after = begin + length + len(tail)
            if not buffer.startswith(head, after):
                return parts, after
            begin = after + len(head)
        elif end == len(buffer) or b"\r\n" in last:  # not whole yet, or a row that does not end in `tail`
            return parts, begin - len(head)
        reach *= 4
