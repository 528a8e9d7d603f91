"""The command line: `data-collector`, which Telegraf starts as its plugin.

Exit status: 0 ended as asked, 1 Telegraf went away, 2 the configuration cannot be used (each problem is a line on
standard error).
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from telegraf_plugin import lint, settings
from telegraf_plugin.config import Config
from telegraf_plugin.errors import ConfigurationError, OutputClosed
from telegraf_plugin.plugin import Plugin
from telegraf_plugin.reload import ConfigFile
from telegraf_plugin.telegraf.logs import LEVELS, set_up
from telegraf_plugin.telegraf.writer import LineWriter

log = logging.getLogger(__name__)

# By name, as they are not imported before they are asked for: the plugin counts its memory.
_COMMANDS = {
    "backfill": "telegraf_plugin.commands.backfill:main",
    "check": "telegraf_plugin.lint.command:check",
    "doctor": "telegraf_plugin.commands.doctor:main",
    "permissions": "telegraf_plugin.permissions:main",
    "preview": "telegraf_plugin.commands.preview:main",
    "status": "telegraf_plugin.commands.status:main",
    "verify": "telegraf_plugin.commands.verify:main",
}
_EPILOG = """\
commands, each with --help:
  check        what in queries.yaml with telegraf.conf would lose points; without any network
  doctor       look at all servers: reach, versions, clocks, rights, retention, field types; a remedy a line
  status       how each stream stands: lag, proved up to, left, held; --watch
  verify       compare what a source has with what central has, to the point; --repair
  backfill     have the running collector copy history
  preview      the lines that would be sent for a span, and where each would go
  permissions  the commands that create the collector's tokens, with the least rights

examples:
  data-collector --config config/queries.yaml
      what telegraf.conf runs: each newline on standard input is a tick
  echo | data-collector --config config/queries.yaml
      a try by hand: a mark and the collector's own metrics; data would follow when the mark can be read in central
  data-collector doctor
      before the first start, and when something is wrong

environment:
  LOG_LEVEL          DEBUG, INFO (default), WARN or WARNING, ERROR
  COLLECTOR_QUERIES  what to read, when --config does not say
  and the variables that the configuration names

exit status: 0 ended as asked, 1 Telegraf went away or a part of the plugin has died, 2 the configuration cannot be used
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line `arguments` (the process' own unless given) and return the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and words[0] in _COMMANDS:
        module, _, function = _COMMANDS[words[0]].partition(":")
        return int(getattr(import_module(module), function)(words[1:]))
    parser = argparse.ArgumentParser(
        prog="data-collector",
        description="Copy InfluxDB 2 buckets into a central InfluxDB 2: Telegraf's execd input plugin.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    queries = Path(os.environ.get("COLLECTOR_QUERIES") or "config/queries.yaml")
    log_file = Path("logs/collector.log")
    parser.add_argument("--config", type=Path, default=queries, metavar="FILE", help="what to read (%(default)s)")
    parser.add_argument("--log-file", type=Path, default=log_file, metavar="FILE", help="the log (%(default)s)")
    parser.add_argument("--check", action="store_true", help="say what is wrong with the configuration, and end")
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('data-collector')}")
    parser.add_argument("--ticked", action="store_true", help=argparse.SUPPRESS)  # begin with a tick that was read
    options = parser.parse_args(words)
    try:
        writer = LineWriter.take_stdout()
    except OutputClosed as closed:
        sys.stderr.write(f"E! {closed}: it is where the lines go; Telegraf gives a pipe\n")
        return 1
    level = os.environ.get("LOG_LEVEL", "").upper() or "INFO"
    problems = [] if level in LEVELS else [f"environment: LOG_LEVEL: expected one of {', '.join(LEVELS)}"]
    try:
        config = settings.load(options.config, os.environ)
    except ConfigurationError as error:
        problems += [f"{error.file}: {problem}" for problem in error.problems]
    if problems:
        return _refuse(problems)
    if options.check:
        return 0
    set_up(level, options.log_file, _secrets(config))
    _lint(config)
    plugin = Plugin(config, writer, ConfigFile(options.config, os.environ, config).changed, options.ticked)
    gc.freeze()  # what is loaded by now stays: the collector need not look at it again
    status = plugin.run()
    if status is None:
        # The ledger is the only state: to begin anew loses nothing, and leaves nothing of the old configuration.
        writer.restore_stdout()
        os.execv(sys.executable, [sys.executable, "-m", "telegraf_plugin", *words, "--ticked"])  # noqa: S606 (itself)
    return status or 0


def _secrets(config: Config) -> list[str]:
    servers = [config.central, *(source.server for source in config.sources)]
    return [server.credential.read() for server in servers]


def _lint(config: Config) -> None:
    """Log what telegraf.conf with this configuration would lose; the file is looked for where Telegraf does."""
    place = settings.telegraf_conf(os.environ)
    if place is None:
        return
    try:
        findings = lint.lint(config, lint.read(place, os.environ), config.max_in_flight)
    except ConfigurationError as error:
        log.warning("cannot look for mistakes in %s: %s", place, "; ".join(map(str, error.problems)))
        return
    for found in findings:
        file = place if found.file is lint.File.TELEGRAF else "queries.yaml"
        level = logging.INFO if found.hint else logging.WARNING
        log.log(level, "%s: %s: %s; write: %s", file, found.key, found.why, " ".join(found.write.split()))


def _refuse(problems: list[str]) -> int:
    """Say every problem on a line of its own, in Telegraf's form, and return the exit status."""
    count = len(problems)
    summary = f"{count} problem{'s' * (count > 1)} in the configuration; nothing is collected"
    sys.stderr.writelines(f"E! {line}\n" for line in [*problems, summary])
    return 2
