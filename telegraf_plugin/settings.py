"""Both files together: queries.yaml, and of telegraf.conf what Telegraf makes of the tags of each stream.

telegraf.conf is looked for where Telegraf does: at TELEGRAF_CONFIG_PATH, else `telegraf.conf` in the folder in which
the program runs, else /etc/telegraf/telegraf.conf. A folder `telegraf.d` beside it belongs to it.

`python -m telegraf_plugin.settings QUERIES` is the process in which the plugin has them read (`config.reader_process`).
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from telegraf_plugin import lint
from telegraf_plugin.config import Config
from telegraf_plugin.config.load import load as load_queries
from telegraf_plugin.config.reader_process import Refusal, Remark, Settings, answer, look
from telegraf_plugin.errors import ConfigurationError, Problem
from telegraf_plugin.lint import renames
from telegraf_plugin.lint.telegraf_conf import TelegrafConf, beside


def load(queries: Path, environment: Mapping[str, str], conf: Path | None = None) -> Config:
    """Return the configuration that `queries` and `environment` make, with the renames of telegraf.conf.

    `conf` is its place, if it is not to be looked for. Raises ConfigurationError, also for a stream that could not be
    proved.
    """
    return _loaded(queries, environment, _TelegrafFile.at(conf or telegraf_conf(environment), environment))


@dataclass(frozen=True)
class _TelegrafFile:
    """telegraf.conf at `place`, if there is one; `conf`: what it says, else `problems` why that is not known."""

    place: Path | None
    conf: TelegrafConf | None = None
    problems: tuple[Problem, ...] = ()

    @classmethod
    def at(cls, place: Path | None, environment: Mapping[str, str]) -> _TelegrafFile:
        """Read it."""
        if place is None:
            return cls(None)
        try:
            return cls(place, lint.read(place, environment, beside(place)))
        except ConfigurationError as error:
            return cls(place, None, tuple(error.problems))


def _loaded(queries: Path, environment: Mapping[str, str], telegraf: _TelegrafFile) -> Config:
    loaded = load_queries(queries, environment)
    why = "there is no telegraf.conf to be read"
    if telegraf.place is not None:
        why = f"{telegraf.place} {'; '.join(problem.message for problem in telegraf.problems)}"
    found = renames.with_renames(loaded, telegraf.conf, why if telegraf.conf is None else "")
    if problems := renames.check(found):
        raise ConfigurationError(str(queries), problems)
    return found


def telegraf_conf(environment: Mapping[str, str]) -> Path | None:
    """Return the place of telegraf.conf; None where there is none."""
    named = environment.get("TELEGRAF_CONFIG_PATH")
    places = [Path(named)] if named else [Path("telegraf.conf"), Path("/etc/telegraf/telegraf.conf")]
    return next((path for path in places if path.is_file()), None)


def read(queries: Path, environment: Mapping[str, str]) -> Settings:
    """Return what both files say, and what telegraf.conf would lose. Raises ConfigurationError as `load` does."""
    seen = look(queries)
    telegraf = _TelegrafFile.at(telegraf_conf(environment), environment)
    config, conf = _loaded(queries, environment, telegraf), telegraf.conf
    remarks: tuple[Remark, ...] = ()
    if conf is not None and telegraf.place is not None:
        remarks = tuple(_remarks(config, conf, telegraf.place))
    elif telegraf.problems:
        said = f"cannot look for mistakes in {telegraf.place}: {'; '.join(map(str, telegraf.problems))}"
        remarks = ((logging.WARNING, said),)
    interval = lint.interval_of(conf) if conf is not None else None
    return Settings(config, interval, remarks, _told_apart(conf), seen)


def _remarks(config: Config, conf: TelegrafConf, place: Path) -> Iterator[Remark]:
    for found in lint.lint(config, conf, config.max_in_flight):
        file = conf.file_of(found.key) or place if found.file is lint.File.TELEGRAF else "queries.yaml"
        level = logging.INFO if found.hint else logging.WARNING
        yield level, f"{file}: {found.key}: {found.why}; write: {' '.join(found.write.split())}"


def _told_apart(conf: TelegrafConf | None) -> bytes:
    """Return what tells the processors of `conf` from others."""
    return hashlib.sha256(repr(conf.processors if conf is not None else ()).encode()).digest()


def _main(queries: Path) -> None:
    found: Settings | Refusal
    try:
        found = read(queries, os.environ)
    except ConfigurationError as error:
        found = Refusal(error.file, tuple(error.problems))
    with suppress(BrokenPipeError), os.fdopen(sys.stdout.fileno(), "wb", closefd=False) as out:  # the plugin is gone
        out.write(answer(found))


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
