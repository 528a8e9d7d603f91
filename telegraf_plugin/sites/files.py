"""The files that name a site, as texts, and what can be asked of them together. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from telegraf_plugin.config.dotenv import parsed
from telegraf_plugin.config.load import made_of
from telegraf_plugin.config.model import Config
from telegraf_plugin.config.yaml_file import parsed as parsed_yaml
from telegraf_plugin.lint import telegraf_conf
from telegraf_plugin.lint.subject import Subject
from telegraf_plugin.lint.telegraf_conf import TelegrafConf
from telegraf_plugin.sites.yaml_text import NotEditable

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)")


class Impossible(Exception):
    """The source cannot be added, or taken out, as it was said; the message says why, and what to say instead."""


@dataclass(frozen=True, slots=True)
class Files:
    """What stands in them: `settings` is `.env`, `compose` docker-compose.secrets.yaml; None where there is none.

    They may hold tokens.
    """

    queries: str
    telegraf: str
    settings: str | None = field(default=None, repr=False)
    compose: str | None = None

    def config(self, place: Path, environment: Mapping[str, str]) -> Config:
        """Return what queries.yaml, which stands at `place`, makes; tokens are not looked at.

        Raises ConfigurationError.
        """
        return made_of(parsed_yaml(self.queries, place), place, environment, tokens=False)

    def conf(self, environment: Mapping[str, str]) -> TelegrafConf:
        """Return what telegraf.conf makes. Raises tomllib.TOMLDecodeError."""
        return telegraf_conf.parse(self.telegraf, environment)

    def variables(self) -> set[str]:
        """Return the variables that `.env` sets. Raises NotDotenv."""
        return set(parsed(self.settings)) if self.settings is not None else set()


def subject(config: Config, conf: TelegrafConf) -> Subject:
    """Return both as the lint sees them."""
    return Subject(config, conf, config.max_in_flight)


def references(value: Any) -> Iterator[str]:
    """Yield the names of the variables in all strings of `value`, as read from YAML or TOML."""
    if isinstance(value, str):
        yield from _REFERENCE.findall(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from references(key)
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def free_prefix(names: set[str]) -> str:
    """Return the first of SERVER_A to SERVER_Z, SERVER_AA and so on, with which none of the `names` begins."""
    letters = [*ascii_uppercase, *(first + second for first in ascii_uppercase for second in ascii_uppercase)]
    prefixes = (f"SERVER_{letter}" for letter in letters)
    return next(prefix for prefix in prefixes if not any(name.startswith(f"{prefix}_") for name in names))


@contextmanager
def named(file: str) -> Iterator[None]:
    """Put the name of `file` before what a NotEditable says that is raised meanwhile."""
    try:
        yield
    except NotEditable as error:
        raise NotEditable(f"{file} {error}") from None
