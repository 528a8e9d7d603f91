"""telegraf.conf as the lint sees it: read, its variables replaced as Telegraf does, frozen."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from telegraf_plugin.errors import ConfigurationError, Problem
from telegraf_plugin.files import UnfitFile, read_text
from telegraf_plugin.lint.durations import duration
from telegraf_plugin.lint.variables import substitute

MAX_BYTES = 1024 * 1024
"""The shipped file takes 7,000; a complete sample of all plugins less than this."""
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_EXPRESSIONS = ("pattern", "replacement")


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the file: `path` names it in messages; `settings` are its keys, variables replaced.

    A key whose value is not of the form asked for counts as not there: `telegraf config check` is for that.
    """

    path: str
    settings: Mapping[str, Any] = field(repr=False)  # there may be a token in it

    def key(self, name: str) -> str:
        """Return the key path of one of its settings."""
        return f"{self.path}.{name}"

    def text(self, name: str) -> str:
        """Return a string; empty when it is not there."""
        value = self.settings.get(name)
        return value if isinstance(value, str) else ""

    def number(self, name: str) -> int | float | None:
        """Return a number, or None."""
        value = self.settings.get(name)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None

    def flag(self, name: str) -> bool | None:
        """Return a boolean, or None."""
        value = self.settings.get(name)
        return value if isinstance(value, bool) else None

    def duration(self, name: str) -> int | None:
        """Return a duration in nanoseconds, or None."""
        return duration(self.settings.get(name))

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of strings; empty when it is not there."""
        value = self.settings.get(name)
        return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list | tuple) else ()

    def table(self, name: str) -> Table:
        """Return a table in this one; empty when it is not there."""
        value = self.settings.get(name)
        return Table(self.key(name), value if isinstance(value, Mapping) else {})

    def tables(self, name: str) -> tuple[Table, ...]:
        """Return the tables of a list in this one."""
        return tuple(Table(f"{self.key(name)}[{number}]", entry) for number, entry in _entries(self.settings.get(name)))

    def __contains__(self, name: str) -> bool:
        return name in self.settings

    def __bool__(self) -> bool:
        return bool(self.settings)


@dataclass(frozen=True, slots=True)
class Plugin(Table):
    """One plugin's table; `name` is the plugin's, such as `influxdb_v2`."""

    name: str


@dataclass(frozen=True, slots=True)
class TelegrafConf:
    """The whole file. `unset`: key path and variable, where one is needed and not set."""

    agent: Table
    global_tags: tuple[Table, ...]
    inputs: tuple[Plugin, ...]
    processors: tuple[Plugin, ...]
    aggregators: tuple[Plugin, ...]
    outputs: tuple[Plugin, ...]
    unset: tuple[tuple[str, str], ...]

    def outputs_named(self, name: str) -> tuple[Plugin, ...]:
        """Return the outputs of one kind, in the file's order."""
        return tuple(plugin for plugin in self.outputs if plugin.name == name)


def read(path: Path, environment: Mapping[str, str]) -> TelegrafConf:
    """Return what the file at `path` and the variables of `environment` make.

    Raises ConfigurationError when it cannot be read or is not TOML; the message quotes nothing of it.
    """
    try:
        return parse(read_text(path, MAX_BYTES, "utf-8-sig"), environment)
    except UnfitFile as unfit:
        raise _unreadable(path, str(unfit)) from None
    except tomllib.TOMLDecodeError as error:
        # What stands in quotes may be a value, and a value a token: it is not repeated.
        raise _unreadable(path, f"is not TOML: {_QUOTED.sub('...', str(error))}") from None
    except RecursionError:
        raise _unreadable(path, "is nested too deeply") from None


def parse(text: str, environment: Mapping[str, str]) -> TelegrafConf:
    """Return what the file's `text` means. Raises tomllib.TOMLDecodeError. Pure."""
    raw = tomllib.loads(text.replace("\r\n", "\n"))
    plugins: dict[str, tuple[Plugin, ...]] = {}
    unset: list[tuple[str, str]] = []
    for kind in ("inputs", "processors", "aggregators", "outputs"):
        found = _plugins(kind, raw.get(kind))
        plugins[kind] = tuple(
            Plugin(plugin.path, _replaced(plugin.settings, environment, plugin.path, unset), plugin.name)
            for plugin in found
        )
    tables = {
        name: Table(name, _replaced(raw[name] if isinstance(raw.get(name), dict) else {}, environment, name, unset))
        for name in ("agent", "global_tags", "tags")
    }
    agent = tables.pop("agent")
    return TelegrafConf(agent, tuple(tables.values()), **plugins, unset=tuple(unset))


def _plugins(kind: str, section: Any) -> Iterator[Plugin]:
    for name, value in section.items() if isinstance(section, dict) else ():
        entries: list[tuple[int, Mapping[str, Any]]]
        entries = [(0, value)] if isinstance(value, dict) else list(_entries(value))
        aliases = [settings.get("alias") for _, settings in entries]
        for number, settings in entries:
            alias = settings.get("alias")
            mark = str(number) if len(entries) > 1 else ""
            if isinstance(alias, str) and aliases.count(alias) == 1:
                mark = alias
            yield Plugin(f"{kind}.{name}[{mark}]" if mark else f"{kind}.{name}", settings, name)


def _entries(value: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    entries = value if isinstance(value, list | tuple) else ()
    return ((number, entry) for number, entry in enumerate(entries) if isinstance(entry, Mapping))


def _replaced(value: Any, environment: Mapping[str, str], path: str, unset: list[tuple[str, str]]) -> Any:
    """Return `value` frozen, with the variables in its strings replaced."""
    if isinstance(value, dict):
        items = {key: _replaced(item, environment, f"{path}.{key}", unset) for key, item in value.items()}
        return MappingProxyType(items)
    if isinstance(value, list):
        return tuple(_replaced(item, environment, path, unset) for item in value)
    if not isinstance(value, str):
        return value
    names: set[str] = set()
    text = substitute(value, environment, names)
    if path.rpartition(".")[2] not in _EXPRESSIONS:  # there ${name} is a group of the regular expression
        unset += [(path, name) for name in sorted(names)]
    return text


def _unreadable(path: Path, message: str) -> ConfigurationError:
    return ConfigurationError(str(path), [Problem("", message)])
