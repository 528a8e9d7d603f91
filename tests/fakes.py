"""`FakeSource`: an HTTP server in place of an InfluxDB, that does what real ones do on bad days, on command."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from lab.loopback import HOST

_CSV = "text/csv; charset=utf-8"
BEGIN = "2026-11-24T10:00"
"""The minute of a `table`; a fake that answers puts the time of its first request there, less AGE_SECONDS."""
AGE_SECONDS = 5
_TIME = re.compile(rb"2026-11-24T10:00:(\d\d)")
_RANGE = re.compile(r"start: ([0-9TZ:.-]+), stop: ([0-9TZ:.-]+)\)")


@dataclass(frozen=True)
class Request:
    """What a client asked for; `at` is the time.monotonic() of its arrival."""

    at: float
    target: str
    headers: Mapping[str, str]
    body: bytes


class Exchange:
    """One request and the means to answer it, for a `Behaviour`."""

    def __init__(self, connection: socket.socket, request: Request, released: threading.Event, begin: int) -> None:
        """`begin`: the time (Unix s) of the points of a `table`."""
        self.request = request
        self._connection = connection
        self._released = released
        self._begin = begin

    @property
    def query(self) -> str:
        """The Flux that was asked for."""
        try:
            return str(json.loads(self.request.body)["query"])
        except (ValueError, LookupError):
            return ""

    def send(self, data: bytes) -> None:
        """Send bytes as they are, but for the times of a `table`; raises OSError when the client is gone."""
        self._connection.sendall(_TIME.sub(lambda found: self._time(int(found[1])), data))

    def _time(self, second: int) -> bytes:
        return datetime.fromtimestamp(self._begin + second, UTC).strftime("%Y-%m-%dT%H:%M:%S").encode()

    def in_range(self, row: bytes) -> bool:
        """Whether a table's row is in the range that the query names; a query that names none takes all."""
        asked, found = _RANGE.search(self.query), _TIME.findall(row.split(b",")[5])
        if asked is None or not found:
            return True
        start, stop = (datetime.fromisoformat(text[:19] + "+00:00").timestamp() for text in asked.groups())
        return start <= self._begin + int(found[0]) < stop

    def chunk(self, data: bytes) -> None:
        """Send one piece of a chunked reply; an empty one ends the reply."""
        self.send(b"%x\r\n%b\r\n" % (len(data), data))

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for that long, or until the fake is told to do something else, which is True."""
        return self._released.wait(seconds)


Behaviour = Callable[[Exchange], None]
"""Answers one request; the connection is closed after it, so that each request is one connection."""


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


# What a reply holds


def table(
    measurement: str = "power",
    values: Iterable[str] = ("1.5",),
    field: str = "watts",
    kind: str = "double",
    begin: str = BEGIN,
) -> bytes:
    """One table of annotated CSV as InfluxDB sends it, a row a value, a second apart, with its annotations.

    Not the empty row at the reply's end: that is `END`.
    """
    rows = [
        f"#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,{kind},string,string",
        "#group,false,false,true,true,false,false,true,true",
        "#default,_result,,,,,,,",
        ",result,table,_start,_stop,_time,_value,_field,_measurement",
    ]
    for second, value in enumerate(values):
        time_ = f"{begin}:{second:02d}.123456789Z"
        rows.append(f",,0,{begin}:00Z,2026-11-24T11:00:00Z,{time_},{value},{field},{measurement}")
    return "".join(row + "\r\n" for row in rows).encode()


END = b"\r\n"
ERROR_TABLE = (
    b"\r\n#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n"
    b',"engine: shard 7 is gone, quite",\r\n'
)


# Behaviours


def good(*tables: bytes) -> Behaviour:
    """What InfluxDB answers whose bucket holds these tables: those rows that are asked for, or their number."""
    lines = b"".join(tables).splitlines(keepends=True)

    def behave(exchange: Exchange) -> None:
        rows = [line for line in lines if line.startswith(b",,") and exchange.in_range(line)]
        if "count()" in exchange.query:
            body = _counted(len(rows))
        elif "containsStr" in exchange.query or not rows:  # no name and no string has a carriage return
            body = b""
        else:
            body = b"".join(line for line in lines if not line.startswith(b",,") or line in rows)
        plain(200, body + END, {"Content-Type": _CSV})(exchange)

    return behave


def _counted(points: int) -> bytes:
    head = "#datatype,string,long,long\r\n#group,false,false,false\r\n#default,_result,,\r\n,result,table,_value\r\n"
    return f"{head},,0,{points}\r\n".encode() if points else b""


def plain(status: int, body: bytes, headers: Mapping[str, str]) -> Behaviour:
    """A reply of known length."""

    def behave(exchange: Exchange) -> None:
        lines = [f"HTTP/1.1 {status} as scripted", f"Content-Length: {len(body)}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        exchange.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    return behave


def refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> Behaviour:
    """An error as InfluxDB words it: a status and JSON with a message."""
    code = "not found" if status == 404 else "as scripted"
    body = json.dumps({"code": code, "message": message}).encode()
    return plain(status, body, {"Content-Type": "application/json; charset=utf-8", **(headers or {})})


def no_series(exchange: Exchange) -> None:
    """What InfluxDB says by InfluxQL where nothing is found."""
    document = b"\x81\xa7results\x91\x81\xacstatement_id\x00"
    plain(200, document, {"Content-Type": "application/x-msgpack"})(exchange)


def nothing_found(exchange: Exchange) -> None:
    """An empty reply to a query."""
    plain(200, END, {"Content-Type": "text/csv; charset=utf-8"})(exchange)


def bucket_found(exchange: Exchange) -> None:
    """What InfluxDB says of a bucket that keeps its points for ever."""
    rule = {"type": "expire", "everySeconds": 0, "shardGroupDurationSeconds": 7 * 86_400}
    bucket = {"id": "0" * 16, "orgID": "1" * 16, "type": "user", "name": "data", "retentionRules": [rule]}
    plain(
        200,
        json.dumps({"links": {"self": "/api/v2/buckets"}, "buckets": [bucket]}).encode(),
        {"Content-Type": "application/json"},
    )(exchange)


def hang(exchange: Exchange) -> None:
    """Accept, and never answer."""
    exchange.wait()


def reset(exchange: Exchange) -> None:
    """Accept, and close without a word."""


def chunked(*pieces: bytes, every_s: float = 0.0, whole: bool = True) -> Behaviour:
    """A chunked reply, a piece every `every_s` seconds; not `whole`: cut off behind the last piece."""

    def behave(exchange: Exchange) -> None:
        begin_chunked(exchange)
        for piece in pieces:
            if every_s and exchange.wait(every_s):
                return
            exchange.chunk(piece)
        if whole:
            exchange.chunk(b"")

    return behave


def begin_chunked(exchange: Exchange) -> None:
    """Send the head of a chunked reply."""
    exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: " + _CSV.encode() + b"\r\n\r\n")


def endless(exchange: Exchange) -> None:
    """Rows without an end, as fast as they are taken."""
    head, _, row = table().rpartition(b"\r\n,,0")
    begin_chunked(exchange)
    exchange.chunk(head + b"\r\n")
    while not exchange.wait(0):
        exchange.chunk((b",,0" + row) * 1000)


REDIRECT = plain(302, b"", {"Location": "https://login.example.org/sign-in?back=8086"})
HTML = plain(
    200, b"<!DOCTYPE html>\n<html><title>Corporate proxy</title></html>", {"Content-Type": "text/html; charset=utf-8"}
)
CUT = chunked(table(values=["1.5", "2.5"]), whole=False)
BROKEN_OFF = chunked(table(values=["1.5", "2.5"]), ERROR_TABLE)
UNAUTHORIZED = refusal(401, "unauthorized access")
