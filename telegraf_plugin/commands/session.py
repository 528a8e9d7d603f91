"""What the commands share: the configuration, the connections, and the two sides of a stream."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from telegraf_plugin import settings
from telegraf_plugin.commands.arguments import unknown
from telegraf_plugin.commands.dates import parse_instant
from telegraf_plugin.commands.ending import Unusable
from telegraf_plugin.config import Config, Server, Source
from telegraf_plugin.errors import SourceError
from telegraf_plugin.influxdb.central import CentralReader
from telegraf_plugin.influxdb.source import SourceReader
from telegraf_plugin.influxdb.write import WriteClient
from telegraf_plugin.stream.account import RENEW
from telegraf_plugin.stream.bounds import RETENTION_MARGIN, Bucket
from telegraf_plugin.stream.definition import StreamDefinition, StreamId
from telegraf_plugin.stream.ledger import Mark, MarkId
from telegraf_plugin.stream.request import Request
from telegraf_plugin.stream.spans import Spans
from telegraf_plugin.stream.units import HOUR
from telegraf_plugin.telegraf.marks import request_line


class CentralAccess(CentralReader):
    """Central as the commands see it: what the plugin reads there, its own metrics, and it can be written."""

    def __init__(self, central: Server, metrics_bucket: str) -> None:
        super().__init__(central, metrics_bucket)
        self.client = WriteClient(central.url, central.org, central.credential.read, 5, 30, 300, central.transport)
        self._client = self.client
        self.metrics_bucket = metrics_bucket

    def ask(self, stream: StreamDefinition, request: Request) -> None:
        """Write a request for the running plugin. Raises CentralError."""
        with self._explained():
            self.client.write(stream.central_bucket, request_line(stream, request))

    def may_write(self, bucket: str) -> None:
        """Raise CentralError when the token may not write to `bucket`. Nothing is written."""
        with self._explained():
            self.client.write(bucket, b"")

    def version(self) -> str:
        """Return central's version. Raises CentralError."""
        with self._explained():
            return self.client.version()

    def run_began(self, stream: StreamDefinition, mark: Mark) -> int:
        """Return when (Unix ns) the run that made the stream's newest `mark` made its first; Raises CentralError.

        Of a run that is older than the marks that are looked over, one of those: it began then or earlier.
        """
        return min(self._of_run(stream, mark)).time

    def printed_last(self, stream: StreamDefinition, mark: Mark, spans: Spans) -> int | None:
        """Return when (Unix ns) the run of the stream's newest `mark` printed something of `spans` for the last time.

        None when none of the marks that are looked over tells. Raises CentralError.
        """
        marks = self.marks(stream.central_bucket, stream.id, self._of_run(stream, mark))
        return max((each.id.time for each in marks if each.printed & spans), default=None)

    def _of_run(self, stream: StreamDefinition, mark: Mark) -> set[MarkId]:
        """Return the marks of the run that made the stream's newest `mark`, as far back as a proof may have to wait."""
        since = mark.id.time - 2 * max(RENEW, stream.lookback)
        found = {mark.id}
        for ids, *_ in self.mark_ids(stream.central_bucket, since):
            of_stream = ids.get(stream.id, set())
            found |= {each for each in of_stream if each.incarnation == mark.id.incarnation}
        return found

    def newest(self, stream: StreamDefinition) -> tuple[Mark | None, Request | None]:
        """Return the stream's newest believable mark, and its newest request. Raises CentralError."""
        name: StreamId = stream.id
        believed = self.ledger(stream.central_bucket, [name]).get(name)
        return believed.mark if believed is not None else None, self.requests(stream.central_bucket).get(name)


@dataclass(frozen=True, slots=True)
class Sides:
    """One stream with both of its sides: `source` and `central`, and how each keeps its bucket."""

    stream: StreamDefinition
    source: SourceReader
    central: CentralAccess
    here: Bucket | None
    there: Bucket | None

    @property
    def groups(self) -> frozenset[int]:
        """How long the shard groups of both buckets last, in ns."""
        return frozenset(bucket.shard_group for bucket in (self.here, self.there) if bucket) or frozenset((HOUR,))

    def oldest(self, now: int) -> int | None:
        """Return the oldest time (Unix ns) that central takes; None: any."""
        if self.there is None or not self.there.retention:
            return None
        return now - self.there.retention + RETENTION_MARGIN


class Session:
    """The configuration and the connections of one command; nothing is sent before it is needed."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.central = CentralAccess(config.central, config.metrics_bucket)
        self._clients: dict[str, WriteClient] = {}
        self._readers: dict[str, SourceReader] = {}

    def client(self, source: Source) -> WriteClient:
        """Return the client of one source. What it could write, no command writes: sources are read only."""
        if source.name not in self._clients:
            server, bounds = source.server, source.timeouts
            self._clients[source.name] = WriteClient(
                server.url,
                server.org,
                server.credential.read,
                bounds.connect,
                bounds.read,
                bounds.query,
                server.transport,
            )
        return self._clients[source.name]

    def reader(self, source: Source) -> SourceReader:
        """Return what asks one source for points."""
        return self._readers.setdefault(source.name, SourceReader(self.client(source), source.read))

    def redact(self, text: str) -> str:
        """Return `text` without any source's token: a server may say anything."""
        for client in self._clients.values():
            text = client.redact(text)
        return text

    def stream(self, label: str) -> StreamDefinition:
        """Return the stream called `source/stream`, or the one of a source that has one. Raises Unusable."""
        found = self.chosen([label])
        if len(found) > 1:
            labels = ", ".join(stream.label for stream in found)
            raise Unusable(f"{label} has several streams, and this is done for one: {labels}")
        return found[0]

    def chosen(self, names: Sequence[str]) -> list[StreamDefinition]:
        """Return the streams called so, a source's name standing for all of its; all streams for no name at all.

        In the configuration's order, each once. Raises Unusable.
        """
        streams = list(self.config.streams)
        known = {stream.source for stream in streams} | {stream.label for stream in streams}
        for name in names:
            if name not in known:
                labels = [stream.label for stream in streams]
                raise Unusable(unknown("stream or source", name, [*(s.name for s in self.config.sources), *labels]))
        return [stream for stream in streams if not names or {stream.source, stream.label} & set(names)]

    def sides(self, stream: StreamDefinition) -> Sides:
        """Return both sides of `stream`. Raises CentralError; what the source does not say of its bucket stays out."""
        source = next(source for source in self.config.sources if source.name == stream.source)
        client = self.client(source)
        here = None
        try:
            here = client.bucket(stream.bucket)
        except SourceError as error:
            if client.clock_skew is None:  # it does not answer at all
                text = f"{source.name} at {client.url}: {error.summary}; {error.hint}"
                raise Unusable(client.redact(text)) from error
        return Sides(stream, self.reader(source), self.central, here, self.central.bucket(stream.central_bucket))


def instants(options: argparse.Namespace, now: int) -> tuple[int | None, int | None]:
    """Return `--from` and `--to` in Unix ns, None where not given. Raises Unusable."""
    try:
        start = parse_instant(options.start, now) if options.start is not None else None
        stop = parse_instant(options.stop, now) if options.stop is not None else None
    except ValueError as error:
        raise Unusable(str(error)) from None
    if start is not None and start >= (stop if stop is not None else now):
        raise Unusable("--from is not before --to")
    return start, stop


def aligned(stream: StreamDefinition, start: int, stop: int) -> tuple[int, int]:
    """Return what of [start, stop) a query of `stream` can read whole: an aggregate's windows, a flux' microseconds."""
    unit = stream.unit
    return start + -start % unit, stop - stop % unit


def in_session(options: argparse.Namespace, command: Callable[[Session], int]) -> int:
    """Read the configuration and return the exit status of `command`. Raises what it cannot go on with (`ending`)."""
    session = Session(settings.load(options.config, os.environ, getattr(options, "telegraf_config", None)))
    try:
        return command(session)
    except SourceError as error:
        raise Unusable(session.redact(f"source: {error.summary}; {error.hint}")) from error


def clock() -> int:
    """Return now, Unix ns."""
    return time.time_ns()
