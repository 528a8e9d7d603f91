"""A second opinion on line protocol: slow, character by character, with the rules of Telegraf's upstream parser.

https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/ and the decoder of
github.com/influxdata/line-protocol/v2: a backslash goes only before a character that may be escaped in that place, and
otherwise stays; control characters and empty names are refused, as is a name that is not UTF-8.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_NUMBER = re.compile(rb"-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_BOOLEANS = {b"t", b"T", b"true", b"True", b"TRUE", b"f", b"F", b"false", b"False", b"FALSE"}
_INT64, _UINT64 = range(-(2**63), 2**63), range(2**64)


class LinePoint(NamedTuple):
    """One field of one line; `value` is the text of a number or boolean, the content of a string."""

    measurement: bytes
    tags: tuple[tuple[bytes, bytes], ...]
    field: bytes
    type: str
    time_ns: int
    value: bytes


class RefusedLineError(ValueError):
    """A line that the parser does not take."""


def read_lines(content: bytes) -> list[LinePoint]:
    """The points of some lines, in order, tags sorted; raises RefusedLineError at the first that is not one."""
    points: list[LinePoint] = []
    reader = _Reader(content)
    while reader.at < len(content):
        points += reader.line()
    return points


class _Reader:
    def __init__(self, content: bytes) -> None:
        self.content = content
        self.at = 0

    def line(self) -> list[LinePoint]:
        if self._peek() == b"#":
            raise RefusedLineError("a comment, where a point was meant")
        measurement = self._name(stops=b", ", escapes=b", ")
        tags = []
        while self._peek() == b",":
            self._skip(b",")
            key = self._name(stops=b",= ", escapes=b",= ")
            self._skip(b"=")
            tags.append((key, self._name(stops=b",= ", escapes=b",= ")))
        self._skip(b" ")
        found = []
        while True:
            key = self._name(stops=b",= ", escapes=b",= ")
            self._skip(b"=")
            found.append((key, *self._value()))
            if self._peek() != b",":
                break
            self._skip(b",")
        self._skip(b" ")
        time = self._until(b"\n")
        self._skip(b"\n")
        if not re.fullmatch(rb"-?\d+", time) or int(time) not in _INT64:
            raise RefusedLineError(f"time {time!r}")
        if len({key for key, _ in tags}) != len(tags):
            raise RefusedLineError(f"a tag twice: {tags}")
        return [LinePoint(measurement, tuple(sorted(tags)), key, kind, int(time), value) for key, kind, value in found]

    def _name(self, stops: bytes, escapes: bytes) -> bytes:
        name = bytearray()
        while (char := self._peek()) and char not in stops:
            following = self.content[self.at + 1 : self.at + 2]
            if char == b"\\" and following and following in escapes:
                name += following
                self.at += 2
                continue
            if char[0] < 32 or char == b"\x7f":
                raise RefusedLineError(f"control character after {bytes(name)!r}")
            name += char
            self.at += 1
        if not name:
            raise RefusedLineError(f"empty name at {self.content[self.at : self.at + 20]!r}")
        self._text(bytes(name))
        return bytes(name)

    def _value(self) -> tuple[str, bytes]:
        if self._peek() == b'"':
            return "string", self._string()
        text = self._until(b", \n")
        if text in _BOOLEANS:
            return "boolean", text
        if text.endswith((b"i", b"u")):
            digits, kind = text[:-1], "integer" if text.endswith(b"i") else "unsigned"
            allowed = _INT64 if kind == "integer" else _UINT64
            if not re.fullmatch(rb"-?\d+", digits) or int(digits) not in allowed:
                raise RefusedLineError(f"not {kind}: {text!r}")
            return kind, digits
        if not _NUMBER.fullmatch(text):
            raise RefusedLineError(f"not a value: {text!r}")
        return "float", text

    def _string(self) -> bytes:
        self._skip(b'"')
        content = bytearray()
        escaped = {b"\\": b"\\", b'"': b'"', b"n": b"\n", b"r": b"\r", b"t": b"\t"}
        while (char := self._peek()) != b'"':
            if not char:
                raise RefusedLineError("a string without end")
            following = self.content[self.at + 1 : self.at + 2]
            if char == b"\\" and following in escaped:
                content += escaped[following]
                self.at += 2
            else:
                content += char
                self.at += 1
        self._skip(b'"')
        self._text(bytes(content))
        return bytes(content)

    def _peek(self) -> bytes:
        return self.content[self.at : self.at + 1]

    def _skip(self, wanted: bytes) -> None:
        if self._peek() != wanted:
            raise RefusedLineError(f"expected {wanted!r}, found {self.content[self.at : self.at + 20]!r}")
        self.at += 1

    def _until(self, stops: bytes) -> bytes:
        begin = self.at
        while self._peek() and self._peek() not in stops:
            self.at += 1
        return self.content[begin : self.at]

    @staticmethod
    def _text(content: bytes) -> None:
        try:
            content.decode()
        except UnicodeDecodeError:
            raise RefusedLineError(f"not UTF-8: {content[:40]!r}") from None
