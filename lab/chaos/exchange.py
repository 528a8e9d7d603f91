"""`Exchange`: one client's connection to a proxy, each request of it passed on or troubled."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

from lab.chaos.trouble import Trouble

if TYPE_CHECKING:
    from lab.chaos.proxy import Proxy

# Said for one connection, never passed on.
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect", "te", "upgrade"}
_SERVER_TIMEOUT_S = 60.0
_PIECE = 65536


class Exchange(BaseHTTPRequestHandler):
    """One client's connection to `owner`, whose rules say what happens to each request."""

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
