"""Replies to many small queries of Flux by one query: each finds its own, as if it had been asked alone.

As with statements of InfluxQL (`bundle`) a question does not know of it: what was not foreseen, or not answered, is
asked alone.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from itertools import chain
from typing import NamedTuple

from telegraf_plugin.errors import BadReply, SourceError, TransientError
from telegraf_plugin.influxdb.awaited import AwaitedAnswers
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.csv_rows import MalformedRow, parse_row
from telegraf_plugin.influxdb.flux import Query, together

MAX_QUERIES = 20
"""Of one query: the server begins with all of them at once."""
MAX_QUERY_BYTES = 256 * 1024
"""Of the reply to one; a point takes some 150."""
MAX_BYTES = 1024 * 1024
"""Of all replies that are kept, packed, until each is asked for: rows that are nearly alike take a tenth so."""
EMPTY = b"\r\n"
"""The reply to a query that finds nothing."""


class ForeseenReply(NamedTuple):
    """A query that is about to be asked; `in_vain` is told when it was asked with others, and has no answer."""

    query: Query
    in_vain: Callable[[], None]


class Replies:
    """What several questions are about to ask by Flux, and the replies; one thread's at a time."""

    def __init__(self) -> None:
        self._replies: AwaitedAnswers[Query, bytes] = AwaitedAnswers()  # packed
        self._in_vain: dict[str, list[Callable[[], None]]] = {}

    def add(self, foreseen: ForeseenReply) -> None:
        """Note what is about to be asked."""
        self._replies.add(foreseen.query.text, foreseen.query)
        self._in_vain.setdefault(foreseen.query.text, []).append(foreseen.in_vain)

    def ask(self, client: QueryClient) -> None:
        """Ask for all of them. Raises TransientError, behind which nothing more is asked."""
        asked, left = self._replies.all(), MAX_BYTES
        if len(asked) < 2:  # alone it is asked as ever
            return
        for at in range(0, len(asked), MAX_QUERIES):
            some = asked[at : at + MAX_QUERIES]
            try:
                if left <= 0:
                    raise BadReply("there is no room for more", "")
                parts = Parts(len(some))
                for chunk in client.query(together([each.asked for each in some], MAX_QUERY_BYTES)):
                    parts.feed(chunk)
                texts = parts.finish()
            except TransientError:
                raise
            except SourceError:  # one ends all, and too much is nobody's: each finds out alone
                for tell in chain.from_iterable(self._in_vain[reply.asked.text] for reply in some):
                    tell()
                continue
            for reply, text in zip(some, texts, strict=True):
                reply.told = zlib.compress(text, 1) if len(text) > len(EMPTY) else EMPTY
                left -= len(reply.told)

    def knows(self, query: Query) -> bool:
        """Say whether `query` was foreseen, and has no answer."""
        return self._replies.knows(query.text)

    def answer(self, query: Query) -> bytes | None:
        """Return the reply; None where it is not there."""
        packed = self._replies.take(query.text)
        return zlib.decompress(packed) if packed is not None and packed != EMPTY else packed


class Parts:
    """Parts a reply to `flux.together` by its results, fed with its bytes in chunks of any size. Pure.

    The results come one after the other, in any order, each named in the annotation `#default` of each of its tables.
    """

    def __init__(self, results: int) -> None:
        self._parts: list[list[bytes]] = [[] for _ in range(results)]
        self._buffer = b""
        self._table = 0
        """How much of the buffer is the table that is being read, its whole rows so far."""
        self._named: int | None = None
        self._ended = False

    def feed(self, data: bytes) -> None:
        """Take the reply's next bytes. Raises BadReply when they are not annotated CSV, or tell of an error."""
        self._buffer += data
        begin, at = 0, self._table
        while b"\n" in data:  # no row ends without a line end
            try:
                row = parse_row(self._buffer, at) if at < len(self._buffer) else None
            except MalformedRow:
                raise _broken(self._buffer[at:]) from None
            if row is None:
                break
            at = row.next
            self._ended = row.cells == [b""]
            if self._ended:
                if self._named is not None:
                    self._parts[self._named].append(self._buffer[begin:at])
                elif at - begin > len(EMPTY):
                    raise _broken(self._buffer[begin:at])
                begin, self._named = at, None
            else:
                self._look(row.cells)
        self._buffer, self._table = self._buffer[begin:], at - begin

    def _look(self, cells: Sequence[bytes]) -> None:
        """Read what of a row is not data: whose table it is, and that it is none."""
        if cells[0] == b"#default" and self._named is None:
            name = cells[1] if len(cells) > 1 else b""
            if not name.isdigit() or int(name) >= len(self._parts):
                raise _broken(b",".join(cells))
            self._named = int(name)
        elif cells[0] not in (b"", b"#datatype", b"#group") or (not cells[0] and self._named is None):
            raise _broken(b",".join(cells))  # an error's table without annotations among them

    def finish(self) -> list[bytes]:
        """Return the parts, each a whole reply. Raises BadReply when the reply cannot have ended here."""
        if self._buffer or not self._ended:
            raise _broken(self._buffer)
        return [b"".join(part) or EMPTY for part in self._parts]


def _broken(content: bytes) -> BadReply:
    text = content[:300].decode("utf-8", "replace").encode("unicode_escape").decode("ascii").strip()
    return BadReply(f"the reply to many queries is not theirs: {text}", "each is asked alone")
