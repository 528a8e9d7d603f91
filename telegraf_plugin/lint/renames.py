"""What processors.regex makes of a tag, by Go's rules on Python's `re`. Pure.

The two agree on what rules for hosts are made of. Where they do not (`[[:alpha:]]`, `\\pL`, flags in mid-pattern, and
what Go refuses: lookaround, back references, possessive quantifiers), `NotComparable` says that nothing can be said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from telegraf_plugin.lint.glob import matches
from telegraf_plugin.lint.telegraf_conf import Plugin, Table

_OTHERWISE = re.compile(r"\[\[:|\(\?P[=>]|\(\?[=!<>(U#](?!\w+>)|\\[1-9pPQECzZX]|[*+?}]\+")
_REFERENCE = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\})", re.ASCII)


class NotComparable(Exception):
    """A pattern that means something else in Go, or nothing in one of the two."""


def regex_rules(processors: Sequence[Plugin], key: str) -> list[Table]:
    """Return the rules of processors.regex that change the tag `key`, in the order in which they are applied."""
    ordered = sorted(processors, key=lambda plugin: plugin.number("order") or 0)
    rules = [rule for plugin in ordered if plugin.name == "regex" for rule in plugin.tables("tags")]
    return [rule for rule in rules if changes(rule, key)]


def changes(rule: Table, key: str) -> bool:
    """Say whether the rule, one of `processors.regex.tags`, writes the tag `key`."""
    result = rule.text("result_key")
    return result == key if result else matches([rule.text("key")], key)


def renamed(value: str, rules: Sequence[Table]) -> str:
    """Return the tag's value behind all the rules. Raises NotComparable."""
    for rule in rules:
        pattern = compiled(rule.text("pattern"))
        if pattern.search(value):
            new = _replace_all(pattern, rule.text("replacement"), value)
            value = value + new if rule.flag("append") else new
    return value


def compiled(pattern: str) -> re.Pattern[str]:
    """Return Go's `pattern` for Python. Raises NotComparable."""
    if _OTHERWISE.search(pattern):
        raise NotComparable(pattern)
    try:
        return re.compile(pattern.replace("(?<", "(?P<"), re.ASCII)
    except (re.error, RecursionError, OverflowError):
        raise NotComparable(pattern) from None


def _replace_all(pattern: re.Pattern[str], template: str, value: str) -> str:
    """Do Go's ReplaceAllString: it skips an empty match behind the one before, which Python's sub does not."""
    result, position = "", 0
    for match in pattern.finditer(value):
        if match.start() == match.end() == position != 0:
            continue
        result += value[position : match.start()] + _expand(match, template)
        position = match.end()
    return result + value[position:]


def _expand(match: re.Match[str], template: str) -> str:
    """Do Go's Expand: `$1x` is the group called 1x, and a group that is not there is empty."""

    def group(reference: re.Match[str]) -> str:
        if reference.group() == "$$":
            return "$"
        name = reference.group(1) or reference.group(2)
        try:
            return match.group(int(name) if name.isdigit() else name) or ""
        except IndexError:
            return ""

    return _REFERENCE.sub(group, template)
