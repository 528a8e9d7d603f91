"""What InfluxDB refuses, and what no server can be made to do, is told by its kind."""

from __future__ import annotations

import errno
import http.client
import json
import threading

import pytest
from urllib3 import HTTPConnectionPool
from urllib3 import exceptions as urllib3

from telegraf_plugin.errors import BadReply, PermanentError, SourceError, TransientError
from telegraf_plugin.influxdb.failures import explain
from telegraf_plugin.stream.retries import retry_delay
from tests.behaviours import plain, refusal
from tests.fakes import FakeSource
from tests.unit.test_failures import TOKEN, check, failure, sends

# InfluxDB's refusals


@pytest.mark.parametrize(
    ("status", "message", "kind", "summary", "hint"),
    [
        (401, "unauthorized access", PermanentError, "the token is refused (401)", "check the token"),
        (403, "no write access", PermanentError, "the token may not do this (403)", "read permission on the bucket"),
        (404, 'could not find bucket "x"', PermanentError, "not found (404)", "check org and bucket"),
        (405, "", PermanentError, "not an InfluxDB 2 (405)", "check the url"),
        (408, "too slow", TransientError, "the server gave up waiting (408)", "tried again"),
        (413, "too large", PermanentError, "the request is refused (413)", "check the url"),
        (429, "org is over limit", TransientError, "the server limits requests (429)", "COLLECTOR_INTERVAL"),
        (500, "internal error", TransientError, "the server failed (500)", "server's log"),
        (503, "shutting down", TransientError, "the server failed (503)", "server's log"),
        (400, "error @1:1-1:2: undefined identifier x", PermanentError, "the query is refused (400)", "stream's flux"),
        (
            400,
            "failed to initialize execute state: could not get a slot: queue length exceeded",
            TransientError,
            "the server is busy (400)",
            "too many or large queries",
        ),
        (
            400,
            "error calling function: memory allocation limit reached: limit 1024 bytes, allocated: 0, wanted: 8192",
            TransientError,
            "the server is busy (400)",
            "too many or large queries",
        ),
    ],
)
def test_a_refusal_is_told_by_its_status_and_message(
    status: int, message: str, kind: type[SourceError], summary: str, hint: str
) -> None:
    with FakeSource(refusal(status, message)) as source:
        error = failure(source.url)
    check(error, kind, f"{summary}: {message}" if message else summary, hint)


@pytest.mark.parametrize(
    "body",
    [
        b"404 page not found\n",
        b"<html><h1>404 Not Found</h1></html>",
        b"",
        b'{"message": "Not Found"}',
        b'{"code": 404, "message": "no such route"}',
        b'"not found"',
        b'["code"]',
    ],
)
def test_a_404_of_something_else_than_influxdb_speaks_of_the_url_and_of_no_bucket(body: bytes) -> None:
    with FakeSource(plain(404, body, {})) as source:
        error = failure(source.url)
    assert (type(error), error.summary.partition(":")[0]) == (PermanentError, "not an InfluxDB 2 (404)")
    assert error.hint.startswith("check the url")
    assert "bucket" not in error.hint


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", ""),
        (b"  \n", ""),
        (b"upstream is\r\n down\x1b", ": upstream is down"),
        (b"<html><h1>502</h1></html>", ""),
        (b"\n <!DOCTYPE html>", ""),
        (b'{"error": "x"}', ": x"),
        (b'["x"]', ': ["x"]'),
        (b'{"message": ["a", 1]}', ": ['a', 1]"),
        (b'{"message": "lone \\ud800 surrogate"}', ": lone surrogate"),
        ("größer".encode("latin-1"), ": gr��er"),
        (json.dumps({"message": "x" * 5000}).encode(), ": " + "x" * 300),
        pytest.param(
            b"[" * 100_000,
            ": " + "[" * 300,
            id="deep",
        ),
    ],
)
def test_whatever_a_server_says_is_told_on_one_short_line(body: bytes, said: str) -> None:
    with FakeSource(plain(502, body, {"Content-Type": "application/json"})) as source:
        error = failure(source.url)
    check(error, TransientError, f"the server failed (502){said}", "server's log")


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0"}, 0.0),
        ({}, None),
        ({"Retry-After": "-7"}, None),
        ({"Retry-After": "1.5"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
    ],
)
def test_what_a_server_asks_to_wait_is_passed_on(status: int, header: dict[str, str], seconds: float | None) -> None:
    with FakeSource(refusal(status, "wait", header)) as source:
        error = failure(source.url)
    assert isinstance(error, TransientError)
    assert error.retry_after == seconds


@pytest.mark.parametrize("digits", ["99999999999", "9" * 400], ids=["centuries", "infinite"])
def test_no_server_can_ask_for_a_longer_wait_than_a_thread_can_wait(digits: str) -> None:
    with FakeSource(refusal(429, "wait", {"Retry-After": digits})) as source:
        delay = retry_delay(1, failure(source.url))
    assert delay is not None
    assert delay <= threading.TIMEOUT_MAX


def test_a_wait_that_is_no_number_is_overlooked() -> None:
    with FakeSource(sends(b"HTTP/1.1 429 x\r\nRetry-After: \xb2\r\nContent-Length: 0\r\n\r\n")) as source:
        error = failure(source.url)
    check(error, TransientError, "the server limits requests (429)", "tried again")


# What no server can be made to do


def test_an_error_that_is_explained_already_stays_as_it_is() -> None:
    error = BadReply("what", "hint")
    assert explain(error, "http://pod-1") is error


@pytest.mark.parametrize(
    ("error", "kind", "summary", "hint"),
    [
        (urllib3.ConnectTimeoutError(), TransientError, "no answer while connecting", "pod-1:8086"),
        (
            urllib3.ReadTimeoutError(HTTPConnectionPool("pod-1"), "/", "x"),
            TransientError,
            "no answer in time",
            "timeouts.read",
        ),
        (TimeoutError(), TransientError, "no answer in time", "timeouts.read"),
        (urllib3.DecodeError(), BadReply, "the reply's compression is damaged", "again"),
        (
            urllib3.ProtocolError("x", http.client.IncompleteRead(b"")),
            TransientError,
            "the connection broke off",
            "log",
        ),
        (BrokenPipeError(), TransientError, "the connection broke off", "log"),
        (urllib3.LocationValueError(), PermanentError, "the url cannot be used", "check the url"),
        (urllib3.HTTPError(), TransientError, "the request failed: HTTPError", "check the url"),
        (OSError(errno.EMFILE, "Too many"), TransientError, "the request failed: OSError", "check the url"),
        (KeyError(TOKEN), PermanentError, "unexpected: KeyError", "please report this"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_any_other_error_is_told_by_its_kind(
    error: Exception, kind: type[SourceError], summary: str, hint: str
) -> None:
    explained = explain(error, "http://pod-1:8086")
    check(explained, kind, summary, hint)
    assert TOKEN not in str(explained) + explained.hint
