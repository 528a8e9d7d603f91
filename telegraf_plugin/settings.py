"""Both files together: queries.yaml, and of telegraf.conf what Telegraf makes of the tags of each stream.

telegraf.conf is looked for where Telegraf does: at TELEGRAF_CONFIG_PATH, else `telegraf.conf` in the folder in which
the program runs, else /etc/telegraf/telegraf.conf.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from telegraf_plugin import config, lint
from telegraf_plugin.config import Config
from telegraf_plugin.errors import ConfigurationError
from telegraf_plugin.lint import renames
from telegraf_plugin.lint.telegraf_conf import Plugin


def load(queries: Path, environment: Mapping[str, str], conf: Path | None = None) -> Config:
    """Return the configuration that `queries` and `environment` make, with the renames of telegraf.conf.

    `conf` is its place, if it is not to be looked for. Raises ConfigurationError, also for a stream that could not be
    proved.
    """
    loaded = config.load(queries, environment)
    conf = conf or telegraf_conf(environment)
    if conf is None:
        return _checked(renames.with_renames(loaded, None, "there is no telegraf.conf to be read"), queries)
    try:
        read = lint.read(conf, environment)
    except ConfigurationError as error:
        why = "; ".join(problem.message for problem in error.problems)
        return _checked(renames.with_renames(loaded, None, f"{conf} {why}"), queries)
    return _checked(renames.with_renames(loaded, read), queries)


def telegraf_conf(environment: Mapping[str, str]) -> Path | None:
    """Return the place of telegraf.conf; None where there is none."""
    named = environment.get("TELEGRAF_CONFIG_PATH")
    places = [Path(named)] if named else [Path("telegraf.conf"), Path("/etc/telegraf/telegraf.conf")]
    return next((path for path in places if path.is_file()), None)


def processors(environment: Mapping[str, str]) -> tuple[Plugin, ...]:
    """Return the processors of telegraf.conf as it is now; none where it cannot be read."""
    conf = telegraf_conf(environment)
    try:
        return lint.read(conf, environment).processors if conf is not None else ()
    except ConfigurationError:
        return ()


def _checked(loaded: Config, queries: Path) -> Config:
    if problems := renames.check(loaded):
        raise ConfigurationError(str(queries), problems)
    return loaded
