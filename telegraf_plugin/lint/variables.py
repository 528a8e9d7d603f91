"""Telegraf's `${VAR}` and `${VAR:-default}` in strings, by the environment that is handed in. Pure.

The rule is Telegraf's since 1.38 ("strict"): the file is parsed first, then each string is replaced by itself, so that
no value can become a key. Its pattern is that of compose-go 1.20 (`template.go`): `$$` is `$`; `${` that no name
follows, such as `${1}` of a regular expression, stays; what is not set and has no default stays as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_SHORTEST_SILENCE = 10
"""Seconds; with shorter intervals health would flap."""
_REFERENCE = re.compile(r"\$(?:\$|([_a-z][_a-z0-9]*)|\{([_a-z][_a-z0-9]*)(:?[-+?])?)", re.IGNORECASE | re.ASCII)


def as_started(environment: Mapping[str, str]) -> dict[str, str]:
    """Return `environment` with what scripts/collector derives from it before it starts Telegraf."""
    made = dict(environment)
    interval = made.get("COLLECTOR_INTERVAL") or "60"
    if not made.get("HEALTH_MAX_SILENCE") and interval.isascii() and interval.isdigit() and len(interval) < 10:
        made["HEALTH_MAX_SILENCE"] = f"{max(int(interval) * 5 // 2, _SHORTEST_SILENCE)}s"
    return made


def substitute(text: str, environment: Mapping[str, str], unset: set[str]) -> str:
    """Return `text` with its references replaced; names that are needed and not set are added to `unset`."""
    result, position = "", 0
    while match := _REFERENCE.search(text, position):
        result += text[position : match.start()]
        position = match.end()
        if match.group() == "$$":
            result += "$"
        elif match.group(1):
            result += _value(match.group(1), match.group(), environment, unset)
        else:
            end = _closing(text, match.start())
            whole = text[match.start() : end]
            if end < 0 or (match.group(3) is None and text[position] != "}"):
                result += match.group()  # not a reference: it stays
                continue
            position = end
            result += _braced(match.group(2), match.group(3), whole, environment, unset)
    return result + text[position:]


def _braced(name: str, sign: str | None, whole: str, environment: Mapping[str, str], unset: set[str]) -> str:
    if sign is None:
        return _value(name, whole, environment, unset)
    operand = whole[len("${") + len(name) + len(sign) : -1]
    value = environment.get(name)
    given = value is not None and (value != "" or ":" not in sign)
    if sign.endswith("-"):
        return str(value) if given else substitute(operand, environment, unset)
    if sign.endswith("+"):
        return substitute(operand, environment, unset) if given else value or ""
    return str(value) if given else _value(name, whole, {}, unset)  # "?": Telegraf does not start without it


def _value(name: str, written: str, environment: Mapping[str, str], unset: set[str]) -> str:
    if name not in environment:
        unset.add(name)
    return environment.get(name, written)


def _closing(text: str, start: int) -> int:
    """Return the position behind the brace that closes the `${` at `start`; -1 without one."""
    depth, position = 0, start
    while position < len(text):
        if text.startswith("${", position):
            depth, position = depth + 1, position + 1
        elif text[position] == "}":
            depth -= 1
            if depth == 0:
                return position + 1
        position += 1
    return -1
