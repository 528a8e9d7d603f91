"""`data-collector preview`: the lines that would be sent for a span, and where each would go. Nothing is sent."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from telegraf_plugin import lint
from telegraf_plugin.commands import routing
from telegraf_plugin.commands.arguments import add_json, add_span, add_stream, add_telegraf_config, whole
from telegraf_plugin.commands.dates import number
from telegraf_plugin.commands.session import Session, aligned, clock, in_session, instants
from telegraf_plugin.commands.tables import write_json, write_table
from telegraf_plugin.commands.telegraf_program import NOWHERE, telegraf_program
from telegraf_plugin.errors import CentralError
from telegraf_plugin.influxdb.source import SourceReader
from telegraf_plugin.lint.telegraf_conf import TelegrafConf
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.spans import Span
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.stream.units import HOUR
from telegraf_plugin.stream.windows import cut
from telegraf_plugin.telegraf.merger import LineMerger
from telegraf_plugin.telegraf.wide_lines import Columns, encoded

_EPILOG = """\
examples:
  data-collector preview POD-30/power_monitoring
      the last minute: lines on standard output, where they would go on standard error
  data-collector preview POD-30/power_monitoring --from -1h --limit 20 --json
      for scripts
  data-collector preview POD-8/telegraf > lines.txt
      the lines alone, as Telegraf would get them

Only the source is read, as the collector would read it. With telegraf on PATH, or in the clone's .engines/bin, the
lines also go through the real `telegraf --test` with the processors of telegraf.conf, so that names show as they will
be in central; without it they show as they are before.

exit status: 0 shown, 1 a line would go nowhere, or points cannot pass, 2 the configuration, the command line or the
source does not allow it
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes to its `parser`."""
    parser.description = "Show the lines that would be sent for a span, and where each would go."
    parser.epilog = _EPILOG
    add_stream(parser)
    add_span(parser, required=False, default="-1m")
    parser.add_argument("--limit", type=whole(1), default=1000, metavar="N", help="lines at the most (%(default)s)")
    add_telegraf_config(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command with these `options` and return the exit status."""
    return in_session(options, lambda session: _preview(session, options))


def _preview(session: Session, options: argparse.Namespace) -> int:
    stream, now = session.stream(options.stream), clock()
    start, stop = instants(options, now)
    assert start is not None
    conf = lint.read(options.telegraf_config, os.environ)
    source = session.reader(next(each for each in session.config.sources if each.name == stream.source))
    stop = stop if stop is not None else now
    if stream.flux is None:  # the years before its first point would be walked hour by hour
        first = source.first(stream, stop)
        start = max(start, first) if first is not None else stop
    tally = Tally()
    read = _lines(source, stream, _pieces(session, stream, start, stop), tally)
    lines = list(islice(read, options.limit + 1))
    more = len(lines) > options.limit
    lines = lines[: options.limit]
    after, remark = _after(options.telegraf_config, lines)
    routes = [_route(conf, line) for line in after]
    lost = any(not route.outputs for _, route in routes)
    if options.json:
        document = {
            "stream": stream.label,
            "lines": [line.decode("utf-8", "replace") for line in lines],
            "more": more,
            "processed": not remark,
            "after": [
                {"line": line, "outputs": [{"output": path, "bucket": bucket} for path, bucket, _ in route.outputs]}
                for line, (_, route) in zip(after, routes, strict=True)
            ],
            "cannot_pass": {reason.value: drop.points for reason, drop in tally.drops.items()},
        }
        write_json(document, sys.stdout)
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(b"".join(line + b"\n" for line in lines))
        sys.stdout.buffer.flush()
        _explain(stream, routes, tally, remark, f"the first {number(options.limit)} lines" if more else "")
    return 1 if lost or tally.drops else 0


def _pieces(session: Session, stream: StreamDefinition, start: int, stop: int) -> Iterator[Span]:
    """Cut the span as the collector would; without central's shard groups where it does not say: nothing is sent."""
    groups = frozenset((HOUR,))
    try:
        groups = session.sides(stream).groups
    except CentralError as error:
        sys.stderr.write(f"W! central: {error.summary}: the span is cut at full hours only\n")
    every = stream.aggregate.every if stream.aggregate is not None else 1
    return cut(*aligned(stream, start, stop), groups, every)


def _lines(source: SourceReader, stream: StreamDefinition, pieces: Iterator[Span], tally: Tally) -> Iterator[bytes]:
    merger = LineMerger(stream.wide)
    for piece in pieces:
        for blocks, _ in source.blocks(stream, piece, tally):
            yield from _split(merger.add(blocks))
    yield from _split(merger.rest())


def _split(several: Iterable[Columns]) -> Iterator[bytes]:
    for part in encoded(several):
        yield from part.content.split(b"\n")[:-1]


def _after(conf: Path, lines: list[bytes]) -> tuple[list[str], str]:
    """Return the lines after the processors, or as they are with a remark that says why."""
    plain = [line.decode("utf-8", "replace") for line in lines]
    program = telegraf_program()
    if program is None:
        return plain, f"telegraf {NOWHERE}: names are those before its processors"
    try:
        return routing.processed(program, conf, b"".join(line + b"\n" for line in lines)), ""
    except routing.CannotProcess as error:
        return plain, f"{error}; names are those before the processors"


def _route(conf: TelegrafConf, line: str) -> tuple[tuple[str, dict[str, str]], routing.Route]:
    measurement, tags = routing.name_and_tags(line)
    return (measurement, tags), routing.route(conf, measurement, tags)


def _explain(
    stream: StreamDefinition,
    routes: list[tuple[tuple[str, dict[str, str]], routing.Route]],
    tally: Tally,
    remark: str,
    cut_off: str,
) -> None:
    counts: dict[tuple[str, str, str], int] = {}
    for (measurement, tags), route in routes:
        key = (measurement, tags.get("host", "-"), str(route))
        counts[key] = counts.get(key, 0) + 1
    rows = [(name, host, number(count), where) for (name, host, where), count in sorted(counts.items())]
    err = sys.stderr
    write_table(("Measurement", "Host", "Lines", "Goes to"), rows, err)
    parts = [f"{number(len(routes))} lines", cut_off, remark]
    parts += [f"{drop.points} points cannot pass ({reason.value})" for reason, drop in tally.drops.items()]
    err.write(f"{stream.label}: {'; '.join(filter(None, parts))}; nothing was sent\n")
