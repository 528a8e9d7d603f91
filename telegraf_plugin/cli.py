"""The command line: `data-collector`, which Telegraf starts as its plugin, and its commands.

Exit status of the plugin: 0 ended as asked, 1 Telegraf went away, 2 the configuration cannot be used (each problem is
a line on standard error).
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from importlib import import_module
from pathlib import Path

from telegraf_plugin import __version__
from telegraf_plugin.commands.arguments import Parser, add_config, joined, queries
from telegraf_plugin.commands.ending import ended, refused
from telegraf_plugin.config import Config, shards, standby
from telegraf_plugin.config.reader_process import ReaderProcess, Settings
from telegraf_plugin.config.settings import ENV_FILE, derived, outdated
from telegraf_plugin.config.settings import settings as completed
from telegraf_plugin.config.watched_file import ConfigFile
from telegraf_plugin.errors import ConfigurationError, OutputClosed, Problem
from telegraf_plugin.telegraf.logs import LEVELS, set_up
from telegraf_plugin.telegraf.writer import LineWriter

COMPLETING = "_ARGCOMPLETE"
"""The variable that is set when a shell asks how a line may go on."""
_M_TRIM_THRESHOLD, _M_ARENA_MAX = -1, -8  # malloc.h

log = logging.getLogger(__name__)

# By name, as they are not imported before they are asked for: the plugin counts its memory. Each module has
# `arguments`, which adds what the command takes to its parser, and `run`, which does it and returns the exit status.
_COMMANDS = {
    "start": ("telegraf_plugin.commands.start", "start Telegraf with the collector, as scripts/collector does"),
    "check": (
        "telegraf_plugin.commands.check",
        "what in queries.yaml with telegraf.conf would lose points; without any network",
    ),
    "doctor": (
        "telegraf_plugin.commands.doctor",
        "look at all servers: reach, versions, clocks, rights, retention, field types; a remedy a line",
    ),
    "status": (
        "telegraf_plugin.commands.status",
        "how each stream stands: lag, proved up to, left, held; --watch",
    ),
    "report": (
        "telegraf_plugin.report.command",
        "one HTML file to open, mail or print: what is complete, hour by hour, lag, held, dropped; --watch",
    ),
    "verify": (
        "telegraf_plugin.commands.verify",
        "compare what a source has with what central has, to the point; --repair",
    ),
    "backfill": ("telegraf_plugin.commands.backfill", "have the running collector copy history"),
    "pause": ("telegraf_plugin.commands.pause", "have the running collector leave a stream alone; --backlog"),
    "resume": ("telegraf_plugin.commands.resume", "have it go on with what was paused"),
    "preview": (
        "telegraf_plugin.commands.preview",
        "the lines that would be sent for a span, and where each would go",
    ),
    "permissions": (
        "telegraf_plugin.commands.permissions",
        "the commands that create the collector's tokens, with the least rights",
    ),
    "completion": ("telegraf_plugin.commands.completion", "what a shell needs to complete commands and streams"),
    "add-source": ("telegraf_plugin.commands.add_source", "a new site: all that its files need; --write"),
    "remove-source": ("telegraf_plugin.commands.remove_source", "a site taken out of the files; --write"),
}
_SETTINGS = "telegraf_plugin.settings"
_EPILOG = """\
examples:
  data-collector --config config/queries.yaml
      what telegraf.conf runs: each newline on standard input is a tick
  echo | data-collector --config config/queries.yaml
      a try by hand: a mark and the collector's own metrics; data would follow when the mark can be read in central
  data-collector doctor
      before the first start, and when something is wrong

environment:
  LOG_LEVEL           DEBUG, INFO (default), WARN or WARNING, ERROR
  COLLECTOR_QUERIES   what to read, when --config does not say
  COLLECTOR_ENV_FILE  the settings, when --env-file does not say; empty: none but the environment's
  COLLECTOR_SHARD     2/8: take the sources that fall to the second of eight collectors (docs/shards.md)
  COLLECTOR_STANDBY   yes: of several with the same files one reads, the others stand by (docs/shards.md)
  COLLECTOR_SECRETS   a folder with the tokens as files: SERVER_A_TOKEN is its file server_a_token, and so on
  and the variables that the configuration names; what is not set comes from .env beside the configuration

exit status: 0 ended as asked, 1 Telegraf went away or a part of the plugin has died, 2 the configuration or the command
line cannot be used; of a command: 130 Ctrl-C, 141 nobody reads what it prints, and what its --help says
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line `arguments` (the process' own unless given) and return the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if COMPLETING in os.environ:
        return _complete(os.environ.get("COMP_LINE", "").split()[1:])
    with ExitStack() as stack:
        if not {"-h", "--help", "--version"} & set(words):
            status = ended(lambda: _settle(words, stack))
            if status:
                return status
        return _run(words)


def _complete(words: Sequence[str]) -> int:
    """Tell the shell, which asks by variables of argcomplete's, how the line of `words` may go on."""
    with ExitStack() as stack:
        with suppress(ConfigurationError):
            _settle(words, stack, quiet=True)
        import_module("telegraf_plugin.commands.completion").complete(_parser(), words)
    return 0


def _settle(words: Sequence[str], stack: ExitStack, quiet: bool = False) -> int:
    """Complete the environment by `.env`, until `stack` ends: before all else, as defaults depend on it; returns 0.

    Raises ConfigurationError when the file cannot be used.
    """
    early = Parser(add_help=False, exit_on_error=False)
    add_config(early, None)
    named = argparse.Namespace(env_file=None, config=None)
    with suppress(argparse.ArgumentError):  # told later, with the whole command line
        early.parse_known_args(words, named)
    starts = words[:1] == ["start"]
    found = completed(os.environ, named.env_file, None if starts else named.config)
    if found.overruled and not quiet:
        names = ", ".join(found.overruled)
        sys.stderr.write(f"W! set in the environment, so that {found.file} is not used for it: {names}\n")
    # The plugin has what Telegraf has, and says so when that is not what fits.
    plugin = not any(word in (*_COMMANDS, "--check") for word in words)
    if not (plugin or quiet) and (told := outdated(found.environment)):
        sys.stderr.write(f"W! {told}\n")
    complete = dict(found.environment) if plugin else derived(found.environment)
    if found.file is not None:
        complete[ENV_FILE] = str(found.file)
    stack.enter_context(_environment(complete))
    return 0


@contextmanager
def _environment(environment: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _run(words: Sequence[str]) -> int:
    """Do what the command line `words` asks; returns the exit status."""
    parser = _parser()
    if words[:1] == ["start"]:
        options, rest = parser.parse_known_args(words)
        options.rest, options.commands = rest, [name for name in _COMMANDS if name != "start"]
    else:
        options = parser.parse_args(joined(words))
        if options.check:
            options.command, options.json = "check", False
            options.telegraf_config = import_module(_SETTINGS).telegraf_conf(os.environ) or Path("telegraf.conf")
    if options.command:
        command = import_module(_COMMANDS[options.command][0]).run
        return ended(lambda: int(command(options)))
    return _plugin(options, words)


def _parser() -> Parser:
    """Return the one parser of all that the program can be asked."""
    parser = Parser(
        prog="data-collector",
        description="Copy InfluxDB 2 buckets into a central InfluxDB 2: Telegraf's execd input plugin.",
        epilog=_EPILOG,
    )
    add_config(parser, queries())
    log_file = Path("logs/collector.log")
    parser.add_argument("--log-file", type=Path, default=log_file, metavar="FILE", help="the log (%(default)s)")
    parser.add_argument("--check", action="store_true", help="the same as the command check")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument("--ticked", action="store_true", help=argparse.SUPPRESS)  # begin with a tick that was read
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands, each with --help")
    for name, (module, summary) in _COMMANDS.items():
        commands.add_parser(name, help=summary).later(partial(_arguments, module))
    return parser


def _arguments(module: str, parser: argparse.ArgumentParser) -> None:
    if module != _COMMANDS["start"][0]:  # whose --config is Telegraf's
        add_config(parser)
    import_module(module).arguments(parser)


def _plugin(options: argparse.Namespace, words: Sequence[str]) -> int:
    """Be the plugin that Telegraf runs; returns the exit status. `words` are its command line."""
    try:
        writer = LineWriter.take_stdout()
    except OutputClosed as closed:
        sys.stderr.write(f"E! {closed}: it is where the lines go; Telegraf gives a pipe\n")
        return 1
    reader = ReaderProcess(options.config, os.environ)
    from telegraf_plugin.plugin import FIRST_INTERVAL, Plugin  # what takes longest to load, while the files are read

    level = os.environ.get("LOG_LEVEL", "").upper() or "INFO"
    wrong = []
    if level not in LEVELS:
        wrong.append(ConfigurationError("environment", [Problem("LOG_LEVEL", f"expected one of {', '.join(LEVELS)}")]))
    for setting in (shards, standby):
        try:
            setting.of(os.environ)
        except ValueError as error:
            wrong.append(ConfigurationError("environment", [Problem(setting.VARIABLE, str(error))]))
    try:
        found = _read(reader, options.config)
    except ConfigurationError as error:
        wrong.append(error)
    if wrong:
        return refused(wrong, "nothing is collected")
    set_up(level, options.log_file, _secrets(found.config))
    for remark in found.remarks:
        log.log(*remark)
    shard = shards.of(os.environ)
    changed = ConfigFile(options.config, os.environ, found, shard).changed
    _share_memory()
    interval = found.interval if found.interval is not None else FIRST_INTERVAL
    config = found.config.share(shard)
    plugin = Plugin(config, writer, changed, options.ticked, interval=interval, standby=standby.of(os.environ))
    gc.freeze()  # what is loaded by now stays: the collector need not look at it again
    status = plugin.run()
    if status is None:
        # The ledger is the only state: to begin anew loses nothing, and leaves nothing of the old configuration.
        writer.restore_stdout()
        again = [word for word in words if word != "--ticked"]
        os.execv(sys.executable, [sys.executable, "-m", "telegraf_plugin", *again, "--ticked"])  # noqa: S606 (itself)
    return status or 0


def _read(reader: ReaderProcess, queries: Path) -> Settings:
    """Return what both files say, read here where there is no other process for it. Raises ConfigurationError."""
    try:
        return reader.settings()
    except OSError as error:
        sys.stderr.write(f"W! {error}: it is read by the plugin itself, which takes more memory so\n")
        found: Settings = import_module(_SETTINGS).read(queries, os.environ)
        return found


def _secrets(config: Config) -> list[str]:
    servers = [config.central, *(source.server for source in config.sources)]
    return [server.secret for server in servers]


def _share_memory() -> None:
    """Have all threads take memory from one place: each of its own keeps what it once needed (mallopt(3), glibc)."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
        ctypes.CDLL(None).mallopt(_M_TRIM_THRESHOLD, 128 * 1024)
