"""`data-collector start`, which scripts/collector is: look at the configuration, then become Telegraf.

Telegraf gets the environment completed by `.env` and by what is derived from it (`config.settings`). It replaces this
process (`exec`), so that signals and exit status are its own.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path

from telegraf_plugin import __version__
from telegraf_plugin.commands import check, health_port
from telegraf_plugin.commands.arguments import Parser, add_env_file, meant, queries
from telegraf_plugin.commands.ending import UNUSABLE, refused, say
from telegraf_plugin.commands.telegraf_program import NOWHERE, telegraf_program
from telegraf_plugin.config.settings import ENV_FILE
from telegraf_plugin.errors import ConfigurationError, Problem
from telegraf_plugin.lint.telegraf_conf import TelegrafConf, beside

CONF = Path("telegraf.conf")
_OF_TELEGRAF = ("version", "config", "secrets", "plugins", "help", "h")
"""Telegraf's own commands, which it is given as they are."""
LOOK_SECONDS = 1.0
"""How often a waiting start looks whether a file has changed."""
_EPILOG = """\
examples:
  scripts/collector
      run until it is stopped (Ctrl-C)
  scripts/collector --check
      what is wrong with the settings, queries.yaml and telegraf.conf; without any network
  scripts/collector --once
      one cycle, then end: --once is Telegraf's, as every argument that is not named above
  COLLECTOR_INTERVAL=10 LOG_LEVEL=DEBUG scripts/collector
      a variable that is set wins over .env

environment:
  COLLECTOR_ENV_FILE  the settings, in place of .env; empty: none but the environment's
  COLLECTOR_SECRETS   a folder with the tokens as files
  and the variables of .env (docs/configuration.md, Variables)

exit status: Telegraf's own; 2 when the settings or a file cannot be used: Telegraf is not started then
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the start takes to its `parser`; what is not named here is Telegraf's, and so is --config."""
    parser.prog, parser.allow_abbrev, parser.epilog = "scripts/collector", False, _EPILOG
    parser.description = "Start Telegraf with the collector: settings from .env, then telegraf.conf and queries.yaml."
    parser.usage = "%(prog)s [-h] [--version] [--check] [--wait] [--env-file FILE] [arguments of telegraf ...]"
    add_env_file(parser)
    parser.add_argument("--version", action="store_true", help="say which versions there are, and end")
    parser.add_argument("--check", action="store_true", help="only look; with --json for scripts")
    parser.add_argument(
        "--wait",
        action="store_true",
        help="when a file cannot be used, say so and wait until it has changed, instead of ending (for containers)",
    )
    parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)
    parser.set_defaults(parser=parser)


def run(options: argparse.Namespace) -> int:
    """Do what the `options` say, and return the exit status unless Telegraf runs.

    Beside its own they have `rest`, the words for Telegraf, and `commands`, for who takes this for data-collector.
    """
    parser: Parser = options.parser
    rest: list[str] = options.rest
    commands: Sequence[str] = options.commands
    if told := misspelt(rest, parser.options, commands):
        parser.error(told)
    if options.version:
        return _versions()
    if options.check:
        if rest:
            parser.error(f"--check takes no {rest[0]}")
        return check.run(argparse.Namespace(config=queries(), telegraf_config=CONF, json=options.json))
    if options.json:
        rest.append("--json")
    if options.wait:
        for number in (signal.SIGTERM, signal.SIGINT):
            # As the first process of a container it would be deaf to both by default; Telegraf handles them itself.
            signal.signal(number, lambda *_: os._exit(UNUSABLE))
    found, conf = _look()
    while found:
        refused(found, "Telegraf is not started")
        if not options.wait:
            return UNUSABLE
        _wait_for_a_change()
        found, conf = _look()
    if "--test" not in rest and conf is not None and (port := health_port.trouble(conf, running=False)):
        sys.stderr.write(f"W! {port}\n")  # no more than that: whoever has it may just be ending
    _become_telegraf(rest, os.environ)
    return UNUSABLE


def misspelt(rest: Sequence[str], options: Sequence[str], commands: Sequence[str]) -> str:
    """Return what to say of a word of `rest`, which would go to Telegraf, that was meant for this; empty for none."""
    first = rest[0] if rest else ""
    if first and not first.startswith("-") and first not in _OF_TELEGRAF:
        close = get_close_matches(first, commands, 1, cutoff=0.6)
        what = {"check": "scripts/collector --check"}.get(close[0], f"data-collector {close[0]}") if close else ""
        return f"no command is called {first!r} here{f'; did you mean {what}?' if what else ''}"
    for word in rest:
        # Alike enough that none of Telegraf's own is taken for one of these (--test-wait).
        if option := meant(word, options, likeness=0.8):
            return f"unrecognized arguments: {word}; did you mean {option}?"
    return ""


def _look() -> tuple[list[ConfigurationError], TelegrafConf | None]:
    """Return what is wrong, and telegraf.conf as far as it can be read."""
    seen = check.look(queries(), CONF, os.environ, beside(CONF))
    wrong = list(seen.wrong)
    if telegraf_program() is None:
        text = f"{NOWHERE}: run 'make venv engines', or install it (README.md, Quick start)"
        wrong.append(ConfigurationError("telegraf", [Problem("", text)]))
    return wrong, seen.conf


def _become_telegraf(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Replace this process by Telegraf; returns only when that is not possible, with the reason on standard error."""
    program = telegraf_program() or "telegraf"
    command = ["telegraf", "--config", str(CONF)]
    if environment.get("COLLECTOR_SECRETS"):
        command += ["--config", str(check.SECRETS_CONF)]
    for folder in beside(CONF):
        command += ["--config-directory", str(folder)]
    # What Telegraf says of itself has no level of its own in telegraf.conf: these options are all there is.
    command += {"ERROR": ["--quiet"], "DEBUG": ["--debug"]}.get(environment.get("LOG_LEVEL", ""), [])
    # All of it is in the environment by now: the plugin need not read the file once more.
    complete = {**environment, ENV_FILE: ""}
    with suppress(OSError):  # the plugin says that it has no log file, and goes on
        Path("logs").mkdir(exist_ok=True)
    sys.stderr.flush()
    try:
        os.execve(program, [*command, *arguments], complete)  # noqa: S606 (no shell)
    except OSError as error:
        say(f"{program} cannot be started: {error.strerror}")


def _versions() -> int:
    program = telegraf_program()
    sys.stdout.write(f"data-collector {__version__}\n")
    if program is None:
        sys.stdout.write(f"telegraf {NOWHERE}\n")
        return 0
    ended = subprocess.run([program, "version"], capture_output=True, text=True, timeout=60, check=False)
    sys.stdout.write(f"{ended.stdout.strip() or 'telegraf of an unknown version'} ({program})\n")
    return 0


def _wait_for_a_change() -> None:
    """Return when one of the files has changed."""
    say(f"waiting until {queries()} or {CONF} changes; settings of a container change with 'docker compose up'")
    before = _seen()
    while _seen() == before:
        time.sleep(LOOK_SECONDS)


def _seen() -> list[tuple[int, int, int] | None]:
    """Return what tells a changed file from an unchanged one, for each that a start stands on."""
    seen: list[tuple[int, int, int] | None] = []
    folder = os.environ.get("COLLECTOR_SECRETS")
    secrets = (
        sorted(each for kind in ("token", "password") for each in Path(folder).glob(f"*_{kind}")) if folder else []
    )
    further = [file for folder in beside(CONF) for file in sorted(folder.rglob("*.conf"))]
    for file in (queries(), CONF, check.SECRETS_CONF, *secrets, *further):
        try:
            found = file.stat()
        except OSError:
            seen.append(None)
        else:
            seen.append((found.st_mtime_ns, found.st_size, found.st_ino))
    return seen
