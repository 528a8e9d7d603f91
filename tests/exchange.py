"""One request to a server that a test plays, and the means to answer it."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

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
