"""`data-collector check`: read both files, lint them, report. Nothing is connected to."""

from __future__ import annotations

import argparse
import os
import sys

from telegraf_plugin.commands.arguments import add_json, add_telegraf_config
from telegraf_plugin.commands.ending import UNUSABLE, refused
from telegraf_plugin.commands.tables import write_json
from telegraf_plugin.config import load
from telegraf_plugin.errors import ConfigurationError
from telegraf_plugin.lint import renames
from telegraf_plugin.lint.finding import File
from telegraf_plugin.lint.report import as_json as report_json
from telegraf_plugin.lint.report import write_report
from telegraf_plugin.lint.rules import lint
from telegraf_plugin.lint.telegraf_conf import read
from telegraf_plugin.lint.variables import as_started

_EPILOG = """\
example:
  set -a; . ./.env; set +a
  data-collector check --config config/queries.yaml --telegraf-config telegraf.conf

Both files take values from environment variables, so they are checked with the environment that they will run in.
Every finding says file, key, why it matters and the line to write. A hint is what only the data can decide.

exit status: 0 nothing to change (hints do not count), 1 findings, 2 a file cannot be read or used
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes to its `parser`."""
    parser.description = (
        "Look for what in queries.yaml with telegraf.conf would lose, double or misplace points; offline."
    )
    parser.epilog = _EPILOG
    add_telegraf_config(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Run `data-collector check` with these `options` and return the exit status."""
    wrong: list[ConfigurationError] = []
    config = telegraf_conf = None
    try:
        config = load(options.config, os.environ)
    except ConfigurationError as error:
        wrong.append(error)
    try:
        telegraf_conf = read(options.telegraf_config, as_started(os.environ))
    except ConfigurationError as error:
        wrong.append(error)
    if config is not None and telegraf_conf is not None:
        known = renames.with_renames(config, telegraf_conf)
        if found := renames.check(known):
            wrong.append(ConfigurationError(str(options.config), found))
    if config is None or telegraf_conf is None or wrong:
        if options.json:
            write_json({"clean": False, "problems": [each for error in wrong for each in _as_json(error)]}, sys.stdout)
            return UNUSABLE
        return refused(wrong, "nothing was checked")
    findings = lint(config, telegraf_conf, config.max_in_flight)
    files = {File.QUERIES: options.config, File.TELEGRAF: options.telegraf_config}
    if options.json:
        sys.stdout.write(report_json(findings, files))
    else:
        write_report(findings, files, sys.stdout)
    return 0 if all(finding.hint for finding in findings) else 1


def _as_json(error: ConfigurationError) -> list[dict[str, str]]:
    return [{"file": error.file, "key": problem.path, "message": problem.message} for problem in error.problems]
