"""One request for what several questions are about to ask: each of them then finds its answer there.

A question does not know of it. It asks as it does alone (`answers`), and where what it asks was foreseen it is given
the rows that came for all. What was not foreseen, or not answered, is asked alone: a bundle changes how often a server
is asked, never what is believed of its answers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import NamedTuple

from telegraf_plugin.errors import SourceError, TransientError
from telegraf_plugin.influxdb.answers import count_of
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.flux import Query
from telegraf_plugin.influxdb.flux_counts import Counts, ForeseenCount
from telegraf_plugin.influxdb.flux_replies import ForeseenReply, Replies
from telegraf_plugin.influxdb.influxql import Place
from telegraf_plugin.influxdb.messagepack import LongRow, Names, Reply, Rows
from telegraf_plugin.influxdb.rows import read_rows
from telegraf_plugin.stream.block import Tags

MAX_STATEMENTS = 500
"""Statements of one request: some 100 KB of text."""
MANY = 8
"""From so many questions on one statement for all streams of a bucket is asked in place of theirs."""
MAX_BYTES = 256 * 1024
"""What is kept of the answers; as rows it takes some ten times that. Who asks for more is answered alone."""


class Foreseen(NamedTuple):
    """A statement, and where it is asked.

    With `tags` its answer is what the statement `whole`, which is asked in its place, says of their values: of one
    statement for all streams of a bucket each finds its own part.
    """

    place: Place
    statement: str
    whole: str = ""
    tags: Tags = ()


Foresee = Callable[[], Iterable[Foreseen | ForeseenCount | ForeseenReply]]
"""Says which statements a question is about to ask, and where; it may ask the server what it needs for that."""


@dataclass(slots=True)
class _Answer:
    """`wanted`: by how many questions it may yet be asked for; `rows`: None as long as it is not whole. `tags`: as of
    `Foreseen`.
    """

    tags: Tags
    wanted: int = 0
    rows: list[Rows] | None = field(default=None)


class Bundle:
    """The statements of several questions to one server; asked once, when the first of them wants its answer.

    Safe to use from several threads: the others wait for it. `failure`: that the server did not answer it.
    """

    def __init__(
        self, client: QueryClient, foreseen: Sequence[Foresee], turn: AbstractContextManager[object] | None = None
    ) -> None:
        """`foreseen`: each question's statements. Of bundles with one `turn` (a lock) one is asked at a time."""
        self.client = client
        self._foreseen = list(foreseen)
        self._turn = turn or nullcontext()
        self._begun = False
        self._gate = threading.Lock()
        self._answers: dict[str, _Answer] = {}
        self._counts = Counts()
        self._replies = Replies()
        self.failure: TransientError | None = None
        self._asked = False
        self._lock = threading.Lock()

    def join(self, foreseen: Sequence[Foresee]) -> bool:
        """Have these questions asked as well, unless it is too late for that; returns whether they are. Never waits."""
        with self._gate:
            if not self._begun:
                self._foreseen += foreseen
            return not self._begun

    def ask(self) -> None:
        """Ask, unless it was."""
        if self._asked:
            return
        with self._turn, self._lock:
            if not self._asked:
                with self._gate:
                    self._begun = True
                with sharing():  # what it asks for that goes no detour over itself
                    self._ask()
                self._foreseen.clear()
                self._asked = True

    def answer(self, statements: Sequence[str]) -> list[Rows] | None:
        """Return the rows for all of `statements`, numbered as these are; None where one has no answer here.

        Raises TransientError where the server did not answer in time, or asked to be left alone: for each question that
        was foreseen.
        """
        self.ask()
        with self._lock:
            answers = [self._answers.get(statement) for statement in statements]
            failure = self.failure  # an exception is one thread's
            if failure is not None and any(each is not None and each.rows is None for each in answers):
                raise TransientError(failure.summary, failure.hint, failure.retry_after) from failure
            if any(each is None or each.rows is None for each in answers):
                return None
            found = []
            for number, (statement, each) in enumerate(zip(statements, answers, strict=True)):
                assert each is not None
                found += [_numbered(rows, number) for rows in each.rows or ()]
                each.wanted -= 1
                if each.wanted <= 0:  # asked once more it is another question, of another time
                    del self._answers[statement]
            return found

    def count(self, query: Query) -> int | None:
        """Return the number that `query` counts; None where it has no answer here. Raises as `answer` does."""
        self.ask()
        with self._lock:
            failure = self.failure
            if failure is not None and self._counts.knows(query):
                raise TransientError(failure.summary, failure.hint, failure.retry_after) from failure
            return self._counts.answer(query)

    def reply(self, query: Query) -> bytes | None:
        """Return the reply to `query`; None where it has none here. Raises as `answer` does."""
        self.ask()
        with self._lock:
            failure = self.failure
            if failure is not None and self._replies.knows(query):
                raise TransientError(failure.summary, failure.hint, failure.retry_after) from failure
            return self._replies.answer(query)

    def _ask(self) -> None:
        place: Place | None = None
        wholes: dict[str, dict[str, _Answer]] = {}  # by statement for all: each one's own
        for foresee in self._foreseen:
            try:
                for each in foresee():
                    if isinstance(each, ForeseenCount):
                        self._counts.add(each)
                        continue
                    if isinstance(each, ForeseenReply):
                        self._replies.add(each)
                        continue
                    place = each.place
                    if each.statement not in self._answers:
                        answer = self._answers[each.statement] = _Answer(each.tags)
                        wholes.setdefault(each.whole or each.statement, {})[each.statement] = answer
                    self._answers[each.statement].wanted += 1
            except TransientError as failure:
                self.failure = failure
                return
            except Exception:  # noqa: S112 (what cannot be foreseen is asked alone, and says itself what is wrong)
                continue
        try:
            self._counts.ask(self.client)
            self._replies.ask(self.client)
        except TransientError as failure:
            self.failure = failure
            return
        asked = _sent(wholes)
        texts, left = list(asked), MAX_BYTES
        if place is None or len(self._answers) < 2:
            return
        for at in range(0, len(texts), MAX_STATEMENTS):
            try:
                some = texts[at : at + MAX_STATEMENTS]
                left = self._read(place, some, [asked[text] for text in some], left)
            except TransientError as failure:
                self.failure = failure
                return
            except (SourceError, LongRow):
                continue  # one statement ends all that follow it: whose it is each finds out alone
            if left < 0:
                return

    def _read(self, place: Place, statements: list[str], told: list[list[_Answer]], left: int) -> int:
        """Read the answers to `statements`, by which those of `told` are told.

        Returns how many bytes are left, below 0 when it stopped half way.
        """
        reply = Reply(len(statements))
        rows: list[list[Rows]] = [[] for _ in statements]
        for chunk in self.client.rows(place, statements):
            left -= len(chunk)
            for found in reply.feed(chunk):
                rows[found.statement].append(found)
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
            answer.tags = ()
            sent[statement] = [answer]
    return sent


def _keep(told: list[list[_Answer]], rows: list[list[Rows]]) -> None:
    """Give each answer its rows, of a statement that several share those of its tags."""
    for several, found in zip(told, rows, strict=False):
        known: dict[Names, dict[tuple[bytes | None, ...], list[Rows]]] = {}
        for answer in several:
            answer.rows = found
            if answer.tags:
                names, values = zip(*answer.tags, strict=True)
                if names not in known:
                    known[names] = _by_values(found, names)
                answer.rows = known[names].get(values, [])


def _by_values(rows: list[Rows], names: Names) -> dict[tuple[bytes | None, ...], list[Rows]]:
    """Return rows by the values of the tags called `names`: to look all through for each answer would cost a square."""
    sorted_out: dict[tuple[bytes | None, ...], list[Rows]] = {}
    for each in rows:
        own = dict(each.tags)
        sorted_out.setdefault(tuple(map(own.get, names)), []).append(each)
    return sorted_out


def _numbered(rows: Rows, statement: int) -> Rows:
    return Rows(statement, rows.measurement, rows.tags, rows.keys, rows.columns, rows.rows)


_shared = threading.local()


@contextmanager
def sharing(*bundles: Bundle) -> Iterator[None]:
    """Have what this thread asks answered by `bundles`, as far as it was foreseen, and by no others."""
    before = getattr(_shared, "bundles", ())
    _shared.bundles = bundles
    try:
        yield
    finally:
        _shared.bundles = before


def fail_if_silent(client: QueryClient) -> None:
    """Raise TransientError where the server did not answer what this thread's bundles have asked of it."""
    for bundle in getattr(_shared, "bundles", ()):
        if bundle.client is client:
            bundle.ask()
            if bundle.failure is not None:
                failure = bundle.failure
                raise TransientError(failure.summary, failure.hint, failure.retry_after) from failure


def count_by_flux(client: QueryClient, query: Query) -> int:
    """Return how many points `query` counts. Raises SourceError."""
    for bundle in getattr(_shared, "bundles", ()):
        if bundle.client is client and (found := bundle.count(query)) is not None:
            return int(found)
    return count_of(read_rows(client.query(query)))


def reply_of(client: QueryClient, query: Query) -> bytes | None:
    """Return the reply to `query` that came together with others'; None where nobody has asked it yet.

    Raises TransientError.
    """
    for bundle in getattr(_shared, "bundles", ()):
        if bundle.client is client and (found := bundle.reply(query)) is not None:
            return bytes(found)
    return None


def answers(client: QueryClient, place: Place, statements: Sequence[str]) -> Iterator[Iterator[Rows]]:
    """Yield the rows of the reply to `statements`, some at a time; each time to be run to its end.

    Raises SourceError, and LongRow.
    """
    for bundle in getattr(_shared, "bundles", ()):
        if bundle.client is client:
            found = bundle.answer(statements)
            if found is not None:
                yield iter(found)
                return
    reply = Reply(len(statements))
    for chunk in client.rows(place, statements):
        yield reply.feed(chunk)
    reply.finish()
