"""Replies that are no query's, as influxdb-client reads them whole: given an end, in bytes and in time."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO
from threading import Event, Timer
from typing import Any

from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError

MAX_ERROR_BYTES = 64 * 1024
"""What is read of an error reply, and of what is no query's."""
_OF_THE_BODY = ("content-length", "content-encoding", "transfer-encoding")


class BoundedReplies:
    """A urllib3 pool whose replies have an end: influxdb-client reads those of errors, and what is no query, whole."""

    def __init__(self, pool: Any, bound: float) -> None:
        self._pool = pool
        self._bound = bound

    def request(self, *arguments: Any, preload_content: bool = True, **options: Any) -> Any:
        """Return the reply; what is no good one that is read piece by piece with MAX_ERROR_BYTES of its body."""
        response = self._pool.request(*arguments, preload_content=False, **options)
        if response.status < 300 and not preload_content:
            return response
        timer = Timer(self._bound, expire, (Event(), response))
        timer.daemon = True
        timer.start()
        try:
            body = response.read(MAX_ERROR_BYTES)
        except (HTTPError, OSError):
            body = b""  # its status says enough
        finally:
            timer.cancel()
            response.close()
        headers = {key: value for key, value in response.headers.items() if key.lower() not in _OF_THE_BODY}
        return HTTPResponse(
            BytesIO(body), headers, response.status, reason=response.reason, preload_content=preload_content
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)


def expire(expired: Event, response: Any) -> None:
    """End the reading of `response` from outside, and say so by `expired`."""
    expired.set()
    with suppress(Exception):  # it may have ended just now
        response.shutdown()
