"""What asks one source: by its version's ways, with its token or its user and password."""

from __future__ import annotations

from telegraf_plugin.config import Source
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.source import SourceReader
from telegraf_plugin.influxdb.v1_client import V1Client
from telegraf_plugin.influxdb.v1_source import V1SourceReader
from telegraf_plugin.stream.definition import ReadWay


def client_of(source: Source) -> QueryClient:
    """Return what asks `source`; nothing is sent yet. Raises ValueError where its files cannot be used."""
    server, bounds = source.server, source.timeouts
    kind = V1Client if server.v1 else QueryClient
    token, transport = server.credential.read, server.transport
    return kind(server.url, server.org, token, bounds.connect, bounds.read, bounds.query, transport)


def reader_of(source: Source, client: QueryClient) -> SourceReader:
    """Return what asks `source` for points by its `client`. InfluxDB 1.x is asked in InfluxQL, or in Flux alone."""
    if isinstance(client, V1Client) and source.server.read is not ReadWay.FLUX:
        return V1SourceReader(client)
    return SourceReader(client, source.server.read)
