"""What one stream selects at its source and how it maps: frozen, pure, the same for every part that needs it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from hashlib import sha256
from typing import NamedTuple

from telegraf_plugin.stream.mapping import MetadataTag
from telegraf_plugin.stream.naming import AS_THEY_ARE, Naming
from telegraf_plugin.stream.renames import TagRule
from telegraf_plugin.stream.units import MINUTE


class AggregateFunction(Enum):
    """The Flux aggregates and selectors that a stream may ask for, by Flux's own names."""

    MEAN = "mean"
    MEDIAN = "median"
    SUM = "sum"
    MIN = "min"
    MAX = "max"
    SPREAD = "spread"
    STDDEV = "stddev"
    COUNT = "count"
    FIRST = "first"
    LAST = "last"

    @property
    def numeric(self) -> bool:
        """Whether it takes numbers only ("unsupported aggregate column type string" otherwise)."""
        return self not in (AggregateFunction.COUNT, AggregateFunction.FIRST, AggregateFunction.LAST)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One row per window of `every` nanoseconds, computed by `fn`, timed by the window's start."""

    every: int
    fn: AggregateFunction


@dataclass(frozen=True, slots=True)
class Start:
    """Where a stream begins: so long `ago` (ns), at a `date` (Unix ns), or with neither at the source's first point."""

    ago: int | None = None
    date: int | None = None


class ReadWay(Enum):
    """In which language a server is asked for points; `auto`: by InfluxQL where that gives the same, else by Flux."""

    AUTO = "auto"
    FLUX = "flux"
    INFLUXQL = "influxql"


class StreamId(NamedTuple):
    """Which stream: its source's name and its own."""

    source: str
    name: str

    @property
    def label(self) -> str:
        """How it is called in log, metrics and commands: `source/stream`."""
        return f"{self.source}/{self.name}"


@dataclass(frozen=True, slots=True)
class UnreadableSeries:
    """A series at whose sight the source's queries panic: a tag of it is called like one of Flux's own columns.

    `tags` are its tags but for those; `others` are all further keys that series of its measurement have, by which it
    can be told from its neighbours. Without `tags` (None) the whole measurement is meant: there are too many.
    """

    measurement: str
    tags: tuple[tuple[str, str], ...] | None
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class StreamDefinition:
    """One bucket of one source, or a part of it.

    `measurements` empty: all of them. `tags`: keys with the values that are taken, any of them. `flux`: the
    operator's own query instead of `measurements`, `exclude_fields`, `tags` and `aggregate`. `lookback`: how late (ns)
    a point may come. `start`: where the stream begins when there is no ledger of it. `max_lag` (ns): how far behind it
    may be before that counts as failing; None: two and a half intervals. `renames`: what Telegraf's processors make of
    its tags, where that can be computed. `rewritten_tags`: the keys of tags that they change in a way that cannot, for
    the reason `uncomputed`; these are not compared. `unreadable`: series that are left out of every question, as they
    break it; learned, not chosen. `naming`: what its measurements and fields are called in central.
    """

    source: str
    name: str
    bucket: str
    central_bucket: str
    measurements: tuple[str, ...]
    exclude_fields: tuple[str, ...]
    tags: tuple[tuple[str, tuple[str, ...]], ...]
    aggregate: Aggregate | None
    flux: str | None
    lookback: int
    metadata_tags: tuple[MetadataTag, ...]
    start: Start = Start(ago=5 * MINUTE)
    max_lag: int | None = None
    rewritten_tags: tuple[str, ...] = ("host",)
    renames: tuple[TagRule, ...] = ()
    uncomputed: str = ""
    unreadable: tuple[UnreadableSeries, ...] = ()
    naming: Naming = AS_THEY_ARE

    @cached_property
    def id(self) -> StreamId:
        """Which stream it is."""
        return StreamId(self.source, self.name)

    @cached_property
    def label(self) -> str:
        """The stream's name in log, metrics and commands: `source/stream`."""
        return self.id.label

    @cached_property
    def every(self) -> int:
        """An aggregate's window (ns): no question ends within one. 1 without."""
        return self.aggregate.every if self.aggregate is not None else 1

    @property
    def wide(self) -> bool:
        """Whether all fields that a series has at one time may share a line: the tag `field` makes series of them."""
        return MetadataTag.FIELD not in self.metadata_tags

    @property
    def unit(self) -> int:
        """In what steps (ns) its spans begin and end: an aggregate's windows, the microseconds of a Flux query."""
        if self.aggregate is not None:
            return self.aggregate.every
        return 1000 if self.flux is not None else 1

    @cached_property
    def computed(self) -> bool:
        """Whether its points are computed when they are asked for: the source cannot count what central should have."""
        return self.aggregate is not None or self.flux is not None

    @property
    def hash(self) -> str:
        """What the stream selects and how it maps, in 16 hexadecimal digits: equal from run to run."""
        # By other renames the same points are other ones in central: history is not called wrong.
        return self._hash(repr(self.renames) if self.renames else "")

    @property
    def hash_without_renames(self) -> str:
        """The hash that marks had before renames were known: they are of the same stream."""
        return self._hash("")

    def _hash(self, renames: str) -> str:
        selected = (self.bucket, self.measurements, self.exclude_fields, self.tags, self.aggregate, self.flux)
        text = repr((selected, sorted(tag.value for tag in self.metadata_tags))) + renames
        text += repr(self.naming) if self.naming else ""
        return sha256(text.encode()).hexdigest()[:16]
