"""`data-collector verify`: compare source and central, point by point where they differ; `--repair` has it mended."""

from __future__ import annotations

import argparse
import sys

from telegraf_plugin.commands import requests
from telegraf_plugin.commands.arguments import add_json, add_span, add_streams, whole
from telegraf_plugin.commands.comparison import Comparison, coarser
from telegraf_plugin.commands.dates import moment, number
from telegraf_plugin.commands.ending import UNUSABLE, Unusable, say
from telegraf_plugin.commands.session import Session, aligned, clock, in_session, instants
from telegraf_plugin.commands.tables import Meter, meter, write_json, write_table
from telegraf_plugin.errors import SourceError
from telegraf_plugin.influxdb.timestamps import format_time
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.difference import Differing, Kind, Value
from telegraf_plugin.stream.drops import series_text
from telegraf_plugin.stream.ledger import Mark
from telegraf_plugin.stream.request import Kind as RequestKind
from telegraf_plugin.stream.request import Request
from telegraf_plugin.stream.spans import Spans, span

MAX_REPAIRED = 200
"""Spans that a repair asks for."""
SHOWN = 20
_EPILOG = """\
examples:
  data-collector verify --from -1d
      all streams, the last day
  data-collector verify POD-30/power_monitoring --from 2026-11-01 --to 2026-11-08
      one stream, a week
  data-collector verify POD-30/power_monitoring --from -6h --repair
      and have the collector send again what is missing or different

Hour by hour both sides are compared by number and hash; what differs is narrowed to the point. It ends where
points may still come late (the stream's lookback) unless --to says more, and begins where central's retention does.
Nothing is written but the request of --repair, which the running collector serves at its next tick.
missing: only the source has it. different: central has another value or type. extra: only central has it (deletes are
not passed on). held: missing or different, and known to be so: the log and collector_held say which and why.

exit status: 0 equal, 1 a difference (also with --repair), 2 not compared: configuration, command line, a stream's
server (the others are compared all the same), or neither side has a point
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes to its `parser`."""
    parser.description, parser.epilog = "Compare what a source has with what central has.", _EPILOG
    add_streams(parser)
    add_span(parser, required=True, end="a lookback ago unless set: until then points may come late")
    parser.add_argument("--repair", action="store_true", help="ask the running collector to send again what is lacking")
    parser.add_argument("--counts", action="store_true", help="be quick: where counts are equal look no further")
    parser.add_argument("--limit", type=whole(0), default=SHOWN, metavar="N", help="points shown by name (%(default)s)")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command with these `options` and return the exit status."""
    return in_session(options, lambda session: _verify(session, options))


def _verify(session: Session, options: argparse.Namespace) -> int:
    now = clock()
    start, stop = instants(options, now)
    assert start is not None
    streams = session.chosen(options.streams)
    reports: list[dict[str, object]] = []
    equal, points, failed = True, 0, False
    for stream in streams:
        try:
            with meter(options.json) as shown:
                report, comparison = _compare(session, stream, (start, stop, now), options.counts, shown)
        except (SourceError, Unusable) as error:
            why = str(error) if isinstance(error, Unusable) else f"{stream.label}: {error.summary}; {error.hint}"
            why = session.redact(why)
            say(why)
            reports.append({"stream": stream.label, "equal": None, "error": why})
            failed = True  # the others are looked at all the same
            continue
        equal = equal and comparison.found.equal
        points += comparison.found.points
        asked = None
        if options.repair and comparison.found.lacking:
            asked = _repair(session, stream, comparison)
            report["request"] = asked.id
        reports.append(report)
        if not options.json:
            _show(stream, report, comparison, options.limit)
            if asked is not None:
                sys.stdout.write(f"{requests.told(requests.progress_of(asked, None))}\n")
    if options.json:
        known = (points and not failed) or not equal
        write_json({"equal": equal if known else None, "streams": reports}, sys.stdout)
    if failed or (equal and not points):
        return UNUSABLE  # nothing was compared, and nothing is not equal
    return 0 if equal else 1


def _compare(
    session: Session, stream: StreamDefinition, times: tuple[int, int | None, int], counts_only: bool, shown: Meter
) -> tuple[dict[str, object], Comparison]:
    sides = session.sides(stream)
    mark, newest = session.central.newest(stream)
    comparison = Comparison(sides, mark)
    start, stop, now = times
    notes = []
    if stop is None:
        stop = now - stream.lookback
        notes.append(f"up to {moment(stop)}: younger points may still come late (lookback)")
    elif stop > now - stream.lookback:
        notes.append(f"what is younger than {moment(now - stream.lookback)} may differ for good reason (lookback)")
    oldest = sides.oldest(now)
    if oldest is not None and start < oldest:
        start = oldest
        notes.append(f"from {moment(start)}: central keeps nothing older")
    if mark is None:
        notes.append("there is no mark of it in central: has the collector run?")
    elif older := span(start, mark.origin) - mark.proved:
        notes.append(_older(mark, older, requests.open_request(newest, mark)))
    start, stop = aligned(stream, start, stop)
    if start >= stop:
        raise Unusable(f"{stream.label}: nothing to compare; {'; '.join(notes)}")
    shown.show(f"{stream.label} looked over", 0, None)
    pieces, found = comparison.pieces((start, stop)), comparison.found
    for number_, piece in enumerate(pieces):
        shown.show(f"{stream.label} verified, hours", number_, len(pieces))
        if comparison.countable and counts_only:
            here, there = comparison.counts(piece)
            if here == there:
                found.points += here
                continue
        comparison.compare(piece)
    report: dict[str, object] = {
        "stream": stream.label,
        "from": start,
        "to": stop,
        "points": found.points,
        **{kind.value: found.kinds[kind] for kind in Kind},
        "held": found.held,
        "cannot_pass": found.dropped,
        "equal": None if found.nothing else found.equal,
        "notes": notes,
        "examples": [_as_json(each, held) for each, held in found.shown],
        "lacking": list(found.lacking),
    }
    return report, comparison


def _older(mark: Mark, older: Spans, request: requests.RequestProgress | None) -> str:
    """Say why what is `older` than where the stream begins may be missing in central."""
    text = f"the stream begins at {moment(mark.origin)}; what is older is copied"
    if request is not None and request.request.spans & older:
        rest = "; what it does not ask for is copied by another one only" if older - request.request.spans else ""
        return f"{text} by a backfill: {requests.told(request)}{rest}"
    return f"{text} by data-collector backfill only"


def _repair(session: Session, stream: StreamDefinition, comparison: Comparison) -> Request:
    mark, newest = session.central.newest(stream)
    other = requests.open_request(newest, mark)
    if other is not None and other.request.kind is RequestKind.BACKFILL:
        raise Unusable(
            f"{stream.label}: {requests.told(other)}; a repair would take its place: wait for it, or "
            f"data-collector backfill {stream.label} --cancel"
        )
    spans = comparison.found.lacking
    if other is not None:
        spans += other.request.spans
    asked = requests.new(RequestKind.REPAIR, coarser(spans, MAX_REPAIRED))
    session.central.ask(stream, asked)
    return asked


def _show(stream: StreamDefinition, report: dict[str, object], comparison: Comparison, limit: int) -> None:
    found, out = comparison.found, sys.stdout
    start, stop = report["from"], report["to"]
    assert isinstance(start, int)
    assert isinstance(stop, int)
    verdict = "equal" if found.equal else "differs"
    if found.nothing:
        verdict = "nothing to compare, neither side has a point"
    counts = ", ".join(f"{number(found.kinds[kind])} {kind.value}" for kind in Kind)
    held = f", {number(found.held)} held" if found.held else ""
    dropped = "; some points cannot pass at all: see collector_dropped" if found.dropped else ""
    out.write(f"{stream.label} [{moment(start)}, {moment(stop)}): {verdict}; {number(found.points)} points, {counts}")
    out.write(f"{held}{dropped}\n")
    notes = report["notes"]
    assert isinstance(notes, list)
    out.writelines(f"  {note}\n" for note in notes)
    if found.shown and limit > 0:
        rows = [
            (
                "held" if held_ else each.kind.value,
                format_time(each.time),
                series_text(*each.series),
                _value(each.source),
                _value(each.central),
            )
            for each, held_ in found.shown[:limit]
        ]
        write_table(("How", "Time", "Series", "Source", "Central"), rows, out)
        total = sum(found.kinds.values()) + found.held
        if total > limit:
            out.write(f"  and {number(total - limit)} more: --limit, or --json\n")


def _value(value: Value | None) -> str:
    return f"{value.text.decode('utf-8', 'replace')} ({value.type.value})" if value is not None else "-"


def _as_json(each: Differing, held: bool) -> dict[str, object]:
    measurement, tags, field = each.series
    return {
        "how": each.kind.value,
        "held": held,
        "time": each.time,
        "measurement": measurement.decode("utf-8", "replace"),
        "tags": {key.decode("utf-8", "replace"): value.decode("utf-8", "replace") for key, value in tags},
        "field": field.decode("utf-8", "replace"),
        "source": _value_json(each.source),
        "central": _value_json(each.central),
    }


def _value_json(value: Value | None) -> dict[str, str] | None:
    return {"type": value.type.value, "value": value.text.decode("utf-8", "replace")} if value is not None else None
