"""Which names a filter of telegraf.conf (`tagpass`, `namepass` and the like) takes. Pure.

The rule is Telegraf's (`filter/filter.go`, and gobwas/glob, which it uses): a list in which no value holds `*`, `?` or
`[` is compared literally, braces and backslashes included. Otherwise every value is a pattern over the whole name:

    *       anything, without the separators where there are some; ** with them
    ?       one character
    [abc]   one of these; [a-z] a range, which stands alone in its brackets; [!...] none of these
    {a,b}   either, which may hold patterns
    \\c      the character c

fnmatch differs: it knows no braces and no backslash, and mixes ranges and characters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_META = re.compile(r"[*?\[]")
_RANGE = re.compile(r"\[(!?)(?:(.)-(.)|(?!.-)((?:\\.|[^\]\\])+))\]", re.DOTALL)


def matches(patterns: Sequence[str], name: str, separators: str = "") -> bool:
    """Say whether the filter `patterns` takes `name`. A list with a malformed pattern takes nothing."""
    if not separators and not any(map(_META.search, patterns)):
        return name in patterns
    try:
        compiled = [re.compile(translate(pattern, separators), re.DOTALL) for pattern in patterns]
    except (ValueError, re.error):  # Telegraf says so, and does not start
        return False
    return any(pattern.fullmatch(name) for pattern in compiled)


def everything(patterns: Sequence[str], separators: str = "") -> bool:
    """Say whether the filter takes every name that there can be."""
    return "**" in patterns or ("*" in patterns and not separators)


def quoted(name: str) -> str:
    """Return the pattern that takes `name` alone."""
    return re.sub(r"([*?\[\]{}\\,])", r"\\\1", name) if _META.search(name) else name


def translate(pattern: str, separators: str = "") -> str:
    """Return the regular expression of Python that takes what the glob `pattern` takes.

    Raises ValueError when it is malformed.
    """
    one = f"[^{re.escape(separators)}]" if separators else "."
    result, position, depth = "", 0, 0
    while position < len(pattern):
        character = pattern[position]
        position += 1
        if character == "*":
            doubled = pattern.startswith("*", position)
            result += ".*" if doubled else f"{one}*"
            position += doubled
        elif character == "?":
            result += one
        elif character == "[":
            match = _RANGE.match(pattern, position - 1)
            if match is None:
                raise ValueError(f"malformed range in {pattern!r}")
            result += _class(match)
            position = match.end()
        elif character == "{":
            result, depth = f"{result}(?:", depth + 1
        elif character == "}" and depth:
            result, depth = f"{result})", depth - 1
        elif character == "," and depth:
            result += "|"
        elif character == "\\":
            result += re.escape(pattern[position : position + 1])
            position += 1
        else:
            result += re.escape(character)
    if depth:
        raise ValueError(f"a brace is not closed in {pattern!r}")
    return result


def _class(match: re.Match[str]) -> str:
    negated, low, high, characters = match.groups()
    if characters is None:
        inside = f"{re.escape(low)}-{re.escape(high)}"
    else:
        inside = re.escape(re.sub(r"\\(.)", r"\1", characters))
    return f"[^{inside}]" if negated else f"[{inside}]"
