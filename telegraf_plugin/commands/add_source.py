"""`data-collector add-source`: all that a new site needs, shown as a diff with what is left to do; `--write` does it.

Nothing is asked of any server, and nothing is changed at one.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from telegraf_plugin.commands import site_files
from telegraf_plugin.commands.arguments import add_telegraf_config, completed, templates, unknown
from telegraf_plugin.commands.ending import Unusable
from telegraf_plugin.commands.site_files import Workplace
from telegraf_plugin.commands.site_steps import steps
from telegraf_plugin.config.cross import DEFAULT_POLICY
from telegraf_plugin.config.dotenv import NotDotenv
from telegraf_plugin.config.values import Name, Part, PlainName, Url, User
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
  data-collector add-source POD-40 --url http://192.168.199.40:8086 --database telegraf --username reader
      an InfluxDB 1.x: its database goes to central's bucket of that name

Written are queries.yaml (its block), .env (its variables), telegraf.conf (an output, where its bucket has none), and,
where tokens are Compose's files, docker-compose.secrets.yaml. Comments and all else stay as they are. What check would
say then is looked at first.

exit status: 0 shown, or written; 2 it cannot be added so, or a file cannot be read, edited or written
"""
WRITE_LATER = "nothing was written: the same with --write does it"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes to its `parser`."""
    parser.description = "Add a source: show what its files need, or write it. No server is asked for anything."
    parser.epilog = _EPILOG
    parser.add_argument("source", metavar="SOURCE", type=_checked(PlainName), help="its name, such as POD-31")
    parser.add_argument("--url", required=True, type=_checked(Url), help="its address, http://host:8086")
    parser.add_argument("--org", type=_checked(Name), help="its organisation; an InfluxDB 1.x has none")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--bucket",
        dest="buckets",
        action="append",
        type=_checked(Name),
        metavar="BUCKET",
        help="a bucket that is read; may be said again for others",
    )
    what.add_argument(
        "--database",
        dest="databases",
        action="append",
        type=_checked(Part),
        metavar="DATABASE",
        help="of an InfluxDB 1.x: a database that is read; may be said again for others",
    )
    again = "once for all buckets, or once for each, in their order"
    parser.add_argument(
        "--retention-policy",
        dest="policies",
        action="append",
        default=[],
        type=_checked(Part),
        metavar="POLICY",
        help=f"of each --database ({DEFAULT_POLICY}); {again}",
    )
    parser.add_argument("--username", type=_checked(User), help="whom an InfluxDB 1.x lets in, where it asks for one")
    parser.add_argument(
        "--central-bucket",
        dest="central_buckets",
        action="append",
        default=[],
        type=_checked(Name),
        metavar="BUCKET",
        help=f"where it goes in central (a bucket of its name); {again}",
    )
    template = parser.add_argument(
        "--template",
        dest="templates",
        action="append",
        default=[],
        metavar="NAME",
        help=f"what is selected, by a template of queries.yaml (all of it); {again}",
    )
    completed(template, templates)
    parser.add_argument("--start", default="", metavar="TIME", help="where it begins: -30d, a date, earliest (-5m)")
    parser.add_argument(
        *("--token", "--password"),
        dest="token",
        type=Path,
        metavar="FILE",
        help="a file with its token, or its user's password, - for standard input; written with the rest",
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
    read = site_files.password_from if new.v1 else site_files.token_from
    token = read(options.token) if options.token is not None else ""
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
    sys.stdout.write("\nwhat is left to do\n" + "".join(steps(options, work, made, config)))
    return 0


def _new(options: argparse.Namespace, work: Workplace) -> NewSource:
    """Return the source that the `options` say. Raises Unusable."""
    known = list(YamlText(work.files.queries).meaning().get("templates") or {})
    for template in options.templates:
        if template not in known:
            raise Unusable(unknown("template", template, known) if known else "queries.yaml has no templates")
    names = options.databases or options.buckets
    central = _each(options.central_buckets, names, "--central-bucket")
    chosen = _each(options.templates, names, "--template")
    if options.databases:
        if options.org:
            raise Unusable("--org: an InfluxDB 1.x, which --database tells, has no organisations")
        if options.token is not None and not options.username:
            raise Unusable("--password: whose? say --username")
        policies = _each(options.policies, names, "--retention-policy")
        streams = [
            NewStream(f"{name}/{policy or DEFAULT_POLICY}", goes, template, name, policy or DEFAULT_POLICY)
            for name, policy, goes, template in zip(names, policies, central, chosen, strict=True)
        ]
    else:
        if options.username or options.policies:
            raise Unusable("--username and --retention-policy are for an InfluxDB 1.x: say --database, not --bucket")
        if not options.org:
            raise Unusable("--org is needed with --bucket: the organisation of an InfluxDB 2")
        streams = list(map(NewStream, names, central, chosen))
    return NewSource(
        *(options.source, options.url, options.org or "", tuple(streams)),
        *(options.variables or "", options.start, options.username or ""),
    )


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
