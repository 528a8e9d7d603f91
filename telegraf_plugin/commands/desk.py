"""What the commands share: their options, the configuration, the two sides, and how they end."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from telegraf_plugin import settings
from telegraf_plugin.central import CentralReader, StreamName
from telegraf_plugin.commands.dates import parse_instant
from telegraf_plugin.config import Config, Server, Source
from telegraf_plugin.errors import CentralError, ConfigurationError, SourceError
from telegraf_plugin.influxdb.client import Bucket, QueryClient
from telegraf_plugin.influxdb.flux import Query
from telegraf_plugin.influxdb.rows import read_rows
from telegraf_plugin.influxdb.timestamps import SECOND
from telegraf_plugin.influxdb.write import WriteClient
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.ledger import Mark
from telegraf_plugin.stream.request import Request
from telegraf_plugin.stream.windows import HOUR
from telegraf_plugin.telegraf.marks import request_line

UNUSABLE = 2
"""Exit status: the command line or the configuration cannot be used, or a server does not give what is needed."""
RETENTION_MARGIN = 60 * SECOND
"""In ns: what is about to be too old would be refused by the time it arrives."""


class Unusable(Exception):
    """The command cannot go on; the text says why, and what to do."""


class Desk(CentralReader):
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

    def rows(self, query: Query) -> list[dict[str, str]]:
        """Return the rows of the reply to `query`. Raises CentralError."""
        with self._explained():
            return list(self._rows(query))

    def chunks(self, query: Query) -> Iterator[bytes]:
        """Yield the reply to `query` as it comes. Raises CentralError."""
        with self._explained():
            yield from self._client.query(query)

    def standing(self, stream: StreamDefinition) -> tuple[Mark | None, Request | None]:
        """Return the stream's newest believable mark, and its newest request. Raises CentralError."""
        name: StreamName = (stream.source, stream.name)
        believed = self.ledger(stream.central_bucket, [name]).get(name)
        return believed.mark if believed is not None else None, self.requests(stream.central_bucket).get(name)


@dataclass(frozen=True, slots=True)
class Sides:
    """One stream with both of its sides: `client` for its source, `desk` for central, and how each keeps its bucket."""

    stream: StreamDefinition
    client: QueryClient
    desk: Desk
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
        self.desk = Desk(config.central, config.metrics_bucket)
        self._clients: dict[str, WriteClient] = {}

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

    def redact(self, text: str) -> str:
        """Return `text` without any source's token: a server may say anything."""
        for client in self._clients.values():
            text = client.redact(text)
        return text

    def stream(self, label: str) -> StreamDefinition:
        """Return the stream called `source/stream`. Raises Unusable."""
        found = {stream.label: stream for stream in self.config.streams}
        if label not in found:
            raise Unusable(f"no stream is called {label!r}; there are: {', '.join(found)}")
        return found[label]

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
        return Sides(stream, client, self.desk, here, self.desk.bucket(stream.central_bucket))


def parser(name: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """Return the parser of a command with the options that all of them have."""
    made = argparse.ArgumentParser(
        prog=f"data-collector {name}",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    queries = Path(os.environ.get("COLLECTOR_QUERIES") or "config/queries.yaml")
    made.add_argument("--config", type=Path, default=queries, metavar="FILE", help="what is read (%(default)s)")
    made.add_argument("--json", action="store_true", help="for scripts: JSON on standard output")
    return made


def instants(options: argparse.Namespace, now: int) -> tuple[int | None, int | None]:
    """Return `--from` and `--to` in Unix ns, None where not given. Raises Unusable."""
    try:
        start = parse_instant(options.start, now) if options.start else None
        stop = parse_instant(options.stop, now) if options.stop else None
    except ValueError as error:
        raise Unusable(str(error)) from None
    if start is not None and start >= (stop if stop is not None else now):
        raise Unusable("--from is not before --to")
    return start, stop


def aligned(stream: StreamDefinition, start: int, stop: int) -> tuple[int, int]:
    """Return what of [start, stop) a query of `stream` can read whole: an aggregate's windows, a flux' microseconds."""
    unit = 1
    if stream.aggregate is not None:
        unit = stream.aggregate.every
    elif stream.flux is not None:
        unit = 1000
    return start + -start % unit, stop - stop % unit


def add_span(made: argparse.ArgumentParser, required: bool, default: str = "") -> None:
    """Add `--from` and `--to` to a command's options."""
    # "-2h" looks like an option to argparse: so it is written --from=-2h, or joined by `words`.
    made.add_argument(
        "--from",
        dest="start",
        required=required,
        default=default,
        metavar="TIME",
        help="UTC: 2026-11-01, RFC 3339, or -2h",
    )
    made.add_argument("--to", dest="stop", default="", metavar="TIME", help="likewise; now unless set")


def words(arguments: Sequence[str]) -> list[str]:
    """Return `arguments` with `--from -2h` joined to `--from=-2h`: argparse takes -2h for an option."""
    joined: list[str] = []
    for word in arguments:
        if joined and joined[-1] in ("--from", "--to") and word[:1] == "-" and word[1:2].isdigit():
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def run(options: argparse.Namespace, command: Callable[[Session], int]) -> int:
    """Read the configuration, run `command` and return its exit status; UNUSABLE with the reason on standard error."""
    session = None
    try:
        session = Session(settings.load(options.config, os.environ, getattr(options, "telegraf_config", None)))
        return command(session)
    except ConfigurationError as error:
        sys.stderr.writelines(f"E! {error.file}: {problem}\n" for problem in error.problems)
    except Unusable as error:
        sys.stderr.write(f"E! {error}\n")
    except CentralError as error:
        sys.stderr.write(f"E! central: {error.summary}; {error.hint}\n")
    except SourceError as error:
        text = f"E! source: {error.summary}; {error.hint}\n"
        sys.stderr.write(session.redact(text) if session is not None else text)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    except BrokenPipeError:
        sys.stdout = sys.stderr  # Python flushes it once more at the end
    return UNUSABLE


def source_rows(client: QueryClient, query: Query) -> list[dict[str, str]]:
    """Return the rows of a source's reply. Raises SourceError, without the token in it."""
    return list(read_rows(client.query(query)))


def clock() -> int:
    """Return now, Unix ns."""
    return time.time_ns()
