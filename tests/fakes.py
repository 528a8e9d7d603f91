"""`FakeSource`: an HTTP server in place of an InfluxDB that does as it is told; `BlackHole`: one that is not there."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from types import TracebackType
from typing import Self

from lab.loopback import HOST
from tests.behaviours import bucket_found, no_series, nothing_found
from tests.exchange import AGE_SECONDS, Behaviour, Exchange, Request


class FakeSource:
    """A server on a loopback port that treats queries by `behaviour`. A context; ends all it began.

    `requests` are the queries. What else is asked for, such as what the bucket is like, or whether it holds a mark, is
    in `lookups`, and treated by `lookup` (by default a good answer), or with `same` by `behaviour` too.
    """

    def __init__(self, behaviour: Behaviour, lookup: Behaviour | None = None, same: bool = False) -> None:
        self._behaviour = behaviour
        self._lookup = None if same else lookup or bucket_found
        self.requests: list[Request] = []
        self.lookups: list[Request] = []
        self._begin: int | None = None
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._connections: set[socket.socket] = set()
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def become(self, behaviour: Behaviour) -> None:
        """Treat requests by `behaviour` from now on; what still waits of the old one stops waiting."""
        with self._lock:
            self._behaviour = behaviour
            self._released.set()
            self._released = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="fake-source", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._released.set()
            ending = [self._listener, *self._connections]
        for each in ending:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[connection], name="fake-exchange", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            with self._lock:
                self._connections.add(connection)
            request = _read(connection)
            if request is not None:
                # Whether it holds a mark of central's, which none of these do, is asked once by the by.
                mark = b"incarnation" in request.body
                query = request.target.startswith("/api/v2/query") and not mark
                with self._lock:
                    (self.requests if query else self.lookups).append(request)
                    behaviour, released = self._behaviour, self._released
                    self._begin = self._begin or int(time.time()) - AGE_SECONDS
                if not query and self._lookup is not None:
                    influxql = request.target.startswith("/query")
                    behaviour = (no_series if influxql else nothing_found) if mark else self._lookup
                behaviour(Exchange(connection, request, released, self._begin))
            connection.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._connections.discard(connection)


class BlackHole:
    """An address that swallows every try to connect: a host that is down, behind a firewall that is silent."""

    def __init__(self) -> None:
        self._listener = socket.socket()
        self._listener.bind((HOST, 0))
        self._listener.listen(0)
        self.url = f"http://{HOST}:{self._listener.getsockname()[1]}"
        self._fillers: list[socket.socket] = []

    def __enter__(self) -> Self:
        # The kernel accepts as many as the queue holds, and then answers no more.
        for _ in range(8):
            filler = socket.socket()
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(self._listener.getsockname())
            self._fillers.append(filler)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in (*self._fillers, self._listener):
            each.close()


def _read(connection: socket.socket) -> Request | None:
    """The one request of a connection; None when the client says nothing."""
    received = b""
    while b"\r\n\r\n" not in received:
        more = connection.recv(65536)
        if not more:
            return None
        received += more
    at = time.monotonic()
    head, _, body = received.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in rest)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    return Request(at, first.split(" ")[1], headers, body)
