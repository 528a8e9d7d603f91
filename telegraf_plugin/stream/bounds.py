"""What the buckets on both sides set for one stream: how old a point may be, and what is about to be lost. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from telegraf_plugin.errors import PermanentError
from telegraf_plugin.stream.clocks import Instant
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.spans import BEGINNING
from telegraf_plugin.stream.units import HOUR, SECOND, duration

RETENTION_MARGIN = 60 * SECOND
"""In ns: what is about to be too old would be refused by the time it arrives."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """How long (ns) a bucket keeps its points (0: for ever), and how long its shard groups last.

    `id` and `org` are the server's own ids, the same under whatever url, token or name it is reached; empty where they
    are not told.
    """

    retention: int
    shard_group: int
    id: str = field(default="", compare=False)
    org: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the two buckets set, all in ns.

    `groups`: the durations of their shard groups. `oldest`: the oldest time that central takes. `expires`: what the
    source is about to lose is older than this; what is older than `lost` it does not keep.
    """

    groups: frozenset[int] = frozenset((HOUR,))
    oldest: int = BEGINNING
    expires: int = BEGINNING
    lost: int = BEGINNING


def bounds_of(source: Bucket | None, central: Bucket | None, at: Instant) -> Bounds:
    """Return what the buckets set `at` this time; None stands for one that does not say how it is kept."""
    groups = {bucket.shard_group for bucket in (source, central) if bucket is not None}
    oldest = lost = expires = BEGINNING
    if central is not None and central.retention:
        oldest = at.source - central.retention + RETENTION_MARGIN
    if source is not None and source.retention:
        lost = at.source - source.retention
        # A tenth of the retention, a day at the most, is the time to save what is about to be lost.
        expires = lost + min(source.retention // 10, 24 * HOUR)
    return Bounds(frozenset(groups or {HOUR}), oldest, expires, lost)


def kept_by(source: Bucket | None, central: Bucket | None) -> int | None:
    """Return how long (ns) the bucket keeps points that keeps them for the shorter time; None where neither is known.

    0 stands for ever.
    """
    return min(
        (bucket.retention for bucket in (source, central) if bucket is not None and bucket.retention), default=None
    )


def refuse_unfit(stream: StreamDefinition, source: Bucket | None, central: Bucket | None) -> None:
    """Raise PermanentError for an aggregate whose windows cannot lie within a shard group."""
    groups = [bucket.shard_group for bucket in (source, central) if bucket is not None]
    if stream.aggregate is not None and groups and stream.aggregate.every > min(groups):
        summary = f"aggregate.every is longer than the bucket's shard groups ({duration(min(groups) // SECOND)})"
        raise PermanentError(summary, "make every shorter, or the bucket's shard group duration longer")


def beginning(stream: StreamDefinition, source: Bucket | None, at: Instant) -> tuple[int, bool]:
    """Return where a stream of which there is no ledger begins (Unix ns), and whether that is provisional.

    What the source does not keep is not asked for. Where the source's first point counts, live data goes ahead and the
    point is looked for meanwhile.
    """
    start = stream.start
    if start.ago is None and start.date is None:
        return at.safe - stream.lookback, True
    begin = start.date if start.date is not None else at.safe - (start.ago or 0)
    kept = at.safe - source.retention if source is not None and source.retention else BEGINNING
    return max(begin, kept), False
