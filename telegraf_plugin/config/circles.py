"""Buckets that would be copied into themselves, straight or over others, as far as addresses tell. Pure, no network.

Two addresses of one server that only its network knows for the same are told apart here; `JobRunner` finds them out.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from telegraf_plugin.config.model import Config, Server
from telegraf_plugin.errors import Problem

Place = tuple[str, str, str]
"""A server's address, an org and a bucket."""

_PORTS = {"http": 80, "https": 443}


def circles(config: Config) -> Iterator[Problem]:
    """Yield each stream whose points would come back to the bucket that they were read from."""
    central = config.central
    ways: dict[Place, set[Place]] = {}
    streams = []
    for number, source in enumerate(config.sources):
        for at, stream in enumerate(source.streams):
            start, end = _place(source.server, stream.bucket), _place(central, stream.central_bucket)
            ways.setdefault(start, set()).add(end)
            streams.append((f"sources[{number}].streams[{at}]", stream, start, end))
    for path, stream, start, end in streams:
        if start == end:
            text = f"bucket {stream.bucket} of this server and org is central's bucket {stream.central_bucket}: its "
            text += "points would be copied into itself for ever; give another central_bucket, or correct url or org"
            yield Problem(path, text)
        elif _leads(end, start, ways):
            text = f"its points come back to bucket {stream.bucket} over other streams, and would go round for ever"
            yield Problem(path, text)


def _leads(start: Place, end: Place, ways: dict[Place, set[Place]]) -> bool:
    seen: set[Place] = set()
    waiting = [start]
    while waiting:
        place = waiting.pop()
        if place == end:
            return True
        if place not in seen:
            seen.add(place)
            waiting.extend(ways.get(place, ()))
    return False


def _place(server: Server, bucket: str) -> Place:
    return (address(server.url), server.org, bucket)


def address(url: str) -> str:
    """Return what `url` leads to, the same for all spellings: letters' case, port, trailing dot or slash, loopback."""
    parts = urlsplit(url)
    scheme, host = parts.scheme.lower(), (parts.hostname or "").rstrip(".")
    try:
        found = ip_address(host)
        if found.version == 6 and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        host = "localhost" if found.is_loopback or found.is_unspecified else found.compressed
    except ValueError:
        host = "localhost" if host.endswith(".localhost") else host
    try:
        port = parts.port or _PORTS.get(scheme, 0)
    except ValueError:  # reported with the url's form
        port = 0
    return f"{host}:{port}{parts.path.rstrip('/')}"
