"""One request for what several questions ask: each finds its own answer there, and what goes wrong is nobody else's."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest

from telegraf_plugin.errors import BadReply, PermanentError, SourceError, TransientError
from telegraf_plugin.influxdb import statements
from telegraf_plugin.influxdb.bundle import Bundle, answers, sharing
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.influxql import Place
from telegraf_plugin.influxdb.statements import Foreseen
from tests.unit.test_messagepack import document, series

PLACE = Place("db", "rp")
A, B, C = "SELECT a", "SELECT b", "SELECT c"


class Server:
    """Answers each statement with a row of its letter's number, or by tags; counts its requests."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.refused: dict[str, SourceError] = {}

    def rows(self, place: Place, statements: Sequence[str]) -> Iterator[bytes]:
        assert place == PLACE
        self.asked.append(list(statements))
        for number, text in enumerate(statements):
            for letter, error in self.refused.items():
                if re.fullmatch(letter, text):
                    raise error
            found = [series([0, ord(text[-1])], name="m")]
            if text == "GROUPED":
                found = [series([0, at], name="m", tags={"source": tag, "bucket": "x"}) for at, tag in enumerate("pqr")]
            yield document(number, *found)


def asked(server: Server, *statements: str) -> list[tuple[int, Any]]:
    """Ask for statements; returns each row's statement and value."""
    found = answers(cast(QueryClient, server), PLACE, statements)
    return [(rows.statement, row[1]) for some in found for rows in some for row in rows.rows]


def bundle_of(server: Server, *questions: Sequence[str]) -> Bundle:
    foreseen = [[Foreseen(PLACE, text) for text in question] for question in questions]
    return Bundle(cast(QueryClient, server), [lambda each=each: each for each in foreseen])  # type: ignore[misc]


def test_what_was_foreseen_is_asked_once_for_all_and_numbered_as_each_has_asked() -> None:
    server = Server()
    with sharing(bundle_of(server, [A, B], [B, C])):
        assert asked(server, A, B) == [(0, ord("a")), (1, ord("b"))]
        assert asked(server, B, C) == [(0, ord("b")), (1, ord("c"))]
    assert server.asked == [[A, B, C]]


def test_what_was_not_foreseen_or_is_asked_once_more_is_asked_alone() -> None:
    server = Server()
    with sharing(bundle_of(server, [A], [B])):
        assert asked(server, A, C) == [(0, ord("a")), (1, ord("c"))]
        assert asked(server, A) == asked(server, A) == [(0, ord("a"))]  # of another time: it is read anew
    assert server.asked == [[A, B], [A, C], [A]]
    asked(server, B)
    assert server.asked[-1] == [B]  # without a bundle as ever


def test_another_servers_bundle_answers_nothing() -> None:
    server, other = Server(), Server()
    with sharing(bundle_of(other, [A], [B])):
        asked(server, A)
    assert (server.asked, other.asked) == ([[A]], [])


def test_a_server_that_does_not_answer_fails_each_of_them_at_once() -> None:
    server = Server()
    server.refused["SELECT b"] = TransientError("timed out", "wait", retry_after=7.0)
    with sharing(bundle_of(server, [A], [B])):
        for statement in (A, B):
            with pytest.raises(TransientError, match="timed out") as raised:
                asked(server, statement)
            assert raised.value.retry_after == 7.0
        assert asked(server, C)  # which was not foreseen
    assert server.asked == [[A, B], [C]]


@pytest.mark.parametrize("error", [PermanentError("database not found: b", "-"), BadReply("broken off", "-")])
def test_one_that_cannot_be_answered_is_its_own_failure_alone(error: SourceError) -> None:
    server = Server()
    server.refused["SELECT b"] = error
    with sharing(bundle_of(server, [A], [B], [C])):
        assert asked(server, A) == [(0, ord("a"))]
        with pytest.raises(type(error)):
            asked(server, B)
        assert asked(server, C) == [(0, ord("c"))]
    assert server.asked == [[A, B, C], [A], [B], [C]]


def test_what_takes_too_much_memory_is_asked_alone_and_what_came_before_it_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Server()
    monkeypatch.setattr(statements, "MAX_BYTES", len(document(0, series([0, ord("a")], name="m"))))
    with sharing(bundle_of(server, [A], [B], [C])):
        for statement in (A, B, C):
            assert asked(server, statement) == [(0, ord(statement[-1]))]
    assert server.asked == [[A, B, C], [C]]


def test_many_statements_are_several_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    monkeypatch.setattr(statements, "MAX_STATEMENTS", 2)
    with sharing(bundle_of(server, [A, B, C])):
        assert [value for _, value in asked(server, A, B, C)] == [ord(letter) for letter in "abc"]
    assert server.asked == [[A, B], [C]]


def test_where_few_ask_they_ask_for_their_own_and_not_for_all() -> None:
    server = Server()
    foreseen = [Foreseen(PLACE, text, "GROUPED", ((b"source", b"p"),)) for text in (A, B)]
    with sharing(Bundle(cast(QueryClient, server), [lambda: foreseen])):
        assert asked(server, A) == [(0, ord("a"))]
    assert server.asked == [[A, B]]


def test_who_comes_while_a_bucket_is_asked_joins_the_next_request() -> None:
    server, turn = Server(), threading.Lock()
    first, begun, go_on = bundle_of(server, [A, C]), threading.Event(), threading.Event()
    first._turn = turn

    def slow() -> Iterator[Foreseen]:
        begun.set()
        go_on.wait(10)
        return iter(())

    assert first.join([slow])
    asking = threading.Thread(target=first.ask)
    asking.start()
    assert begun.wait(10)
    later: list[Foreseen] = [Foreseen(PLACE, B), Foreseen(PLACE, C)]
    assert not first.join([lambda: later])  # too late: and it is not waited for
    second = Bundle(cast(QueryClient, server), [lambda: later], turn)
    assert second.join([lambda: [Foreseen(PLACE, A)]])
    waiting = threading.Thread(target=second.ask)
    waiting.start()
    assert second.join([list])  # it has its turn when the first one is done
    go_on.set()
    for thread in (asking, waiting):
        thread.join(10)
    assert server.asked == [[A, C], [B, C, A]]


def test_of_a_statement_for_all_each_finds_what_its_tags_say(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    monkeypatch.setattr(statements, "MANY", 2)
    tags = {name: ((b"source", name.encode()), (b"bucket", b"x")) for name in "pqs"}
    foreseen = [Foreseen(PLACE, f"SELECT {name}", "GROUPED", of) for name, of in tags.items()]
    with sharing(Bundle(cast(QueryClient, server), [lambda: foreseen])):
        assert asked(server, "SELECT q") == [(0, 1)]
        assert asked(server, "SELECT p") == [(0, 0)]
        assert asked(server, "SELECT s") == []  # it has no points: that is an answer too
    assert server.asked == [["GROUPED"]]


def test_a_question_that_cannot_be_foreseen_spoils_no_other() -> None:
    server = Server()

    def fails() -> Iterator[Foreseen]:
        raise PermanentError("not mapped", "-")

    with sharing(Bundle(cast(QueryClient, server), [fails, lambda: [Foreseen(PLACE, A), Foreseen(PLACE, B)]])):
        assert asked(server, A)
    assert server.asked == [[A, B]]


def test_what_is_asked_to_foresee_goes_past_the_bundle() -> None:
    """It would wait for itself."""
    server = Server()

    def foresee() -> Iterator[Foreseen]:
        assert asked(server, C)
        return iter([Foreseen(PLACE, A), Foreseen(PLACE, B)])

    with sharing(Bundle(cast(QueryClient, server), [foresee])):
        asked(server, A)
    assert server.asked == [[C], [A, B]]


def test_many_threads_ask_once() -> None:
    server = Server()
    bundle = bundle_of(server, *([A, B] for _ in range(8)))
    found: list[list[tuple[int, Any]]] = []

    def ask() -> None:
        with sharing(bundle):
            found.append(asked(server, A, B))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert found == [[(0, ord("a")), (1, ord("b"))]] * 8
    assert server.asked == [[A, B]]
