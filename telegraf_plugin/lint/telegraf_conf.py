"""telegraf.conf as the lint sees it: read, its variables replaced as Telegraf does, frozen.

It may be several files: those of a folder go with it, as with Telegraf's `--config-directory`. Telegraf loads them one
after the other: plugins are added, what an `[agent]` says replaces what an earlier one said.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
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
_ENDING = ".conf"


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
    """All files as one. `unset`: key path and variable, where one is needed and not set.

    `files`: of each plugin's path, and of each setting of the agent's, the file in which it stands.
    """

    agent: Table
    global_tags: tuple[Table, ...]
    inputs: tuple[Plugin, ...]
    processors: tuple[Plugin, ...]
    aggregators: tuple[Plugin, ...]
    outputs: tuple[Plugin, ...]
    unset: tuple[tuple[str, str], ...]
    files: tuple[tuple[str, Path], ...] = ()

    def file_of(self, key: str) -> Path | None:
        """Return the file in which the table or the agent's setting of a key path stands; None where none has it."""
        return next(
            (file for path, file in self.files if key == path or key.startswith((f"{path}.", f"{path}["))), None
        )

    def outputs_named(self, name: str) -> tuple[Plugin, ...]:
        """Return the outputs of one kind, in the file's order."""
        return tuple(plugin for plugin in self.outputs if plugin.name == name)


def read(path: Path, environment: Mapping[str, str], folders: Sequence[Path] = ()) -> TelegrafConf:
    """Return what the file at `path`, those in `folders` behind it, and the variables of `environment` make.

    Raises ConfigurationError when one cannot be read or is not TOML; the message quotes nothing of it.
    """
    found = {file: _raw(file) for file in (path, *(file for folder in folders for file in files_in(folder)))}
    return _frozen(found, environment)


def parse(text: str, environment: Mapping[str, str]) -> TelegrafConf:
    """Return what one file's `text` means. Raises tomllib.TOMLDecodeError. Pure."""
    return _frozen({Path("telegraf.conf"): _loaded(text)}, environment)


def beside(path: Path) -> tuple[Path, ...]:
    """Return the folder `telegraf.d` beside telegraf.conf, which Telegraf's service loads too; none where none is."""
    folder = path.parent / "telegraf.d"
    return (folder,) if folder.is_dir() else ()


def files_in(folder: Path) -> list[Path]:
    """Return the files that `telegraf --config-directory` loads, in its order. Raises ConfigurationError."""
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: entry.name.encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise _unreadable(folder, f"cannot be read: {error.strerror}") from None
    found = []
    for entry in entries:
        if entry.is_dir() and not entry.is_symlink():
            found += files_in(entry) if not entry.name.startswith("..") else []
        elif len(entry.name) > len(_ENDING) and entry.name.endswith(_ENDING):
            found.append(entry)
    return found


def _raw(path: Path) -> dict[str, Any]:
    """Return the file as TOML has it. Raises ConfigurationError."""
    try:
        return _loaded(read_text(path, MAX_BYTES, "utf-8-sig"))
    except UnfitFile as unfit:
        raise _unreadable(path, str(unfit)) from None
    except tomllib.TOMLDecodeError as error:
        # What stands in quotes may be a value, and a value a token: it is not repeated.
        raise _unreadable(path, f"is not TOML: {_QUOTED.sub('...', str(error))}") from None
    except RecursionError:
        raise _unreadable(path, "is nested too deeply") from None


def _loaded(text: str) -> dict[str, Any]:
    return tomllib.loads(text.replace("\r\n", "\n"))


def _frozen(found: Mapping[Path, Mapping[str, Any]], environment: Mapping[str, str]) -> TelegrafConf:
    """Return the files, in Telegraf's order, as one, with the variables of `environment`. Pure."""
    plugins: dict[str, tuple[Plugin, ...]] = {}
    unset: list[tuple[str, str]] = []
    files: list[tuple[str, Path]] = []
    for kind in ("inputs", "processors", "aggregators", "outputs"):
        of_kind = list(_plugins(kind, {file: raw.get(kind) for file, raw in found.items()}))
        plugins[kind] = tuple(
            Plugin(plugin.path, _replaced(plugin.settings, environment, plugin.path, unset), plugin.name)
            for plugin, _ in of_kind
        )
        files += ((plugin.path, file) for plugin, file in of_kind)
    tables = {}
    for name in ("agent", "global_tags", "tags"):
        merged: dict[str, Any] = {}
        for file, raw in found.items():
            own = raw[name] if isinstance(raw.get(name), dict) else {}
            merged |= own
            files[:0] = [(f"{name}.{key}", file) for key in own]
        tables[name] = Table(name, _replaced(merged, environment, name, unset))
    agent = tables.pop("agent")
    return TelegrafConf(
        _with_hostname(agent, found), tuple(tables.values()), **plugins, unset=tuple(unset), files=tuple(files)
    )


def _with_hostname(agent: Table, found: Mapping[Path, Mapping[str, Any]]) -> Table:
    """Return the agent as Telegraf runs it: the host's name is a tag as soon as one file, when loaded, leaves it in."""
    omitted, everywhere = False, True
    for raw in found.values():
        own = raw.get("agent")
        omitted = bool(own.get("omit_hostname", omitted)) if isinstance(own, dict) else omitted
        everywhere = everywhere and omitted
    if "omit_hostname" not in agent or everywhere:
        return agent
    return Table(agent.path, MappingProxyType({**agent.settings, "omit_hostname": False}))


def _plugins(kind: str, sections: Mapping[Path, Any]) -> Iterator[tuple[Plugin, Path]]:
    """Yield the plugins of all files, those of the first file first, each with its file."""
    by_name: dict[str, list[tuple[Path, Mapping[str, Any]]]] = {}
    for file, section in sections.items():
        for name, value in section.items() if isinstance(section, dict) else ():
            entries = [value] if isinstance(value, dict) else [entry for _, entry in _entries(value)]
            by_name.setdefault(name, []).extend((file, entry) for entry in entries)
    found: dict[Path, list[Plugin]] = {file: [] for file in sections}
    for name, placed in by_name.items():
        aliases = [settings.get("alias") for _, settings in placed]
        for number, (file, settings) in enumerate(placed):
            alias = settings.get("alias")
            mark = str(number) if len(placed) > 1 else ""
            if isinstance(alias, str) and aliases.count(alias) == 1:
                mark = alias
            found[file].append(Plugin(f"{kind}.{name}[{mark}]" if mark else f"{kind}.{name}", settings, name))
    for file, of_file in found.items():
        yield from ((plugin, file) for plugin in of_file)


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
