"""Requests to one InfluxDB by urllib3: by a token that may be rotated, every reply bounded in bytes and in time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from threading import Event
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

from urllib3 import BaseHTTPResponse, Timeout
from urllib3.exceptions import HTTPError, ProtocolError

from telegraf_plugin.errors import BadReply, TransientError
from telegraf_plugin.influxdb.connection import open_pool
from telegraf_plugin.influxdb.deadlines import Deadline, Deadlines
from telegraf_plugin.influxdb.failures import Refusal, explain, inactive, is_inactive, not_csv
from telegraf_plugin.transport import STRAIGHT, Compression, Transport

MAX_CONNECTIONS = 40
"""That are kept open: as many as threads may ask at once."""
CHUNK_BYTES = 64 * 1024
"""How much of a reply is held at a time."""
MAX_DOCUMENT_BYTES = 1024 * 1024
"""What the server may say of a bucket, or to an InfluxQL question."""
MAX_ERROR_BYTES = 64 * 1024
"""What is read of a refusal."""
REFUSALS = (401, 403, 404)
"""How a token is refused that was deleted, and one that is inactive or has other rights (as if nothing were there)."""
INFLUXQL = "/query"
"""Where InfluxQL is asked: there an inactive token is refused as one that was deleted (401)."""
MAX_FORMER = 3
MIN_SECRET = 8
"""A shorter piece of a token tells nothing, and blotting it out would hit ordinary words."""

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of `path` by the `parameters` of its query string, for a reply of content type `accept`.

    With a `body` of content type `sends` it is posted.
    """

    path: str
    accept: str
    parameters: Sequence[tuple[str, str]] = ()
    body: bytes | None = None
    sends: str = "application/json"


class HttpClient:
    """One InfluxDB and one token. Safe to use from several threads.

    `clock_skew`: by how many seconds the server's clock was ahead of this machine's at the last reply, to a second;
    None when it did not say. `requests`: how many there were.
    """

    def __init__(
        self,
        url: str,
        org: str,
        token: Callable[[], str],
        connect: float,
        read: float,
        query: float,
        transport: Transport = STRAIGHT,
    ) -> None:
        """Prepare for `url` and `org`; nothing is sent yet.

        `token` is called now, and again when the server refuses the token: it may have been rotated. `connect`, `read`
        and `query` are bounds in seconds: to connect, between two pieces of a reply, and for a reply as a whole;
        `transport` is the TLS and the proxy. Raises ValueError when there is no token, or a file of `transport` cannot
        be used.
        """
        self.url, self.org = url, org
        self.clock_skew: float | None = None
        self.requests = 0
        self._bound, self._timeout = query, Timeout(connect=connect, read=read)
        self._read_token = token
        self._token = token()
        self._former: list[str] = []  # tokens that were rotated out; a server may still repeat one
        self._pool = open_pool(url, transport, MAX_CONNECTIONS)
        packs = transport.compression
        self._packed = packs is Compression.GZIP or (packs is Compression.AUTO and not is_loopback(url))

    @property
    def authorization(self) -> str:
        """The header by which a request is let in."""
        return f"Token {self._token}"

    def redact(self, text: str) -> str:
        """Return `text` without the token, also where it was cut: a server may say anything, our own request too."""
        for token in (self._token, *self._former):
            for length in range(len(token), MIN_SECRET - 1, -1):
                text = text.replace(token[:length], "[token]")
        return text

    def receive(self, request: Request) -> Iterator[bytes]:
        """Yield the body of the reply, which must be of the type that was asked for and end in time, piece by piece.

        A piece has CHUNK_BYTES at the most. Raises SourceError.
        """
        response = None
        timer = None
        expired = Event()
        try:
            began = time.monotonic()
            response = self.by_token(lambda: self.send(request))
            self._note_skew(response.headers.get("Date"))
            # A reply that dribbles never runs into the bound between two pieces: this one ends it from outside.
            timer = _end_after(self._bound - (time.monotonic() - began), expired, response)
            found = response.headers.get("Content-Type", "")
            if not found.startswith(request.accept):
                beginning = response.read(300)
                raise (
                    not_csv(found or "nothing", beginning)
                    if found or beginning
                    else ProtocolError("no header, no body")
                )
            while chunk := response.read(CHUNK_BYTES):
                yield chunk
            if expired.is_set():
                raise self._too_slow()
        except Exception as error:
            if expired.is_set():
                raise self._too_slow() from error
            explained = explain(error, self.url)
            hidden = explained.status == (401 if request.path == INFLUXQL else 404)
            raise (inactive(explained.summary) if hidden and self._is_inactive() else explained) from error
        finally:
            if timer is not None:
                timer.cancel()
            if response is not None:
                response.close()  # what was not read makes the connection useless to the next query
                response.release_conn()

    def document(self, request: Request, what: str) -> bytes:
        """Return the whole reply, MAX_DOCUMENT_BYTES at the most; `what` it is, for people. Raises SourceError."""
        reply = bytearray()
        for chunk in self.receive(request):
            reply += chunk
            if len(reply) > MAX_DOCUMENT_BYTES:
                raise BadReply(f"the reply {what} has no end", "check the url: is this InfluxDB?")
        return bytes(reply)

    def by_token(self, request: Callable[[], Answer]) -> Answer:
        """Return what `request` does; where the token is refused and another one is there by now, by that."""
        self.requests += 1
        used = self._token
        try:
            return request()
        except Refusal as refused:
            if refused.status not in REFUSALS or not self._renewed(used):
                raise
        self.requests += 1
        return request()

    def send(self, request: Request) -> BaseHTTPResponse:
        """Return the reply, its body not read yet. Raises Refusal, and what urllib3 does."""
        headers = {"Accept": request.accept, "User-Agent": "data-collector"}
        if self.authorization:
            headers["Authorization"] = self.authorization
        if self._packed:
            headers["Accept-Encoding"] = "gzip"
        if request.body is not None:
            headers["Content-Type"] = request.sends
        asked = f"?{urlencode(request.parameters)}" if request.parameters else ""
        response = self._pool.request(
            "GET" if request.body is None else "POST",
            f"{self.url.rstrip('/')}{request.path}{asked}",
            body=request.body,
            headers=headers,
            timeout=self._timeout,
            preload_content=False,
            redirect=False,
        )
        if response.status >= 300:
            raise Refusal(response.status, response.headers, self._beginning(response))
        return response

    def _beginning(self, response: BaseHTTPResponse) -> bytes:
        """Return what is read of a refusal."""
        timer = _end_after(self._bound, Event(), response)
        try:
            return response.read(MAX_ERROR_BYTES)
        except (HTTPError, OSError):
            return b""  # its status says enough
        finally:
            timer.cancel()
            response.close()

    def _renewed(self, used: str) -> bool:
        """Read the token again; returns whether it is another one than the one that was `used`."""
        try:
            token = self._read_token()
        except ValueError:
            return False  # the file is just being written, or gone: the refusal says enough
        if token != self._token:
            self._former = [self._token, *self._former][:MAX_FORMER]
            self._token = token
        return token != used

    def _is_inactive(self) -> bool:
        """Ask whether the token was deactivated: it is to queries as if nothing were there, and said here alone."""
        self.requests += 1
        try:
            self.send(Request("/api/v2/me", "application/json")).close()
        except Exception as error:  # most tokens may not ask this: what else goes wrong says nothing
            return is_inactive(error)
        return False

    def _too_slow(self) -> TransientError:
        hint = "read less at a time (fewer measurements in a stream), or raise timeouts.query"
        return TransientError(f"the reply took more than {self._bound:g} s", hint)

    def _note_skew(self, date: str | None) -> None:
        try:
            self.clock_skew = parsedate_to_datetime(date or "").timestamp() - time.time()
        except (ValueError, OverflowError):
            self.clock_skew = None


def is_loopback(url: str) -> bool:
    """Say whether the server is on this machine: there nothing is gained by packing, which takes the server's time."""
    host = urlsplit(url).hostname or ""
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost" or host.endswith(".localhost")


_DEADLINES = Deadlines()


def _end_after(seconds: float, expired: Event, response: BaseHTTPResponse) -> Deadline:
    """End the reading of `response` from outside when its time is over, and say so by `expired`."""

    def end() -> None:
        expired.set()
        response.shutdown()

    return _DEADLINES.after(seconds, end)
