"""`Proxy`: a threaded HTTP proxy in front of one server, through which that server can seem ill in chosen ways.

    client ─► Proxy ─► server     every request is passed on, unless a `Rule` that is in force says otherwise

A server that is away shows as a connection that ends without an answer.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from lab.chaos.exchange import Exchange
from lab.chaos.trouble import Rule
from lab.loopback import HOST, free_port


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

        class Handler(Exchange):
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
