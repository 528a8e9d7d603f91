"""Loopback: free ports, HTTP requests to 127.0.0.1, and waiting for a condition with a deadline."""

from __future__ import annotations

import random
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException, HTTPResponse
from typing import TypeVar

HOST = "127.0.0.1"

# Below the range from which kernels take the ports of outgoing connections (Linux 32768, others 49152). A
# server that is stopped for a while must find its port free again, and a client that knocks at a closed port
# of that range can even end up connected to itself.
_PORTS = range(20_000, 32_000)

# No proxy from the environment, and no look at certificates: everything here is this machine.
_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_tls.check_hostname = False
_tls.verify_mode = ssl.CERT_NONE
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=_tls))

T = TypeVar("T")


class HttpRefused(RuntimeError):
    """The server answered with a status of 400 or more."""

    def __init__(self, method: str, url: str, status: int, body: str) -> None:
        super().__init__(f"{method} {url}: {status} {body.strip()}")
        self.status = status
        self.body = body


def free_port() -> int:
    """A TCP port that nobody listens on. Somebody may take it before you do: be ready to ask again."""
    for port in random.SystemRandom().sample(_PORTS, 200):
        with socket.socket() as probe:
            # As servers do: without it a port is "in use" for a minute after its last connection.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"no free TCP port on {HOST} between {_PORTS.start} and {_PORTS.stop - 1}")


def open_url(
    method: str,
    url: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 60.0,
) -> HTTPResponse:
    """The open reply to a request; the caller closes it.

    Raises HttpRefused, or OSError when there is no answer within `timeout_s` seconds.
    """
    request = urllib.request.Request(url, data=body, headers=dict(headers or {}), method=method)  # noqa: S310 our own servers
    try:
        reply = _opener.open(request, timeout=timeout_s)
    except urllib.error.HTTPError as error:
        with error:
            raise HttpRefused(method, url, error.code, error.read(2000).decode("utf-8", "replace")) from None
    assert isinstance(reply, HTTPResponse)
    return reply


def http_status(url: str, timeout_s: float = 2.0) -> int:
    """The status of a GET; 0 when nobody answers in time."""
    try:
        with open_url("GET", url, timeout_s=timeout_s) as reply:
            return reply.status
    except HttpRefused as error:
        return error.status
    except (OSError, HTTPException):
        return 0


def wait_until(probe: Callable[[], T | None], what: str, timeout_s: float = 30.0, every_s: float = 0.05) -> T:
    """The first truthy answer of `probe`, asked again every `every_s` seconds.

    Raises TimeoutError, which names `what` was awaited and the last answer, after `timeout_s` seconds;
    whatever `probe` raises goes through.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            raise TimeoutError(f"waited {timeout_s:g} s for {what}; last answer: {answer!r}")
        time.sleep(every_s)
