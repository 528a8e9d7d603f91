"""YAML edited as text, at the places that its parser names: comments, quotes and order stay. Pure.

A library that writes YAML anew (ruamel.yaml) keeps comments but not the form of all else. Here whole lines are put in
or taken out, and whoever edits compares what the new text means with what it should mean (`same`): a form that was not
thought of is refused, and nothing is written.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

_COMMENT = re.compile(r" *#")


class NotEditable(Exception):
    """The text has a form that is not edited here; the message says which, and goes behind the file's name."""


class YamlText:
    """One YAML document as text, which each method changes; lines are ended as its first one is.

    `path` in what follows is the keys and numbers that lead to a value: ("sources", 0, "streams").
    """

    def __init__(self, text: str) -> None:
        """Raises NotEditable when `text` is not YAML."""
        self.text = text
        self.ending = "\r\n" if "\r\n" in text else "\n"
        self._parsed()

    def _parsed(self) -> yaml.Node | None:
        try:
            return yaml.compose(self.text, Loader=yaml.SafeLoader)
        except (yaml.YAMLError, RecursionError):
            raise NotEditable("is not YAML") from None

    def meaning(self) -> Any:
        """Return what the text means, as plain Python values."""
        return yaml.safe_load(self.text)

    def append(self, path: tuple[str | int, ...], lines: list[str]) -> None:
        """Put an entry behind the last one of the list at `path`; `lines` are its own, without dash and indentation.

        A list in brackets takes an entry of one line. Raises NotEditable.
        """
        node = self._sequence(path)
        if node.flow_style:
            self._append_in_brackets(node, lines)
            return
        last = node.value[-1]
        dash, key = self._dash(last), last.start_mark.column
        gap = " " * (key - dash - 1)
        indented = [f"{' ' * dash}-{gap}{lines[0]}", *(f"{' ' * key}{line}" for line in lines[1:])]
        blank = [""] if isinstance(last, yaml.MappingNode) and self._blank_above(node) else []
        self._put_in(self._end_line(last, dash) + 1, [*blank, *indented])

    def remove(self, path: tuple[str | int, ...], number: int) -> None:
        """Take the entry with that number out of the list at `path`, with its comments. Raises NotEditable."""
        node = self._sequence(path)
        item = node.value[number]
        if node.flow_style:
            self._remove_in_brackets(node, number)
            return
        first, last = item.start_mark.line, self._end_line(item, self._dash(item))
        lines = self._lines()
        while (
            number and first and _COMMENT.match(lines[first - 1]) and not self._holds(node.value[number - 1], first - 1)
        ):
            first -= 1
        self._take_out(first, last)

    def set(self, path: tuple[str | int, ...], key: str, value: str) -> None:
        """Give the mapping at `path` the `key` with `value`, in a line behind its first one. Raises NotEditable."""
        node = self._node(path)
        if not isinstance(node, yaml.MappingNode) or node.flow_style or not node.value:
            raise NotEditable(f"{_shown(path)} is not written with a line for each key")
        for name, held in node.value:
            if name.value == key:
                if not isinstance(held, yaml.ScalarNode) and not held.flow_style:  # with a line for each entry
                    self.drop(path, key)
                    self.set(path, key, value)
                    return
                self.text = self.text[: held.start_mark.index] + value + self.text[held.end_mark.index :]
                return
        name, held = node.value[0]
        self._put_in(
            self._end_line(held, name.start_mark.column) + 1, [f"{' ' * name.start_mark.column}{key}: {value}"]
        )

    def put(self, path: tuple[str | int, ...], lines: list[str]) -> None:
        """Put a key behind the last one of the mapping at `path`; `lines` are its own. Raises NotEditable."""
        node = self._node(path)
        if not isinstance(node, yaml.MappingNode) or node.flow_style or not node.value:
            raise NotEditable(f"{_shown(path)} is not written with a line for each key")
        name, held = node.value[-1]
        column = name.start_mark.column
        self._put_in(self._end_line(held, column) + 1, [f"{' ' * column}{line}" for line in lines])

    def drop(self, path: tuple[str | int, ...], key: str) -> None:
        """Take the `key` out of the mapping at `path`. Raises NotEditable."""
        node = self._node(path)
        if not isinstance(node, yaml.MappingNode) or node.flow_style:
            raise NotEditable(f"{_shown(path)} is not written with a line for each key")
        for name, held in node.value:
            if name.value == key:
                self._take_out(name.start_mark.line, self._end_line(held, name.start_mark.column), blank=False)

    def _node(self, path: tuple[str | int, ...]) -> yaml.Node:
        node = self._parsed()
        for step in path:
            found = None
            if isinstance(node, yaml.MappingNode):
                found = next((value for key, value in node.value if key.value == step), None)
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                found = node.value[step]
            node = found
        if node is None:
            raise NotEditable(f"has no {_shown(path)}")
        return node

    def _sequence(self, path: tuple[str | int, ...]) -> yaml.SequenceNode:
        node = self._node(path)
        if not isinstance(node, yaml.SequenceNode) or (not node.value and not node.flow_style):
            raise NotEditable(f"{_shown(path)} is no list")
        return node

    def _lines(self) -> list[str]:
        return self.text.split("\n")

    def _dash(self, item: yaml.Node) -> int:
        """Return the column of the dash before `item`."""
        before = self._lines()[item.start_mark.line][: item.start_mark.column]
        if before.strip() != "-":
            raise NotEditable(f"line {item.start_mark.line + 1} is not an entry with a dash of its own")
        return before.index("-")

    def _blank_above(self, node: yaml.SequenceNode) -> bool:
        """Say whether an empty line stands between entries; where there is one entry there shall be."""
        first = node.value[-1].start_mark.line
        return len(node.value) == 1 or not self._lines()[first - 1].strip()

    def _holds(self, node: yaml.Node, line: int) -> bool:
        return line <= self._end_line(node, self._dash(node))

    def _end_line(self, node: yaml.Node, column: int) -> int:
        """Return the last line of `node`, with the comments behind it that stand further in than `column`."""
        end = _last_line(node)
        lines = self._lines()
        for number in range(end + 1, len(lines)):
            if not _COMMENT.match(lines[number]) or lines[number].index("#") <= column:
                break
            end = number
        return end

    def _put_in(self, at: int, new: list[str]) -> None:
        lines = self._lines()
        cr = self.ending[:-1]
        if at >= len(lines):  # the last line has no end
            lines[-1] += cr
            lines += [line + cr for line in new[:-1]] + [new[-1] + cr, ""]
        else:
            lines[at:at] = [line + cr for line in new]
        self.text = "\n".join(lines)

    def _take_out(self, first: int, last: int, blank: bool = True) -> None:
        lines = self._lines()
        rest = lines[last + 1 :]
        if blank and rest[:1] and not rest[0].strip() and len(rest) > 1:
            rest = rest[1:]  # the empty line that stood between it and the next
        elif blank and first and not lines[first - 1].strip():
            first -= 1
        self.text = "\n".join([*lines[:first], *rest])

    def _append_in_brackets(self, node: yaml.SequenceNode, lines: list[str]) -> None:
        if len(lines) != 1 or not node.value:
            raise NotEditable("a list is written in brackets, where each entry has a line of its own elsewhere")
        end = node.value[-1].end_mark.index
        self.text = f"{self.text[:end]}, {lines[0]}{self.text[end:]}"

    def _remove_in_brackets(self, node: yaml.SequenceNode, number: int) -> None:
        values = node.value
        if number:
            start, end = values[number - 1].end_mark.index, values[number].end_mark.index
        else:
            start = values[0].start_mark.index
            end = values[1].start_mark.index if len(values) > 1 else values[0].end_mark.index
        self.text = self.text[:start] + self.text[end:]


def same(edited: YamlText, expected: Any) -> None:
    """Raise NotEditable unless the edited text means what is `expected`."""
    try:
        meaning = edited.meaning()
    except (yaml.YAMLError, RecursionError, ValueError):
        meaning = None
    if meaning != expected:
        raise NotEditable("is written in a form that is not edited here")


def _last_line(node: yaml.Node) -> int:
    """Return the line in which the last character of `node` stands."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        if isinstance(last, tuple):
            return max(_last_line(each) for each in last)
        return _last_line(last)
    # A block of text ends where the next line begins.
    block = isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")
    return int(node.end_mark.line - 1 if block else node.end_mark.line)


def _shown(path: tuple[str | int, ...]) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.lstrip(".") or "the file"
