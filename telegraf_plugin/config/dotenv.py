r"""`.env`: its grammar, of which Docker Compose reads each value alike. Nothing in it is ever executed. Pure.

    # a comment, on a line of its own
    NAME=plain text           to the end of the line; a space or a backslash in it is one. Not with a $, with a # at its
                              beginning or behind a space, or with a quote at its beginning
    NAME='literal text'       all of it stays as it is. Not with a single quote, two backslashes, or one at its end
    NAME="any text"           with \" for a quote, \\ for a backslash and \$ for a dollar, and no other backslash
    NAME='...'  # a comment   behind a value in quotes there may be one

Compose's reader (compose-go, `dotenv/parser.go`) takes more: it puts other variables for `$` and `${...}`, and takes
comments behind plain values, and values over several lines. Each of these is refused here, with how to write it
instead, as what is meant and what is read may be two things. What is accepted, Compose reads alike.
"""

from __future__ import annotations

import re
import unicodedata

from telegraf_plugin.errors import Problem

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LITERAL = re.compile(r"'([^']*)'(.*)")
_ESCAPING = re.compile(r'"((?:[^"\\]|\\.)*)"(.*)')
_ESCAPE = re.compile(r"\\(.)")
_BEHIND = re.compile(r"(?:[ \t]+#.*)?")
_COMMENT = re.compile(r"(?:^|\s)#")
_BOMS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_ESCAPING_RULE = 'in double quotes write \\\\ for a backslash, \\" for a quote and \\$ for a dollar'


class NotDotenv(ValueError):
    """A text is not what `.env` may hold; `problems` says what is wrong by line, without any value."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


def decoded(content: bytes) -> str:
    """Return the text of a file's `content`: UTF-8, with a byte order mark or without. Raises NotDotenv."""
    form = _BOMS.get(content[:2]) or ("UTF-16" if content[:200].count(b"\0") > len(content[:200]) // 4 else "")
    if form:
        raise NotDotenv([Problem("", f"is {form}: save it as UTF-8 (an editor under Windows may call {form} Unicode)")])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise NotDotenv([Problem(f"line {line}", "is not UTF-8; save the file as UTF-8")]) from None


def parsed(text: str) -> dict[str, str]:
    """Return the variables that the `text` of a file sets. Raises NotDotenv with everything that is wrong in it."""
    found: dict[str, str] = {}
    lines: dict[str, int] = {}
    problems = []
    for number, line in enumerate(text.split("\n"), 1):
        try:
            pair = _pair(line.removesuffix("\r").strip(" \t"))
            if pair is None:
                continue
            name, value = pair
            if name in lines:
                raise ValueError(f"{name}: stands in line {lines[name]} already; only one can hold")
            lines[name], found[name] = number, value
        except ValueError as error:
            problems.append(Problem(f"line {number}", str(error)))
    if problems:
        raise NotDotenv(problems)
    return found


def quoted(value: str) -> str:
    """Return how `value` is written behind `NAME=`. Raises ValueError for a line's end or another control character."""
    if _control(value):
        raise ValueError("a control character cannot stand in .env")
    if "'" not in value and "\\\\" not in value and not value.endswith("\\"):
        return value if re.fullmatch(r"[A-Za-z0-9_.,:/@%+=-]*", value) else f"'{value}'"
    return '"' + re.sub(r'([\\"$])', r"\\\1", value) + '"'


def _pair(line: str) -> tuple[str, str] | None:
    """Return name and value of one line, without its spaces at the ends; None for one that says nothing."""
    if "\r" in line:  # some readers take it for a line's end
        raise ValueError("a carriage return stands alone; save the file with one kind of line ends")
    if not line or line.startswith("#"):
        return None
    name, equals, value = line.partition("=")
    if not equals:
        raise ValueError("expected NAME=value, or a comment behind a #")
    if name.split(" ")[0] == "export":
        raise ValueError("expected NAME=value, without export")
    if _NAME.fullmatch(name) is None:
        if _NAME.fullmatch(name.strip()) is not None:
            raise ValueError(f"{name.strip()}: expected NAME=value, without a space before the =")
        raise ValueError("expected NAME=value; a name has letters without accents, digits and _ only")
    try:
        return name, _value(value.strip(" \t"))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _value(text: str) -> str:
    if _control(text):
        raise ValueError("holds a control character that an editor may not show; write the line anew")
    if text.startswith("'"):
        return _literal(text)
    if text.startswith('"'):
        return _escaping(text)
    if "$" in text:
        raise ValueError("a $ would be taken for a variable; write the value in single quotes: NAME='...'")
    if _COMMENT.search(text):
        message = "a # there begins a comment; write the value in quotes, NAME='...', if the # belongs to it"
        raise ValueError(f"{message}, or the comment on a line of its own")
    if text != text.strip():
        raise ValueError("a space of another kind stands at an end of the value; remove it, or write NAME='...'")
    return text


def _literal(text: str) -> str:
    match = _LITERAL.fullmatch(text)
    if match is None:
        raise ValueError("the single quote at its beginning is not closed on this line; " + _instead(text))
    value, behind = match.groups()
    if "\\\\" in value or value.endswith("\\"):
        raise ValueError(f"two backslashes, or one at the end, in single quotes are read in two ways; {_ESCAPING_RULE}")
    if _BEHIND.fullmatch(behind) is None:
        raise ValueError("there is text behind the closing single quote; " + _instead(text))
    return value


def _escaping(text: str) -> str:
    match = _ESCAPING.fullmatch(text)
    if match is None:
        raise ValueError(f"the double quote at its beginning is not closed on this line; {_ESCAPING_RULE}")
    value, behind = match.groups()
    if _BEHIND.fullmatch(behind) is None:
        raise ValueError(f"there is text behind the closing double quote; {_ESCAPING_RULE}")
    if any(character not in '\\"$' for character in _ESCAPE.findall(value)):
        raise ValueError(f"a backslash stands before a character that needs none; {_ESCAPING_RULE}")
    if "$" in _ESCAPE.sub("", value):
        raise ValueError(f"a $ would be taken for a variable; {_ESCAPING_RULE}, or use single quotes")
    return _ESCAPE.sub(r"\1", value)


def _instead(text: str) -> str:
    """Say how a value is written that has a single quote in it."""
    return 'a value that holds one stands in double quotes: NAME="..."' + (
        f"; {_ESCAPING_RULE}" if "\\" in text else ""
    )


def _control(text: str) -> bool:
    return any(unicodedata.category(character) == "Cc" and character != "\t" for character in text)
