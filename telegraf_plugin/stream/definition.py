"""What one stream selects at its source and how it maps: frozen, pure, the same for every part that needs it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from telegraf_plugin.stream.mapping import MetadataTag
from telegraf_plugin.stream.windows import cut


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
class StreamDefinition:
    """One bucket of one source, or a part of it.

    `measurements` empty: all of them. `tags`: keys with the values that are taken, any of them. `flux`: the
    operator's own query instead of `measurements`, `exclude_fields`, `tags` and `aggregate`. `lookback`: how far back
    (ns) each tick reads, that is, how late a point may come.
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

    @property
    def label(self) -> str:
        """The stream's name in log, metrics and commands: `source/stream`."""
        return f"{self.source}/{self.name}"

    def windows(self, now: int, oldest: int, shard_group: int) -> Iterator[tuple[int, int]]:
        """Yield start and stop (Unix ns) of the spans that are read at `now`, one query each.

        `shard_group` (ns) is how long the source bucket's shard groups last. The operator's own Flux is asked once:
        what it computes over its span is not ours to cut.
        """
        start, stop = self.window(now, oldest)
        if self.flux is not None:
            return iter([(start, stop)])
        return cut(start, stop, shard_group, self.aggregate.every if self.aggregate is not None else 1)

    def window(self, now: int, oldest: int) -> tuple[int, int]:
        """Return start (included) and stop (not) of what is read at `now`, not before `oldest`, all in Unix ns.

        Aggregates read whole windows of `every` only, so that no row is ever computed from a part of its window;
        start and stop are equal while none is complete.
        """
        start, stop = max(now - self.lookback, oldest), now
        if self.aggregate is not None:
            every = self.aggregate.every
            start, stop = start - start % every, stop - stop % every
            start += every if start < oldest else 0
        return start, max(start, stop)
