"""`data-collector check`: read both files, lint them, report. Nothing is connected to."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from telegraf_plugin.config import load
from telegraf_plugin.errors import ConfigurationError
from telegraf_plugin.lint import renames
from telegraf_plugin.lint.finding import File
from telegraf_plugin.lint.report import as_json, write_report
from telegraf_plugin.lint.rules import lint
from telegraf_plugin.lint.telegraf_conf import read

_EPILOG = """\
example:
  set -a; . ./.env; set +a
  data-collector check --config config/queries.yaml --telegraf-config telegraf.conf

Both files take values from environment variables, so they are checked with the environment that they will run in.
Every finding says file, key, why it matters and the line to write. A hint is what only the data can decide.

exit status: 0 nothing to change (hints do not count), 1 findings, 2 a file cannot be read or used
"""


def check(arguments: Sequence[str]) -> int:
    """Run `data-collector check` with these `arguments` and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="data-collector check",
        description="Look for what in queries.yaml with telegraf.conf would lose, double or misplace points; offline.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    queries = Path(os.environ.get("COLLECTOR_QUERIES") or "config/queries.yaml")
    conf = Path("telegraf.conf")
    parser.add_argument("--config", type=Path, default=queries, metavar="FILE", help="what is read (%(default)s)")
    parser.add_argument(
        "--telegraf-config", type=Path, default=conf, metavar="FILE", help="where it goes (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="for scripts: one JSON object")
    options = parser.parse_args(arguments)
    problems: list[dict[str, str]] = []
    config = telegraf_conf = None
    try:
        config = load(options.config, os.environ)
    except ConfigurationError as error:
        problems += _told(error)
    try:
        telegraf_conf = read(options.telegraf_config, os.environ)
    except ConfigurationError as error:
        problems += _told(error)
    if config is not None and telegraf_conf is not None:
        known = renames.with_renames(config, telegraf_conf)
        problems += _told(ConfigurationError(str(options.config), found)) if (found := renames.check(known)) else []
    if config is None or telegraf_conf is None or problems:
        return _unusable(problems, options.json)
    findings = lint(config, telegraf_conf, config.max_in_flight)
    files = {File.QUERIES: options.config, File.TELEGRAF: options.telegraf_config}
    if options.json:
        sys.stdout.write(as_json(findings, files))
    else:
        write_report(findings, files, sys.stdout)
    return 0 if all(finding.hint for finding in findings) else 1


def _told(error: ConfigurationError) -> list[dict[str, str]]:
    return [{"file": error.file, "key": problem.path, "message": problem.message} for problem in error.problems]


def _unusable(problems: list[dict[str, str]], as_object: bool) -> int:
    if as_object:
        sys.stdout.write(json.dumps({"clean": False, "problems": problems}, indent=2, ensure_ascii=False) + "\n")
    else:
        lines = (": ".join(filter(None, problem.values())) for problem in problems)
        sys.stderr.writelines(f"{line}\n" for line in lines)
        sys.stderr.write("the files cannot be checked until this is mended\n")
    return 2
