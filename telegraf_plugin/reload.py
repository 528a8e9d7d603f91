"""A changed queries.yaml is taken over while the plugin runs: looked at on each tick, refused with its reasons."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from telegraf_plugin import settings
from telegraf_plugin.config import Config
from telegraf_plugin.errors import ConfigurationError

log = logging.getLogger(__name__)


class ConfigFile:
    """The file at `path`, read with the variables of `environment`; `config` is what it said when it was loaded."""

    def __init__(self, path: Path, environment: Mapping[str, str], config: Config) -> None:
        self._path, self._environment, self._config = path, environment, config
        self._seen = self._look()
        self._processors = settings.processors(environment)

    def changed(self) -> bool:
        """Say whether the file holds another configuration by now, that can be used. One that cannot is refused."""
        seen = self._look()
        if seen == self._seen:
            return False
        self._seen = seen
        try:
            config = settings.load(self._path, self._environment)
        except ConfigurationError as error:
            for problem in error.problems:
                log.error("%s was changed and is refused: %s", self._path, problem)
            text = "%s: what it said before goes on; correct the file, it is looked at on each tick"
            if any(problem.unset for problem in error.problems):
                text += "; a variable that is new in .env counts when the collector is restarted"
            log.error(text, self._path)
            return False
        if config == self._config:
            log.info("%s was written again, and says what it said before", self._path)
            return False
        if settings.processors(self._environment) != self._processors:
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
