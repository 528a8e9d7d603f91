"""Points that cannot pass: counted by reason, with one example each, so that a loss is never silent."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class DropReason(Enum):
    """Why a point could not pass; the value is its name in metrics and log."""

    OVERWRITTEN = "overwritten"
    """Two series of the source have the same tags in central, and both have a point at this time and field."""
    KEY_TOO_LONG = "key_too_long"
    """Measurement, tags (with those that are added) and field take more bytes than InfluxDB's keys can."""
    STRING_TOO_LONG = "string_too_long"
    """A string of more than 1 MiB."""
    NOT_A_VALUE = "not_a_value"
    """Null, NaN or infinity: a query can compute them, no bucket can hold them."""
    SHADOWED_TAG = "shadowed_tag"
    """A tag called `_start`, `_stop`, `_time` or `_value`: Flux's column of that name hides its value, or panics."""
    CIRCULAR = "circular"
    """It was read from this very bucket twice before: collectors copy in a circle, and it would go round for ever."""
    NOT_UTF8 = "not_utf8"
    """Bytes that are not UTF-8 in a name or a string: InfluxDB takes them, Telegraf's parser drops the line."""
    OWN_MEASUREMENT = "own_measurement"
    """A measurement of the collector's own, such as `collector_ledger`: as data it could forge what the collector
    knows of itself."""
    NAME_TAKEN = "name_taken"
    """A measurement or field whose name the stream's `rename` gives to another one: in central the two would be one."""
    UNWRITABLE_NAME = "unwritable_name"
    """A measurement, tag or field with what line protocol cannot carry: TAB and other controls, a backslash at its end,
    in a field one before a comma, a space, an equals sign or a quotation mark; or an empty field name."""
    RESERVED_NAME = "reserved_name"
    """A tag called `time`, `_field` or `_measurement`, or a field called `time`: InfluxDB takes none."""
    OUT_OF_RANGE = "out_of_range"
    """A time that InfluxDB keeps for itself (the first and the last of 64 bits), a float beyond 64 bits."""


MAX_EXAMPLES = 100
"""Series that are named for one reason; what is beyond them is counted."""

REMEDY = {
    DropReason.OVERWRITTEN: "leave out the tag that makes them one: give this stream metadata_tags of its own",
    DropReason.KEY_TOO_LONG: "shorten its tags at the source, or leave out a tag (metadata_tags)",
    DropReason.STRING_TOO_LONG: "shorten it at the source, or leave out the field (exclude_fields)",
    DropReason.NOT_A_VALUE: "correct the stream's query, or leave it: there is nothing to store",
    DropReason.SHADOWED_TAG: "rename the tag at the source, or leave out the measurement",
    DropReason.CIRCULAR: "collectors copy in a circle: leave out one of their streams, or change its central_bucket",
    DropReason.NOT_UTF8: "write it as UTF-8 at the source, or leave out the measurement or field",
    DropReason.OWN_MEASUREMENT: "leave it out of the stream (measurements), or rename it at the source",
    DropReason.NAME_TAKEN: "give the other one another name (rename), or rename this one as well",
    DropReason.UNWRITABLE_NAME: "rename it at the source, or leave out the measurement or field",
    DropReason.RESERVED_NAME: "rename it at the source: InfluxDB itself would not have taken it",
    DropReason.OUT_OF_RANGE: "correct it at the source: InfluxDB itself would not have taken it",
}
"""What to do about it, for people."""


@dataclass(slots=True)
class Drop:
    """How many points one reason took, and the first MAX_EXAMPLES series it took them from, as text for people."""

    points: int
    examples: dict[str, None]

    @property
    def example(self) -> str:
        """The first series."""
        return next(iter(self.examples))


class Drops(dict[DropReason, Drop]):
    """What was dropped so far."""

    def add(self, reason: DropReason, points: int, example: str) -> None:
        """Count `points` dropped for `reason`, from the series `example`."""
        drop = self.setdefault(reason, Drop(0, {}))
        drop.points += points
        if len(drop.examples) < MAX_EXAMPLES:
            drop.examples[example] = None

    def merge(self, other: Drops) -> None:
        """Add all that `other` counted."""
        for reason, drop in other.items():
            for number, example in enumerate(drop.examples):
                self.add(reason, drop.points if number == 0 else 0, example)

    @property
    def points(self) -> int:
        """All points dropped."""
        return sum(drop.points for drop in self.values())


def series_text(measurement: bytes, tags: tuple[tuple[bytes, bytes], ...], field: bytes) -> str:
    """Name a series for people: `cpu,host=a usage_idle`, controls escaped, at most 300 characters."""
    text = series_bytes((measurement, tags, field))
    return text[:1200].decode("utf-8", "backslashreplace").encode("unicode_escape").decode()[:300]


def series_bytes(key: tuple[bytes, tuple[tuple[bytes, bytes], ...], bytes]) -> bytes:
    """Return the names of a series, one after the other."""
    measurement, tags, field = key
    return b"".join([measurement, *(b",%b=%b" % tag for tag in tags), b" ", field])
