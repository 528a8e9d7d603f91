"""`data-collector remove-source`: what its files have no need of without a site, as a diff; `--write` does it."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote

from telegraf_plugin.commands import site_files
from telegraf_plugin.commands.add_source import WRITE_LATER
from telegraf_plugin.commands.arguments import add_telegraf_config, completed, sources, unknown
from telegraf_plugin.commands.ending import Unusable
from telegraf_plugin.commands.site_steps import RESTART
from telegraf_plugin.config.dotenv import NotDotenv
from telegraf_plugin.sites.files import Impossible
from telegraf_plugin.sites.removal import removed
from telegraf_plugin.sites.yaml_text import NotEditable

_EPILOG = """\
examples:
  data-collector remove-source POD-31
      what would be changed, as a diff, and what is left to do; nothing is written
  data-collector remove-source POD-31 --write
      the same, and it is written, with a backup beside each file

Taken out are its block in queries.yaml, the outputs of telegraf.conf that take nothing else, the variables of .env that
nothing else asks for, and its token's entry in docker-compose.secrets.yaml. What is in central stays there.

exit status: 0 shown, or written; 2 it cannot be taken out, or a file cannot be read, edited or written
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes to its `parser`."""
    parser.description = "Take a source out: show what its files have no need of then, or write it. Its data stays."
    parser.epilog = _EPILOG
    completed(parser.add_argument("source", metavar="SOURCE", help="its name, such as POD-31"), sources)
    parser.add_argument("--write", action="store_true", help="write it, with a backup beside each file")
    add_telegraf_config(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command with these `options` and return the exit status. Raises Unusable, ConfigurationError."""
    work = site_files.opened(options.config, options.telegraf_config, os.environ)
    known = [source.name for source in work.config.sources]
    if options.source not in known:
        raise Unusable(unknown("source", options.source, known))
    source = next(source for source in work.config.sources if source.name == options.source)
    try:
        made = removed(work.files, options.source, work.config, work.conf, work.compose)
    except Impossible as error:
        raise Unusable(str(error)) from None
    except NotEditable as error:
        raise Unusable(f"{error}: take it out by hand") from None
    except NotDotenv as error:
        raise Unusable(f"{work.place.settings}: {error}") from None
    environment = {name: value for name, value in work.environment.items() if name not in made.variables}
    site_files.tried(work, made.files, environment)
    sys.stdout.write(site_files.diff(work.place, work.files, made.files))
    if options.write:
        backups = site_files.written(work.place, work.files, made.files, datetime.now(UTC))
        sys.stdout.write("".join(f"\nwritten; what was there before: {backup}" for backup in backups) + "\n")
    else:
        sys.stdout.write(f"\n{WRITE_LATER}\n")
    named = "" if options.config == Path("config/queries.yaml") else f" --config {quote(str(options.config))}"
    restart = "docker compose up --detach" if work.compose else RESTART
    token = work.token_folder / made.token_file if work.token_folder is not None and made.token_file else None
    steps = [
        f"Look whether all is well: data-collector check{named}",
        f"Start the collector anew: {restart}",
        (
            f"Drop its user at {source.server.url} (DROP USER)"
            if source.server.v1
            else f"Delete its token at {source.server.url} (influx auth list, influx auth delete)"
        )
        + (f", and {token}." if token is not None else "; backups of .env hold what it is let in by as well."),
    ]
    if made.tagged:
        streams, alone = ", ".join(made.tagged), len(made.tagged) == 1
        steps.append(
            f"Mind that {streams} keep{'s' * alone} the tag source, which told points apart from those of "
            f"{options.source}. It may stay: to take it out of metadata_tags makes new series of all that comes then."
        )
    if work.place.settings is None and made.variables:
        steps.insert(0, f"Take out of the collector's settings: {', '.join(made.variables)}")
    sys.stdout.write("\nwhat is left to do; what was copied stays in central\n")
    sys.stdout.write("".join(f"\n{number}. {step}\n" for number, step in enumerate(steps, 1)))
    return 0
