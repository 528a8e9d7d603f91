"""How one source keeps its buckets: looked up again from time to time, in a thread of its own.

Retention and shard groups may be changed while the collector runs. Nothing waits for the answer: what is read is cut
and saved by what was known before.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

from telegraf_plugin.errors import SourceError
from telegraf_plugin.influxdb.client import Bucket
from telegraf_plugin.stream.definition import StreamDefinition

LOOK_UP_SECONDS = 3600.0

log = logging.getLogger(__name__)


class BucketKeeping:
    """Asks `look_up` for each of the buckets, and tells `on_found` what is known of a stream's (its label) by then."""

    def __init__(
        self,
        streams: tuple[StreamDefinition, ...],
        look_up: Callable[[StreamDefinition], Bucket | None],
        on_found: Callable[[str, Bucket], None],
    ) -> None:
        self._streams: Mapping[str, list[StreamDefinition]] = {
            bucket: [each for each in streams if each.bucket == bucket] for bucket in {each.bucket for each in streams}
        }
        self._look_up, self._on_found = look_up, on_found
        self._never = threading.Event()

    def start(self, name: str) -> None:
        """Start the thread of that name; it ends with the process. The first look is after LOOK_UP_SECONDS."""
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def _work(self) -> None:
        while not self._never.wait(LOOK_UP_SECONDS):
            self.look()

    def look(self) -> None:
        """Look up each bucket once; one that fails keeps what was known of it."""
        for bucket, streams in self._streams.items():
            try:
                found = self._look_up(streams[0])
            except SourceError as error:
                log.debug("how bucket %s of %s is kept is not known anew: %s", bucket, streams[0].source, error)
                continue
            if found is not None:
                for stream in streams:
                    self._on_found(stream.label, found)
