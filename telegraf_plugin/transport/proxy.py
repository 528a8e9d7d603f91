"""Which proxy leads to an address, by HTTP_PROXY, HTTPS_PROXY and NO_PROXY, as Telegraf reads them. Pure.

The plugin and Telegraf share their environment, so both go the same way: the rules are those of Go's
golang.org/x/net/http/httpproxy. This machine itself (localhost, loopback addresses) is never behind a proxy.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

_PORTS = {"http": 80, "https": 443}


def proxy_for(url: str, environment: Mapping[str, str]) -> str | None:
    """Return the proxy's address for `url`; None when it is reached without one.

    Raises ValueError, which names the variable and not what it holds: that may be a password.
    """
    parts = urlsplit(url)
    variable = f"{parts.scheme.upper()}_PROXY"
    proxy = environment.get(variable) or environment.get(variable.lower())
    exceptions = environment.get("NO_PROXY") or environment.get("no_proxy") or ""
    if not proxy or _straight(parts, exceptions):
        return None
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    try:
        found = urlsplit(proxy)
        usable = found.scheme in _PORTS and bool(found.hostname) and (found.port is None or found.port > 0)
    except ValueError:
        usable = False
    if not usable or not proxy.isprintable():
        raise ValueError(f"the variable {variable} names no proxy: expected http://host:port or https://host:port")
    return proxy


def _straight(url: SplitResult, exceptions: str) -> bool:
    """Say whether `url` is this machine or among the comma-separated `exceptions`."""
    host = (url.hostname or "").rstrip(".").lower()
    port = url.port or _PORTS[url.scheme]
    try:
        address = ip_address(host)
    except ValueError:
        address = None
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    for entry in (entry.strip().lower() for entry in exceptions.split(",")):
        if entry == "*":
            return True
        if address is not None and _within(entry, str(address)):
            return True
        name, _, only = _host_and_port(entry)
        if not name or (only and only != str(port)):
            continue
        if address is not None:
            if _within(name, str(address)):
                return True
            continue
        name = name.removeprefix("*")
        if host == name or host.endswith(name if name.startswith(".") else f".{name}"):
            return True
    return False


def _within(network: str, address: str) -> bool:
    try:
        return ip_address(address) in ip_network(network, strict=False)
    except ValueError:
        return False


def _host_and_port(entry: str) -> tuple[str, str, str]:
    """Split `host:port`, `[::1]:port` or a mere host."""
    if entry.startswith("["):
        host, _, rest = entry[1:].partition("]")
        return host, ":", rest.removeprefix(":")
    if entry.count(":") > 1:  # an IPv6 address
        return entry, "", ""
    host, colon, port = entry.rpartition(":")
    return (host, colon, port) if colon else (entry, "", "")
