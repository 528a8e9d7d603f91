"""Statements of InfluxQL of several questions in one request: each finds the rows of its own (decision 0082).

As with what is asked by Flux (`flux_counts`, `flux_points`) a question does not know of it: what was not foreseen, or
not answered, is asked alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgpack

from telegraf_plugin.errors import SourceError, TransientError
from telegraf_plugin.influxdb.awaited import Awaited, AwaitedAnswers
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.influxql import Place
from telegraf_plugin.influxdb.messagepack import LongRow, Names, Reply, Rows
from telegraf_plugin.stream.block import Tags

MAX_STATEMENTS = 1000
"""Statements of one request: some 200 KB of text."""
MANY = 8
"""From so many questions on one statement for all streams of a bucket is asked in place of theirs."""
MAX_BYTES = 256 * 1024
"""What is kept of the answers of a source, unless another limit is given, packed as it came: as rows it would take some
ten times that. Who asks for more is answered alone."""


class Foreseen(NamedTuple):
    """A statement, and where it is asked.

    With `tags` its answer is what the statement `whole`, which is asked in its place, says of their values: of one
    statement for all streams of a bucket each finds its own part.
    """

    place: Place
    statement: str
    whole: str = ""
    tags: Tags = ()


class _Packed(NamedTuple):
    """Rows that are kept for a while: `head` without them, and the rows packed."""

    head: Rows
    rows: bytes

    @classmethod
    def of(cls, rows: Rows) -> _Packed:
        """Pack rows."""
        head = Rows(rows.statement, rows.measurement, rows.tags, rows.keys, rows.columns, [])
        return cls(head, msgpack.packb(rows.rows, use_bin_type=False))

    def unpacked(self, statement: int) -> Rows:
        """Return the rows, as those of a statement of that number."""
        rows = msgpack.unpackb(self.rows, raw=True)
        return Rows(statement, self.head.measurement, self.head.tags, self.head.keys, self.head.columns, rows)


_Answer = Awaited[Tags, list[_Packed]]
"""Of the rows that have those tags; of all rows where there are none."""


class Statements:
    """What several questions are about to ask, and the rows; one thread's at a time."""

    def __init__(self, most: int | None = None) -> None:
        """`most` bytes of the answers are kept, MAX_BYTES unless another number is given."""
        self._most = most or MAX_BYTES
        self._place: Place | None = None
        self._answers: AwaitedAnswers[Tags, list[_Packed]] = AwaitedAnswers()
        self._wholes: dict[str, dict[str, _Answer]] = {}  # by statement for all: each one's own

    def add(self, foreseen: Foreseen) -> None:
        """Note what is about to be asked."""
        self._place, text = foreseen.place, foreseen.statement
        answer = self._answers.add(text, foreseen.tags)
        if answer.wanted == 1:
            self._wholes.setdefault(foreseen.whole or text, {})[text] = answer

    def ask(self, client: QueryClient) -> None:
        """Ask for all of them. Raises TransientError, behind which nothing more is asked."""
        place, left = self._place, self._most
        if place is None or len(self._answers) < 2:
            return
        asked = _sent(self._wholes)
        texts = list(asked)
        for at in range(0, len(texts), MAX_STATEMENTS):
            try:
                some = texts[at : at + MAX_STATEMENTS]
                left = _read(client, place, some, [asked[text] for text in some], left)
            except TransientError:
                raise
            except (SourceError, LongRow):
                continue  # one statement ends all that follow it: whose it is each finds out alone
            if left < 0:
                return

    def knows(self, statements: Sequence[str]) -> bool:
        """Say whether one of `statements` was foreseen, and has no answer."""
        return any(map(self._answers.knows, statements))

    def answer(self, statements: Sequence[str]) -> list[Rows] | None:
        """Return the rows for all of `statements`, numbered as these are; None where one has no answer here."""
        if not all(map(self._answers.has, statements)):
            return None
        found: list[Rows] = []
        for number, statement in enumerate(statements):
            packed = self._answers.take(statement)
            if packed is None:  # it was asked for once more than foreseen
                return None
            found += [rows.unpacked(number) for rows in packed]
        return found


def _read(client: QueryClient, place: Place, statements: list[str], told: list[list[_Answer]], left: int) -> int:
    """Read the answers to `statements`, by which those of `told` are told.

    Returns how many bytes are left, below 0 when it stopped half way. Raises SourceError, LongRow.
    """
    reply = Reply(len(statements))
    rows: list[list[_Packed]] = [[] for _ in statements]
    for chunk in client.rows(place, statements):
        left -= len(chunk)
        for found in reply.feed(chunk):
            rows[found.statement].append(_Packed.of(found))
        if left < 0:
            _keep(told, rows[: reply.answered])
            return left
    reply.finish()
    _keep(told, rows)
    return left


def _sent(wholes: dict[str, dict[str, _Answer]]) -> dict[str, list[_Answer]]:
    """Return the statements that are sent, each with what it tells: one for all only where all are many.

    It counts those as well that nobody asks about.
    """
    sent: dict[str, list[_Answer]] = {}
    for whole, own in wholes.items():
        if len(own) >= MANY:
            sent[whole] = list(own.values())
            continue
        for statement, answer in own.items():
            answer.asked = ()
            sent[statement] = [answer]
    return sent


def _keep(told: list[list[_Answer]], rows: list[list[_Packed]]) -> None:
    """Give each answer its rows, of a statement that several share those of its tags."""
    for several, found in zip(told, rows, strict=False):
        known: dict[Names, dict[tuple[bytes | None, ...], list[_Packed]]] = {}
        for answer in several:
            answer.told = found
            if answer.asked:
                names, values = zip(*answer.asked, strict=True)
                if names not in known:
                    known[names] = _by_values(found, names)
                answer.told = known[names].get(values, [])


def _by_values(rows: list[_Packed], names: Names) -> dict[tuple[bytes | None, ...], list[_Packed]]:
    """Return rows by the values of the tags called `names`: to look all through for each answer would cost a square."""
    sorted_out: dict[tuple[bytes | None, ...], list[_Packed]] = {}
    for each in rows:
        own = dict(each.head.tags)
        sorted_out.setdefault(tuple(map(own.get, names)), []).append(each)
    return sorted_out
