"""The chaos run's proxy passes everything on unchanged, and each of its troubles is what it says."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lab.chaos.proxy import Proxy
from lab.chaos.trouble import Rule, Scope, Trouble
from lab.loopback import HOST, HttpRefused, free_port, open_url, wait_until

BODY = bytes(range(256)) * 1000
DATE = "Tue, 24 Nov 2026 03:00:00 GMT"
GONE = (OSError, http.client.HTTPException)


class Server(ThreadingHTTPServer):
    """Answers every POST with what it was sent, in pieces, and every GET with a length; notes whole bodies."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((HOST, 0), Answer)
        self.bodies: list[bytes] = []
        self.at: list[float] = []
        self.headers: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        self.send_response_only(404 if self.path == "/missing" else 200)
        self.send_header("Date", DATE)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"get")

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            return
        self.server.at.append(time.monotonic())
        self.server.bodies.append(body)
        self.server.headers.append(dict(self.headers))
        if self.path.startswith("/api/v2/write"):
            self.send_response_only(204)
            self.end_headers()
            return
        self.send_response_only(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for start in range(0, len(body), 50_000):
            piece = body[start : start + 50_000]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")


@contextmanager
def running() -> Iterator[tuple[Server, Proxy]]:
    server = Server()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        with Proxy(server.url) as proxy:
            yield server, proxy
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def pair() -> Iterator[tuple[Server, Proxy]]:
    with running() as both:
        yield both


def post(proxy: Proxy, path: str = "/api/v2/query?org=o", body: bytes = BODY) -> bytes:
    with open_url("POST", proxy.url + path, body, {"X-Mine": "1"}, timeout_s=10) as reply:
        return reply.read()


def test_requests_and_replies_pass_unchanged(pair: tuple[Server, Proxy]) -> None:
    server, proxy = pair
    assert post(proxy) == BODY
    assert post(proxy, "/api/v2/write?bucket=b") == b""
    assert server.bodies == [BODY, BODY]
    assert server.headers[0]["X-Mine"] == "1"
    with open_url("GET", f"{proxy.url}/health") as reply:
        assert (reply.read(), reply.headers["Date"]) == (b"get", DATE)
    with pytest.raises(HttpRefused, match="404"):
        open_url("GET", f"{proxy.url}/missing")
    assert proxy.requests == 4
    wait_until(lambda: proxy.pending == 0, "the end of the last request", 5)


def test_a_chunked_request_passes_and_the_connection_stays_open(pair: tuple[Server, Proxy]) -> None:
    server, proxy = pair
    connection = http.client.HTTPConnection(HOST, int(proxy.url.rpartition(":")[2]), timeout=10)
    for _ in range(2):
        connection.request("POST", "/api/v2/query", iter([b"one ", b"two"]), encode_chunked=True)
        assert connection.getresponse().read() == b"one two"
    connection.close()
    assert server.bodies == [b"one two"] * 2


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
def test_a_status_is_answered_without_the_server(pair: tuple[Server, Proxy], status: int) -> None:
    server, proxy = pair
    rule = Rule(Trouble.STATUS, status=status)
    with proxy.trouble(rule), pytest.raises(HttpRefused) as caught:
        post(proxy)
    assert (caught.value.status, server.bodies, rule.hits) == (status, [], 1)
    assert post(proxy) == BODY


def test_a_rule_is_for_its_scope_only(pair: tuple[Server, Proxy]) -> None:
    _, proxy = pair
    with proxy.trouble(Rule(Trouble.STATUS, Scope.WRITE)):
        assert post(proxy) == BODY
        with pytest.raises(HttpRefused):
            post(proxy, "/api/v2/write")


def test_of_two_rules_the_later_counts_and_each_ends_alone(pair: tuple[Server, Proxy]) -> None:
    _, proxy = pair
    with proxy.trouble(Rule(Trouble.STATUS, status=429)):
        with proxy.trouble(Rule(Trouble.STATUS, status=500)), pytest.raises(HttpRefused, match="500"):
            post(proxy)
        with pytest.raises(HttpRefused, match="429"):
            post(proxy)


def test_a_cut_request_never_arrives_whole(pair: tuple[Server, Proxy]) -> None:
    server, proxy = pair
    with proxy.trouble(Rule(Trouble.CUT_REQUEST)), pytest.raises(GONE):
        post(proxy)
    assert server.bodies == []


def test_a_cut_reply_is_an_error_after_some_of_it(pair: tuple[Server, Proxy]) -> None:
    server, proxy = pair
    with proxy.trouble(Rule(Trouble.CUT_REPLY)), pytest.raises(GONE):
        post(proxy)
    assert server.bodies == [BODY]


def test_a_lost_reply_was_done(pair: tuple[Server, Proxy]) -> None:
    server, proxy = pair
    with proxy.trouble(Rule(Trouble.LOSE_REPLY)), pytest.raises(GONE):
        post(proxy, "/api/v2/write")
    assert server.bodies == [BODY]


def test_a_delayed_reply_was_done_at_once(pair: tuple[Server, Proxy]) -> None:
    server, proxy = pair
    with proxy.trouble(Rule(Trouble.DELAY_REPLY, seconds=0.4)):
        post(proxy)
    # The delay lies behind what the server did, not before it; how long each took says nothing on a busy machine.
    assert time.monotonic() - server.at[0] >= 0.4


def test_a_late_request_lands_after_a_newer_one(pair: tuple[Server, Proxy]) -> None:
    server, proxy = pair
    with proxy.trouble(Rule(Trouble.LATE_REQUEST, Scope.WRITE, seconds=0.4)), pytest.raises(GONE):
        post(proxy, "/api/v2/write", b"old")
    assert proxy.pending == 1
    post(proxy, "/api/v2/write", b"new")
    wait_until(lambda: len(server.bodies) == 2, "the late request", 5)
    assert server.bodies == [b"new", b"old"]
    wait_until(lambda: proxy.pending == 0, "the end of the late request", 5)


def test_the_date_is_shifted_while_it_is_told_to(pair: tuple[Server, Proxy]) -> None:
    _, proxy = pair
    proxy.date_shift_s = 3600
    with open_url("GET", proxy.url) as reply:
        ahead = parsedate_to_datetime(reply.headers["Date"]) - parsedate_to_datetime(DATE)
    assert (ahead.total_seconds(), proxy.shifted) == (3600, 1)
    proxy.date_shift_s = 0
    with open_url("GET", proxy.url) as reply:
        assert reply.headers["Date"] == DATE


def test_a_server_that_is_away_looks_like_a_connection_that_ends() -> None:
    with Proxy(f"http://{HOST}:{free_port()}") as proxy, pytest.raises(GONE):
        post(proxy)


def test_a_closed_proxy_listens_no_more() -> None:
    with running() as (_, proxy):
        port = int(proxy.url.rpartition(":")[2])
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((HOST, port), timeout=1)
