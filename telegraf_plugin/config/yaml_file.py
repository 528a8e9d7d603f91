"""A YAML file to plain Python values, strictly: UTF-8, one document, no key twice, bounded whatever it holds."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from telegraf_plugin.errors import ConfigurationError, Problem

MAX_BYTES = 1024 * 1024
MAX_VALUES = 20_000
"""Values in the file with every alias written out: more is a mistake, or a bomb of aliases."""


class _StrictLoader(yaml.SafeLoader):
    """PyYAML's safe loader, except that it refuses a key that stands twice in one mapping (the last would win)."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in keys:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"key {key.value!r} stands twice", key.start_mark
                    )
                keys.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """Return what the YAML file at `path` holds, as dict, list, str, int, float, bool or None.

    Raises ConfigurationError when it cannot be read or is not one YAML document of a sensible size.
    """
    try:
        content = path.read_bytes()
        if len(content) > MAX_BYTES:
            raise _unreadable(path, f"is larger than {MAX_BYTES:,} bytes")
        value = yaml.load(content.decode("utf-8"), Loader=_StrictLoader)  # noqa: S506 (a SafeLoader)
    except OSError as error:
        raise _unreadable(path, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise _unreadable(path, f"is not UTF-8 (byte {error.start}); save it as UTF-8") from None
    except RecursionError:
        raise _unreadable(path, "is nested too deeply") from None
    except yaml.YAMLError as error:
        raise _unreadable(path, f"is not YAML: {_where(error)}") from None
    except ValueError as error:  # a date that is none, for one: 2026-13-01
        raise _unreadable(path, f"is not YAML: {error}") from None
    if value is None:
        raise _unreadable(path, "is empty; config/queries.yaml as shipped is a start")
    _bounded(path, value)
    return value


def _where(error: yaml.YAMLError) -> str:
    """Say what PyYAML did not like, and where, without quoting the line: it might hold a token."""
    problem = getattr(error, "problem", None) or "it cannot be parsed"
    mark = getattr(error, "problem_mark", None)
    if "'\\t'" in problem:
        problem += "; indent with spaces, not tabs"
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else str(problem)


def _bounded(path: Path, root: Any) -> None:
    """Refuse what aliases make enormous or endless."""
    count = 0
    stack = [root]
    while stack:
        value = stack.pop()
        count += 1
        if count > MAX_VALUES:
            raise _unreadable(path, f"holds more than {MAX_VALUES:,} values (aliases written out)")
        if isinstance(value, dict):
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)


def _unreadable(path: Path, message: str) -> ConfigurationError:
    return ConfigurationError(str(path), [Problem("", message)])
