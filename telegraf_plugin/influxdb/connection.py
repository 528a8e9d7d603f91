"""The connections to one server: urllib3's pool, with the server's TLS and proxy."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import urllib3
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
        return urllib3.PoolManager(**options)
    proxy = urlsplit(transport.proxy)
    user, at, address = proxy.netloc.rpartition("@")
    headers = urllib3.make_headers(proxy_basic_auth=unquote(user)) if at else None
    return urllib3.ProxyManager(urlunsplit((proxy.scheme, address, "", "", "")), proxy_headers=headers, **options)
