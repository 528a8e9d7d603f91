"""telegraf.conf edited as text: tables found by their headers, entries put into lists, all else left as it is. Pure.

tomlkit keeps comments, but hangs the one above a table on the table before: a new output landed between a comment and
what it is about. So, as for YAML, text is edited, and what it means is compared by `tomllib` (`same`).
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from telegraf_plugin.sites.yaml_text import NotEditable

_HEADER = re.compile(r"[ \t]*(\[\[?)[ \t]*([^\[\]#\n]+?)[ \t]*\]\]?[ \t]*(?:#[^\n]*)?\r?(?=\n|\Z)")
_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"""|' + r"'''.*?'''|" + r'"(?:\\.|[^"\\\n])*"|' + r"'[^'\n]*'|#[^\n]*|[\[\]{}\n]", re.DOTALL
)
"""What decides where a value ends: strings, comments, brackets, and the ends of lines."""
_BARE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Block:
    """One `[[name]]` with the tables in it: its lines, counted from 0, without what stands behind its last key."""

    first: int
    last: int


def blocks(text: str, name: str) -> list[Block]:
    """Return the blocks `[[name]]`, in the order of the file."""
    lines = text.split("\n")
    headers = list(_headers(text))
    found = []
    for place, (line, many, called) in enumerate(headers):
        if not many or called != name:
            continue
        behind = (at for at, _, other in headers[place + 1 :] if not other.startswith(f"{name}."))
        end = next(behind, len(lines))
        used = [number for number in range(line, end) if lines[number].strip()]
        found.append(Block(line, _without_the_next_comment(lines, used)))
    return found


def _without_the_next_comment(lines: list[str], used: list[int]) -> int:
    """Return the last of the lines that are `used`, without comments that stand apart: they are about what follows."""
    last = len(used) - 1
    while last and lines[used[last]].lstrip().startswith("#"):
        last -= 1
    while last + 1 < len(used) and used[last + 1] == used[last] + 1 and lines[used[last + 1]][:1].isspace():
        last += 1  # a comment that belongs to it: right below, and indented as it is
    return used[last]


def insert_behind(text: str, block: Block | None, lines: list[str]) -> str:
    """Return `text` with `lines`, and an empty one before them, behind `block`; at the end for None."""
    ending = "\r" if "\r\n" in text else ""
    old = text.split("\n")
    if block is None:
        while old and not old[-1].strip():
            old.pop()
        at = len(old)
        old.append("")
        if at and ending and not old[at - 1].endswith("\r"):
            old[at - 1] += ending
    else:
        at = block.last + 1
        if at == len(old):  # the file does not end with a line's end
            old[-1] += ending
            old.append("")
    old[at:at] = [line + ending for line in ("", *lines)]
    return "\n".join(old)


def remove(text: str, block: Block) -> str:
    """Return `text` without `block`, the comment right above it, and one empty line."""
    lines = text.split("\n")
    first = block.first
    while first and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    last = block.last
    if last + 1 < len(lines) - 1 and not lines[last + 1].strip():
        last += 1
    elif first and not lines[first - 1].strip():
        first -= 1
    return "\n".join([*lines[:first], *lines[last + 1 :]])


def list_at(text: str, block: Block, table: str, key: str) -> tuple[int, int]:
    """Return where the list `key` of `[table]` in `block` stands in `text`, with its brackets. Raises NotEditable."""
    lines = text.split("\n")
    inside, offset = False, sum(len(line) + 1 for line in lines[: block.first])
    for line in lines[block.first : block.last + 1]:
        header = _HEADER.match(line)
        if header is not None:
            inside = header[2] == table
        found = re.match(rf"\s*{re.escape(key)}\s*=\s*(?=\[)", line) if inside else None
        if found is not None:
            start = offset + found.end()
            return start, _closing(text, start)
        offset += len(line) + 1
    raise NotEditable(f"has no list {key} in a table [{table}] of its own there")


def with_entry(text: str, place: tuple[int, int], entry: str) -> str:
    """Return `text` with the string `entry` (as it is written) behind the last one of the list at `place`."""
    inside = text[place[0] + 1 : place[1] - 1]
    entries = list(_strings(inside))
    if not entries:
        return f"{text[: place[0]]}[{entry}]{text[place[1] :]}"
    end = place[0] + 1 + entries[-1][1]
    return f"{text[:end]}, {entry}{text[end:]}"


def without_entry(text: str, place: tuple[int, int], number: int) -> str:
    """Return `text` without the entry with that number of the list at `place`, which has others."""
    entries = list(_strings(text[place[0] + 1 : place[1] - 1]))
    start, end = entries[number - 1][1] if number else entries[0][0], entries[number][1]
    if not number and len(entries) > 1:
        end = entries[1][0]
    return text[: place[0] + 1 + start] + text[place[0] + 1 + end :]


def same(text: str, expected: Any) -> None:
    """Raise NotEditable unless the edited `text` means what is `expected`."""
    try:
        meaning = tomllib.loads(text.replace("\r\n", "\n"))
    except (tomllib.TOMLDecodeError, RecursionError):
        meaning = None
    if meaning != expected:
        raise NotEditable("is written in a form that is not edited here")


def written(value: Any) -> str:
    """Return `value` (text, number, boolean, list, mapping) as it is written in TOML, in one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # JSON's escapes are TOML's, but for one character.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key(name)} = {written(item)}' for name, item in value.items())}}}"
    return str(value)


def key(name: str) -> str:
    """Return a key as it is written in TOML."""
    return name if _BARE.fullmatch(name) else written(name)


def _headers(text: str) -> Iterator[tuple[int, bool, str]]:
    """Yield line, whether it is `[[...]]`, and name of each table's header; none in a string or in a list's lines."""
    position, depth = 0, 0
    while position < len(text):
        begins = position == 0 or text[position - 1] == "\n"
        if begins and not depth and (header := _HEADER.match(text, position)):
            yield text.count("\n", 0, position), header[1] == "[[", header[2]
            position = header.end()
            continue
        token = _TOKEN.search(text, position)
        if token is None:
            return
        depth += (token[0] in "[{") - (token[0] in "]}")
        position = token.end()


def _closing(text: str, start: int) -> int:
    """Return the position behind the bracket that closes the one at `start`; the text's end where none does."""
    depth = 0
    for token in _TOKEN.finditer(text, start):
        depth += (token[0] in "[{") - (token[0] in "]}")
        if not depth:
            return token.end()
    return len(text)


def _strings(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each string of a list's inside begins and ends, its quotes included."""
    return (token.span() for token in _TOKEN.finditer(text) if token[0][0] in "\"'")
