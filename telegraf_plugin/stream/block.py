"""The unit that flows: one series' field as columns of times and values, still as bytes.

Python is fast enough for this work only where one operation handles a whole column; an object a point is not
(51,000 values a second with influxdb-client's records and Points, against well over a million with columns).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple

Tags = tuple[tuple[bytes, bytes], ...]
"""Tag keys and values, unescaped, sorted by key, no key twice, no value empty."""


SeriesKey = tuple[bytes, Tags, bytes]
"""What tells one series and field from another: measurement, tags, field."""


class FieldType(Enum):
    """The types a field can have in InfluxDB 2."""

    FLOAT = "float"
    INTEGER = "integer"
    UNSIGNED = "unsigned"
    BOOLEAN = "boolean"
    STRING = "string"


class FieldKey(NamedTuple):
    """By what central takes or refuses points."""

    measurement: bytes
    field: bytes
    type: FieldType


@dataclass(frozen=True, slots=True)
class Block:
    """Points of one series and field, in the order in which they were read.

    `measurement`, `tags` and `field` are unescaped UTF-8. `times` are Unix nanoseconds as decimal text. `values` are
    the text that the source gave: digits for numbers, `true` or `false`, a string's own bytes. Both columns are of
    the same length, at least one.
    """

    measurement: bytes
    tags: Tags
    field: bytes
    type: FieldType
    times: list[bytes]
    values: list[bytes]

    @property
    def key(self) -> SeriesKey:
        """Which series and field the points are of."""
        return self.measurement, self.tags, self.field

    @property
    def field_key(self) -> FieldKey:
        """By what central takes or refuses the points."""
        return FieldKey(self.measurement, self.field, self.type)

    def __len__(self) -> int:
        return len(self.times)


def pick(block: Block, places: Sequence[int]) -> Block:
    """Return the points of `block` at `places`."""
    if len(places) == len(block):
        return block
    return replace(block, times=[block.times[at] for at in places], values=[block.values[at] for at in places])
