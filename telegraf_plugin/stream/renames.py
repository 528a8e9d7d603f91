"""What Telegraf's processors.regex makes of a point's tags, computed by Go's own rules. Pure.

Both sides of a proof are compared by the tags that a point has in central, so what a processor rewrites on the way is
computed here. Patterns run on RE2, which has Go's syntax and semantics, in linear time whatever the value
(decision 0022); replacements and the order of things are those of Go's `Regexp.Expand` and of Telegraf's
`plugins/processors/regex/converter.go`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from telegraf_plugin.stream.block import Block, Tags

_REFERENCE = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\})")
# What RE2 takes and Go does not, or by other tables of Unicode: one byte, and classes by property.
_OTHERWISE = re.compile(r"(?<!\\)(?:\\\\)*\\[CpP]")
_GLOB = re.compile(r"[*?\[]")


class NotComparable(Exception):
    """What Telegraf makes of a tag cannot be told; the text says why."""


@dataclass(frozen=True, slots=True)
class TagRule:
    """One `[[processors.regex.tags]]`: where `pattern` is found in the tag `key`, the tag `result_key` (empty: `key`)
    becomes the value with all that matched replaced; `append` puts it behind what is there. With neither `result_key`
    nor `replacement`, and all groups named, each group that is not empty becomes a tag.
    """

    key: str
    pattern: str
    replacement: str = ""
    result_key: str = ""
    append: bool = False

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of the groups that become tags, in their order; empty where a replacement is made."""
        compiled_ = compiled(self.pattern)
        if self.result_key or self.replacement or not compiled_.groups:
            return ()
        names = {number: name for name, number in compiled_.groupindex.items()}
        return tuple(names[number] for number in sorted(names)) if len(names) == compiled_.groups else ()

    @property
    def written(self) -> tuple[str, ...]:
        """The keys of the tags that it writes."""
        return self.groups or (self.result_key or self.key,)

    def check(self) -> None:
        """Raise NotComparable where it is not certain what Telegraf does."""
        if not self.key:
            raise NotComparable("a rule without key")
        if _GLOB.search(self.key):
            raise NotComparable(f"key = {self.key!r} stands for several tags")
        compiled(self.pattern)
        # Telegraf goes over the tags while it adds to them, and may come to the same one twice.
        if self.append and self.written != (self.key,):
            raise NotComparable(f"it appends to another tag than {self.key}")
        if len(self.groups) > 1 and self.key in self.groups:
            raise NotComparable(f"{self.key} is one of several groups that it is taken apart into")


def compiled(pattern: str) -> Any:
    """Return Go's `pattern`, an object of re2. Raises NotComparable where Go would refuse it, or take it otherwise."""
    if _OTHERWISE.search(pattern):
        raise NotComparable(f"the pattern {pattern!r} has \\p, \\P or \\C")
    return _compiled(pattern)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    import re2  # not before there is a rule: the plugin counts its memory

    options = re2.Options()
    options.log_errors = False  # the plugin's standard error is Telegraf's log
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeError):
        raise NotComparable(f"the pattern {pattern!r} is not one of Go's") from None


def renamed(value: str, pattern: str, replacement: str) -> str | None:
    """Return what Go's ReplaceAllString makes of `value`, None where nothing matches. Raises NotComparable."""
    compiled_ = compiled(pattern)
    result, position, ended, search = "", 0, 0, 0
    matched = False
    while search <= len(value) and (match := compiled_.search(value, search)) is not None:
        matched = True
        start, end = match.span()
        result += value[position:start]
        position = end
        if end > ended or start == 0:  # an empty match behind the one before is none
            result += _expanded(match, compiled_.groupindex, replacement)
        ended = end
        search = end if end > search else search + 1
    return result + value[position:] if matched else None


def _expanded(match: Any, names: dict[str, int], template: str) -> str:
    """Do Go's Expand: `$1x` is the group called 1x, and a group that is not there is empty."""

    def group(reference: re.Match[str]) -> str:
        if reference.group() == "$$":
            return "$"
        name = reference.group(1) or reference.group(2)
        number = _number(name)
        if number is None:
            number = names.get(name)
        if number is None or number > match.re.groups:
            return ""
        return match.group(number) or ""

    return _REFERENCE.sub(group, template)


def _number(name: str) -> int | None:
    """Return the number that Go reads in `name`: decimal, without a leading zero, below 100,000,000."""
    if not re.fullmatch(r"0|[1-9][0-9]{0,7}", name):
        return None
    return int(name)


def changed(rules: Sequence[TagRule], tags: Tags) -> Tags:
    """Return `tags` behind `rules`, sorted by key. A tag that becomes empty is none in central."""
    if not rules:
        return tags
    now: dict[bytes, bytes] | None = None
    for rule in rules:
        have = now if now is not None else dict(tags)
        value = have.get(rule.key.encode())
        if value is None:
            continue
        made = _made(rule, value.decode("utf-8", "replace"))
        if made:
            now = have
            for key, text in made:
                before = now.get(key.encode(), b"") if rule.append else b""
                now[key.encode()] = before + text.encode()
    if now is None:
        return tags
    return tuple(sorted((key, value) for key, value in now.items() if value))


def _made(rule: TagRule, value: str) -> tuple[tuple[str, str], ...]:
    """Return the tags that `rule` writes for a `value` of its key."""
    # A source's values may be of any length and number: only what is short is remembered.
    return _remembered(rule, value) if len(value) <= _REMEMBERED else _applied(rule, value)


_REMEMBERED = 200
"""Characters of a value whose outcome is remembered; 2,000 of them take half a megabyte."""


@lru_cache(maxsize=2000)
def _remembered(rule: TagRule, value: str) -> tuple[tuple[str, str], ...]:
    return _applied(rule, value)


def _applied(rule: TagRule, value: str) -> tuple[tuple[str, str], ...]:
    if groups := rule.groups:
        match = compiled(rule.pattern).search(value)
        found = match.groups("") if match is not None else ()
        return tuple((name, text) for name, text in zip(groups, found, strict=False) if text)
    new = renamed(value, rule.pattern, rule.replacement)
    return () if new is None else ((rule.written[0], new),)


def touched(rules: Sequence[TagRule]) -> frozenset[bytes]:
    """Return the keys of the tags that `rules` read or write."""
    return frozenset(key.encode() for rule in rules for key in (rule.key, *rule.written))


def in_central(rules: Sequence[TagRule], block: Block) -> Block:
    """Return `block`, which has the tags that it is printed with, with those that it has in central."""
    tags = changed(rules, block.tags)
    return block if tags is block.tags else replace(block, tags=tags)


def value_in_central(rules: Sequence[TagRule], key: str, value: str) -> str:
    """Return what becomes of a tag's `value`, whatever the point's other tags are.

    Raises NotComparable where they have a part in it, or where nothing is left of it.
    """
    others = [rule.key for rule in rules if key in rule.written and rule.key != key]
    if others:
        raise NotComparable(f"{key} is made of {', '.join(dict.fromkeys(others))}")
    found = dict(changed(rules, ((key.encode(), value.encode()),))).get(key.encode(), b"").decode()
    if not found:
        raise NotComparable(f"nothing is left of {key} {value}")
    return found
