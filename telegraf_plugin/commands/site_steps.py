"""What is left to do when a source is added: the steps after the files, with the commands to type."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from shlex import quote

from telegraf_plugin.commands import site_files
from telegraf_plugin.commands.permissions import grants, script
from telegraf_plugin.commands.site_files import Workplace
from telegraf_plugin.config import Config
from telegraf_plugin.config.variables import token_file
from telegraf_plugin.sites.addition import Addition

RESTART = "docker compose up --detach, or systemctl restart data-collector, or Ctrl-C and scripts/collector again"


def steps(options: argparse.Namespace, work: Workplace, made: Addition, config: Config) -> Iterator[str]:
    """Yield the lines that say what is left to do."""
    source = config.sources[-1]
    v1 = source.server.v1
    number = 0

    def step(text: str) -> str:
        nonlocal number
        number += 1
        return f"\n{number}. {text}\n"

    of_server = {grant.server: grant for grant in grants(config)}
    given = options.write and options.token is not None
    if not given:
        reader, read = ("user who", "database") if v1 else ("token that", "bucket")
        what = f"a {reader} reads its {read}{'s' * (len(source.streams) > 1)}" if made.token else "nothing"
        yield step(f"At {source.name}, {what}:")
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
    places = [] if given or not made.token else [f"{source.name}'s into {_token_place(work, made.token)}"]
    if made.central_buckets:
        places.append(f"central's into {_token_place(work, 'INFLUXDB_CENTRAL_TOKEN')}")
    if places:
        many = len(places) > 1
        own = ("the password and the token" if many else "the password") if v1 and made.token and not given else ""
        what = own or f"the token{'s' * many}"
        yield step(f"Put {what} where {'they belong' if many else 'it belongs'}: {', '.join(places)}.")
        if work.token_folder is not None and made.token and not given:
            file = quote(str(work.token_folder / token_file(made.token)))
            what = "password" if v1 else "token"
            ask = f"IFS= read -rsp '{what}: ' token && (umask 077 && printf %s \"$token\" >{file}) && unset token; echo"
            yield _indented([f"mkdir -p -m 700 {quote(str(work.token_folder))}", ask, f"chmod 400 {file}"])
    name = token_file(made.token)
    if name and work.compose and work.place.compose is None:
        yield step(f"Enter {name} in both lists of {site_files.COMPOSE_SECRETS}, which is not here.")
    elif name and work.token_folder is not None and not work.compose:
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


def _indented(lines: Iterable[str]) -> str:
    return "".join(f"       {line}\n" for line in lines)
