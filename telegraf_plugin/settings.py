"""Both files together: queries.yaml, and of telegraf.conf what Telegraf makes of the tags of each stream.

telegraf.conf is looked for where Telegraf does: at TELEGRAF_CONFIG_PATH, else `telegraf.conf` in the folder in which
the program runs, else /etc/telegraf/telegraf.conf.

A changed queries.yaml is taken over while the plugin runs (`ConfigFile`): looked at on each tick, refused with reasons.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from telegraf_plugin import config, lint
from telegraf_plugin.config import Config
from telegraf_plugin.errors import ConfigurationError
from telegraf_plugin.lint import renames
from telegraf_plugin.lint.telegraf_conf import Plugin

log = logging.getLogger(__name__)


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


class ConfigFile:
    """The file at `path`, read with the variables of `environment`; `config` is what it said when it was loaded.

    Where that is a shard's share, only a change of that share counts.
    """

    def __init__(self, path: Path, environment: Mapping[str, str], config: Config) -> None:
        self._path, self._environment, self._config = path, environment, config
        self._seen = self._look()
        self._processors = processors(environment)

    def changed(self) -> bool:
        """Say whether the file holds another configuration by now, that can be used. One that cannot is refused."""
        seen = self._look()
        if seen == self._seen:
            return False
        self._seen = seen
        try:
            config = load(self._path, self._environment).share(self._config.shard)
        except ConfigurationError as error:
            for problem in error.problems:
                log.error("%s was changed and is refused: %s", self._path, problem)
            text = "%s: what it said before goes on; correct the file, it is looked at on each tick"
            if any(problem.unset for problem in error.problems):
                text += "; a variable that is new in .env counts when the collector is restarted"
            log.error(text, self._path)
            return False
        if config == self._config:
            of = f" of the sources of shard {config.shard}" if config.shard is not None else ""
            log.info("%s was written again, and says%s what it said before", self._path, of)
            return False
        if processors(self._environment) != self._processors:
            text = "%s was changed, and telegraf.conf's processors too, which Telegraf takes over when it is restarted:"
            log.error(text + " restart it, then both are taken over; until then what both said goes on", self._path)
            return False
        log.warning("%s was changed: the new configuration is taken over", self._path)
        return True

    def _look(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
