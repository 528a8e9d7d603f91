"""How a server is reached beyond its address: by which TLS, through which proxy, and whether its replies are packed.

No network, no environment read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from telegraf_plugin.transport.proxy import proxy_for
from telegraf_plugin.transport.tls import Tls

__all__ = ["STRAIGHT", "Compression", "Tls", "Transport", "proxy_for"]


class Compression(Enum):
    """Whether replies are packed on their way."""

    AUTO = "auto"
    """Where it pays."""
    GZIP = "gzip"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Transport:
    """TLS, the proxy's address (None: straight), which may hold a password and does not show in a repr, and packing."""

    tls: Tls = field(default_factory=Tls)
    proxy: str | None = field(repr=False, default=None)
    compression: Compression = Compression.AUTO


STRAIGHT = Transport()
"""The system's authorities, no client certificate, no proxy."""
