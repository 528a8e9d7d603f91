"""Which sources a collector takes, where several share the same files: COLLECTOR_SHARD=2/8 is the second of eight.

Each source has a weight at each shard, made of both names alone, and goes where it weighs most (rendezvous hashing:
Thaler and Ravishankar, "Using name-based mappings to increase hit rates", 1998). So every collector knows by itself,
and one shard more takes its part of each and moves nothing between the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

VARIABLE = "COLLECTOR_SHARD"
MAX_SHARDS = 1000
EXPECTED = f"expected a shard of how many, such as 2/8: from 1/1 to {MAX_SHARDS}/{MAX_SHARDS}"
_SHARD = re.compile(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})")


@dataclass(frozen=True, slots=True)
class Shard:
    """The `number`th (from 1) of `count` collectors."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Return what a text such as `2/8` means. Raises ValueError with what was expected."""
        match = _SHARD.fullmatch(text)
        shard = cls(*map(int, match.groups())) if match is not None else cls(1, 0)
        if not shard.number <= shard.count <= MAX_SHARDS:
            raise ValueError(f"{EXPECTED}; found {text!r}")
        return shard

    def takes(self, source: str) -> bool:
        """Say whether the source of that name falls to this shard."""
        return shard_of(source, self.count) == self.number


def of(environment: Mapping[str, str]) -> Shard | None:
    """Return the shard that `environment` names; None where one collector takes all. Raises ValueError."""
    text = environment.get(VARIABLE, "")
    return Shard.parse(text) if text else None


def shard_of(source: str, count: int) -> int:
    """Return the number (from 1) of the shard, of `count`, to which the source of that name falls."""
    return max(range(1, count + 1), key=lambda number: _weight(source, number))


def by_shard(sources: Iterable[str], count: int) -> dict[int, list[str]]:
    """Return the names of `sources` by the number of their shard, of `count`; a shard may have none."""
    shares: dict[int, list[str]] = {number: [] for number in range(1, count + 1)}
    for source in sources:
        shares[shard_of(source, count)].append(source)
    return shares


def _weight(source: str, number: int) -> bytes:
    # Not Python's own hash, which differs from process to process.
    return blake2b(f"{number}/{source}".encode(), digest_size=8).digest()
