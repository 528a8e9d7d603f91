"""What a stream's course asks for, one job at a time, and what it is told of the outcome. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from telegraf_plugin.stream.digest import Digest, Group
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.spans import Span


@dataclass(frozen=True, slots=True)
class Copy:
    """Read `span` at the source and print it.

    `live`: it is of the last `lookback`, which has all of the room. `again`: lines of it were printed before.
    """

    span: Span
    live: bool
    again: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """Count both sides. Each of `pieces` is a list of adjacent spans: their sum first, each when that differs."""

    pieces: tuple[tuple[Span, ...], ...]


@dataclass(frozen=True, slots=True)
class Prove:
    """Compare both sides of `span` by digest; `source` is the source's, if it is known from the copying."""

    span: Span
    source: Digest | None


@dataclass(frozen=True, slots=True)
class Compare:
    """Compare both sides of `span` as sets, and print what central lacks. With `group`: only what is of it."""

    span: Span
    group: Group | None = None


@dataclass(frozen=True, slots=True)
class Recheck:
    """Compare `span`, which is proved, once more, by counts or `by_hash`; the outcome is whether nothing is missing."""

    span: Span
    by_hash: bool


Job = Copy | Check | Prove | Compare | Recheck


@dataclass(frozen=True, slots=True)
class Copied:
    """Outcome of a Copy that read and printed all of it.

    `mark` is the one printed behind the lines, None when there were none. `points_read` counts also those that
    cannot pass.
    """

    digest: Digest
    points_read: int
    mark: MarkId | None


@dataclass(frozen=True, slots=True)
class Counted:
    """Outcome of a Check for one span: `source` stands for what the source has (a count), `equal`: central as well."""

    span: Span
    source: int
    equal: bool


@dataclass(frozen=True, slots=True)
class Proved:
    """Outcome of a Prove: `left_out` counts the points of held groups, which were not compared."""

    equal: bool
    left_out: Mapping[Group, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Compared:
    """Outcome of a Compare: the points that central lacked, by group, and how many it has besides the source's.

    They were printed again with `mark` behind them. `points_read`: as of Copied; `left_out`: as of Proved.
    """

    missing: dict[Group, int] = field(default_factory=dict)
    extras: int = 0
    left_out: Mapping[Group, int] = field(default_factory=dict)
    points_read: int = 0
    mark: MarkId | None = None
