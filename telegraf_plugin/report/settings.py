"""The configuration as the report shows it: what is set, by names and values; no token, and no query's text. Pure."""

from __future__ import annotations

from telegraf_plugin.commands.dates import duration, moment
from telegraf_plugin.config import Config, Server, Source
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.units import SECOND

Settings = list[tuple[str, str]]


def of_central(config: Config) -> Settings:
    """Return what is set of central, and of the whole."""
    return [
        *_server(config.central),
        ("bucket of metrics", config.metrics_bucket),
        ("lines in flight", f"{config.max_in_flight:,} at most"),
        ("sweep", f"{config.sweep:.1%} of the time"),
    ]


def of_source(source: Source) -> Settings:
    """Return what is set of one source, each of its streams among it."""
    return [
        *_server(source.server),
        ("read", source.server.read.value),
        ("queries at a time", str(source.concurrent_queries)),
        *((f"stream {stream.name}", of_stream(stream)) for stream in source.streams),
    ]


def of_stream(stream: StreamDefinition) -> str:
    """Return in one line what a stream takes, and where it goes."""
    parts = [f"{stream.bucket} → {stream.central_bucket}"]
    if stream.flux is not None:
        parts.append("a Flux query of its own")
    if stream.measurements:
        parts.append(f"measurements {', '.join(stream.measurements)}")
    if stream.exclude_fields:
        parts.append(f"without the fields {', '.join(stream.exclude_fields)}")
    parts += [f"{key} is {' or '.join(values)}" for key, values in stream.tags]
    if stream.aggregate is not None:
        parts.append(f"{stream.aggregate.fn.value} of each {duration(stream.aggregate.every / SECOND)}")
    parts.append(f"tags added: {', '.join(sorted(tag.value for tag in stream.metadata_tags))}")
    parts.append(f"lookback {duration(stream.lookback / SECOND)}")
    parts.append(_start(stream))
    if stream.max_lag is not None:
        parts.append(f"max_lag {duration(stream.max_lag / SECOND)}")
    return "; ".join(parts)


def _start(stream: StreamDefinition) -> str:
    if stream.start.ago is not None:
        return f"begins {duration(stream.start.ago / SECOND)} before its first start"
    return f"begins at {moment(stream.start.date)}" if stream.start.date is not None else "begins at the first point"


def _server(server: Server) -> Settings:
    told = "in a file" if server.credential.file is not None else "in a variable"
    return [("url", server.url), ("organisation", server.org), ("token", f"{told}, not shown")]
