"""The connections to one server: urllib3's pool, with the server's TLS and proxy."""

from __future__ import annotations

from http.client import HTTPResponse
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import InsecureRequestWarning

from telegraf_plugin.transport import Transport


def open_pool(url: str, transport: Transport, connections: int) -> urllib3.PoolManager:
    """Return a pool of at most `connections` to the server at `url`; nothing is sent yet.

    influxdb-client's own pool takes no server name. Raises ValueError when a file of `transport` cannot be used.
    """
    # No retries of its own: the plugin decides, and says, when something is tried again.
    options: dict[str, Any] = {"maxsize": connections, "retries": False}
    if urlsplit(url).scheme == "https":
        options["ssl_context"] = transport.tls.context()
        options["server_hostname"] = transport.tls.server_name
        if not transport.tls.verify:
            # Said once at start by `config.warnings`; urllib3 would say it on stderr, in its own form.
            urllib3.disable_warnings(InsecureRequestWarning)
    if transport.proxy is None:
        pool = urllib3.PoolManager(**options)
    else:
        proxy = urlsplit(transport.proxy)
        user, at, address = proxy.netloc.rpartition("@")
        headers = urllib3.make_headers(proxy_basic_auth=unquote(user)) if at else None
        pool = urllib3.ProxyManager(urlunsplit((proxy.scheme, address, "", "", "")), proxy_headers=headers, **options)
    pool.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
    return pool


class _Reply(HTTPResponse):
    """A reply whose chunks say how long they are: to a length of -1 Python reads all that comes, for ever."""

    def _read_next_chunk_size(self) -> int:
        size = int(super()._read_next_chunk_size())  # type: ignore[misc]
        if size < 0:
            self.close()
            raise ValueError("a chunk of less than nothing")  # as for what is no number
        return size


class _Connection(HTTPConnection):
    response_class = _Reply


class _TlsConnection(HTTPSConnection):
    response_class = _Reply


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection
