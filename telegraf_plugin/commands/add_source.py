"""`data-collector add-source`: all that a new site needs, shown as a diff with what is left to do; `--write` does it.

Nothing is asked of any server, and nothing is changed at one.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import Any

from pydantic import TypeAdapter, ValidationError

from telegraf_plugin.commands import site_files
from telegraf_plugin.commands.arguments import add_telegraf_config, unknown
from telegraf_plugin.commands.ending import Unusable
from telegraf_plugin.commands.permissions import grants, script
from telegraf_plugin.commands.site_files import Workplace
from telegraf_plugin.config import Config
from telegraf_plugin.config.dotenv import NotDotenv
from telegraf_plugin.config.values import Name, PlainName, Url
from telegraf_plugin.config.variables import token_file
from telegraf_plugin.sites.addition import Addition, NewSource, added
from telegraf_plugin.sites.files import Impossible
from telegraf_plugin.sites.outputs import NewStream
from telegraf_plugin.sites.yaml_text import NotEditable, YamlText

_EPILOG = """\
examples:
  data-collector add-source POD-31 --url http://192.168.199.31:8086 --org default --bucket cooling
      what would be changed, as a diff, and what is left to do; nothing is written
  data-collector add-source POD-31 --url http://192.168.199.31:8086 --org default --bucket cooling --write
      the same, and it is written, with a backup beside each file
  data-collector add-source POD-31 --url http://192.168.199.31:8086 --org default --bucket telegraf \\
      --template system_metrics
      a bucket that is called like another source's goes to the same central bucket, and both get the tag source
  data-collector add-source POD-31 --url http://192.168.199.31:8086 --org default --bucket cooling --write \\
      --token /root/pod-31.token
      with its token, which is shown nowhere; --token - reads it from standard input

Written are queries.yaml (its block), .env (its variables), telegraf.conf (an output, where its bucket has none), and,
where tokens are Compose's files, docker-compose.secrets.yaml. Comments and all else stay as they are. What check would
say then is looked at first.

exit status: 0 shown, or written; 2 it cannot be added so, or a file cannot be read, edited or written
"""
WRITE_LATER = "nothing was written: the same with --write does it"
RESTART = "docker compose up --detach, or systemctl restart data-collector, or Ctrl-C and scripts/collector again"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes to its `parser`."""
    parser.description = "Add a source: show what its files need, or write it. No server is asked for anything."
    parser.epilog = _EPILOG
    parser.add_argument("source", metavar="SOURCE", type=_checked(PlainName), help="its name, such as POD-31")
    parser.add_argument("--url", required=True, type=_checked(Url), help="its address, http://host:8086")
    parser.add_argument("--org", required=True, type=_checked(Name), help="its organisation")
    parser.add_argument(
        "--bucket",
        dest="buckets",
        action="append",
        required=True,
        type=_checked(Name),
        metavar="BUCKET",
        help="a bucket that is read; may be said again for others",
    )
    again = "once for all buckets, or once for each, in their order"
    parser.add_argument(
        "--central-bucket",
        dest="central_buckets",
        action="append",
        default=[],
        type=_checked(Name),
        metavar="BUCKET",
        help=f"where it goes in central (a bucket of its name); {again}",
    )
    parser.add_argument(
        "--template",
        dest="templates",
        action="append",
        default=[],
        metavar="NAME",
        help=f"what is selected, by a template of queries.yaml (all of it); {again}",
    )
    parser.add_argument("--start", default="", metavar="TIME", help="where it begins: -30d, a date, earliest (-5m)")
    parser.add_argument(
        "--token", type=Path, metavar="FILE", help="a file with its token, - for standard input; written with the rest"
    )
    parser.add_argument(
        "--variables", type=_prefix, metavar="SERVER_C", help="how its variables begin (the next letter)"
    )
    parser.add_argument("--write", action="store_true", help="write it, with a backup beside each file")
    add_telegraf_config(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command with these `options` and return the exit status. Raises Unusable, ConfigurationError."""
    work = site_files.opened(options.config, options.telegraf_config, os.environ)
    new = _new(options, work)
    token = site_files.token_from(options.token) if options.token is not None else ""
    if token and work.token_folder is None and work.place.settings is None:
        raise Unusable("there is no .env into which its token could be put: leave --token out")
    try:
        made = added(
            work.files, new, work.config, work.conf, work.environment, work.token_folder is not None, work.compose
        )
    except Impossible as error:
        raise Unusable(str(error)) from None
    except NotEditable as error:
        raise Unusable(f"{error}: put it in by hand (docs/operations.md, Add a site)") from None
    except NotDotenv as error:
        raise Unusable(f"{work.place.settings}: {error}") from None
    if token and work.token_folder is not None and (file := work.token_folder / token_file(made.token)).exists():
        raise Unusable(f"{file} is there already, perhaps another site's: give another beginning: --variables")
    environment = {**work.environment, **made.variables}
    site_files.tried(work, made.files, environment)
    config = made.files.config(work.place.queries, environment)
    written = made.files
    if token and work.token_folder is None:
        written = site_files.with_token(written, made.token, token)
    sys.stdout.write(site_files.diff(work.place, work.files, written))
    if options.write:
        _write(work, made, token)
    else:
        sys.stdout.write(f"\n{WRITE_LATER}\n")
    sys.stdout.write("\nwhat is left to do\n" + "".join(_steps(options, work, made, config)))
    return 0


def _new(options: argparse.Namespace, work: Workplace) -> NewSource:
    """Return the source that the `options` say. Raises Unusable."""
    known = list(YamlText(work.files.queries).meaning().get("templates") or {})
    for template in options.templates:
        if template not in known:
            raise Unusable(unknown("template", template, known) if known else "queries.yaml has no templates")
    central = _each(options.central_buckets, options.buckets, "--central-bucket")
    templates = _each(options.templates, options.buckets, "--template")
    streams = tuple(map(NewStream, options.buckets, central, templates))
    return NewSource(options.source, options.url, options.org, streams, options.variables or "", options.start)


def _each(values: list[str], buckets: list[str], option: str) -> list[str] | list[None]:
    """Return a value for each of the `buckets`. Raises Unusable."""
    if not values:
        return [None] * len(buckets)
    if len(values) == 1:
        return values * len(buckets)
    if len(values) != len(buckets):
        raise Unusable(
            f"{option} is said {len(values)} times for {len(buckets)} buckets: once for all, or once for each"
        )
    return values


def _write(work: Workplace, made: Addition, token: str) -> None:
    """Write the files, and the `token` unless it is empty."""
    files = made.files
    file = work.token_folder / token_file(made.token) if token and work.token_folder is not None else None
    if token and file is None:
        files = site_files.with_token(files, made.token, token)
    backups = site_files.written(work.place, work.files, files, datetime.now(UTC))
    if file is not None:
        site_files.write_token(file, token)
    sys.stdout.write("".join(f"\nwritten; what was there before: {backup}" for backup in backups) + "\n")


def _steps(options: argparse.Namespace, work: Workplace, made: Addition, config: Config) -> Iterator[str]:
    """Yield the lines that say what is left to do."""
    source = config.sources[-1]
    number = 0

    def step(text: str) -> str:
        nonlocal number
        number += 1
        return f"\n{number}. {text}\n"

    of_server = {grant.server: grant for grant in grants(config)}
    given = options.write and options.token is not None
    if not given:
        yield step(f"At {source.name}, a token that reads its bucket{'s' * (len(source.streams) > 1)}:")
        yield _indented(script(of_server[source.name]))
    if made.central_buckets:
        yield step(
            "At central, what is new there, and a token that covers it as well (the old one goes on for the rest):"
        )
        lines = list(script(of_server["central"]))
        create = [f"influx bucket create --name={quote(bucket)} --retention=0" for bucket in made.central_buckets]
        at = next(place for place, line in enumerate(lines) if line.startswith("bucket_1="))
        yield _indented([*lines[:at], *create, *lines[at:]])
    if work.place.settings is None:
        yield step("Where the collector's settings are (no .env was read here):")
        yield _indented(made.lines)
    places = [] if given else [f"{source.name}'s into {_token_place(work, made.token)}"]
    if made.central_buckets:
        places.append(f"central's into {_token_place(work, 'INFLUXDB_CENTRAL_TOKEN')}")
    if places:
        many = len(places) > 1
        yield step(f"Put the token{'s' * many} where {'they belong' if many else 'it belongs'}: {', '.join(places)}.")
        if work.token_folder is not None and not given:
            file = quote(str(work.token_folder / token_file(made.token)))
            ask = f"IFS= read -rsp 'token: ' token && (umask 077 && printf %s \"$token\" >{file}) && unset token; echo"
            yield _indented([f"mkdir -p -m 700 {quote(str(work.token_folder))}", ask, f"chmod 400 {file}"])
    name = token_file(made.token)
    if work.compose and work.place.compose is None:
        yield step(f"Enter {name} in both lists of {site_files.COMPOSE_SECRETS}, which is not here.")
    elif work.token_folder is not None and not work.compose:
        line = f"LoadCredential={name}:{work.token_folder.absolute() / name}"
        yield step(
            f"With systemd, show the service that file: systemctl edit data-collector, and below [Service]\n   {line}"
        )
    if made.shared:
        streams = ", ".join(made.shared)
        yield step(
            f"Mind that {streams} get{'s' * (len(made.shared) == 1)} the tag source too, or points of the buckets that "
            "are called alike could not be told apart:\n   from now on they are new series in central."
        )
    yield step("Look whether all is well, before the restart:")
    named = "" if options.config == Path("config/queries.yaml") else f" --config {quote(str(options.config))}"
    looks = [f"data-collector check{named}", f"data-collector doctor{named} {quote(source.name)}"]
    yield _indented([*looks, *(f"data-collector preview{named} {quote(stream.label)}" for stream in source.streams)])
    restart = "docker compose up --detach" if work.compose else RESTART
    yield step(f"Start the collector anew, as it reads its settings then:\n   {restart}.")
    yield step("Look how it stands:")
    yield _indented([f"data-collector status{named} {quote(source.name)}"])


def _token_place(work: Workplace, variable: str) -> str:
    if work.token_folder is not None:
        return f"the file {work.token_folder / token_file(variable)}"
    return f"{work.place.settings or 'the settings'} ({variable}=)"


def _indented(lines: Any) -> str:
    return "".join(f"       {line}\n" for line in lines)


def _checked(kind: Any) -> Callable[[str], str]:
    """Return what reads a value as queries.yaml's `kind`."""

    def read(text: str) -> str:
        try:
            return str(TypeAdapter(kind).validate_python(text))
        except ValidationError as error:
            raise argparse.ArgumentTypeError(f"{text!r}: {error.errors()[0]['ctx']['error']}") from None

    return read


def _prefix(text: str) -> str:
    if re.fullmatch(r"[A-Z][A-Z0-9_]*[A-Z0-9]", text) is None:
        raise argparse.ArgumentTypeError(f"{text!r}: expected capital letters, digits and _, such as SERVER_C")
    return text
