"""Rows of a MessagePack reply to blocks: the text of each value is the one that Flux's CSV has. Pure.

A row holds all fields that a series has at one time. The blocks of the same rows share one list of times where no
field is missing, by which whoever writes lines can put the fields side by side again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from typing import Any

import orjson

from telegraf_plugin.errors import BadReply
from telegraf_plugin.influxdb.messagepack import Rows
from telegraf_plugin.influxdb.table import MAX_NAMES_BYTES, is_utf8
from telegraf_plugin.stream.block import Block, FieldType, pick
from telegraf_plugin.stream.drops import DropReason, Drops, series_text

TYPES = {float: FieldType.FLOAT, int: FieldType.INTEGER, bool: FieldType.BOOLEAN, bytes: FieldType.STRING}
"""What a value of a reply says of its field's type."""
_BOOLEANS = {True: b"true", False: b"false"}
Column = tuple[Any, ...]
_MAX_INTEGER = 2**63 - 1


class Mistyped(Exception):
    """A field of `measurement` is not of the type that it was said to be of."""

    def __init__(self, measurement: bytes) -> None:
        super().__init__(measurement)
        self.measurement = measurement


def blocks_of(found: Rows, types: Mapping[bytes, FieldType], without: Collection[bytes], drops: Drops) -> list[Block]:
    """Return the blocks of rows, the fields in `without` left out; `drops` counts the points that cannot pass.

    `types`: the field's, by which whole numbers with a sign are told from those without. Raises Mistyped where it is
    another one, BadReply where the reply is damaged.
    """
    columns = list(zip(*found.rows, strict=True))
    if found.columns[:1] != (b"time",) or len(columns) != len(found.columns) or set(map(type, columns[0])) != {int}:
        raise BadReply("the reply's rows have no time", "it is read again; when it stays, look at the source's log")
    all_times = _whole(columns[0])
    times_of: dict[tuple[int, ...], list[bytes]] = {}
    names = b"\0".join([found.measurement, *(part for tag in found.tags for part in tag)])
    blocks = []
    for field, column in zip(found.columns[1:], columns[1:], strict=True):
        if field in without:
            continue
        times = all_times
        values: Column = column
        if None in column:
            places = tuple(at for at, value in enumerate(column) if value is not None)
            if not places:
                continue
            values = tuple(column[at] for at in places)
            if places not in times_of:
                times_of[places] = [all_times[at] for at in places]
            times = times_of[places]
        kind = _type_of(found.measurement, values, types.get(field))
        unfit = _unfit(names, field)
        if unfit is not None:
            # Of tags without an end the name for people would take that long for each field.
            tags = found.tags if unfit is not DropReason.KEY_TOO_LONG else found.tags[:100]
            drops.add(unfit, len(times), series_text(found.measurement, tags, field))
            continue
        block = Block(found.measurement, found.tags, field, kind, times, _TEXTS[kind](values))
        fit = _sound(block, drops)
        if fit is not None:
            blocks.append(fit)
    return blocks


def type_of_value(value: object, several: Collection[FieldType]) -> FieldType | None:
    """Return which of `several` types a field has by one of its values; None where that does not tell."""
    kind = TYPES.get(type(value))
    if kind is FieldType.INTEGER and FieldType.UNSIGNED in several:
        if FieldType.INTEGER not in several:
            return FieldType.UNSIGNED
        return None
    return kind


def _type_of(measurement: bytes, values: Column, told: FieldType | None) -> FieldType:
    """Return the type of the field with these `values`, which was `told` to be one."""
    kinds = set(map(type, values))
    kind = TYPES.get(kinds.pop()) if len(kinds) == 1 else None
    if kind is FieldType.INTEGER and told is FieldType.UNSIGNED:
        kind = told
    if kind is None or kind is not told:
        raise Mistyped(measurement)
    if kind is FieldType.INTEGER:
        fits = max(values) <= _MAX_INTEGER
    else:
        fits = kind is not FieldType.UNSIGNED or min(values) >= 0
    if not fits:
        raise Mistyped(measurement)
    return kind


def _unfit(names: bytes, field: bytes) -> DropReason | None:
    """Return why a field of a series with these `names` cannot pass, as `table.Columns.series` does."""
    if len(names) + 1 + len(field) > MAX_NAMES_BYTES:
        return DropReason.KEY_TOO_LONG
    return None if is_utf8(names) and is_utf8(field) else DropReason.NOT_UTF8


def _sound(block: Block, drops: Drops) -> Block | None:
    """Return `block` without the points that have no value, or one that is not UTF-8."""
    if block.type is FieldType.FLOAT and not all(block.values):
        kept = [at for at, value in enumerate(block.values) if value]
        reason = DropReason.NOT_A_VALUE
    elif block.type is FieldType.STRING and not is_utf8(b"\n".join(block.values)):
        kept = [at for at, value in enumerate(block.values) if is_utf8(value)]
        reason = DropReason.NOT_UTF8
    else:
        return block
    drops.add(reason, len(block) - len(kept), series_text(*block.key))
    return pick(block, kept) if kept else None


def _floats(values: Column) -> list[bytes]:
    """Return each number as Go's shortest text without an exponent; empty for one that is none.

    The text of a whole list is made at once, seven times as fast by orjson as by Python's own `repr`.
    """
    text = orjson.dumps(values)[1:-1]
    if b"e" in text or b"n" in text:  # an exponent, or no number
        return [_float(value) for value in values]
    return (text + b",").replace(b".0,", b",")[:-1].split(b",")


def _float(value: float) -> bytes:
    text = repr(value)
    if "n" in text:  # nan, inf
        return b""
    return format(Decimal(text), "f").removesuffix(".0").encode() if "e" in text else text.removesuffix(".0").encode()


def _whole(values: Column) -> list[bytes]:
    return orjson.dumps(values)[1:-1].split(b",")


_TEXTS: dict[FieldType, Callable[[Column], list[bytes]]] = {
    FieldType.FLOAT: _floats,
    FieldType.INTEGER: _whole,
    FieldType.UNSIGNED: _whole,
    FieldType.BOOLEAN: lambda values: [_BOOLEANS[value] for value in values],
    FieldType.STRING: list,
}
