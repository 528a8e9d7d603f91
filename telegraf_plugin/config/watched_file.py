"""A changed queries.yaml is taken over while the plugin runs: looked at on each tick, refused with reasons."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from telegraf_plugin.config.reader_process import Settings, look, settings_of
from telegraf_plugin.config.shards import Shard
from telegraf_plugin.errors import ConfigurationError

log = logging.getLogger(__name__)


class ConfigFile:
    """The file at `path`, read with the variables of `environment`; `settings` is what it said when it was loaded.

    With a `shard`, only a change of that share counts.
    """

    def __init__(
        self,
        path: Path,
        environment: Mapping[str, str],
        settings: Settings,
        shard: Shard | None = None,
        read: Callable[[Path, Mapping[str, str]], Settings] = settings_of,
    ) -> None:
        """`read` reads it, and raises ConfigurationError, and OSError where that must be tried again."""
        self._path, self._environment, self._read = path, environment, read
        self._config, self._processors = settings.config.share(shard), settings.processors
        self._seen = settings.seen

    def changed(self) -> bool:
        """Say whether the file holds another configuration by now, that can be used. One that cannot is refused."""
        seen = look(self._path)
        if seen == self._seen:
            return False
        self._seen = seen
        try:
            found = self._read(self._path, self._environment)
        except OSError as error:
            log.error("%s was changed, and cannot be read: %s; it is tried again on the next tick", self._path, error)
            self._seen = None
            return False
        except ConfigurationError as error:
            for problem in error.problems:
                log.error("%s was changed and is refused: %s", self._path, problem)
            text = "%s: what it said before goes on; correct the file, it is looked at on each tick"
            if any(problem.unset for problem in error.problems):
                text += "; a variable that is new in .env counts when the collector is restarted"
            log.error(text, self._path)
            return False
        config = found.config.share(self._config.shard)
        if config == self._config:
            of = f" of the sources of shard {config.shard}" if config.shard is not None else ""
            log.info("%s was written again, and says%s what it said before", self._path, of)
            return False
        if found.processors != self._processors:
            text = "%s was changed, and telegraf.conf's processors too, which Telegraf takes over when it is restarted:"
            log.error(text + " restart it, then both are taken over; until then what both said goes on", self._path)
            return False
        log.warning("%s was changed: the new configuration is taken over", self._path)
        return True
