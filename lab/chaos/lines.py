"""`Line`: what is written to a source, as line protocol and as the points that it makes. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from lab.points import FieldType, Point

_SUFFIX = {FieldType.INTEGER: "i", FieldType.UNSIGNED: "u"}
_ESCAPED = str.maketrans({" ": "\\ ", ",": "\\,", "=": "\\="})


class Field(NamedTuple):
    """A field of a line: `value` as text, a string's without quotes and escapes."""

    name: str
    type: FieldType
    value: str


def real(name: str, value: float) -> Field:
    """A field of floats; all the digits, so that one lost on the way shows."""
    return Field(name, FieldType.FLOAT, repr(value))


def integer(name: str, value: int) -> Field:
    """A field of integers."""
    return Field(name, FieldType.INTEGER, str(value))


def unsigned(name: str, value: int) -> Field:
    """A field of unsigned integers."""
    return Field(name, FieldType.UNSIGNED, str(value))


def boolean(name: str, value: bool) -> Field:
    """A field of booleans."""
    return Field(name, FieldType.BOOLEAN, str(value).lower())


def text(name: str, value: str) -> Field:
    """A field of strings."""
    return Field(name, FieldType.STRING, value)


@dataclass(frozen=True)
class Line:
    """One line: a series' own tags, its fields, and a time in ns since 1970 UTC."""

    measurement: str
    tags: tuple[tuple[str, str], ...]
    fields: tuple[Field, ...]
    time_ns: int

    def protocol(self) -> str:
        """The line as it is written."""
        tags = "".join(f",{key}={value.translate(_ESCAPED)}" for key, value in self.tags)
        return f"{self.measurement}{tags} {','.join(map(_field, self.fields))} {self.time_ns}"

    def points(self) -> Iterator[Point]:
        """The points that the line makes at the source."""
        tags = frozenset(self.tags)
        for field in self.fields:
            yield Point(self.measurement, tags, field.name, field.type, field.value, self.time_ns)


def _field(field: Field) -> str:
    if field.type is FieldType.STRING:
        quoted = field.value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{field.name}="{quoted}"'
    return f"{field.name}={field.value}{_SUFFIX.get(field.type, '')}"
