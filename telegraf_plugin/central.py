"""What the plugin reads in central: its ledger, and what has landed. That, and nothing else, is proof."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from telegraf_plugin.config import Server
from telegraf_plugin.errors import BadReply, CentralError, PermanentError, TransientError
from telegraf_plugin.influxdb import central_flux as flux
from telegraf_plugin.influxdb.annotated_csv import Decoder
from telegraf_plugin.influxdb.client import Bucket, QueryClient
from telegraf_plugin.influxdb.failures import explain
from telegraf_plugin.influxdb.flux import Query
from telegraf_plugin.influxdb.rows import read_rows, whole_number
from telegraf_plugin.influxdb.timestamps import SECOND, parse_time
from telegraf_plugin.stream.account import Origin
from telegraf_plugin.stream.block import Block
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.digest import Group
from telegraf_plugin.stream.ledger import Believed, LaterFormat, Mark, MarkId, newest_believable
from telegraf_plugin.stream.request import Request
from telegraf_plugin.stream.spans import Span, Spans

StreamName = tuple[str, str]
"""A source's name and a stream's."""

log = logging.getLogger(__name__)

_DAMAGED = "it is asked again; when it stays, look at the server's log, and at proxies on the way"
_HOUR = 3600 * SECOND
_WINDOWS = (_HOUR, 25 * _HOUR, 32 * 24 * _HOUR, 10 * 365 * 24 * _HOUR)
"""How far back (ns) believable marks are looked for, one after the other."""


class CentralReader:
    """Reads in central. Safe to use from several threads; whatever fails is a CentralError."""

    def __init__(self, central: Server, metrics_bucket: str) -> None:
        """Prepare to ask `central`; `metrics_bucket` is where the plugin's own metrics go."""
        token, transport = central.credential.read, central.transport
        self._client = QueryClient(central.url, central.org, token, 5, 15, 300, transport)
        self._metrics_bucket = metrics_bucket
        self._asking: set[int] = set()
        self.url = central.url
        self.values = 0  # points read, more or less: threads do not wait for each other to count

    @property
    def times_asked(self) -> int:
        """How many HTTP requests there were."""
        return self._client.requests

    @property
    def clock_skew(self) -> float | None:
        """By how many seconds central's clock was ahead of this machine's at the last reply."""
        return self._client.clock_skew

    def is_asked_by(self, thread: int | None) -> bool:
        """Say whether the thread of that identity waits for an answer of central's."""
        return thread in self._asking

    # What has landed

    def count(self, stream: StreamDefinition, span: Span) -> int:
        """Return how many points central has of `stream` in `span`, which crosses no shard group's end."""
        with self._explained():
            return count_of(self._rows(flux.count_query(stream, *span)))

    def exists(self, stream: StreamDefinition, span: Span) -> bool:
        """Say whether central has any point of `stream` in `span`, which may be years."""
        with self._explained():
            return next(iter(self._rows(flux.exists_query(stream, *span))), None) is not None

    def blocks(self, stream: StreamDefinition, span: Span) -> Iterator[tuple[list[Block], bool]]:
        """Yield what central has of `stream` in `span`, as `Passage.blocks` does for the source."""
        with self._explained():
            decoder = Decoder()
            for blocks in self._read(flux.points_query(stream, *span), decoder):
                self.values += sum(map(len, blocks))
                yield blocks, False
            if decoder.quoted and stream.flux is None:
                again = flux.carriage_return_query(stream, *span, decoder.quoted)
                yield from ((blocks, True) for blocks in self._read(again, Decoder(escaped=True)))

    def types(self, bucket: str, span: Span, group: Group) -> set[str]:
        """Return the types that central has of the group's field in `span`."""
        with self._explained():
            query = flux.field_types_query(bucket, *span, group[0], group[1])
            return {block.type.value for blocks in self._read(query, Decoder()) for block in blocks}

    def bucket(self, name: str) -> Bucket | None:
        """Return how long central keeps the bucket `name`; None when it does not say."""
        with self._explained():
            return self._client.bucket(name)

    # The ledger

    def ledger(self, bucket: str, names: Iterable[StreamName]) -> dict[StreamName, Believed]:
        """Return the newest believable mark of each of the streams that has one in `bucket`."""
        wanted = set(names)
        with self._explained():
            found = {}
            for name, newest in self._newest(bucket).items():
                believed = self._believed(bucket, name, newest) if name in wanted else None
                if believed is not None:
                    found[name] = believed
            return found

    def _newest(self, bucket: str) -> dict[StreamName, int]:
        """Return when (Unix ns) each stream's newest mark was made."""
        newest: dict[StreamName, int] = {}
        for row in self._rows(flux.newest_marks_query(bucket)):
            name, time = (row["source"], row["stream"]), parse_time(row["_time"].encode())
            newest[name] = max(newest.get(name, time), time)
        return newest

    def _believed(self, bucket: str, name: StreamName, newest: int) -> Believed | None:
        for window in _WINDOWS:
            marks = _marks(self._rows(flux.marks_query(bucket, *name, newest - window, newest + 1)))
            believed = newest_believable(
                marks.get(name, ()), lambda base: base in self._ids_at(bucket, name, base.time)
            )
            if believed is not None:
                return believed
        return None

    def _ids_at(self, bucket: str, name: StreamName, time: int) -> set[MarkId]:
        marks = _marks(self._rows(flux.marks_query(bucket, *name, time, time + 1)))
        return {mark.id for mark in marks.get(name, ())}

    def mark_ids(self, bucket: str, start: int) -> dict[StreamName, set[MarkId]]:
        """Return the ids of the marks in `bucket` that were made since `start` (Unix ns), by stream."""
        with self._explained():
            ids: dict[StreamName, set[MarkId]] = {}
            for row in self._rows(flux.mark_ids_query(bucket, start)):
                ids.setdefault((row["source"], row["stream"]), set()).add(MarkId.parse(row["_value"]))
            return ids

    def mark(self, bucket: str, name: StreamName, mark: MarkId) -> Mark | None:
        """Return one mark, None when it is not there (any more)."""
        with self._explained():
            found = _marks(self._rows(flux.marks_query(bucket, *name, mark.time, mark.time + 1)))
            return next((each for each in found.get(name, ()) if each.id == mark), None)

    def origins(self) -> dict[StreamName, Origin]:
        """Return the origins that the bucket of metrics keeps."""
        with self._explained():
            fields: dict[StreamName, dict[str, str]] = {}
            for row in self._rows(flux.origins_query(self._metrics_bucket)):
                fields.setdefault((row["source"], row["stream"]), {})[row["_field"]] = row["_value"]
            return {
                name: Origin(
                    row["definition"],
                    int(row["origin"]),
                    int(row["began"]),
                    int(row["oldest"]),
                    Spans.parse(row.get("islands", "")),
                )
                for name, row in fields.items()
            }

    def requests(self, bucket: str) -> dict[StreamName, Request]:
        """Return the newest request of each stream in `bucket`; what is damaged is none."""
        with self._explained():
            fields: dict[StreamName, dict[str, str]] = {}
            for row in self._rows(flux.requests_query(bucket)):
                of_stream = fields.setdefault((row["source"], row["stream"]), {"_time": row["_time"]})
                of_stream[row["_field"]] = row["_value"]
            found = {}
            for name, each in fields.items():
                with suppress(ValueError):
                    found[name] = Request.read(each, parse_time(each["_time"].encode()))
            return found

    def _rows(self, query: Query) -> Iterator[dict[str, str]]:
        return read_rows(self._client.query(query))

    def _read(self, query: Query, decoder: Decoder) -> Iterator[list[Block]]:
        for chunk in self._client.query(query):
            yield list(decoder.feed(chunk))
        decoder.finish()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        thread = threading.get_ident()
        self._asking.add(thread)
        try:
            yield
        except (GeneratorExit, CentralError):
            raise
        except Exception as failure:
            error = explain(failure, self.url)
            if isinstance(failure, ValueError | LookupError):  # nothing here is computed from anything but its reply
                error = BadReply(f"the reply is not what was asked for: {str(failure)[:100]}", _DAMAGED)
            summary, hint = self._client.redact(error.summary), self._client.redact(error.hint)
            retry_after = error.retry_after if isinstance(error, TransientError) else None
            raise CentralError(summary, hint, isinstance(error, PermanentError), retry_after) from failure
        finally:
            self._asking.discard(thread)


def count_of(rows: Iterable[dict[str, str]]) -> int:
    """Return the number that a count's reply holds; nothing counted is no row at all. Raises BadReply."""
    return sum(whole_number(row) for row in rows)


def first_time(rows: Iterable[dict[str, str]]) -> int | None:
    """Return the one time (Unix ns) in a reply, None when there is none. Raises BadReply."""
    row = next(iter(rows), None)
    if row is None:
        return None
    try:
        return parse_time(row["_time"].encode())
    except ValueError:
        raise BadReply(f"the reply is not a time: {row['_time'][:100]!r}", _DAMAGED) from None


def _marks(rows: Iterable[dict[str, str]]) -> dict[StreamName, list[Mark]]:
    """Put marks together from their fields, by stream, newest first."""
    fields: dict[StreamName, dict[str, dict[str, str]]] = {}
    for row in rows:
        marks = fields.setdefault((row["source"], row["stream"]), {})
        marks.setdefault(row["_time"], {})[row["_field"]] = row["_value"]
    found: dict[StreamName, list[Mark]] = {}
    for name, marks in fields.items():
        read = found.setdefault(name, [])
        for mark in marks.values():
            try:
                read.append(Mark.read(mark))
            except LaterFormat as later:
                hint = "run the version of the collector that wrote it, or delete measurement collector_ledger there"
                raise PermanentError(f"the ledger cannot be read: {later}", hint) from None
            except ValueError as damaged:
                log.warning("a mark of %s/%s in the ledger is left aside: %s", *name, damaged)
        read.sort(key=lambda mark: mark.id, reverse=True)
    return found
