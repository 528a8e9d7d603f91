"""How a source's measurements look: their fields' types, and whether InfluxQL can read them as Flux does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from telegraf_plugin.errors import BadReply, PermanentError, SourceError
from telegraf_plugin.influxdb.bundle import answers, fail_if_silent
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.influxql import (
    Place,
    UnspeakableName,
    all_fields_statement,
    identifier,
    layout_statement,
    measurements_statement,
)
from telegraf_plugin.influxdb.messagepack import MAX_FIELDS, LongRow, Rows
from telegraf_plugin.stream.block import FieldType
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.names import is_own
from telegraf_plugin.stream.spans import Span
from telegraf_plugin.stream.units import HOUR, SECOND
from telegraf_plugin.stream.windows import group_start

PLACE_SECONDS = 60.0
"""How long it is believed where a bucket is found: somebody may map its name to another one."""
_SYSTEM = ("_fieldKeys", "_measurements", "_series", "_tagKeys", "_tags")
"""What InfluxQL takes for a table of its own, as the measurement of a question for points."""
_TYPES = {kind.value.encode(): kind for kind in FieldType}
LAYOUT_SECONDS = 600.0
"""How long a measurement's layout is believed within one shard group, in which a field's type stays."""
AHEAD_SECONDS = 5.0
"""How long it may take from the guess at what is asked to the question itself."""
MAX_NAMES = 20_000
"""Fields of a bucket's measurements that are asked for: one with more is read by Flux."""
MAX_MEASUREMENTS = 2_000
"""Measurements, likewise, and those that are remembered of all buckets."""


class Unmapped(Exception):
    """InfluxQL does not find a bucket, for the reason given."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The types of a measurement's fields. `unfit`: why InfluxQL does not read it as Flux does, empty where it does.

    `several`: all types of each field that has several, one in each shard group; `types` has one of them.
    """

    types: Mapping[bytes, FieldType]
    unfit: str = ""
    several: Mapping[bytes, frozenset[FieldType]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where InfluxQL finds a bucket, and what the server says of it."""

    place: Place
    bucket: Bucket


class Layouts:
    """What is known of one source's buckets. Safe to use from several threads; two may ask the same at once."""

    def __init__(
        self,
        client: QueryClient,
        steady: Callable[[], float] = time.monotonic,
        clock: Callable[[], int] = time.time_ns,
        alone: bool = False,
    ) -> None:
        """`steady` gives seconds of a clock that never jumps, `clock` Unix ns.

        `alone`: nothing is left to Flux that InfluxQL can read at all, as of InfluxDB 1.x.
        """
        self._client, self._steady, self._clock, self._alone = client, steady, clock, alone
        self._places: dict[str, tuple[float, Whereabouts]] = {}
        self._layouts: dict[tuple[str, str], tuple[float, int, Layout]] = {}
        self._names: dict[Place, list[bytes]] = {}
        self._mapped: dict[Place, set[str]] | None = None
        self._mapped_at = 0.0
        self._listing = threading.Lock()
        self._lock = threading.Lock()

    @property
    def buckets(self) -> int:
        """How many buckets the server is known to have: those that were asked about, or that it has listed."""
        return max(len(self._places), len(self._mapped or ()))

    def place(self, bucket: str) -> Whereabouts:
        """Return where InfluxQL finds `bucket`. Raises Unmapped, and SourceError where the source does not answer."""
        known = self._place_known(bucket)
        if known is not None:
            return known
        fail_if_silent(self._client)  # to ask once more would take as long, of each stream
        with self._lock:
            known = self._places.get(bucket, (0.0, None))[1]
        if known is not None and self._is_there_still(bucket, known):
            return known
        try:
            found = self._client.bucket(bucket)
            if found is None or not found.id:
                raise Unmapped("the server does not say which bucket it is")
            place = self._client.place(found)
        except (PermanentError, BadReply) as error:
            raise Unmapped(f"the server does not say where InfluxQL finds it: {error.summary}") from error
        if place is None:
            raise Unmapped("InfluxQL finds no database of its name, or another bucket's (influx v1 dbrp list)")
        known = Whereabouts(place, found)
        with self._lock:
            self._places[bucket] = self._steady(), known
        return known

    def _place_known(self, bucket: str) -> Whereabouts | None:
        with self._lock:
            asked, known = self._places.get(bucket, (0.0, None))
        return known if self._steady() - asked < PLACE_SECONDS else None

    def _is_there_still(self, bucket: str, known: Whereabouts) -> bool:
        """Say whether the bucket is found where it was, by one question for all of the server's buckets."""
        with self._listing:  # who comes meanwhile wants to know the same
            now = self._steady()
            if self._mapped is None or now - self._mapped_at >= PLACE_SECONDS:
                try:
                    self._mapped = self._client.mapped_places(known.bucket.org)
                except SourceError:
                    self._mapped = {}  # as far as it does not say, each is asked for by itself
                self._mapped_at = now
            asked, found = self._mapped_at, self._mapped.get(known.place)
        if found != {known.bucket.id}:
            return False
        with self._lock:
            self._places[bucket] = asked, known
        return True

    def names(self, place: Place) -> list[bytes]:
        """Return the measurements that a bucket has now. Raises SourceError."""
        if self._alone:  # before 2.0 InfluxQL names all of a database's measurements, whatever the policy
            by_field = self._ask(place, all_fields_statement(place), MAX_NAMES)
            return list(dict.fromkeys(rows.measurement for rows in by_field))
        found = self._ask(place, measurements_statement(place), MAX_MEASUREMENTS)
        names = [_name(row[0]) for rows in found for row in rows.rows]
        with self._lock:
            if place not in self._names:  # one more: they are as bounded as the measurements that are remembered
                self._forget_names(len(names))
            self._names[place] = names
        return names

    def last_names(self, place: Place) -> list[bytes]:
        """Return the measurements that a bucket had when it was asked last; it is asked now where it never was.

        Good for a guess at what will be asked, never for the answer. Raises SourceError.
        """
        known = self._names.get(place)
        return known if known is not None else self.names(place)

    def _forget_names(self, more: int) -> None:
        if sum(map(len, self._names.values())) + more > MAX_NAMES:
            self._names.clear()

    def of(self, where: Whereabouts, bucket: str, names: Collection[str], span: Span) -> dict[str, Layout]:
        """Return how the measurements `names` of `bucket` look in `span`. Raises SourceError."""
        known, new = self._believed(bucket, names, span)
        return known | self.renewed(where, bucket, new) if new else known

    def last(
        self, where: Whereabouts, bucket: str, names: Collection[str], span: Span
    ) -> tuple[dict[str, Layout], str]:
        """Return how they looked when they were asked about last, and the statement that `of` is about to ask for them,
        empty where it asks nothing.

        Good for a guess at what will be asked, never for the answer: one that was never asked about is taken for fit.
        """
        known, new = self._believed(bucket, names, span, AHEAD_SECONDS)
        asked = [name for name in new if not _left_to_flux(name, self._alone)]
        with self._lock:
            known |= {name: self._layouts.get((bucket, name), (0.0, 0, Layout({})))[2] for name in asked}
        return known, layout_statement(where.place, asked) if asked else ""

    def _believed(
        self, bucket: str, names: Collection[str], span: Span, ahead: float = 0.0
    ) -> tuple[dict[str, Layout], list[str]]:
        """Return the layouts that are believed in `span` `ahead` seconds from now, and the names of the others."""
        now = self._steady() + ahead
        known = {}
        with self._lock:
            for name in names:
                asked, until, layout = self._layouts.get((bucket, name), (0.0, 0, None))
                # In a shard group that began since, a field may be of another type.
                if layout is not None and now - asked < LAYOUT_SECONDS and span[1] <= until:
                    known[name] = layout
        return known, [name for name in names if name not in known]

    def renewed(self, where: Whereabouts, bucket: str, names: Collection[str]) -> dict[str, Layout]:
        """Ask for, and return, how the measurements `names` of `bucket` look now. Raises SourceError."""
        asked = self._steady()
        skew = self._client.clock_skew or 0.0
        until = _group_end(self._clock() + int(skew * SECOND), where.bucket.shard_group)
        found = {name: Layout({}, reason) for name in names if (reason := _left_to_flux(name, self._alone))}
        rest = [name for name in names if name not in found]
        if rest:
            replies = self._ask(where.place, layout_statement(where.place, rest), MAX_NAMES)
            found |= _layouts(rest, replies, self._alone)
        with self._lock:
            if len(self._layouts) > MAX_MEASUREMENTS:
                self._layouts.clear()
            for name, layout in found.items():
                self._layouts[bucket, name] = asked, until, layout
        return found

    def _ask(self, place: Place, statement: str, most: int) -> Iterator[Rows]:
        """Yield the names that a statement tells of. Raises BadReply where they are more than `most`."""
        names = 0
        try:
            for some in answers(self._client, place, [statement]):
                for found in some:
                    names += len(found.rows)
                    yield found
                if names > most:
                    raise BadReply(f"the bucket has more than {most:,} names", "")
        except LongRow:
            raise BadReply("the reply has a name without an end", "") from None


def _group_end(time_ns: int, shard_group: int) -> int:
    """Return the first time after `time_ns` at which a shard group may begin: see `stream.windows`."""
    return min(group_start(time_ns, each) + each for each in (shard_group, HOUR))


def unspeakable(name: str, alone: bool = False) -> str:
    """Say why InfluxQL cannot be asked about the measurement `name`; empty where it can. `alone`: as of `Layouts`."""
    try:
        identifier(name)
    except UnspeakableName:
        return "InfluxQL cannot name it"
    if name in _SYSTEM if alone else name.startswith("_"):
        return "InfluxQL may take its name for one of its own"
    return ""


def _left_to_flux(name: str, alone: bool) -> str:
    own = is_own(name.encode()) and not alone
    return unspeakable(name, alone) or ("the collector's own are read by Flux" if own else "")


def _layouts(names: Iterable[str], replies: Iterable[Rows], alone: bool = False) -> dict[str, Layout]:
    """Return how the measurements `names` look by the `replies` to `layout_statement`. Raises BadReply."""
    types: dict[bytes, dict[bytes, FieldType]] = {name.encode(): {} for name in names}
    unfit: dict[bytes, str] = {}
    several: dict[bytes, dict[bytes, frozenset[FieldType]]] = {name: {} for name in types}
    for found in replies:
        of_one = types.get(found.measurement)
        if of_one is None:
            raise BadReply("the reply is about a measurement that was not asked for", "")
        for name, kind in found.rows:
            known = _TYPES.get(_name(kind))
            if known is None:
                unfit[found.measurement] = "a field of it is of a type that is not known here"
            elif (told := of_one.setdefault(_name(name), known)) is not known:
                of_all = several[found.measurement]
                of_all[name] = of_all.get(name, frozenset((told,))) | {known}
                if not alone:
                    unfit[found.measurement] = f"its field {_shown(name)} has two types"
        if len(of_one) > MAX_FIELDS:
            unfit[found.measurement] = f"it has more than {MAX_FIELDS:,} fields"
    return {name.decode(): Layout(of_one, unfit.get(name, ""), several[name]) for name, of_one in types.items()}


def _name(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise BadReply("the reply has a name that is none", "")
    return value


def _shown(name: bytes) -> str:
    return name[:100].decode("utf-8", "backslashreplace").encode("unicode_escape").decode()
