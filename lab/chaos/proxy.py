"""`Proxy`: a threaded HTTP proxy in front of one server, through which that server can seem ill in chosen ways.

    client ─► Proxy ─► server     every request is passed on, unless a `Rule` that is in force says otherwise

A server that is away shows as a connection that ends without an answer.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from enum import Enum
from http.client import HTTPConnection, HTTPException, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from lab.loopback import HOST, free_port

# Said for one connection, never passed on.
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect", "te", "upgrade"}
_SERVER_TIMEOUT_S = 60.0
_PIECE = 65536


class Scope(Enum):
    """The requests that a rule is for."""

    WRITE = "/api/v2/write"
    QUERY = "/api/v2/query"
    ALL = "/"


class Trouble(Enum):
    """What happens to a request."""

    STATUS = "answered by the proxy with `status`; the server never sees it"
    CUT_REQUEST = "the server gets half of the body, then both connections end"
    CUT_REPLY = "the server does it; the client gets at most half of the reply's first piece, then the end"
    LOSE_REPLY = "the server does it; the client's connection ends without an answer"
    DELAY_REPLY = "the server does it; the answer comes `seconds` later"
    LATE_REQUEST = "the client's connection ends without an answer; the server gets it `seconds` later"


@dataclass
class Rule:
    """One trouble for the requests of one scope; `hits` counts those that met it."""

    trouble: Trouble
    scope: Scope = Scope.ALL
    status: int = 503
    seconds: float = 0.0
    hits: int = 0
    last: str = field(default="", repr=False)  # the last request that met it, for the log


class Proxy:
    """A proxy on a free loopback port in front of `server_url`. A context: it serves while that is open.

    `date_shift_s` seconds are added to the `Date` header of every reply (a server whose clock is ahead).
    """

    def __init__(self, server_url: str) -> None:
        """`server_url` is `http://host:port`."""
        where = urlsplit(server_url)
        self.server = (where.hostname or HOST, where.port or 80)
        self.date_shift_s = 0.0
        self.shifted = 0  # replies with another date than the server's
        self.requests = 0
        self.closing = threading.Event()
        self._rules: list[Rule] = []
        self._pending = 0
        self._lock = threading.Lock()
        self._http = self._bind()

    def _bind(self) -> ThreadingHTTPServer:
        proxy = self

        class Handler(_Handler):
            owner = proxy

        for _ in range(10):
            try:
                server = ThreadingHTTPServer((HOST, free_port()), Handler)
            except OSError:  # somebody took the port in between
                continue
            server.daemon_threads = True
            server.block_on_close = False  # a held request must not hold the end
            server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients that are killed are the point
            return server
        raise RuntimeError("no port for a proxy")

    @property
    def url(self) -> str:
        """The proxy's address, to be used instead of the server's."""
        return f"http://{HOST}:{self._http.server_address[1]}"

    @property
    def pending(self) -> int:
        """Requests that have come and are not done with, also those that are still to land late."""
        return self._pending

    @contextmanager
    def trouble(self, *rules: Rule) -> Iterator[None]:
        """Let `rules` be in force in this context, before those that are; the first that fits a request counts."""
        with self._lock:
            self._rules[:0] = rules
        try:
            yield
        finally:
            with self._lock:
                # By identity: two rules may be equal.
                self._rules = [rule for rule in self._rules if not any(rule is ours for ours in rules)]

    def match(self, method: str, path: str) -> Rule | None:
        """The rule that a request meets, counted; None when it is to be passed on."""
        with self._lock:
            self.requests += 1
            for rule in self._rules:
                if path.startswith(rule.scope.value):
                    rule.hits += 1
                    rule.last = f"{method} {path.partition('?')[0]}"
                    return rule
        return None

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count a request as pending."""
        with self._lock:
            self._pending += 1
        try:
            yield
        finally:
            with self._lock:
                self._pending -= 1

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.1,), name="proxy", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()


class _Handler(BaseHTTPRequestHandler):
    """One client's connection."""

    owner: Proxy
    protocol_version = "HTTP/1.1"
    timeout = 120  # s, an idle client

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_any(self) -> None:
        """Serve one request."""
        body = self._body()
        with self.owner.counted():
            rule = self.owner.match(self.command, self.path)
            if rule is None:
                self._pass(body, 0.0)
            elif rule.trouble is Trouble.STATUS:
                self._answer(rule.status)
            elif rule.trouble is Trouble.CUT_REQUEST:
                self._forward(body, len(body) // 2)
                self._cut()
            elif rule.trouble is Trouble.LATE_REQUEST:
                threading.Thread(target=self._land_late, args=(body, rule.seconds), daemon=True).start()
                self._cut()
            elif rule.trouble is Trouble.DELAY_REPLY:
                self._pass(body, rule.seconds)
            else:
                self._do_and_cut(body, some_reply=rule.trouble is Trouble.CUT_REPLY)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_any  # noqa: N815

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        pieces = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():  # trailers
            pass
        return b"".join(pieces)

    def _forward(self, body: bytes, only: int | None = None) -> HTTPConnection | None:
        """The connection on which the server got the request, or its first `only` bytes; None when it is away."""
        connection = HTTPConnection(*self.owner.server, timeout=_SERVER_TIMEOUT_S)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in _HOP_BY_HOP:
                    connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.putheader("Connection", "close")
            connection.endheaders(body[:only])
        except (OSError, HTTPException):
            connection.close()
            return None
        if only is not None:
            connection.close()
        return connection

    def _pass(self, body: bytes, delay_s: float) -> None:
        connection = self._forward(body)
        try:
            if connection is None:
                self._cut()
                return
            with connection.getresponse() as reply:
                if delay_s:
                    self.owner.closing.wait(delay_s)
                self._reply(reply)
        except (OSError, HTTPException):  # either side went away: the client learns as little as from a dead server
            self._cut()
        finally:
            if connection is not None:
                connection.close()

    def _reply(self, reply: HTTPResponse) -> None:
        self.send_response_only(reply.status, reply.reason)
        for name, value in reply.getheaders():
            if name.lower() == "date" and self.owner.date_shift_s:
                shift = timedelta(seconds=self.owner.date_shift_s)
                self.send_header(name, format_datetime(parsedate_to_datetime(value) + shift, usegmt=True))
                self.owner.shifted += 1
            elif name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        bare = self.command == "HEAD" or reply.status in (204, 304) or reply.status < 200
        if bare:
            self.end_headers()
            return
        if reply.length is not None:
            self.send_header("Content-Length", str(reply.length))
            self.end_headers()
            expected = reply.length
            while piece := reply.read1(_PIECE):
                expected -= len(piece)
                self.wfile.write(piece)
            if expected:
                raise ConnectionError("the server's reply is shorter than it said")
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while piece := reply.read1(_PIECE):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def _answer(self, status: int) -> None:
        """An error as InfluxDB words it."""
        codes = {400: "invalid", 404: "not found", 429: "too many requests", 503: "unavailable"}
        body = json.dumps({"code": codes.get(status, "internal error"), "message": "chaos"}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if status in (429, 503):
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(body)

    def _do_and_cut(self, body: bytes, some_reply: bool) -> None:
        connection = self._forward(body)
        try:
            if connection is not None:
                with connection.getresponse() as reply:
                    piece = reply.read1(_PIECE)
                    while reply.read1(_PIECE):  # to its end, so that the server is really done
                        pass
                    if some_reply and piece:
                        self.send_response_only(reply.status, reply.reason)
                        self.send_header("Content-Type", reply.headers.get("Content-Type", "text/plain"))
                        self.send_header("Transfer-Encoding", "chunked")
                        self.end_headers()
                        half = piece[: len(piece) // 2 + 1]
                        self.wfile.write(b"%x\r\n%b\r\n" % (len(half), half))
                        self.wfile.flush()
                        time.sleep(0.02)  # so that the piece is read before the reset throws it away
        except (OSError, HTTPException):
            pass
        finally:
            if connection is not None:
                connection.close()
        self._cut()

    def _land_late(self, body: bytes, seconds: float) -> None:
        with self.owner.counted():
            if self.owner.closing.wait(seconds):
                return
            connection = self._forward(body)
            if connection is None:
                return
            try:
                connection.getresponse().read()
            except (OSError, HTTPException):
                pass
            finally:
                connection.close()

    def _cut(self) -> None:
        """End the client's connection by a reset."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
