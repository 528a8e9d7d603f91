"""A token that is rotated: the client reads it again when the server refuses the one that it has."""

from __future__ import annotations

from pathlib import Path

import pytest

from telegraf_plugin.config import Credential
from telegraf_plugin.errors import PermanentError, SourceError
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.flux import Query
from telegraf_plugin.influxdb.http_client import MAX_FORMER
from tests.behaviours import END, UNAUTHORIZED, good, refusal, table
from tests.exchange import Behaviour, Exchange
from tests.fakes import FakeSource

QUERY = Query('from(bucket: "b") |> range(start: 0)', {})
OLD, NEW = "a-token-that-was-good", "a-token-that-is-good-now"


def only(token: str, otherwise: Behaviour) -> Behaviour:
    """Answer whoever has this token."""

    def behave(exchange: Exchange) -> None:
        right = exchange.request.headers["authorization"] == f"Token {token}"
        (good(table()) if right else otherwise)(exchange)

    return behave


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(OLD)
    return path


def client(url: str, file: Path) -> QueryClient:
    return QueryClient(url, "org", Credential(file=file).read, 2.0, 2.0, 10.0)


def asked_with(source: FakeSource) -> list[str]:
    return [request.headers["authorization"].removeprefix("Token ") for request in source.requests]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_new_token_is_used_as_soon_as_the_old_one_is_refused(status: int, file: Path) -> None:
    with FakeSource(only(OLD, refusal(status, "no"))) as source:
        reader = client(source.url, file)
        assert b"".join(reader.query(QUERY)).endswith(END)
        source.become(only(NEW, refusal(status, "no")))
        file.write_text(NEW + "\n")
        assert b"".join(reader.query(QUERY)).endswith(END)  # the refusal is not seen
        assert b"".join(reader.query(QUERY)).endswith(END)
        assert asked_with(source) == [OLD, OLD, NEW, NEW]
        assert reader.requests == 4


def test_what_is_asked_of_a_bucket_has_the_new_token_too(file: Path) -> None:
    with FakeSource(only(NEW, UNAUTHORIZED), same=True) as source:
        reader = client(source.url, file)
        file.write_text(NEW)
        with pytest.raises(SourceError):  # a table is no answer to it
            reader.bucket("b")
        assert [request.headers["authorization"] for request in source.lookups] == [f"Token {OLD}", f"Token {NEW}"]


def test_while_the_file_holds_the_same_token_a_refusal_is_told_and_nothing_asked_again(file: Path) -> None:
    with FakeSource(only(NEW, UNAUTHORIZED)) as source:
        reader = client(source.url, file)
        with pytest.raises(PermanentError):
            list(reader.query(QUERY))
        assert asked_with(source) == [OLD]
        file.write_text(NEW)
        assert b"".join(reader.query(QUERY)).endswith(END)


@pytest.mark.parametrize("content", [None, "", "two words", "short"])
def test_a_file_that_holds_no_token_for_now_is_read_with_the_next_refusal(content: str | None, file: Path) -> None:
    with FakeSource(only(NEW, UNAUTHORIZED)) as source:
        reader = client(source.url, file)
        if content is None:
            file.unlink()
        else:
            file.write_text(content)
        with pytest.raises(PermanentError):
            list(reader.query(QUERY))
        file.write_text(NEW)
        assert b"".join(reader.query(QUERY)).endswith(END)


def test_other_refusals_do_not_read_the_file(file: Path) -> None:
    with FakeSource(refusal(503, "later")) as source:
        reader = client(source.url, file)
        file.write_text(NEW)
        with pytest.raises(SourceError):
            list(reader.query(QUERY))
        assert asked_with(source) == [OLD]


def test_a_new_token_that_is_refused_too_is_told(file: Path) -> None:
    with FakeSource(UNAUTHORIZED) as source:
        reader = client(source.url, file)
        file.write_text(NEW)
        with pytest.raises(PermanentError):
            list(reader.query(QUERY))
        assert asked_with(source) == [OLD, NEW]


def test_the_old_tokens_are_blotted_out_as_the_new_one_is(file: Path) -> None:
    with FakeSource(UNAUTHORIZED) as source:
        reader = client(source.url, file)
        tokens = [OLD, *(f"{letter * 12}-number" for letter in "abc")]
        for token in tokens[1:]:
            file.write_text(token)
            with pytest.raises(PermanentError):
                list(reader.query(QUERY))
        assert len(tokens) == MAX_FORMER + 1
        told = reader.redact(" ".join([*tokens, OLD[:10]]))
        assert told == " ".join(["[token]"] * 5)
