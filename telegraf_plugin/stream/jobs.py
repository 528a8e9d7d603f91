"""What a stream's course asks for, one job at a time, and what it is told of the outcome. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from telegraf_plugin.stream.block import FieldKey
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.digest import Digest
from telegraf_plugin.stream.holds import Reason
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.ration import EVERYTHING, Ration
from telegraf_plugin.stream.spans import Span


@dataclass(frozen=True, slots=True)
class Copy:
    """Read `span` at the source and print all of it.

    `live`: it is of the last `lookback`, which has all of the room. `again`: lines of it were printed before. `held`:
    the field keys that its digest leaves out, since a proof does. `apart`: those that share no line with others, since
    central refuses them; `narrow`: no field does, since some line did not land and nobody knows yet why.
    """

    span: Span
    live: bool
    again: bool = False
    held: frozenset[FieldKey] = frozenset()
    apart: frozenset[FieldKey] = frozenset()
    narrow: bool = False


@dataclass(frozen=True, slots=True)
class Seek:
    """Find the newest time at which the source has a point of `span`, which may be years: what is empty is skipped.

    With `origin`: find the first point instead; a stream that begins there does not know yet where that is.
    """

    span: Span
    origin: bool = False


@dataclass(frozen=True, slots=True)
class Foresee:
    """Count what the source has later than a minute after `span`, which is the present instant: it waits until then."""

    span: Span


@dataclass(frozen=True, slots=True)
class Land:
    """Count what central has of `span`, of which `points` were printed."""

    span: Span
    points: int


@dataclass(frozen=True, slots=True)
class Check:
    """Count both sides. Each of `pieces` is a list of adjacent spans: their sum first, each when that differs."""

    pieces: tuple[tuple[Span, ...], ...]


@dataclass(frozen=True, slots=True)
class Prove:
    """Compare both sides of `span` by digest, without the groups in `held`.

    `source` is the source's digest, if it is known from the copying. `empty`: the source had nothing in it when it was
    asked for the newest point; the span may be years, and only whether central has anything is asked.
    """

    span: Span
    source: Digest | None
    held: frozenset[FieldKey] = frozenset()
    empty: bool = False


@dataclass(frozen=True, slots=True)
class Compare:
    """Compare both sides of `span` as sets, without the groups in `held`, and print what central lacks.

    With `field_key`: only what is of it, and as much as `ration` says.
    """

    span: Span
    field_key: FieldKey | None = None
    held: frozenset[FieldKey] = frozenset()
    ration: Ration = EVERYTHING


@dataclass(frozen=True, slots=True)
class Recheck:
    """Compare `span`, which is proved, once more, by counts or `by_hash`; the outcome is whether nothing is missing.

    `empty`: the last piece was empty on both sides, and this one is longer than a piece: only whether it is, is asked.
    """

    span: Span
    by_hash: bool
    held: frozenset[FieldKey] = frozenset()
    empty: bool = False


@dataclass(frozen=True, slots=True)
class Explain:
    """Look why central lacks points of `field_key` in `span`, where they are held; the outcome is Explained."""

    span: Span
    field_key: FieldKey


Job = Copy | Seek | Foresee | Land | Check | Prove | Compare | Recheck | Explain


def is_prompt(job: object, stream: StreamDefinition) -> bool:
    """Say whether a job of a `stream` that brings little is as good as a tick's: it counts, or compares by hash no more
    than what has just settled.
    """
    if isinstance(job, Prove | Recheck):
        by_counts = isinstance(job, Recheck) and not job.by_hash
        return not job.empty and (by_counts or job.span[1] - job.span[0] <= longest_prompt(stream))
    return isinstance(job, Land)


def longest_prompt(stream: StreamDefinition) -> int:
    """Return how much time (ns) is compared at most by hash of streams that are asked about together."""
    return max(stream.lookback, stream.every)


@dataclass(frozen=True, slots=True)
class Copied:
    """Outcome of a Copy that read and printed all of it.

    `mark` is the one printed behind the lines, None when there were none. `points_read` counts also those that
    cannot pass; `points_printed` those that were printed, None where that is not how many central will have.
    """

    digest: Digest
    points_read: int
    mark: MarkId | None
    points_printed: int | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """Outcome of a Check for one span: `source` stands for what the source has (a count), `equal`: central as well."""

    span: Span
    source: int
    equal: bool


@dataclass(frozen=True, slots=True)
class Proved:
    """Outcome of a Prove: `left_out` counts the points of held field keys, which were not compared.

    `points`: how many the source has besides those.
    """

    equal: bool
    left_out: Mapping[FieldKey, int] = field(default_factory=dict)
    points: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Swept:
    """Outcome of a Recheck: whether central lacks nothing; `points` that the source has, None where not counted.

    `read`: how many of its points were read.
    """

    equal: bool
    points: int | None = None
    read: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Compared:
    """Outcome of a Compare: the points that central lacked, by group, and how many it has besides the source's.

    They were printed again with `mark` behind them. `where`: from the first to behind the last of those missing, by
    field key; one without it lacks points anywhere in the span. `points_read`: as of Copied; `left_out`: of Proved.
    """

    missing: dict[FieldKey, int] = field(default_factory=dict)
    extras: int = 0
    left_out: Mapping[FieldKey, int] = field(default_factory=dict)
    points_read: int = 0
    mark: MarkId | None = None
    where: Mapping[FieldKey, Span] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Explained:
    """Outcome of an Explain: the reason, and how central keeps the bucket now, None when it does not say."""

    reason: Reason
    central: Bucket | None


@dataclass(frozen=True, slots=True)
class Failed:
    """What follows from a failure.

    `alone`: other jobs went well since the last failure, so that it is this one's, and the next may be tried at once.
    `aside`: its span is set aside from now on: smaller does not help, and what lies behind it goes on.
    """

    alone: bool
    aside: bool
