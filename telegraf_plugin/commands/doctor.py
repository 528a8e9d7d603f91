"""`data-collector doctor`: look at all servers with the network, and say a remedy for all that is not well."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from telegraf_plugin.commands.arguments import add_json, add_streams
from telegraf_plugin.commands.checks import Check, State, central_checks, source_checks, stream_checks
from telegraf_plugin.commands.session import Session, in_session
from telegraf_plugin.commands.tables import meter, write_json, write_table

_EPILOG = """\
examples:
  data-collector doctor
      before the first start, and whenever something is wrong
  data-collector doctor POD-30 --json
      one source and central, for scripts
  data-collector doctor POD-30/power_monitoring
      one stream, its source and central

It looks at each server's reach, version and clock, at what the token may do (read at the sources; read and write in
central), at org, buckets, retention and shard groups on both sides, at how many points there were in the last hour by
measurement, and at fields whose type central will refuse. Nothing is written: the right to write is tried by an empty
request, and at central only.

exit status: 0 all is well (warnings do not count), 1 something is not, 2 configuration or command line not usable
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes to its `parser`."""
    parser.description, parser.epilog = "Look at all servers, and say what to do about what is not well.", _EPILOG
    add_streams(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command with these `options` and return the exit status."""
    return in_session(options, lambda session: _doctor(session, options))


def _doctor(session: Session, options: argparse.Namespace) -> int:
    streams = session.chosen(options.streams)
    names = {stream.source for stream in streams}
    sources = [
        replace(source, streams=tuple(stream for stream in source.streams if stream in streams))
        for source in session.config.sources
        if source.name in names
    ]
    checks: list[Check] = []
    total = 1 + sum(1 + len(source.streams) for source in sources)
    with meter(options.json) as shown:
        shown.show("central", 0, total)
        checks += central_checks(session, sources)
        central = not any(check.state is State.BAD and check.about == "reach" for check in checks)
        done = 1
        for source in sources:
            shown.show(source.name, done, total)
            found = source_checks(session, source)
            checks += found
            done += 1
            reached = not any(check.state is State.BAD for check in found)
            for stream in source.streams:
                shown.show(stream.label, done, total)
                if reached:
                    checks += stream_checks(session, source, stream, central)
                done += 1
    bad = [check for check in checks if check.state is State.BAD]
    warnings = [check for check in checks if check.state is State.WARNING]
    if options.json:
        document = {"well": not bad, "checks": [check.as_json() for check in checks]}
        write_json(document, sys.stdout)
    else:
        rows = [(check.where, check.about, check.state.value, check.found, check.remedy) for check in checks]
        write_table(("Where", "What", "State", "Found", "Remedy"), rows, sys.stdout)
        if not bad:
            sys.stdout.write(f"all is well{f'; warnings: {len(warnings)}' if warnings else ''}\n")
        else:
            sys.stdout.write(f"not well: {len(bad)} of {len(checks)}; warnings: {len(warnings)}\n")
    return 1 if bad else 0
