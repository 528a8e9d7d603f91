"""A look into central, in a thread of its own: whether it has taken the field types that were sent."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable
from datetime import timedelta

from telegraf_plugin.config import Server
from telegraf_plugin.errors import SourceError
from telegraf_plugin.influxdb.annotated_csv import Decoder
from telegraf_plugin.influxdb.client import Bucket, QueryClient
from telegraf_plugin.influxdb.failures import explain
from telegraf_plugin.influxdb.flux import MAX_NAMED_FIELDS, field_types_query
from telegraf_plugin.stream.block import FieldType
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.status import Attempt
from telegraf_plugin.stream.types import Conflict, Question, TypeWatch
from telegraf_plugin.stream.windows import group_start

QUESTIONS_A_CYCLE = 20
RETENTION_MARGIN = 60 * 1_000_000_000
"""In ns: what is about to be too old would be refused by the time it arrives."""
FORGET_SECONDS = 3600.0
"""How often everything is looked at anew."""

log = logging.getLogger(__name__)


class CentralWatch:
    """Asks central about what was sent; gentle, and never in the way: what it cannot learn is said once, and left."""

    def __init__(
        self, central: Server, streams: Iterable[StreamDefinition], on_conflict: Callable[[Conflict], None]
    ) -> None:
        """Prepare to ask `central`; `on_conflict` gets each conflict, once an hour, from this watch's thread."""
        self._streams = list(streams)
        self._buckets: dict[str, Bucket] = {}  # by central bucket, once central has said
        self._client = QueryClient(central.url, central.org, central.credential.read, connect=5, read=15, query=60)
        self._on_conflict = on_conflict
        self._cycles: queue.SimpleQueue[list[Attempt]] = queue.SimpleQueue()
        self._watch = TypeWatch()
        self._silent = False

    def start(self) -> None:
        """Start the thread; it ends with the process."""
        threading.Thread(target=self._work, name="central", daemon=True).start()

    def oldest(self, stream: StreamDefinition, now: int) -> int:
        """Return the oldest time (Unix ns) at `now` that central takes for `stream`; a point that is older is refused.

        The beginning of time while central has not said how long it keeps the bucket, and where it keeps it for ever.
        """
        bucket = self._buckets.get(stream.central_bucket)
        retention = bucket.retention if bucket is not None else 0
        return now - retention + RETENTION_MARGIN if retention else -(2**63)

    def end_cycle(self, attempts: list[Attempt]) -> None:
        """Hand over a cycle's attempts, to ask about when the next cycle ends: Telegraf has written them by then."""
        self._cycles.put(attempts)

    def _work(self) -> None:
        look_up_at = forget_at = 0.0  # time.monotonic()
        attempts: list[Attempt] = []
        while True:
            try:
                if time.monotonic() >= look_up_at and self._look_up_buckets():
                    look_up_at = time.monotonic() + FORGET_SECONDS
                self._ask()
                self._say_silence(None)
            except Exception as error:  # whatever it is, it is no reason to stop looking
                self._say_silence(explain(error, self._client.url))
            if time.monotonic() >= forget_at:
                self._watch.forget()
                forget_at = time.monotonic() + FORGET_SECONDS
            for attempt in attempts:
                self._watch.note(attempt.stream, attempt.types)
            attempts = self._cycles.get()
            while not self._cycles.empty():  # cycles that came while central took its time
                attempts += self._cycles.get()

    def _look_up_buckets(self) -> bool:
        """Ask how long central keeps the buckets; returns whether it said so of all of them."""
        for stream in self._streams:
            bucket = self._client.bucket(stream.central_bucket)
            if bucket is None:
                continue
            if 0 < bucket.retention < stream.lookback and self._buckets.get(stream.central_bucket) != bucket:
                text = "%s looks back %s, but central keeps bucket %s for %s only: what is older is not read"
                log.warning(text, stream.label, _text(stream.lookback), stream.central_bucket, _text(bucket.retention))
            self._buckets[stream.central_bucket] = bucket
        return all(stream.central_bucket in self._buckets for stream in self._streams)

    def _ask(self) -> None:
        for _ in range(QUESTIONS_A_CYCLE):
            question = self._watch.question(MAX_NAMED_FIELDS)
            if question is None:
                return
            for conflict in self._watch.answer(question, self._types(question)):
                self._on_conflict(conflict)

    def _types(self, question: Question) -> list[tuple[bytes, bytes, FieldType]]:
        decoder = Decoder()
        start, stop = question.span
        known = self._buckets.get(question.stream.central_bucket)
        # In one shard group a field has one type: that of the whole group decides, not of the span alone.
        start = group_start(start, known.shard_group) if known is not None else start
        query = field_types_query(question.stream.central_bucket, start, stop, question.fields)
        found = {
            (block.measurement, block.field, block.type)
            for chunk in self._client.query(query)
            for block in decoder.feed(chunk)
        }
        decoder.finish()
        return list(found)

    def _say_silence(self, error: SourceError | None) -> None:
        """Say once that central does not answer, and once that it does again."""
        if error is not None and not self._silent:
            text = "cannot look into central at %s: %s; %s; until then, field types that it refuses are not reported"
            log.warning(text, self._client.url, self._client.redact(error.summary), self._client.redact(error.hint))
        elif error is None and self._silent:
            log.info("central at %s answers again", self._client.url)
        self._silent = error is not None


def _text(duration: int) -> str:
    """`duration` (ns) for people: `7 days, 0:00:00`."""
    return str(timedelta(microseconds=duration // 1000))
