"""Lines of one field or of many: columns of a series to line protocol, in pieces of bounded size. Pure.

Fields whose columns have the same times become lines by one operation a line; only where times differ are they put
together one by one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from telegraf_plugin.stream.block import Block, FieldType
from telegraf_plugin.stream.drops import series_bytes
from telegraf_plugin.telegraf.line_protocol import VALUE, encode, escape_key, escape_string, line_head

PIECE_BYTES = 256 * 1024
"""Lines that are encoded, and so held, at a time: a chunk of a reply seldom makes more."""
PIECE_LINES = 100_000
"""The same in lines: more than such a piece ever has."""
MAX_LINE_BYTES = 64 * 1024
"""No line is longer that has more than one field: strings of 1 MiB each must not add up to what nobody has tried."""
_BESIDE_VALUE = len(b'"" -9223372036854775808\n')
_SHORT = frozenset((FieldType.INTEGER, FieldType.UNSIGNED, FieldType.BOOLEAN))
_NUMBER_BYTES = len(b"-9223372036854775808")
_KNOWN_GROUPS = 8
"""Columns of other times that a column's are compared with; of more, fields of the same times are joined one by one."""

Columns = Sequence[Block]
"""Blocks of one series, each of another field. Of more than one the times ascend, as text: none is there twice."""


class Piece(NamedTuple):
    """Some lines, each ended by a newline: how many `lines`, of how many `points`."""

    lines: int
    points: int
    content: bytes


def encoded(several: Iterable[Columns], most: int = PIECE_BYTES, most_lines: int = PIECE_LINES) -> Iterator[Piece]:
    """Yield the lines of `several`, in order, in pieces of some `most` bytes, and of `most_lines` at the most.

    A reply may name a series once and have many short rows of it: as lines they take a thousand times as much.
    Raises UnwritableName.
    """
    lines, points, size = 0, 0, 0
    contents: list[bytes] = []
    for columns in several:
        for part in _cut(columns, most, most_lines):
            piece = _encoded(part)
            if contents and (size + len(piece.content) > most or lines + piece.lines > most_lines):
                yield Piece(lines, points, b"".join(contents))
                lines, points, size, contents = 0, 0, 0, []
            lines, points, size = lines + piece.lines, points + piece.points, size + len(piece.content)
            contents.append(piece.content)
    if contents:
        yield Piece(lines, points, b"".join(contents))


def _cut(columns: Columns, most: int, most_lines: int) -> Iterator[Columns]:
    """Yield `columns` cut in time, in parts whose lines take some `most` bytes each, or are of one time."""
    longest = max(columns, key=len)
    fits = _lines(columns, longest) <= most_lines
    if len(longest) == 1 and not fits and len(columns) > 1:  # of as many times
        yield from _cut(columns[: len(columns) // 2], most, most_lines)
        yield from _cut(columns[len(columns) // 2 :], most, most_lines)
        return
    if len(longest) == 1 or (fits and _line_bytes(columns, longest) <= most):
        yield columns
        return
    middle = len(longest) // 2
    before, after = [], []
    if len(columns) == 1:  # its times may be in any order
        before, after = [_slice(longest, 0, middle)], [_slice(longest, middle, len(longest))]
    else:
        time, edges = longest.times[middle], dict[int, int]()
        for block in columns:
            edge = edges.get(id(block.times))
            if edge is None:
                edge = edges[id(block.times)] = bisect_left(block.times, time)
            before += [_slice(block, 0, edge)] if edge else []
            after += [_slice(block, edge, len(block))] if edge < len(block) else []
    yield from _cut(before, most, most_lines)
    yield from _cut(after, most, most_lines)


def _lines(columns: Columns, longest: Block) -> int:
    """Return how many lines `columns` may make: as many as the `longest` of them where all have its times."""
    times = longest.times
    if all(block.times is times or block.times == times for block in columns):
        return len(times)
    return sum(map(len, columns))


def _slice(block: Block, start: int, stop: int) -> Block:
    return replace(block, times=block.times[start:stop], values=block.values[start:stop])


def _line_bytes(columns: Columns, longest: Block) -> int:
    """Return what the lines of `columns` may take; what an escape adds to a value is left out."""
    size = len(longest) * (len(series_bytes((longest.measurement, longest.tags, b""))) + _BESIDE_VALUE)
    for block in columns:
        values = _NUMBER_BYTES * len(block) if block.type in _SHORT else len(b"".join(block.values))
        size += len(block) * (len(block.field) + 4) + values
    return size


def _encoded(columns: Columns) -> Piece:
    """Return the lines of one field, or of several whose columns ascend."""
    if len(columns) == 1:
        return Piece(len(columns[0]), len(columns[0]), encode(columns[0]))
    heads = [line_head(block.measurement, block.tags, block.field) for block in columns]
    # All heads begin alike; what follows is the name of the field and "=".
    prefix = heads[0][: -len(escape_key(columns[0].field)) - 1]
    groups = _grouped(columns, [head[len(prefix) :] for head in heads])
    points = sum(map(len, columns))
    if len(groups) == 1:
        times, fields = groups[0]
        template = _percent(prefix) + _template(fields) + b" %b\n"
        lines = list(map(template.__mod__, zip(*map(_texts, fields), times, strict=True)))
        if len(max(lines, key=len)) <= MAX_LINE_BYTES:
            return Piece(len(lines), points, b"".join(lines))
    lines = list(_joined_lines(prefix, groups))
    return Piece(len(lines), points, b"".join(lines))


_Field = tuple[bytes, Block]
"""A field's name as it stands in a line, with "=", and its column."""


def _grouped(columns: Columns, names: list[bytes]) -> list[tuple[list[bytes], list[_Field]]]:
    """Return the fields by their times, in order: most fields of a series have the same ones."""
    groups: list[tuple[list[bytes], list[_Field]]] = []
    for name, block in zip(names, columns, strict=True):
        times = block.times
        for known, fields in reversed(groups[-_KNOWN_GROUPS:]):
            if times is known or times == known:
                fields.append((name, block))
                break
        else:
            groups.append((times, [(name, block)]))
    return groups


def _joined_lines(prefix: bytes, groups: list[tuple[list[bytes], list[_Field]]]) -> Iterator[bytes]:
    """Yield the lines of fields whose times differ, or that are too long for one line, time by time."""
    rows: dict[bytes, list[bytes]] = {}
    for times, fields in groups:
        for part in _within_a_line(fields, len(prefix)):
            texts = map(_template(part).__mod__, zip(*map(_texts, part), strict=True))
            for time, text in zip(times, texts, strict=True):
                if time in rows:
                    rows[time].append(text)
                else:
                    rows[time] = [text]
    for time, texts_ in rows.items():
        first, size = 0, len(prefix)
        for at, text in enumerate(texts_):
            if at > first and size + len(text) + _BESIDE_VALUE > MAX_LINE_BYTES:
                yield b"%b%b %b\n" % (prefix, b",".join(texts_[first:at]), time)
                first, size = at, len(prefix)
            size += len(text) + 1
        yield b"%b%b %b\n" % (prefix, b",".join(texts_[first:]), time)


def _within_a_line(fields: list[_Field], prefix: int) -> Iterator[list[_Field]]:
    """Yield `fields`, behind a prefix of so many bytes, in parts that a line can take, or of one field."""
    part: list[_Field] = []
    size = prefix + _BESIDE_VALUE
    for name, block in fields:
        widest = len(name) + max(map(len, _texts((name, block)))) + len(VALUE[block.type] % b"") + len(b",")
        if part and size + widest > MAX_LINE_BYTES:
            yield part
            part, size = [], prefix + _BESIDE_VALUE
        part.append((name, block))
        size += widest
    yield part


def _template(fields: list[_Field]) -> bytes:
    """Return what makes the text of `fields` of their values, by one `%` a line."""
    return b",".join(_percent(name) + VALUE[block.type] for name, block in fields)


def _percent(text: bytes) -> bytes:
    return text.replace(b"%", b"%%")


def _texts(field: _Field) -> Iterable[bytes]:
    """Return a field's values as they stand in a line, without what marks their type."""
    block = field[1]
    return map(escape_string, block.values) if block.type is FieldType.STRING else block.values
