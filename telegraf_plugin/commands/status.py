"""`data-collector status`: how each stream stands, by what the running plugin says of itself in central."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence

from telegraf_plugin.commands import leases
from telegraf_plugin.commands.arguments import add_json, add_streams, seconds
from telegraf_plugin.commands.dates import moment
from telegraf_plugin.commands.last_word import running_version, told_version
from telegraf_plugin.commands.session import Session, clock, in_session
from telegraf_plugin.commands.stream_rows import HEADINGS, Row, look
from telegraf_plugin.commands.tables import table, write_json, write_table
from telegraf_plugin.errors import CentralError
from telegraf_plugin.stream.definition import StreamDefinition

SHORTEST_WATCH = 0.2
"""Seconds between two looks, at the least: central has other work."""
_EPILOG = """\
examples:
  data-collector status
      once, all streams
  data-collector status --watch
      again every 5 s, until Ctrl-C
  data-collector status --json | jq '.streams[] | select(.healthy | not) | .stream'
      for scripts

What it shows, from central alone (the collector's metrics and its ledger). Each figure is of the time "as of", the
collector's last word; what its ledger has shown since to be over (a backlog that was finished) is left out:
  lag           for how long central has lacked something; the first fill of history does not count
  proved up to  up to there both sides were compared and are equal, from where the stream begins; "(as read)" with
                flux of one's own: what the query gave when it was read has arrived
  rate, left, to go   of a backlog: points a second, time yet to be copied, how long that takes if the last read was
                well
  held          points that were sent twice and are not in central; the log and collector_held say which, and why
  extras        points that only central has
  to loss       until the source's retention takes what is not copied yet
  request       a backfill or repair that is under way, as of the stream's newest mark
  state         paused by an operator (data-collector pause); its last column says since when, and what waits
  shard         which collector has it, where several share the sources (docs/shards.md)
  second table  with COLLECTOR_STANDBY=yes: which collector reads and which one stands by, since when
  last line     the version of the collector that runs, and of this command if it is another

A stream is silent when the collector's last word is older than three of its intervals.

exit status: 0 all streams are well, 1 one is not or the collector is silent, 2 configuration or central is not usable
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes to its `parser`."""
    parser.description, parser.epilog = "Show how each stream stands.", _EPILOG
    add_streams(parser)
    parser.add_argument("--watch", action="store_true", help="again and again, until Ctrl-C")
    parser.add_argument(
        "--every", type=seconds(SHORTEST_WATCH), default=5.0, metavar="SECONDS", help="with --watch (%(default)s)"
    )
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command with these `options` and return the exit status."""
    return in_session(options, lambda session: _status(session, options))


def _status(session: Session, options: argparse.Namespace) -> int:
    streams = session.chosen(options.streams)
    if options.watch:
        return _watch(session, streams, options)
    now = clock()
    rows, version = look(session.central, streams, now), running_version(session.central, now)
    members = leases.members(session.central, now)
    if options.json:
        write_json(_document(rows, version, members), sys.stdout)
    else:
        write_table(HEADINGS, [row.cells() for row in rows], sys.stdout)
        if members:
            write_table(leases.HEADINGS, [each.cells(now) for each in members], sys.stdout)
        sys.stdout.write(f"{told_version(version)}\n")
    return 0 if all(row.healthy for row in rows) else 1


def _watch(session: Session, streams: list[StreamDefinition], options: argparse.Namespace) -> int:
    from rich.console import Console, Group
    from rich.live import Live
    from rich.text import Text

    rows: list[Row] = []
    try:
        if options.json or not sys.stdout.isatty():
            while True:
                now = clock()
                rows = look(session.central, streams, now)
                if options.json:
                    members = leases.members(session.central, now)
                    document = _document(rows, running_version(session.central, now), members)
                    sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
                else:
                    sys.stdout.write(f"{moment(clock())}\n")
                    write_table(HEADINGS, [row.cells() for row in rows], sys.stdout)
                sys.stdout.flush()
                time.sleep(options.every)
        with Live(console=Console(), auto_refresh=False) as live:
            while True:
                trouble = ""
                try:
                    rows = look(session.central, streams, clock())
                except CentralError as error:
                    trouble = f"central: {error.summary}; {error.hint}"
                shown = table(HEADINGS, [row.cells() for row in rows])
                live.update(Group(Text(f"{moment(clock())} {trouble}"), shown), refresh=True)
                time.sleep(options.every)
    except KeyboardInterrupt:
        return 0 if rows and all(row.healthy for row in rows) else 1


def _document(rows: Sequence[Row], version: str | None, members: Sequence[leases.Member]) -> dict[str, object]:
    collectors = [each.as_json() for each in members]
    return {"version": version, "streams": [row.as_json() for row in rows], "collectors": collectors}
