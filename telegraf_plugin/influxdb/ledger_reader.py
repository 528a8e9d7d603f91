"""Reads the ledger in central: marks, mirrored origins and requests, in bounded steps, the newest first.

Whatever stands there keeps nothing else from being read: what is damaged is set aside by itself and said once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager

from telegraf_plugin.config import Server
from telegraf_plugin.errors import BadReply, CentralError, UnreadableLedger
from telegraf_plugin.influxdb import central_flux as flux
from telegraf_plugin.influxdb import ledger_rows
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.failures import explain
from telegraf_plugin.influxdb.flux import EARLIEST, LATEST, Query
from telegraf_plugin.influxdb.rows import read_rows
from telegraf_plugin.stream.belief import FIRST_STEP, LONGEST_STEP, Search
from telegraf_plugin.stream.claim import Claim
from telegraf_plugin.stream.commands import Asked
from telegraf_plugin.stream.definition import StreamId
from telegraf_plugin.stream.ledger import Believed, LaterFormat, Mark, MarkId, Origin
from telegraf_plugin.stream.spans import BEGINNING
from telegraf_plugin.stream.units import HOUR, SECOND

log = logging.getLogger(__name__)

_WINDOWS = (HOUR, 25 * HOUR, 32 * 24 * HOUR, 400 * 24 * HOUR, 2**63)
"""How far back (ns) the newest mark is looked for, one after the other: what is old must not hide what is new."""
MAX_ROWS = 20_000
"""Rows of the ledger that are read at a time, some 5 MB: where there are more the time is cut."""
_DAMAGED = "it is asked again; when it stays, look at the server's log, and at proxies on the way"
BOUNDS = (5, 15, 60)
"""Seconds: to connect, between two pieces of a reply, and for one as a whole. While a stream waits for an answer of
central's nothing of it is read: what takes longer is asked for in smaller pieces."""
CLAIMS_BACK = 25 * HOUR
"""How far back (ns) claims are looked for: by so much may the clocks of two collectors differ."""
MAX_SAID = 1000
"""Damaged points of which the log tells."""


class LedgerReader:
    """Asks central for its ledger. Whatever fails is a CentralError; one thread at a time reads a bucket's `ledger`."""

    def __init__(self, central: Server, metrics_bucket: str, client: QueryClient | None = None) -> None:
        """Prepare to ask `central`, by a `client` of one's own; `metrics_bucket` has the plugin's own metrics."""
        token, transport = central.credential.read, central.transport
        self._client = client or QueryClient(central.url, central.org, token, *BOUNDS, transport)
        self._metrics_bucket = metrics_bucket
        self._asking: set[int] = set()
        self._searches: dict[tuple[str, StreamId], Search] = {}  # of ledgers that are being read
        self._steps: dict[str, int] = {}  # ns of marks that are read at a time, by bucket, where they are many
        self._said: set[tuple[str, str]] = set()
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

    # The ledger

    def ledger(
        self,
        bucket: str,
        names: Iterable[StreamId],
        kept: int = BEGINNING,
        steps: int | None = None,
        unreadable: Callable[[StreamId, CentralError], None] | None = None,
    ) -> dict[StreamId, Believed | None]:
        """Return the newest believable mark of each of the streams `names` in `bucket`, None where there is none.

        Marks made before `kept` (Unix ns) may have expired. At most `steps` steps are read for each stream; the next
        call goes on where one that is missing in the answer has got to. `unreadable` is told of a stream whose ledger
        cannot be read though central answers; without it that is raised.
        """
        found: dict[StreamId, Believed | None] = {}
        with self._explained():
            wanted = set(names)
            begin = {name for name in wanted if (bucket, name) not in self._searches}
            newest = self._newest(bucket, begin)
            for name in wanted:
                if name in begin and name not in newest:
                    found[name] = None
                    continue
                if name in begin:
                    self._searches[bucket, name] = Search(newest[name] + 1, kept)
                try:
                    done = self._search(bucket, name, steps)
                except UnreadableLedger as error:
                    del self._searches[bucket, name]
                    if unreadable is None:
                        raise
                    unreadable(name, error)
                    continue
                if done is not None:
                    del self._searches[bucket, name]
                    found[name] = done[0]
        return found

    def _newest(self, bucket: str, names: Collection[StreamId], stop: int = LATEST) -> dict[StreamId, int]:
        """Return when (Unix ns) the newest mark before `stop` of each of the streams was made that has one."""
        newest: dict[StreamId, int] = {}
        end = min(stop, time.time_ns())
        one = next(iter(names)) if len(names) == 1 else None
        for window in _WINDOWS:
            start = max(end - window, EARLIEST)
            if not set(names) - set(newest) or start >= stop:
                break
            rows = self._rows(flux.newest_marks_query(bucket, start, stop, one))
            # What others left there is no reason to remember them all.
            asked = (row for row in rows if (name := ledger_rows.name_of(row)) is None or name in names)
            newest = ledger_rows.times_of(asked, self._aside(bucket)) | newest
            stop = start
        return newest

    def _search(self, bucket: str, name: StreamId, steps: int | None) -> tuple[Believed | None] | None:
        """Go on with the search for one stream; returns what was found, None when it is not over."""
        search = self._searches[bucket, name]
        taken = 0
        while steps is None or taken < steps:
            taken += 1
            try:
                marks = self._links(bucket, name, search.start, search.stop, MAX_ROWS if search.step > SECOND else None)
            except _TooMany:
                search.shorten()
                continue
            while (believed := search.believed(marks, lambda base: self._has(bucket, name, base))) is not None:
                whole = self._whole(bucket, name, believed.mark.id)
                if whole is not None:
                    return (Believed(whole, believed.doubts),)
                search.refused.add(believed.mark.id)
            older = self._newest(bucket, [name], search.start).get(name) if search.start > EARLIEST else None
            search.passed(marks, older)
            if older is None:
                return (None,)
        return None

    def _links(self, bucket: str, name: StreamId, start: int, stop: int, most: int | None) -> list[Mark]:
        """Return the marks of one stream made in [start, stop), without what is proved and held, newest first.

        Raises _TooMany when there are more than `most` rows, UnreadableLedger for marks of a later collector.
        """
        query = flux.marks_query(bucket, name, max(start, EARLIEST), min(stop, LATEST), flux.LINKS)
        return self._marks(bucket, name, _at_most(self._rows(query), most))

    def _whole(self, bucket: str, name: StreamId, mark: MarkId) -> Mark | None:
        """Return one mark with all its fields; None when it is not there, or damaged."""
        rows = self._rows(flux.marks_query(bucket, name, mark.time, mark.time + 1))
        return next((each for each in self._marks(bucket, name, rows) if each.id == mark), None)

    def _has(self, bucket: str, name: StreamId, mark: MarkId) -> bool:
        if not EARLIEST <= mark.time < LATEST:
            return False
        rows = self._rows(flux.marks_query(bucket, name, mark.time, mark.time + 1, ("id",)))
        ids = ledger_rows.ids_of(
            ({"_value": "", "source": name[0], "stream": name[1]} | row for row in rows),
            mark.time,
            mark.time + 1,
            self._aside(bucket),
        )
        return mark in ids.get(name, ())

    def _marks(self, bucket: str, name: StreamId, rows: Iterable[dict[str, str]]) -> list[Mark]:
        try:
            return ledger_rows.marks_of(rows, self._aside(f"{bucket}, {'/'.join(name)}"))
        except LaterFormat as later:
            hint = "run the version of the collector that wrote it, or delete measurement collector_ledger there"
            raise UnreadableLedger(f"the ledger cannot be read: {later}", hint, permanent=True) from None

    def mark_ids(
        self, bucket: str, start: int, until: int = LATEST
    ) -> Iterator[tuple[dict[StreamId, set[MarkId]], int, int]]:
        """Yield the ids of the marks in `bucket` that were made in [start, until) (Unix ns), by stream, newest first.

        They come in steps: the ids, and the two ends of the time [since, until) in which those are all that there are.
        """
        return self._mark_ids(bucket, start, until, flux.mark_ids_query)

    def marks_and_requests(
        self, bucket: str, start: int, until: int = LATEST
    ) -> tuple[dict[StreamId, set[MarkId]], int, int, Asked]:
        """Return the first step of `mark_ids`, and what `asked` does, by one question."""
        asked: list[dict[str, str]] = []
        step = next(self._mark_ids(bucket, start, until, flux.marks_and_requests_query, asked))
        return (*step, ledger_rows.asked_of(asked, self._aside(bucket)))

    def _mark_ids(
        self,
        bucket: str,
        start: int,
        until: int,
        query: Callable[[str, int, int], Query],
        asked: list[dict[str, str]] | None = None,
    ) -> Iterator[tuple[dict[StreamId, set[MarkId]], int, int]]:
        """Yield what `mark_ids` says by that `query`, and put what of its reply tells of requests into `asked`."""
        until, now = min(until, LATEST), time.time_ns()
        with self._explained():
            step = self._steps.get(bucket, FIRST_STEP)
            while until > start:
                since = max(start, min(until, now) - step)
                rows = self._rows(query(bucket, max(since, EARLIEST), until))
                if asked is not None:
                    asked.clear()
                    rows = _without_requests(rows, asked)
                try:
                    limited = _at_most(rows, MAX_ROWS if step > SECOND else None)
                    ids = ledger_rows.ids_of(limited, since, until, self._aside(bucket))
                except _TooMany:
                    self._steps[bucket] = step = max(step // 2, SECOND)
                    continue
                # A shorter look than a step says nothing of what a step would bring.
                if min(until, now) - since >= step and sum(map(len, ids.values())) < MAX_ROWS // 4:
                    self._steps[bucket] = step = min(step * 2, LONGEST_STEP)
                yield ids, since, until
                until = since

    def marks(self, bucket: str, name: StreamId, ids: Collection[MarkId]) -> list[Mark]:
        """Return those of the marks `ids` of one stream that are there and can be read, without proved and held."""
        found: list[Mark] = []
        with self._explained():
            search = Search(max(ids).time + 1)
            while search.stop > min(ids).time:
                start = max(search.start, min(ids).time)
                try:
                    limit = MAX_ROWS if search.step > SECOND else None
                    found += self._links(bucket, name, start, search.stop, limit)
                except _TooMany:
                    search.shorten()
                except UnreadableLedger:
                    search.stop = start  # of a later collector: that it is there is said all the same
                else:
                    search.stop = start
        return [mark for mark in found if mark.id in ids]

    def origins(self) -> dict[StreamId, Origin]:
        """Return the origins that the bucket of metrics keeps; what is damaged is none."""
        with self._explained():
            rows = self._rows(flux.origins_query(self._metrics_bucket))
            return ledger_rows.origins_of(rows, self._aside(self._metrics_bucket))

    def claims(self, lease: str) -> dict[str, Claim]:
        """Return the newest claim to `lease` of each run in the last day, by a clock that is off by less than that."""
        with self._explained():
            rows = self._rows(flux.claims_query(self._metrics_bucket, lease, time.time_ns() - CLAIMS_BACK, LATEST))
            return ledger_rows.claims_of(rows, self._aside(self._metrics_bucket))

    def asked(self, bucket: str) -> Asked:
        """Return the newest request and pause of each stream in `bucket`; what is damaged is none."""
        with self._explained():
            return ledger_rows.asked_of(self._rows(flux.requests_query(bucket)), self._aside(bucket))

    def _aside(self, where: str) -> Callable[[str], None]:
        """Return what says once of each damaged point that it is set aside."""

        def say(what: str) -> None:
            if (where, what) not in self._said and len(self._said) < MAX_SAID:
                self._said.add((where, what))
                shown = ascii(what)[1:-1]
                log.warning("set aside in central's bucket %s, as it cannot be read: %s", where, shown)

        return say

    def _rows(self, query: Query) -> Iterator[dict[str, str]]:
        return read_rows(self._client.query(query))

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
            raise CentralError(summary, hint, error.permanent, error.retry_after, error.status) from failure
        finally:
            self._asking.discard(thread)


class _TooMany(Exception):
    """There are more rows than are read at a time."""


def _without_requests(rows: Iterable[dict[str, str]], asked: list[dict[str, str]]) -> Iterator[dict[str, str]]:
    """Yield the rows of marks, and put those of requests into `asked`."""
    for row in rows:
        if row.get("result") == flux.REQUESTS:
            asked.append(row)
        else:
            yield row


def _at_most(rows: Iterable[dict[str, str]], most: int | None) -> Iterator[dict[str, str]]:
    """Yield `rows`; raises _TooMany behind the first `most` of them."""
    for number, row in enumerate(rows):
        if most is not None and number >= most:
            raise _TooMany
        yield row
