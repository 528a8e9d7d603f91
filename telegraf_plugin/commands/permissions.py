"""`data-collector permissions`: the least that its tokens need, as `influx` commands that create them, or as JSON.

Nothing is asked and nothing is changed: the administrator of each server reads the commands and runs them.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from shlex import quote

from telegraf_plugin.commands.arguments import add_json, completed, sources, unknown
from telegraf_plugin.commands.ending import Unusable
from telegraf_plugin.config import Config, Login
from telegraf_plugin.config.load import load
from telegraf_plugin.influxdb.v1_client import user_statements

_EPILOG = """\
examples:
  data-collector permissions --config config/queries.yaml
      a block of commands for each server
  data-collector permissions POD-8 > pod-8.sh
  INFLUX_TOKEN=<admin token of POD-8> sh pod-8.sh
      the token of one source, made with the influx command
  data-collector permissions --json
      the same as data

environment:
  COLLECTOR_QUERIES  what is read, when --config does not say
  and the variables that the configuration names; the tokens may be missing

exit status: 0 printed, 2 the configuration or the command line cannot be used
"""


@dataclass(frozen=True, slots=True)
class Grant:
    """One token: at which server it is made, what for, and which buckets it may read and write. Nothing else.

    At an InfluxDB 1.x (`v1`) it is a `user`, empty where that server asks for none; a bucket is `database/policy`.
    """

    server: str
    url: str
    org: str
    description: str
    read: tuple[str, ...]
    write: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    v1: bool = False
    user: str = ""


def grants(config: Config, separate: bool = False) -> list[Grant]:
    """Return the tokens that `config` needs: central's, and one for each source.

    With `separate` central has two: the plugin's reads, Telegraf's writes.
    """
    landing = _once([*(stream.central_bucket for stream in config.streams), config.metrics_bucket])
    central = ("central", config.central.url, config.central.org)
    if separate:
        found = [
            Grant(*central, "data-collector", read=landing, write=()),
            Grant(*central, "data-collector telegraf", read=(), write=landing),
        ]
    else:
        found = [Grant(*central, "data-collector", read=landing, write=landing)]
    for source in config.sources:
        own = tuple(
            f"{stream.label} has a flux of its own: add the buckets that it names, if there are others"
            for stream in source.streams
            if stream.flux is not None
        )
        buckets = _once([stream.bucket for stream in source.streams])
        server = source.server
        user = server.credential.user if isinstance(server.credential, Login) else ""
        found.append(Grant(source.name, server.url, server.org, "data-collector", buckets, (), own, server.v1, user))
    return found


def script(grant: Grant) -> Iterator[str]:
    """Yield the lines of shell that create the token of `grant`; whatever the names hold, they stay words."""
    if grant.v1:
        yield from _v1_script(grant)
        return
    yield f"# {grant.server}: {grant.url}, organization {grant.org}"
    yield from (f"# {remark}" for remark in grant.remarks)
    org = "INFLUX_ORG_ID" if re.fullmatch("[0-9a-f]{16}", grant.org) else "INFLUX_ORG"
    yield f"export INFLUX_HOST={quote(grant.url)} {org}={quote(grant.org)}"
    yield 'export INFLUX_TOKEN="${INFLUX_TOKEN:?set it to a token of this server that may create tokens}"'
    buckets = _once([*grant.read, *grant.write])
    for number, bucket in enumerate(buckets, 1):
        lookup = f"influx bucket list --name={quote(bucket)} --hide-headers"
        yield f"bucket_{number}=$({lookup} | cut -f 1)"
    yield f"influx auth create --description={quote(grant.description)} \\"
    flags = []
    for number, bucket in enumerate(buckets, 1):
        for flag, granted in (("--read-bucket", grant.read), ("--write-bucket", grant.write)):
            if bucket in granted:
                # `:?` stops here when the bucket was not found.
                flags.append(f'    {flag} "${{bucket_{number}:?}}"')
    yield from (f"{flag} \\" for flag in flags[:-1])
    yield flags[-1]


def _v1_script(grant: Grant) -> Iterator[str]:
    """Yield the lines of shell that create the user of an InfluxDB 1.x."""
    yield f"# {grant.server}: {grant.url}, an InfluxDB 1.x"
    yield from (f"# {remark}" for remark in grant.remarks)
    if not grant.user:
        yield "# queries.yaml has no username: the server has to run without auth-enabled, for anybody to read"
        return
    yield ': "${INFLUX_USERNAME:?set it to an administrator of this server}" "${INFLUX_PASSWORD:?and to the password}"'
    yield "# a quote or a backslash in the password needs a backslash before it"
    yield ': "${PASSWORD:?set it to the password that queries.yaml reads}"'
    ask = f'curl -sS --fail -u "$INFLUX_USERNAME:$INFLUX_PASSWORD" {quote(f"{grant.url}/query")} --data-urlencode'
    created, *granted = user_statements(grant.user, _once([bucket.partition("/")[0] for bucket in grant.read]))
    yield f"{ask} {quote(f'q={created} ')}\"'$PASSWORD'\""
    for statement in granted:
        yield f"{ask} {quote(f'q={statement}')}"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes to its `parser`."""
    parser.description = "Print the commands that create the collector's tokens with the least rights."
    parser.epilog = _EPILOG
    servers = parser.add_argument(
        "servers", nargs="*", metavar="SERVER", help="only these: central, or a source's name"
    )
    completed(servers, lambda _: ["central"], sources)
    parser.add_argument("--separate", action="store_true", help="central: one token that reads, one that writes")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command with these `options` and return the exit status. Raises Unusable, ConfigurationError."""
    found = grants(load(options.config, os.environ, tokens=False), options.separate)
    known = _once([grant.server for grant in found])
    for server in options.servers:
        if server not in known:
            raise Unusable(unknown("server", server, known))
    chosen = [grant for grant in found if not options.servers or grant.server in options.servers]
    if options.json:
        text = json.dumps({"tokens": [asdict(grant) for grant in chosen]}, indent=2, ensure_ascii=False)
    else:
        text = "\n\n".join("\n".join(script(grant)) for grant in chosen)
    sys.stdout.write(f"{text}\n")
    return 0


def _once(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
