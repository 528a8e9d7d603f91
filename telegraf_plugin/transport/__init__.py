"""How a server is reached beyond its address: by which TLS, through which proxy. No network, no environment read."""

from __future__ import annotations

from dataclasses import dataclass, field

from telegraf_plugin.transport.proxy import proxy_for
from telegraf_plugin.transport.tls import Tls

__all__ = ["STRAIGHT", "Tls", "Transport", "proxy_for"]


@dataclass(frozen=True, slots=True)
class Transport:
    """TLS, and the proxy's address (None: straight); the latter may hold a password and does not show in a repr."""

    tls: Tls = field(default_factory=Tls)
    proxy: str | None = field(repr=False, default=None)


STRAIGHT = Transport()
"""The system's authorities, no client certificate, no proxy."""
