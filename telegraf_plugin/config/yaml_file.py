"""A YAML file to plain Python values, strictly: UTF-8, one document, no key twice, bounded whatever it holds."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from telegraf_plugin.errors import ConfigurationError, Problem
from telegraf_plugin.files import UnfitFile, read_text

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
MAX_QUOTED = len("'\\t'")
MAX_BYTES = 128 * 1024
"""A site takes some 500; PyYAML takes seconds for what a malicious file of this size holds, minutes for larger ones."""
MAX_VALUES = 20_000
"""Values in the file with every alias written out: more is a mistake, or a bomb of aliases."""


MAX_DEPTH = 200
"""Lists and mappings in each other, likewise."""


class _Refused(yaml.constructor.ConstructorError):
    """What is good YAML but refused here."""


class _StrictLoader(yaml.SafeLoader):
    """PyYAML's safe loader, except that it refuses what would take effect unseen.

    A key that stands twice in one mapping (the last would win), and merge keys, which templates are here for.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.tag == "tag:yaml.org,2002:merge":
                raise _Refused(None, None, "merge keys (<<) are refused; use a template", key.start_mark)
            if key.value in keys:
                raise _Refused(None, None, f"key '{shown(key.value)}' stands twice", key.start_mark)
            keys.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """Return what the YAML file at `path` holds, as dict, list, str, int, float, bool or None.

    Raises ConfigurationError when it cannot be read or is not one YAML document of a sensible size.
    """
    try:
        return parsed(read_text(path, MAX_BYTES), path)
    except UnfitFile as unfit:
        raise _unreadable(path, str(unfit)) from None


def parsed(text: str, path: Path) -> Any:
    """Return what `text` means, the same; `path` is where it stands, for messages. Raises ConfigurationError."""
    try:
        value = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 (a SafeLoader)
    except RecursionError:
        raise _unreadable(path, "is nested too deeply") from None
    except yaml.YAMLError as error:
        raise _unreadable(path, f"is not YAML: {_where(error)}") from None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):  # PyYAML's, on 2026-13-01 or !!int ""
        raise _unreadable(path, "is not YAML: a value is not of the type that its form or its tag says") from None
    if value is None:
        raise _unreadable(path, "is empty; config/queries.yaml as shipped is a start")
    _bounded(path, value)
    return value


def _where(error: yaml.YAMLError) -> str:
    """Say what PyYAML did not like, and where, without quoting the line: it might hold a token."""
    problem = str(getattr(error, "problem", None) or "it cannot be parsed")
    if not isinstance(error, _Refused):  # PyYAML quotes what it stumbled over: a character may be shown, a word not
        problem = _QUOTED.sub(lambda quoted: quoted.group() if len(quoted.group()) <= MAX_QUOTED else "...", problem)
    if "'\\t'" in problem:
        problem += "; indent with spaces, not tabs"
    elif isinstance(error, yaml.scanner.ScannerError | yaml.parser.ParserError):
        problem += "; check indentation and quotes in this line and above"
    mark = getattr(error, "problem_mark", None)
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else str(problem)


def _bounded(path: Path, root: Any) -> None:
    """Refuse what aliases make enormous or endless."""
    count = 0
    queue = deque([(root, 0)])
    while queue:
        value, depth = queue.popleft()
        count += 1
        if count > MAX_VALUES:
            raise _unreadable(path, f"holds more than {MAX_VALUES:,} values (aliases written out)")
        if depth > MAX_DEPTH:
            raise _unreadable(path, "is nested too deeply")
        if isinstance(value, dict):
            queue.extend((item, depth + 1) for item in value.values())
        elif isinstance(value, list):
            queue.extend((item, depth + 1) for item in value)


def shown(key: object) -> str:
    """Return a key for a message, if it looks like one: a token that was glued to its key is not repeated."""
    text = str(key)
    return text if _KEY.fullmatch(text) else "(not shown)"


def _unreadable(path: Path, message: str) -> ConfigurationError:
    return ConfigurationError(str(path), [Problem("", message)])
