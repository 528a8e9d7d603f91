"""Whatever a source does instead of answering ends as an error that says what happened and what to do about it."""

from __future__ import annotations

import contextlib
import errno
import gzip
import socket
import time
import traceback
import tracemalloc
from collections.abc import Callable, Iterator

import pytest
from urllib3 import exceptions as urllib3
from urllib3.connection import HTTPConnection

from telegraf_plugin.errors import BadReply, PermanentError, SourceError, TransientError
from telegraf_plugin.influxdb.annotated_csv import MAX_ROW_BYTES, Decoder
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.failures import explain
from telegraf_plugin.influxdb.flux import Query
from telegraf_plugin.influxdb.http_client import CHUNK_BYTES
from tests.behaviours import END, chunked, good, hang, plain, reset, table
from tests.exchange import Exchange
from tests.fakes import BlackHole, FakeSource

TOKEN = "a-token-that-nobody-may-see"
CSV = {"Content-Type": "text/csv; charset=utf-8"}
PAST = "2025-11-24T10:00"  # times that a fake does not move
QUERY = Query('from(bucket: "b") |> range(start: 0)', {})
MIB = 1024 * 1024
LONG = 60.0
"""Seconds of the bounds that a test is not about. Half of it tells which bound held, on a busy machine too."""


def client(url: str, *, connect: float = 2.0, read: float = 2.0, query: float = 10.0) -> QueryClient:
    return QueryClient(url, "org", lambda: TOKEN, connect, read, query)


def failure(url: str, *, connect: float = 2.0, read: float = 2.0, query: float = 10.0) -> SourceError:
    """The error with which a query to `url` ends; that it shows no token is checked for each of them."""
    with pytest.raises(SourceError) as caught:
        list(client(url, connect=connect, read=read, query=query).query(QUERY))
    error = caught.value
    assert "\n" not in error.summary + error.hint
    assert error.hint
    assert TOKEN not in "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
    return error


def check(error: SourceError, kind: type[SourceError], summary: str, hint: str) -> None:
    assert type(error) is kind
    assert error.summary == summary
    assert hint in error.hint


def sends(data: bytes) -> Callable[[Exchange], None]:
    return lambda exchange: exchange.send(data)


def sends_for_ever(head: bytes, piece: bytes) -> Callable[[Exchange], None]:
    def behave(exchange: Exchange) -> None:
        exchange.send(head)
        while not exchange.wait(0):
            exchange.send(piece)

    return behave


@contextlib.contextmanager
def peak_memory() -> Iterator[Callable[[], int]]:
    """Gives how many bytes Python has held more, at most, than in the beginning."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    try:
        yield lambda: tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


# No connection


def test_a_closed_port_is_told_as_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    check(failure(f"http://{address}"), TransientError, "connection refused", f"is {address} its port?")


def test_a_name_that_does_not_resolve_is_told_by_the_name() -> None:
    error = failure("http://does-not-exist.invalid:8086")
    check(error, TransientError, "the name does-not-exist.invalid:8086 cannot be resolved", "check the url")


def test_a_host_that_does_not_take_connections_is_told_within_timeouts_connect() -> None:
    with BlackHole() as hole:
        began = time.monotonic()
        error = failure(hole.url, connect=0.2, read=LONG, query=LONG)
        assert time.monotonic() - began < LONG / 2
    check(error, TransientError, "no answer while connecting", hole.url.removeprefix("http://"))


@pytest.mark.parametrize(
    ("cause", "summary"),
    [
        (OSError(errno.ECONNREFUSED, "Connection refused"), "connection refused"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "no route to host"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "network is unreachable"),
        (OSError("without a number"), "no connection"),
        (None, "no connection"),
        (socket.gaierror(socket.EAI_NONAME, "Unknown"), "the name pod-1:8086 cannot be resolved"),
    ],
)
def test_what_the_system_says_of_a_connection_is_told(cause: OSError | None, summary: str) -> None:
    error = urllib3.NewConnectionError(HTTPConnection("pod-1", 8086), "no connection")
    error.__cause__ = cause
    explained = explain(error, "http://pod-1:8086")
    assert (type(explained), explained.summary) == (TransientError, summary)


def test_a_host_that_can_be_no_name_is_told_as_a_wrong_url() -> None:
    check(failure("http://pod..1:8086"), PermanentError, "the url cannot be used", "check the url")


# No whole reply


def test_a_server_that_never_answers_is_told_within_timeouts_read() -> None:
    with FakeSource(hang) as source:
        began = time.monotonic()
        error = failure(source.url, connect=LONG, read=0.2, query=LONG)
        assert time.monotonic() - began < LONG / 2
    check(error, TransientError, "no answer in time", "timeouts.read")


def test_a_reply_that_stalls_is_told_within_timeouts_read() -> None:
    with FakeSource(chunked(table(), b"late", every_s=LONG)) as source:
        began = time.monotonic()
        error = failure(source.url, connect=LONG, read=0.2, query=LONG)
        assert time.monotonic() - began < LONG / 2
    check(error, TransientError, "no answer in time", "timeouts.read")


def test_a_reply_that_goes_on_for_ever_is_ended_by_timeouts_query() -> None:
    with FakeSource(sends_for_ever(b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\n\r\n", bytes(65536))) as source:
        began = time.monotonic()
        error = failure(source.url, connect=LONG, read=LONG, query=0.2)
        assert time.monotonic() - began < LONG / 2
    check(error, TransientError, "the reply took more than 0.2 s", "timeouts.query")


def test_a_reply_that_trickles_is_ended_by_timeouts_query() -> None:
    with FakeSource(chunked(*[b"x"] * round(LONG / 0.03), every_s=0.03)) as source:
        began = time.monotonic()
        error = failure(source.url, connect=LONG, read=LONG, query=0.2)
        assert time.monotonic() - began < LONG / 2
    check(error, TransientError, "the reply took more than 0.2 s", "timeouts.query")


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(reset, id="before_a_byte"),
        pytest.param(
            sends(b"HTTP/1.1 200 OK\r\nContent-T"),
            id="in_the_head",
        ),
        pytest.param(chunked(table(), whole=False), id="between_chunks"),
        pytest.param(
            sends(b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n#datatype"),
            id="in_a_chunk",
        ),
        pytest.param(
            sends(b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n" + table()),
            id="at_a_chunk_of_less_than_nothing",
        ),
        pytest.param(
            sends(b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\n"),
            id="at_a_chunks_length",
        ),
        pytest.param(
            sends(b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 999\r\n\r\n#datatype"),
            id="before_the_content_length",
        ),
    ],
)
def test_a_connection_that_ends_early_is_told_as_broken_off(behaviour: Callable[[Exchange], None]) -> None:
    with FakeSource(behaviour) as source:
        error = failure(source.url)
    check(error, TransientError, "the connection broke off", "tried again")


def test_a_connection_that_is_reset_is_told_as_broken_off() -> None:
    check(explain(ConnectionResetError(errno.ECONNRESET, "x"), ""), TransientError, "the connection broke off", "again")


@pytest.mark.parametrize("content_type", ["text/csv", "text/html"])
def test_a_damaged_gzip_reply_is_told(content_type: str) -> None:
    with FakeSource(plain(200, b"garbage" * 9, {"Content-Type": content_type, "Content-Encoding": "gzip"})) as source:
        error = failure(source.url)
    check(error, BadReply, "the reply's compression is damaged", "tried again")


def decoded(url: str) -> int:
    """How many points the reply to a query has, decoded to its end."""
    decoder = Decoder()
    points = sum(len(block) for chunk in client(url).query(QUERY) for block in decoder.feed(chunk))
    decoder.finish()
    return points


def test_a_gzip_reply_that_is_cut_short_does_not_pass_for_a_whole_one() -> None:
    body = gzip.compress(table(values=[f"{n}.5" for n in range(50)]) + END)
    with FakeSource(plain(200, body, CSV | {"Content-Encoding": "gzip"})) as source:
        assert decoded(source.url) == 50
        source.become(plain(200, body[:-40], CSV | {"Content-Encoding": "gzip"}))
        with pytest.raises(BadReply, match="the reply was cut short"):
            decoded(source.url)


def test_a_gzip_reply_is_given_in_chunks_that_are_bounded_by_what_they_unpack_to() -> None:
    packed = gzip.compress(bytes(64 * MIB), 9)
    with FakeSource(plain(200, packed, CSV | {"Content-Encoding": "gzip"})) as source, peak_memory() as peak:
        lengths = [len(chunk) for chunk in client(source.url).query(QUERY)]
        assert peak() < 8 * MIB
    assert sum(lengths) == 64 * MIB
    assert max(lengths) <= CHUNK_BYTES


def test_an_endless_row_ends_in_an_error_and_not_in_memory() -> None:
    behaviour = sends_for_ever(b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\n\r\n#datatype,", b"x" * 65536)
    with FakeSource(behaviour) as source, peak_memory() as peak:
        with pytest.raises(BadReply, match="row of more than"):
            decoded(source.url)
        assert peak() < 4 * MAX_ROW_BYTES


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        pytest.param(b"", b"x" * 65536, id="status_line"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 65536, id="header"),
        pytest.param(b"HTTP/1.1 200 OK\r\n", b"X: x\r\n" * 1000, id="headers"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"0" * 65536,
            id="chunk_length",
        ),
    ],
)
def test_an_endless_line_of_http_ends_in_an_error_and_not_in_memory(head: bytes, piece: bytes) -> None:
    with FakeSource(sends_for_ever(head, piece)) as source, peak_memory() as peak:
        error = failure(source.url, query=0.5)
        assert peak() < 8 * MIB
    assert type(error) is TransientError


def test_a_reply_whose_trailers_do_not_end_is_ended_by_timeouts_query() -> None:
    def behave(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
        end = time.monotonic() + LONG  # not quite endless, for a test's sake
        while time.monotonic() < end:
            exchange.send(b"X: x\r\n" * 1000)

    with FakeSource(behave) as source:
        began = time.monotonic()
        error = failure(source.url, connect=LONG, read=LONG, query=0.2)
        assert time.monotonic() - began < LONG / 2
    check(error, TransientError, "the reply took more than 0.2 s", "timeouts.query")


def test_an_endless_error_reply_ends_in_an_error_and_not_in_memory() -> None:
    def behave(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 500 oops\r\nContent-Type: text/plain\r\n\r\n")
        for _ in range(640):  # not quite endless, for a test's sake
            exchange.send(b"x" * 65536)

    with FakeSource(behave) as source, peak_memory() as peak:
        error = failure(source.url)
        assert peak() < 8 * MIB
    assert type(error) is TransientError


# Somebody else's reply


def test_a_redirect_is_told_with_where_it_leads() -> None:
    with FakeSource(plain(302, b"", {"Location": "https://login.example.org/sign-in"})) as source:
        error = failure(source.url)
    check(error, PermanentError, "redirected to https://login.example.org/sign-in", "login page or proxy?")
    assert len(source.requests) == 1
    assert source.requests[0].headers["authorization"] == f"Token {TOKEN}"  # so that the search for it finds something


@pytest.mark.parametrize("status", [301, 303, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    with FakeSource(good()) as other:
        with FakeSource(plain(status, b"", {"Location": other.url})) as source:
            check(failure(source.url), PermanentError, f"redirected to {other.url}", "check the url")
        assert other.requests == []


def test_a_redirect_to_nowhere_is_told() -> None:
    with FakeSource(plain(302, b"", {})) as source:
        check(failure(source.url), PermanentError, "redirected to nowhere", "check the url")


def test_a_web_page_is_told_by_its_beginning() -> None:
    page = b"<!DOCTYPE html>\n<html>\t<title>Sign in</title>\x1b[31m" + b"x" * 1000
    with FakeSource(plain(200, page, {"Content-Type": "text/html; charset=utf-8"})) as source:
        error = failure(source.url)
    beginning = "<!DOCTYPE html> <html> <title>Sign in</title> [31m" + "x" * 1000
    assert type(error) is BadReply
    assert error.summary.startswith(
        "the reply is 'text/html; charset=utf-8', not annotated CSV: <!DOCTYPE html> <html>"
    )
    assert beginning.startswith(error.summary.partition("CSV: ")[2])
    assert "check the url" in error.hint


def test_a_reply_without_a_type_is_told() -> None:
    with FakeSource(sends(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")) as source:
        check(failure(source.url), BadReply, "the reply is 'nothing', not annotated CSV: ok", "check the url")


@pytest.mark.parametrize("greeting", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x15\x03\x01\x00\x02\x02\x16", b"220 mail\r\n"])
def test_a_server_that_does_not_speak_http_is_told_as_a_wrong_url(greeting: bytes) -> None:
    with FakeSource(sends(greeting)) as source:
        error = failure(source.url)
    assert isinstance(error, PermanentError | BadReply | TransientError)
    assert "url" in error.hint
