"""`Meddler`: stands before a real server on loopback, passes requests on, and answers some of them itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

import urllib3

from lab.loopback import HOST

Answer = Callable[[str, bytes], tuple[int, bytes] | None]
"""Path and body of a request to what is answered: status and body; None: what the real server says."""


class Meddler:
    """A context; `answer` decides, and may be changed at any time. `refused` counts what it answered itself.

    `ahead_s` is how far its clock, which its replies tell, is ahead of this machine's, in seconds.
    """

    def __init__(self, url: str, answer: Answer) -> None:
        self.answer = answer
        self.refused = 0
        self.ahead_s = 0.0
        pool = urllib3.PoolManager()
        meddler = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def date_time_string(self, timestamp: float | None = None) -> str:
                return super().date_time_string((timestamp or time.time()) + meddler.ahead_s)

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                own = meddler.answer(self.path, body)
                if own is not None:
                    meddler.refused += 1
                    status, content, kind = *own, "application/json"
                else:
                    headers = {
                        key: self.headers[key] for key in ("Authorization", "Content-Type") if key in self.headers
                    }
                    reply = pool.request(self.command, url + self.path, body=body, headers=headers, retries=False)
                    status, content = reply.status, reply.data
                    kind = reply.headers.get("Content-Type", "text/plain")
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = _serve  # noqa: N815

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://{HOST}:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=[0.05], name="meddler", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
