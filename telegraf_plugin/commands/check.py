"""`data-collector check`: settings, both files, and Telegraf's own opinion, in one look. Nothing is connected to.

`scripts/collector --check` and `data-collector --check` are the same. The start script looks too (`look`), before it
starts Telegraf.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from telegraf_plugin.commands import health_port
from telegraf_plugin.commands.arguments import add_json, add_telegraf_config
from telegraf_plugin.commands.ending import UNUSABLE, refused
from telegraf_plugin.commands.tables import write_json
from telegraf_plugin.commands.telegraf_program import NOWHERE, CannotCheck, complaints, telegraf_program
from telegraf_plugin.config import Config
from telegraf_plugin.config.load import load
from telegraf_plugin.config.settings import WITH_DEFAULT, problems
from telegraf_plugin.errors import ConfigurationError, Problem
from telegraf_plugin.lint import renames
from telegraf_plugin.lint.finding import File, Finding
from telegraf_plugin.lint.report import as_json as report_json
from telegraf_plugin.lint.report import write_report
from telegraf_plugin.lint.rules import lint
from telegraf_plugin.lint.telegraf_conf import TelegrafConf, beside, read

SECRETS_CONF = Path("config/secrets.conf")
"""What Telegraf reads besides when tokens are files."""
_EPILOG = """\
examples:
  data-collector check
      config/queries.yaml with telegraf.conf, and the settings of .env
  data-collector check --config /etc/data-collector/queries.yaml --telegraf-config /etc/telegraf/telegraf.conf \\
      --env-file /etc/default/telegraf
      a Telegraf that exists already (docs/telegraf.md), its folder /etc/telegraf/telegraf.d with it

It looks at the settings, at each file by itself, and at what the two would lose together; and it asks Telegraf (the one
on PATH, else the clone's in .engines/bin) what it thinks of telegraf.conf: telegraf config check --strict-env-handling.
What scripts/collector derives from the settings is derived here too. No server is asked for anything; whether the port
of the health check is free is tried on this machine.
Every finding says file, key, why it matters and the line to write. A hint is what only the data can decide.
scripts/collector --check and data-collector --check do the same.

exit status: 0 nothing to change (hints do not count), 1 findings, 2 settings or a file cannot be read or used
"""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen: both files, unless `wrong` says why they cannot be used; `asked`: whether Telegraf was."""

    config: Config | None
    conf: TelegrafConf | None
    wrong: Sequence[ConfigurationError]
    asked: bool


def look(queries: Path, conf: Path, environment: Mapping[str, str], folders: Sequence[Path] = ()) -> Look:
    """Look at the settings in `environment` (completed), at the files `queries` and `conf`, and ask Telegraf.

    What is in `folders` belongs to `conf`, as with Telegraf's `--config-directory`.
    """
    wrong = []
    if found := list(problems(environment)):
        wrong.append(ConfigurationError("environment", found))
        # What follows from them is not said once more by those who use them.
        unusable = {problem.path for problem in found} & set(WITH_DEFAULT)
        environment = {name: value for name, value in environment.items() if name not in unusable}
    config = telegraf_conf = None
    try:
        config = load(queries, environment)
    except ConfigurationError as error:
        wrong.append(_explained(error, queries))
    try:
        telegraf_conf = read(conf, environment, folders)
    except ConfigurationError as error:
        wrong.append(_explained(error, conf))
    if config is not None and telegraf_conf is not None:
        clash = renames.check(renames.with_renames(config, telegraf_conf))
        if clash:
            wrong.append(ConfigurationError(str(queries), clash))
    asked = False
    if telegraf_conf is not None and (program := telegraf_program()) is not None:
        files = [SECRETS_CONF, conf] if environment.get("COLLECTOR_SECRETS") and SECRETS_CONF.exists() else [conf]
        try:
            told = complaints(program, files, environment, folders)
        except CannotCheck as error:
            told = [str(error)]
        asked = True
        if told:
            wrong.append(ConfigurationError(str(conf), [Problem("", f"Telegraf: {line}") for line in told]))
    return Look(config, telegraf_conf, wrong, asked)


def _explained(error: ConfigurationError, file: Path) -> ConfigurationError:
    """Say what to do about a file that is there and may not be read."""
    if not file.exists() or os.access(file, os.R_OK):
        return error
    # Mounted from a clone that was made under umask 027, for a user who is not its owner.
    hint = f"cannot be read by user {os.getuid()}: chmod -R o+rX telegraf.conf config"
    return ConfigurationError(str(file), [Problem("", hint)])


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes to its `parser`."""
    parser.description = (
        "Look for what is wrong with the settings, queries.yaml and telegraf.conf, each and together; offline."
    )
    parser.epilog = _EPILOG
    add_telegraf_config(parser)
    parser.add_argument(
        "--telegraf-directory",
        type=Path,
        action="append",
        metavar="FOLDER",
        help="its files too, as telegraf's --config-directory (unless given: telegraf.d beside the file)",
    )
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Run `data-collector check` with these `options` and return the exit status."""
    folders = getattr(options, "telegraf_directory", None) or beside(options.telegraf_config)
    seen = look(options.config, options.telegraf_config, os.environ, folders)
    if seen.wrong or seen.config is None or seen.conf is None:
        if options.json:
            told = [each for error in seen.wrong for each in _as_json(error)]
            write_json({"clean": False, "problems": told}, sys.stdout)
            return UNUSABLE
        return refused(seen.wrong, "nothing was checked")
    found = dict(lint(seen.config, seen.conf, seen.config.max_in_flight))
    if port := health_port.trouble(seen.conf, running=True):
        # A hint, as it is of this moment: what has the port may be gone when the collector starts.
        write = "HEALTH_CHECK_PORT=<port> in .env"
        found[Finding(File.TELEGRAF, "outputs.health.service_address", port, write, hint=True)] = "port"
    files, conf = {File.QUERIES: options.config, File.TELEGRAF: options.telegraf_config}, seen.conf

    def place(finding: Finding) -> Path:
        return (finding.file is File.TELEGRAF and conf.file_of(finding.key)) or files[finding.file]

    if options.json:
        sys.stdout.write(report_json(found, place))
    else:
        write_report(found, files, place, sys.stdout)
        if not seen.asked:
            sys.stdout.write(f"telegraf {NOWHERE}: it was not asked what it thinks of {options.telegraf_config}\n")
    return 0 if all(finding.hint for finding in found) else 1


def _as_json(error: ConfigurationError) -> list[dict[str, str]]:
    return [{"file": error.file, "key": problem.path, "message": problem.message} for problem in error.problems]
