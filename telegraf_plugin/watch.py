"""The watch on the ledger: reads marks back from central, in a thread of its own, and tells the workers."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Mapping

from telegraf_plugin.errors import CentralError
from telegraf_plugin.influxdb.central import CentralReader
from telegraf_plugin.influxdb.client import Bucket
from telegraf_plugin.influxdb.ledger_rows import StreamName
from telegraf_plugin.lane import Reading
from telegraf_plugin.stream.account import Origin, State
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.known import Known
from telegraf_plugin.stream.ledger import MarkId, oldest_kept
from telegraf_plugin.stream.spans import BEGINNING
from telegraf_plugin.stream.units import HOUR, SECOND
from telegraf_plugin.turns import IDLE_SECONDS, Turn, Turns
from telegraf_plugin.worker import SourceWorker

FAR_SECONDS = 600.0
"""How often a whole day is looked over for marks that strangers made; the last hour is at each tick."""
LOOK_UP_SECONDS = 3600.0
OVERDUE_SECONDS = 30
"""How long a mark may take to arrive before that is said."""
MAX_STRANGERS = 1000
"""Runs of other collectors of which the log tells."""
STEPS_A_LOOK = 4
"""Steps of one stream's ledger that are read at a time: a long one holds up no other stream."""
LOAD_AGAIN_SECONDS = 30.0
"""How old what was read of the ledger may become while a stream cannot adopt it, its source being silent."""
MIRROR_PATIENCE = 4
"""The bucket of metrics is left alone after a failure for so many times as long as that took: it may hang."""
_FAR_BACK = 25 * HOUR
"""How far back (ns) marks are looked for where a whole day is looked over."""

log = logging.getLogger(__name__)

_States = Mapping[str, tuple[SourceWorker, StreamDefinition, State, MarkId | None, MarkId | None]]
"""By label: a stream with its worker, its state, its base, and the oldest of its marks that are waited for."""


class LedgerWatch:
    """Reads the ledger for all streams, a central bucket at a time, so that one that is gone or slow holds up no other.

    Two threads take turns (`turns`). What is kept by bucket or stream is only touched by the one that looks at that
    bucket.
    """

    def __init__(self, central: CentralReader, workers: Iterable[SourceWorker], metrics_bucket: str) -> None:
        self._central = central
        self._workers = list(workers)
        self._metrics_bucket = metrics_bucket
        self._streams: dict[str, list[tuple[SourceWorker, StreamDefinition]]] = {}
        for worker in self._workers:
            for stream in worker.source.streams:
                self._streams.setdefault(stream.central_bucket, []).append((worker, stream))
        self._turns = Turns(self._streams)
        self._silent: dict[str, str] = {}  # by bucket, what was said
        self._buckets: dict[str, Bucket] = {}
        self._looked_up: dict[str, float] = {}
        self._mirror_again = 0.0  # time.monotonic() before which the bucket of metrics is left alone
        self._far: dict[str, float] = {}
        self._strangers: set[tuple[str, str]] = set()
        self._overdue: set[str] = set()
        self._load_again: dict[str, float] = {}  # time.monotonic(), of streams whose ledger is not adopted yet
        self._answering: dict[str, int] = {}  # by bucket, since when (Unix ns) it has answered without a failure

    def start(self) -> None:
        """Start the threads; they end with the process."""
        for takes_any in (False, True):
            threading.Thread(target=self._work, args=[takes_any], name="ledger", daemon=True).start()

    def tick(self) -> None:
        """Have every bucket looked at now."""
        self._turns.tick()

    @property
    def away(self) -> list[str]:
        """The buckets of central that could not be read when they were last asked for."""
        return sorted(self._silent)

    def _work(self, takes_any: bool) -> None:
        for bucket, turn, ticked in self._turns.round(takes_any):
            try:
                self._look_and_tell(bucket, turn, ticked)
            finally:
                self._turns.give_back(turn)

    def _look_and_tell(self, bucket: str, turn: Turn, ticked: bool) -> None:
        streams, began = self._streams[bucket], time.monotonic()
        error, waiting = None, True
        try:
            waiting = self._look(bucket, streams, ticked)
        except CentralError as failure:
            error = failure
        self._answers(bucket, error)
        self._turns.done(turn, ticked, waiting, began, self._patience(streams), error)

    @staticmethod
    def _patience(streams: list[tuple[SourceWorker, StreamDefinition]]) -> float:
        """Return how long (s) a bucket is left alone though marks are on their way to it: a tenth of their age."""
        snapshots = {worker.source.name: worker.snapshot() for worker in {worker for worker, _ in streams}}
        waited = [first.time for _, s in streams if (first := snapshots[s.source][s.label][2]) is not None]
        age = (time.time_ns() - max(waited)) / SECOND if waited else 0.0
        return min(max(age / 10, 0.0), IDLE_SECONDS)

    def _look(self, bucket: str, streams: list[tuple[SourceWorker, StreamDefinition]], ticked: bool) -> bool:
        """Read one bucket's marks; returns whether more are waited for."""
        now = time.monotonic()
        if now >= self._looked_up.get(bucket, 0.0):
            found = self._central.bucket(bucket)
            if found is not None:
                self._buckets[bucket] = found
            self._looked_up[bucket] = now + LOOK_UP_SECONDS
        snapshots = {worker.source.name: worker.snapshot() for worker in {worker for worker, _ in streams}}
        states = {s.label: (worker, s, *snapshots[s.source][s.label]) for worker, s in streams}
        loading = [(w, s) for w, s, state, _, _ in states.values() if state is State.LOADING]
        for label in states.keys() - {s.label for _, s in loading}:
            self._load_again.pop(label, None)
        due = [(w, s) for w, s in loading if now >= self._load_again.get(s.label, 0.0)]
        if due:
            self._load(bucket, due)
        waited = [min(filter(None, (base, first))) for _, _, _, base, first in states.values() if first is not None]
        bases = [base for _, _, state, base, _ in states.values() if state is not State.LOADING and base is not None]
        if not (waited or (ticked and bases)):
            return bool(loading)
        start = min(mark.time for mark in [*waited, *bases])
        if ticked:
            far = now >= self._far.get(bucket, 0.0)
            start = min(start, time.time_ns() - (_FAR_BACK if far else HOUR))
            if far:
                self._far[bucket] = now + FAR_SECONDS
        if ticked:
            for name, request in self._central.requests(bucket).items():
                for worker, stream, *_ in states.values():
                    if (stream.source, stream.name) == name:
                        worker.ask(stream.label, request)
        self._look_at_marks(bucket, states, start)
        return bool(waited or loading)

    def _look_at_marks(self, bucket: str, states: _States, start: int) -> None:
        """Tell the streams of the marks made since `start` (Unix ns), the newest first, a bounded step at a time."""
        arrived, lost = set(), set()
        kept = self._kept(bucket)
        for present, since, until in self._central.mark_ids(bucket, max(start, kept)):
            for worker, stream, state, _, first in states.values():
                marks = present.get((stream.source, stream.name), set())
                if first is not None and any(mark >= first for mark in marks):
                    arrived.add(stream.label)
                if state is State.LOADING or stream.label in lost:
                    continue
                if self._seen(bucket, worker, stream, marks, since, until):
                    lost.add(stream.label)
        for _, stream, _, _, first in states.values():
            self._say_overdue(bucket, stream, first, stream.label in arrived)

    def _kept(self, bucket: str) -> int:
        """Return from when on (Unix ns) central keeps marks for certain."""
        kept = self._buckets.get(bucket)
        return oldest_kept(time.time_ns(), kept.retention) if kept is not None else BEGINNING

    def _seen(
        self, bucket: str, worker: SourceWorker, stream: StreamDefinition, present: set[MarkId], since: int, until: int
    ) -> bool:
        """Tell a stream of its marks of [since, until); returns whether central has lost one of them."""
        lost, strangers = worker.seen(stream.label, present, since, until)
        if lost:
            text = "%s: central has lost its newest mark (put back to an earlier state, or emptied?); its gap is filled"
            log.warning(text, stream.label)
        if strangers:
            for mark in self._central.marks(bucket, (stream.source, stream.name), strangers):
                worker.stranger(stream.label, mark)
            worker.known(stream.label, strangers)  # one that cannot be read lists nothing
        for incarnation in sorted({mark.incarnation for mark in strangers}):
            if (stream.label, incarnation) not in self._strangers and len(self._strangers) < MAX_STRANGERS:
                self._strangers.add((stream.label, incarnation))
                text = "%s: another run of the collector writes as well (%s), or left lines: what it wrote is compared"
                log.warning(text, stream.label, incarnation)
        return lost

    def _load(self, bucket: str, streams: list[tuple[SourceWorker, StreamDefinition]]) -> None:
        """Read the ledger for streams that have not adopted it."""
        names: dict[StreamName, tuple[SourceWorker, StreamDefinition]] = {
            (s.source, s.name): (w, s) for w, s in streams
        }
        marks = self._central.ledger(bucket, names, self._kept(bucket), STEPS_A_LOOK, self._unreadable)
        read_since = max(time.time_ns() - _FAR_BACK, self._kept(bucket))
        known = {name: Known(since=read_since) for name in marks}
        if marks:
            for present, _, _ in self._central.mark_ids(bucket, read_since):
                for name, ids in present.items():
                    if name in known:
                        known[name].add(sorted(ids))
        origins = self._mirrored()
        for name, (worker, stream) in names.items():
            worker.central_answers(stream.label, True, self._buckets.get(bucket))
            if name not in marks:
                continue  # its ledger is long: it is gone on with at the next look, or it cannot be read
            if self._silent.pop(stream.label, None) is not None:
                log.warning("%s: its ledger can be read again", stream.label)
            believed = marks[name]
            if believed is None and origins is None:
                continue  # where it began may stand there: to begin anew would forget it
            worker.load(stream.label, Reading(believed, (origins or {}).get(name), known[name]))
            self._load_again[stream.label] = time.monotonic() + LOAD_AGAIN_SECONDS

    def _unreadable(self, name: StreamName, error: CentralError) -> None:
        """Say once that one stream's ledger cannot be read."""
        label = "/".join(name)
        if self._silent.get(label) != error.summary:
            self._silent[label] = error.summary
            log.error("%s: %s; %s; it is not copied until then", label, error.summary, error.hint)

    def _mirrored(self) -> Mapping[StreamName, Origin] | None:
        """Return the origins that the bucket of metrics keeps, None when it cannot be read, or could not just now."""
        began = time.monotonic()
        if began < self._mirror_again:
            return None
        try:
            origins = self._central.origins()
            self._say(f"{self._metrics_bucket} (metrics)", None)
        except CentralError as error:
            self._say(f"{self._metrics_bucket} (metrics)", error)
            now = time.monotonic()
            self._mirror_again = now + MIRROR_PATIENCE * (now - began)
            return None
        return origins

    def _answers(self, bucket: str, error: CentralError | None) -> None:
        self._say(bucket, error)
        if error is not None:
            self._answering.pop(bucket, None)
        for worker, stream in self._streams[bucket]:
            worker.central_answers(stream.label, error is None, self._buckets.get(bucket))

    def _say_overdue(self, bucket: str, stream: StreamDefinition, first: MarkId | None, arrived: bool) -> None:
        """Say once when a mark does not come though its bucket answers, and once when one comes again.

        What Telegraf kept while central did not answer takes a while to arrive: the time counts from then on.
        """
        since = self._answering.setdefault(bucket, time.time_ns())
        late = first is not None and time.time_ns() - max(first.time, since) > OVERDUE_SECONDS * SECOND
        if late and not arrived and stream.label not in self._overdue:
            self._overdue.add(stream.label)
            text = "%s: what was printed does not arrive in central's bucket %s, which can be read: does telegraf.conf "
            text += (
                "route source_bucket %s to it, and may Telegraf's token write there? see Telegraf's log of its outputs"
            )
            log.error(text, stream.label, bucket, stream.bucket)
        elif not late or arrived:
            if stream.label in self._overdue:
                log.warning("%s: what is printed arrives in central's bucket %s again", stream.label, bucket)
            self._overdue.discard(stream.label)

    def _say(self, bucket: str, error: CentralError | None) -> None:
        """Say once that a bucket cannot be read, for each reason, and once that it can again."""
        said = self._silent.get(bucket)
        if error is not None and said != error.summary:
            self._silent[bucket] = error.summary
            text = "cannot read the ledger in central's bucket %s at %s: %s; %s"
            rights = "; central's token needs read permission for it, and Telegraf's write (data-collector permissions)"
            log.error(text, bucket, self._central.url, error.summary, error.hint + rights * error.permanent)
        elif error is None and said is not None:
            del self._silent[bucket]
            log.warning("central's bucket %s can be read again", bucket)
