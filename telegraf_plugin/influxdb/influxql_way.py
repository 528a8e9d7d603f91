"""Which language a server is asked in: InfluxQL where it gives the same as Flux, far more cheaply for the server."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from telegraf_plugin.errors import BadReply, PermanentError, SourceError
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.influxql import Selection, UnspeakableName
from telegraf_plugin.influxdb.influxql_questions import Questions, Unanswerable
from telegraf_plugin.influxdb.layouts import Layouts, Unmapped
from telegraf_plugin.influxdb.resting import Resting
from telegraf_plugin.stream.definition import ReadWay

log = logging.getLogger(__name__)

SECONDS_BY_FLUX = 600.0
"""For how long a bucket is read by Flux alone when InfluxQL failed there."""
MAX_FAILURES = 3
"""Replies in a row that may break off half way before that counts as failing."""
MAX_SAID = 10_000

Answer = TypeVar("Answer")


class InfluxqlWay:
    """What is known of how one server takes InfluxQL, by bucket. Safe to use from several threads.

    `layouts`: how its measurements look.
    """

    def __init__(self, client: QueryClient, way: ReadWay, steady: Callable[[], float] = time.monotonic) -> None:
        """`steady` gives seconds of a clock that never jumps."""
        self.client, self._way = client, way
        self.layouts = Layouts(client, steady)
        self._lock = threading.Lock()
        self._failures: dict[str, int] = {}
        self._resting = Resting(SECONDS_BY_FLUX, steady)
        self._said: set[tuple[str, ...]] = set()

    def open(self, bucket: str) -> bool:
        """Say whether `bucket` is asked for by InfluxQL."""
        return not self.client.speaks_flux or (self._way is not ReadWay.FLUX and bucket not in self._resting)

    def ask(
        self,
        chosen: Selection,
        by_influxql: Callable[[Questions], Answer],
        by_flux: Callable[[], Answer],
    ) -> Answer:
        """Return the answer to one question about `chosen`, by the language that answers it. Raises SourceError."""
        if not self.open(chosen.bucket):
            return by_flux()
        try:
            answer = by_influxql(Questions(self.client, self.layouts, self.layouts.place(chosen.bucket), chosen))
        except UnspeakableName:
            self.leaves(chosen.label, chosen.bucket, "InfluxQL cannot name a measurement, or a tag that is selected")
        except Unanswerable as reason:
            self.leaves(chosen.label, reason.measurement, str(reason))
        except Unmapped as unmapped:
            self.unmapped(chosen.label, chosen.bucket, unmapped)
        except (PermanentError, BadReply) as error:
            if not self.gives_up(chosen.label, chosen.bucket, error):
                raise
        else:
            self.works(chosen.bucket)
            return answer
        return by_flux()

    def about(self, chosen: Selection) -> Questions | None:
        """Return what asks about `chosen` by InfluxQL, None where it is not asked so. Raises SourceError, Unmapped."""
        if not self.open(chosen.bucket):
            return None
        return Questions(self.client, self.layouts, self.layouts.place(chosen.bucket), chosen)

    def leaves(self, label: str, what: str, reason: str) -> None:
        """Leave `what` to Flux, and say it once in the log. Raises PermanentError where the server has no Flux."""
        if not self.client.speaks_flux:
            raise PermanentError(f"InfluxQL cannot read {what}: {reason}", _NO_FLUX)
        said = (label, what, reason)
        with self._lock:
            if said in self._said or len(self._said) >= MAX_SAID:
                return
            self._said.add(said)
        log.info("%s: %s is read by Flux, not by InfluxQL: %s", label, what, self.client.redact(reason))

    def unmapped(self, label: str, bucket: str, unmapped: Unmapped) -> None:
        """Leave `bucket`, which InfluxQL does not find, to Flux. Raises SourceError where `read` forbids that."""
        if self._way is ReadWay.INFLUXQL or not self.client.speaks_flux:
            if isinstance(unmapped.__cause__, SourceError) and unmapped.__cause__.status in _NOT_THE_LANGUAGE:
                raise unmapped.__cause__ from None
            raise PermanentError(f"InfluxQL cannot read {bucket}: {unmapped}", _MAPPED) from None
        self.leaves(label, bucket, str(unmapped))

    def gives_up(self, label: str, bucket: str, error: PermanentError | BadReply, begun: bool = False) -> bool:
        """Note that InfluxQL failed; returns whether Flux is to read all of it now, in whose place nothing has
        `begun` yet.
        """
        if error.status in _NOT_THE_LANGUAGE or not self.client.speaks_flux:
            return False
        with self._lock:
            failures = self._failures[bucket] = self._failures.get(bucket, 0) + 1
            if begun and failures < MAX_FAILURES:
                return False
            self._resting.add(bucket)
            self._failures.pop(bucket)
        self.leaves(label, bucket, error.summary)
        return not begun

    def works(self, bucket: str) -> None:
        """Note that InfluxQL did not fail."""
        self._failures.pop(bucket, None)


_NOT_THE_LANGUAGE = (401, 407)
"""A token, or a proxy's user, that is refused: Flux would be refused as well."""
_MAPPED = "map the bucket (influx v1 dbrp create), or set read: auto for the server"
_NO_FLUX = "rename it at the source, or leave it out of the stream's measurements"
