"""Small annotated CSV replies as rows: counts, marks, times. Points go through the Decoder. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping

from telegraf_plugin.errors import BadReply

MAX_BYTES = 64 * 1024 * 1024
"""No reply that is read this way comes near it: marks of a day of a hundred streams take 20 MB."""

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
    """Yield each row of a reply by its columns' names. Raises BadReply."""
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > MAX_BYTES:
            raise BadReply("the reply has no end", _AGAIN)
    if not content.endswith(b"\r\n"):
        raise BadReply("the reply was cut short", _AGAIN)
    rows = _rows(content)  # an error is told before its reply, which has no end
    if content != b"\r\n" and not content.endswith(b"\r\n\r\n"):
        raise BadReply("the reply was cut short", _AGAIN)
    yield from rows


def _rows(content: bytearray) -> list[ReplyRow]:
    rows: list[ReplyRow] = []
    names: list[str] = []
    defaults: list[str] = []
    try:
        for row in csv.reader(io.StringIO(content.decode(), newline="")):
            if not row:
                names = []
            elif row[0] == "#default":
                defaults = row
            elif row[0].startswith("#"):
                continue
            elif row[0]:
                raise BadReply(f"the server broke off with an error: {row[0][:300]}", _AGAIN)
            elif not names:
                names = row
            elif names[1:2] == ["error"]:
                raise BadReply(f"the server broke off with an error: {row[1][:300]}", _AGAIN)
            else:
                cells = zip(names, row, defaults, strict=True)
                rows.append(ReplyRow({name: value or default for name, value, default in cells}))
    except (UnicodeDecodeError, ValueError, LookupError, csv.Error) as error:
        raise BadReply(f"the reply is not annotated CSV: {error}", _AGAIN) from None
    return rows
