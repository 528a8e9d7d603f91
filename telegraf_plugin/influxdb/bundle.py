"""One request for what several questions are about to ask: each of them then finds its answer there.

A question does not know of it. It asks as it does alone (`answers`), and where what it asks was foreseen it is given
the rows that came for all. What was not foreseen, or not answered, is asked alone: a bundle changes how often a server
is asked, never what is believed of its answers.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol, TypeVar

from telegraf_plugin.errors import TransientError
from telegraf_plugin.influxdb.answers import count_of
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.flux import Query
from telegraf_plugin.influxdb.flux_counts import Counts, ForeseenCount
from telegraf_plugin.influxdb.flux_points import ForeseenPoints, Points
from telegraf_plugin.influxdb.flux_replies import ForeseenReply, Replies
from telegraf_plugin.influxdb.influxql import Place
from telegraf_plugin.influxdb.messagepack import Reply, Rows
from telegraf_plugin.influxdb.rows import read_rows
from telegraf_plugin.influxdb.statements import Foreseen, Statements
from telegraf_plugin.stream.block import Block

Foresee = Callable[[], Iterable[Foreseen | ForeseenCount | ForeseenPoints | ForeseenReply]]
"""Says which statements a question is about to ask, and where; it may ask the server what it needs for that."""
Question = TypeVar("Question", contravariant=True)
Answer = TypeVar("Answer", covariant=True)


class _Asked(Protocol[Question, Answer]):
    """What several questions are about to ask in one way, and the answers."""

    def ask(self, client: QueryClient) -> None:
        """Ask for all of them. Raises TransientError, behind which nothing more is asked."""

    def knows(self, question: Question, /) -> bool:
        """Say whether `question` was foreseen, and has no answer."""

    def answer(self, question: Question, /) -> Answer | None:
        """Return its answer; None where that is not known."""


class Bundle:
    """What several questions ask of one server; asked once, when the first of them wants its answer.

    Safe to use from several threads: the others wait for it. `failure`: that the server did not answer it. `share`:
    what each of the questions took of it (ns).
    """

    def __init__(
        self,
        client: QueryClient,
        foreseen: Sequence[Foresee],
        turn: AbstractContextManager[object] | None = None,
        most: int | None = None,
    ) -> None:
        """`foreseen`: what each question asks. Of bundles with one `turn` (a lock) one is asked at a time. `most`: as
        of `Statements`.
        """
        self.client = client
        self._foreseen = list(foreseen)
        self._turn = turn or nullcontext()
        self._begun = False
        self._gate = threading.Lock()
        self._statements, self._counts, self._points = Statements(most), Counts(), Points()
        self._replies = Replies()
        self.failure: TransientError | None = None
        self.share = 0
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
                began = time.monotonic_ns()
                with sharing():  # what it asks for that goes no detour over itself
                    self._ask()
                self.share = (time.monotonic_ns() - began) // max(len(self._foreseen), 1)
                self._foreseen.clear()
                self._asked = True

    def rows(self, statements: Sequence[str]) -> list[Rows] | None:
        """Return the rows for all of `statements`, numbered as these are; None where one has no answer here.

        Raises TransientError where the server did not answer in time, or asked to be left alone: for each question that
        was foreseen.
        """
        return self._answer(self._statements, statements)

    def count(self, query: Query) -> int | None:
        """Return the number that `query` counts; None where it has no answer here. Raises as `rows` does."""
        return self._answer(self._counts, query)

    def points(self, query: Query) -> list[Block] | None:
        """Return the points that `query` reads; None where it has no answer here. Raises as `rows` does."""
        return self._answer(self._points, query)

    def reply(self, query: Query) -> bytes | None:
        """Return the reply to `query`; None where it has none here. Raises as `rows` does."""
        return self._answer(self._replies, query)

    def _answer(self, asked: _Asked[Question, Answer], question: Question) -> Answer | None:
        self.ask()
        with self._lock:
            failure = self.failure  # an exception is one thread's
            if failure is not None and asked.knows(question):
                raise TransientError(failure.summary, failure.hint, failure.retry_after) from failure
            return asked.answer(question)

    def _ask(self) -> None:
        for foresee in self._foreseen:
            try:
                for each in foresee():
                    match each:
                        case Foreseen():
                            self._statements.add(each)
                        case ForeseenCount():
                            self._counts.add(each)
                        case ForeseenPoints():
                            self._points.add(each)
                        case ForeseenReply():
                            self._replies.add(each)
            except TransientError as failure:
                self.failure = failure
                return
            except Exception:  # noqa: S112 (what cannot be foreseen is asked alone, and says itself what is wrong)
                continue
        try:
            for asked in (self._counts, self._points, self._replies, self._statements):
                asked.ask(self.client)
        except TransientError as failure:
            self.failure = failure


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


def _bundles_of(client: QueryClient) -> list[Bundle]:
    """Return those of this thread's bundles that ask by `client`."""
    shared: tuple[Bundle, ...] = getattr(_shared, "bundles", ())
    return [bundle for bundle in shared if bundle.client is client]


def fail_if_silent(client: QueryClient) -> None:
    """Raise TransientError where the server did not answer what this thread's bundles have asked of it."""
    for bundle in _bundles_of(client):
        bundle.ask()
        if bundle.failure is not None:
            failure = bundle.failure
            raise TransientError(failure.summary, failure.hint, failure.retry_after) from failure


def count_by_flux(client: QueryClient, query: Query) -> int:
    """Return how many points `query` counts. Raises SourceError."""
    for bundle in _bundles_of(client):
        if (found := bundle.count(query)) is not None:
            return found
    return count_of(read_rows(client.query(query)))


def points_by_flux(client: QueryClient, query: Query) -> list[Block] | None:
    """Return the points that `query` reads where this thread's bundles have them; None where it is to be asked."""
    for bundle in _bundles_of(client):
        if (found := bundle.points(query)) is not None:
            return found
    return None


def reply_of(client: QueryClient, query: Query) -> bytes | None:
    """Return the reply to `query` that came together with others'; None where nobody has asked it yet.

    Raises TransientError.
    """
    for bundle in _bundles_of(client):
        if (found := bundle.reply(query)) is not None:
            return found
    return None


def answers(client: QueryClient, place: Place, statements: Sequence[str]) -> Iterator[Iterator[Rows]]:
    """Yield the rows of the reply to `statements`, some at a time; each time to be run to its end.

    Raises SourceError, and LongRow.
    """
    for bundle in _bundles_of(client):
        if (found := bundle.rows(statements)) is not None:
            yield iter(found)
            return
    reply = Reply(len(statements))
    for chunk in client.rows(place, statements):
        yield reply.feed(chunk)
    reply.finish()
