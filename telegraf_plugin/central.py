"""A look into central, in a thread of its own: whether it has taken the field types that were sent."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable

from telegraf_plugin.config import Server
from telegraf_plugin.errors import SourceError
from telegraf_plugin.influxdb.annotated_csv import Decoder
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.flux import MAX_NAMED_FIELDS, field_types_query
from telegraf_plugin.stream.block import FieldType
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.status import Attempt
from telegraf_plugin.stream.types import Conflict, Question, TypeWatch
from telegraf_plugin.stream.windows import HOUR

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
        self._retention: dict[str, int] = {}  # ns by central bucket
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
        retention = self._retention.get(stream.central_bucket, 0)
        return now - retention + RETENTION_MARGIN if retention else -(2**63)

    def end_cycle(self, attempts: list[Attempt]) -> None:
        """Hand over a cycle's attempts, to ask about when the next cycle ends: Telegraf has written them by then."""
        self._cycles.put(attempts)

    def _work(self) -> None:
        looked = forgotten = -FORGET_SECONDS
        while True:
            attempts = self._cycles.get() if looked > 0 else []
            try:
                if time.monotonic() - looked > FORGET_SECONDS:
                    self._look_up_retention()
                    looked = time.monotonic()
                self._ask()
                self._say_silence(None)
            except SourceError as error:
                self._say_silence(error)
            if time.monotonic() - forgotten > FORGET_SECONDS:
                forgotten = time.monotonic()
                self._watch.forget()
            for attempt in attempts:
                self._watch.note(attempt.stream, attempt.types)

    def _look_up_retention(self) -> None:
        for stream in self._streams:
            bucket = self._client.bucket(stream.central_bucket)
            retention = bucket.retention if bucket is not None else 0
            if retention and stream.lookback > retention and self._retention.get(stream.central_bucket) != retention:
                text = "%s looks back %d h, but central keeps bucket %s for %d h: what is older is not read"
                log.warning(text, stream.label, stream.lookback // HOUR, stream.central_bucket, retention // HOUR)
            self._retention[stream.central_bucket] = retention

    def _ask(self) -> None:
        for _ in range(QUESTIONS_A_CYCLE):
            question = self._watch.question(MAX_NAMED_FIELDS)
            if question is None:
                return
            for conflict in self._watch.answer(question, self._types(question)):
                self._on_conflict(conflict)

    def _types(self, question: Question) -> list[tuple[bytes, bytes, FieldType]]:
        decoder = Decoder()
        query = field_types_query(question.stream.central_bucket, *question.span, question.fields)
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
            text = "cannot look into central at %s: %s; %s; meanwhile nobody notices field types that it refuses"
            log.warning(text, self._client.url, self._client.redact(error.summary), self._client.redact(error.hint))
        elif error is None and self._silent:
            log.info("central at %s answers again", self._client.url)
        self._silent = error is not None
