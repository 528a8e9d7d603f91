"""What exactly differs between the two sides of a span: points missing, extra, or with another value. Pure.

A point is told from others by measurement, tags, field and time; type and value are what may differ. Tags that
Telegraf's processors rewrite stay out: several points may be one here, and are then told apart by what they hold.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256

from telegraf_plugin.stream.block import Block, FieldKey, FieldType, SeriesKey
from telegraf_plugin.stream.drops import series_text

MAX_VALUE_BYTES = 200
"""Bytes of a value that are kept and shown; of a longer one a hash stands for the rest."""

_Key = tuple[int, bytes]
"""The hash of a series, and a time."""


class Kind(Enum):
    """How a point differs."""

    MISSING = "missing"
    """Only the source has it."""
    EXTRA = "extra"
    """Only central has it."""
    DIFFERENT = "different"
    """Both have it, with another type or value."""


@dataclass(frozen=True, slots=True)
class Value:
    """What one side has: type, and the text that InfluxDB gives for the value."""

    type: FieldType
    text: bytes


@dataclass(frozen=True, slots=True)
class Differing:
    """One point that differs. `series`: with the tags that it has in central; `time`: Unix ns.

    `source` and `central` are what each side has, None where it has nothing.
    """

    kind: Kind
    series: SeriesKey
    time: int
    source: Value | None
    central: Value | None

    @property
    def field_key(self) -> FieldKey:
        """By what central takes or refuses the point."""
        value = self.source if self.source is not None else self.central
        assert value is not None
        return FieldKey(self.series[0], self.series[2], value.type)


class Difference:
    """Compares the points of one span, a class of them at a time, so that its size is bounded.

    First all blocks of the source, then all of central; both with the tags that they have in central.
    """

    def __init__(self, rewritten: Collection[bytes], part: int = 0, parts: int = 1) -> None:
        """Look at the points whose hash leaves `part` when divided by `parts`."""
        self._rewritten = rewritten
        self._part, self._parts = part, parts
        # By the reading: strings with carriage returns come a second time, as they are.
        self._source: dict[bool, dict[_Key, list[tuple[SeriesKey, Value]]]] = {False: {}, True: {}}
        self._extra: dict[bool, dict[_Key, list[tuple[SeriesKey, Value]]]] = {False: {}, True: {}}

    def source(self, block: Block, exact: bool = False) -> None:
        """Record points of the source."""
        points = self._source[exact]
        for key, text in self._points(block):
            points.setdefault(key, []).append((block.key, Value(block.type, text)))

    def central(self, block: Block, exact: bool = False) -> None:
        """Record points of central; what the source has as well is done with."""
        points, extra = self._source[exact], self._extra[exact]
        for key, text in self._points(block):
            there = points.get(key, [])
            value = Value(block.type, text)
            place = next((place for place, (_, other) in enumerate(there) if other == value), None)
            if place is None:
                extra.setdefault(key, []).append((block.key, value))
            elif len(there) == 1:
                del points[key]
            else:
                del there[place]

    def _points(self, block: Block) -> list[tuple[_Key, bytes]]:
        tags = tuple(tag for tag in block.tags if tag[0] not in self._rewritten)
        series = hash((block.measurement, tags, block.field))
        keys = ((series, time) for time in block.times)
        return [
            (key, _kept(text))
            for key, text in zip(keys, block.values, strict=True)
            if self._parts == 1 or hash(key) % self._parts == self._part
        ]

    def found(self) -> list[Differing]:
        """Return what differs, by time."""
        differing: dict[_Key, list[Differing]] = {}
        for exact in (False, True):
            lacking, extra = self._source[exact], self._extra[exact]
            for key in lacking.keys() | extra.keys():
                if exact and key in differing:
                    continue  # the first reading has told it
                both = _paired(int(key[1]), lacking.get(key, []), extra.get(key, []))
                # What only the second reading tells is there on both sides, on one without its carriage returns.
                differing[key] = [_as_different(each) for each in both] if exact else both
        return sorted((each for found in differing.values() for each in found), key=lambda each: each.time)


def _paired(time: int, lacking: list[tuple[SeriesKey, Value]], extra: list[tuple[SeriesKey, Value]]) -> list[Differing]:
    """Return what differs of the points of one key: as many as both sides have are different."""
    both = min(len(lacking), len(extra))
    found = [
        Differing(Kind.DIFFERENT, here[0], time, here[1], there[1])
        for here, there in zip(lacking[:both], extra[:both], strict=True)
    ]
    found += [Differing(Kind.MISSING, series, time, value, None) for series, value in lacking[both:]]
    return found + [Differing(Kind.EXTRA, series, time, None, value) for series, value in extra[both:]]


def _as_different(each: Differing) -> Differing:
    return Differing(Kind.DIFFERENT, each.series, each.time, each.source, each.central)


def _kept(text: bytes) -> bytes:
    if len(text) <= MAX_VALUE_BYTES:
        return text
    return text[:MAX_VALUE_BYTES] + b"... (%d bytes, %b)" % (len(text), sha256(text).hexdigest()[:16].encode())


def told(found: Iterable[Differing], field_key: FieldKey) -> str:
    """Say how points of `field_key` differ, by the first that do: in other tags, in value, or in being there."""
    ours = [each for each in found if each.series[0] == field_key.measurement and each.series[2] == field_key.field]
    lacking = next((each for each in ours if each.kind is not Kind.EXTRA and each.field_key == field_key), None)
    if lacking is None:
        return "it is there now; it came late, or changes at the source again and again"
    name = series_text(*lacking.series)
    if lacking.kind is Kind.DIFFERENT and lacking.source is not None and lacking.central is not None:
        here, there = (value.text.decode("utf-8", "replace") for value in (lacking.source, lacking.central))
        return f"{name} is {here} at the source and {there} in central: it changes, or somebody else writes it"
    extra = next((each for each in ours if each.kind is Kind.EXTRA and each.time == lacking.time), None)
    if extra is not None:
        return f"{name} is {series_text(*extra.series)} in central: Telegraf adds or changes tags on the way"
    return f"{name} is not in central: it is dropped on the way, or refused; Telegraf's log says which"
