"""What is allowed and dangerous in a configuration, to be warned of at each start. Pure; no name is looked up."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from telegraf_plugin.config.model import Config

_PRIVATE_NAMES = (".local", ".internal", ".lan", ".localhost", ".home.arpa")
"""Ends of names that the public name service does not know."""
_EXAMPLES = tuple(map(ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")))
"""Addresses that documents have (RFC 5737, 3849), as `.env.example` does. Python counts them among the private ones."""


def dangers(config: Config) -> Iterator[str]:
    """Yield a warning for each server whose token crosses a network that is not private in clear, or goes unverified.

    No token is in it.
    """
    servers = [("central", config.central), *((source.name, source.server) for source in config.sources)]
    for name, server in servers:
        parts = urlsplit(server.url)
        if parts.scheme == "http" and not is_private(parts.hostname or ""):
            yield (
                f"{name}: token and data cross a network in clear to {server.url}, whose address is not private: "
                "use https:// or a VPN"
            )
        if not server.transport.tls.verify:
            yield (
                f"{name}: insecure_skip_verify: whoever is between here and {server.url} can read the token and change "
                "the data; name the server's authority in tls_ca instead"
            )


def is_private(host: str) -> bool:
    """Say whether `host` is an address of this machine or of a private network, or a name within one."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        name = host.rstrip(".").lower()
        # Its last part begins with a digit: an address as some resolvers take it, such as 3054895002.
        number = name.rpartition(".")[2][:1].isdigit()
        return not number and ("." not in name or name.endswith(_PRIVATE_NAMES))
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if any(address in network for network in _EXAMPLES):
        return False
    return address.is_private or address.is_loopback or address.is_link_local
