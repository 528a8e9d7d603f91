"""`data-collector backfill`: have the running collector copy what is older than where a stream begins."""

from __future__ import annotations

import argparse
import math
import sys
import time
from dataclasses import dataclass, replace

from telegraf_plugin.commands import requests
from telegraf_plugin.commands.arguments import add_json, add_span, add_stream
from telegraf_plugin.commands.dates import duration, moment, number
from telegraf_plugin.commands.ending import Unusable
from telegraf_plugin.commands.estimate import PROOF_SPEED, Estimate, estimate, speed_of, until_tick
from telegraf_plugin.commands.last_word import DEFAULT_INTERVAL_SECONDS, newest_metrics
from telegraf_plugin.commands.pause import told
from telegraf_plugin.commands.session import Session, Sides, clock, in_session, instants
from telegraf_plugin.commands.tables import Meter, meter, write_json
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.ledger import Mark
from telegraf_plugin.stream.pause import Paused
from telegraf_plugin.stream.plan import EMPTY_COPIES
from telegraf_plugin.stream.request import MEASUREMENT, Kind
from telegraf_plugin.stream.spans import NOTHING, Span, Spans, span
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.stream.units import DAY, SECOND
from telegraf_plugin.stream.windows import cut

_EPILOG = f"""\
examples:
  data-collector backfill POD-30/power_monitoring --from 2026-01-01 --dry-run
      what it would take: points, windows, time, and what central's retention would refuse
  data-collector backfill POD-30/power_monitoring --from 2026-01-01
      ask the running collector, and watch
  data-collector backfill POD-30/power_monitoring --cancel
      leave it; what is copied stays

The command writes one point of measurement {MEASUREMENT} to the stream's bucket in central, which the collector reads
at its next tick; it copies history after live data and newest first, in the room that live data leaves. Both may be
ended and started again at any time: what is proved is not copied again, and the same command goes on watching.
Without --to it ends where the stream begins; what is newer the collector copies anyway.

exit status: 0 done, nothing to do, planned (--dry-run), asked for (--no-wait) or cancelled; 1 not done: Ctrl-C, or
another request took its place; 2 the configuration, the command line or a server does not allow it
"""


EMPTY_WINDOWS = EMPTY_COPIES + 2
"""What the collector asks for of empty time, however long: some windows, where the next point is, and central."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be copied: `spans` of it, about so many `points`, in so many `windows`, and what time that takes.

    `speed` is what it is computed by, in points a second; where there are no points it says nothing. `refused`: the
    span and points that central is too short-lived for, and that are left out.
    """

    spans: Spans
    points: int
    windows: int
    speed: float
    refused: Spans
    refused_points: int
    takes: Estimate

    def as_json(self) -> dict[str, object]:
        """Return it for scripts; times in Unix ns."""
        return {
            "spans": list(self.spans),
            "points": self.points,
            "windows": self.windows,
            "points_per_second": self.speed if self.points else None,
            "seconds": round(self.takes.seconds, 1),
            "seconds_copying": round(self.takes.copying, 1),
            "seconds_waiting_for_proof": round(self.takes.waiting, 1),
            "refused_spans": list(self.refused),
            "refused_points": self.refused_points,
        }


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes to its `parser`."""
    parser.description, parser.epilog = "Have the running collector copy history of one stream.", _EPILOG
    add_stream(parser)
    add_span(parser, required=False, end="where the stream begins unless set, and never later")
    parser.add_argument("--dry-run", action="store_true", help="plan only; nothing is asked for")
    parser.add_argument("--cancel", action="store_true", help="take the request back that is under way")
    parser.add_argument("--no-wait", action="store_true", help="ask, and end")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command with these `options` and return the exit status."""
    if not options.cancel and options.start is None:
        raise Unusable("--from is needed, or --cancel")
    return in_session(options, lambda session: (_cancel if options.cancel else _backfill)(session, options))


def _cancel(session: Session, options: argparse.Namespace) -> int:
    stream = session.stream(options.stream)
    mark, newest = session.central.newest(stream)
    found = requests.open_request(newest, mark)
    if found is not None:
        session.central.ask(stream, replace(found.request, cancelled=True, time=clock()))
    if options.json:
        write_json({"stream": stream.label, "cancelled": found.request.id if found else None}, sys.stdout)
    elif found is None:
        sys.stdout.write(f"{stream.label}: nothing is asked for\n")
    else:
        text = "cancelled; the collector leaves it at its next tick, what is copied stays"
        sys.stdout.write(f"{stream.label}: {found.request.kind.value} {found.request.id} {text}\n")
    return 0


def _backfill(session: Session, options: argparse.Namespace) -> int:
    stream, now = session.stream(options.stream), clock()
    start, stop = instants(options, now)
    assert start is not None
    sides = session.sides(stream)
    mark, newest = session.central.newest(stream)
    if mark is None:
        raise Unusable(
            f"{stream.label}: there is no mark of it in central, so no collector is copying it: start it, and see "
            "data-collector status"
        )
    proved = mark.proved if mark.definition == stream.hash else NOTHING
    wanted = span(start, min(stop if stop is not None else now, mark.origin)) - proved
    found = requests.open_request(newest, mark)
    if found is not None and found.request.kind is Kind.REPAIR and not options.dry_run:
        raise Unusable(f"{stream.label}: {requests.told(found)}; wait for it, or take it back with --cancel")
    with meter(options.json) as shown:
        plan = _plan(session, sides, wanted, mark, now, shown)
    if not options.json:
        _show(stream, plan, mark)
        if plan.spans and mark.pause.what is not Paused.NOTHING:
            sys.stdout.write(f"  {stream.label}: {told(mark.pause, True)}; it waits until data-collector resume\n")
    asked = None
    if plan.spans and not options.dry_run:
        if found is not None and not plan.spans - found.request.spans:
            asked = found.request  # asked for already
        else:
            rest = found.left if found is not None else NOTHING
            asked = requests.new(Kind.BACKFILL, plan.spans + rest)
            session.central.ask(stream, asked)
    if asked is None:
        if options.json:
            write_json({"stream": stream.label, "plan": plan.as_json(), "request": None}, sys.stdout)
        return 0
    if not options.json:
        sys.stdout.write(f"asked for: {asked.id}\n")
        sys.stdout.flush()
    if options.no_wait:
        ended = requests.progress_of(asked, mark)
        status = 0
    else:
        ended = requests.follow(session.central, stream, asked, lambda text: _say(f"{text}\n"), hidden=options.json)
        status = 0 if ended.stage is requests.Stage.DONE else 1
    if options.json:
        document = {"stream": stream.label, "plan": plan.as_json(), "request": ended.as_json()}
        write_json(document, sys.stdout)
    else:
        sys.stdout.write(f"{requests.told(ended)}\n")
    return status


def _plan(session: Session, sides: Sides, wanted: Spans, mark: Mark, now: int, shown: Meter) -> Plan:
    stream = sides.stream
    oldest = sides.oldest(now)
    refused = wanted.clip(stop=oldest) if oldest is not None else NOTHING
    spans = wanted - refused
    metrics = newest_metrics(session.central).get(stream.id)
    speed = float(metrics.fields.get("backlog_points_per_second", 0)) if metrics is not None else 0.0
    interval = (metrics.number("interval_seconds") if metrics is not None else None) or DEFAULT_INTERVAL_SECONDS
    told_at = (metrics.time if metrics is not None else now) / SECOND
    windows = [window for part in spans for window in cut(*part, sides.groups)]
    points, full = _count(sides, spans, "counted, days", shown)
    lost, _ = _count(sides, refused, "counted of what central refuses, days", shown)
    read_speed = _read_speed(sides, windows[-1]) if windows else PROOF_SPEED
    restraint = next(source.restraint for source in session.config.sources if source.name == stream.source)
    speed = min(speed_of(speed, read_speed), restraint.points_per_second or math.inf)
    now = clock()  # counting took its time
    asked = sum(1 for window in windows if full.touches(window)) + EMPTY_WINDOWS * len((spans - full).parts)
    takes = estimate(
        points,
        min(asked, len(windows)),
        speed,
        read_speed,
        until_tick(told_at, interval, now / SECOND),
        (now - session.central.run_began(stream, mark)) / SECOND,
        stream.lookback / SECOND,
    )
    return Plan(spans, points, len(windows), speed, refused, lost, takes)


def _read_speed(sides: Sides, window: Span) -> float:
    """Read one of the windows as the collector will; return how many points a second that were."""
    tally, began = Tally(), time.monotonic()
    for _ in sides.source.blocks(sides.stream, window, tally):
        pass
    return tally.points / (time.monotonic() - began) if tally.points else PROOF_SPEED


def _count(sides: Sides, spans: Spans, what: str, shown: Meter) -> tuple[int, Spans]:
    """Count what the source has, a day at a time: it is a plan, and the source has other work.

    Returns how many points, and the days that have some.
    """
    days = [day for part in spans for day in cut(*part, sides.groups, DAY)]
    points, full = 0, []
    for number_, day in enumerate(days):
        shown.show(what, number_, len(days))
        there = sides.source.count(sides.stream, day)
        points += there
        full += [day] if there else []
    return points, Spans.of(full)


def _show(stream: StreamDefinition, plan: Plan, mark: Mark) -> None:
    out = sys.stdout
    if plan.refused:
        hull = plan.refused.hull
        assert hull is not None
        out.write(
            f"{stream.label}: central keeps nothing older than {moment(hull[1])}: {number(plan.refused_points)} points "
            "are left out; to have them, have its bucket keep longer\n"
        )
    if not plan.spans:
        since = f"it begins at {moment(mark.origin)}"
        out.write(f"{stream.label}: nothing to do: all of it is proved, copied anyway, or too old; {since}\n")
        return
    hull = plan.spans.hull
    assert hull is not None
    if plan.points:
        rate = f" ({number(plan.speed)} points a second)"
        what = f"about {number(plan.points)} points in {number(plan.windows)} windows, about "
    else:
        rate, what = "", "the source has no points there, so nothing is to be copied; to prove that, about "
    out.write(
        f"{stream.label} [{moment(hull[0])}, {moment(hull[1])}): {what}{duration(plan.takes.seconds)}{rate}, "
        f"done about {moment(clock() + int(plan.takes.seconds * SECOND))}\n"
    )
    if plan.takes.waiting >= 1:
        out.write(
            f"  {duration(plan.takes.waiting)} of it waiting for the proof: the collector has just started, and lines "
            "of an earlier run may land until then\n"
        )


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
