"""`data-collector pause` and `resume`: have the running collector leave a stream, or its backlog, alone."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections.abc import Callable

from telegraf_plugin.commands.arguments import add_json, add_stream, seconds
from telegraf_plugin.commands.dates import moment
from telegraf_plugin.commands.session import CentralAccess, Session, clock, in_session
from telegraf_plugin.commands.tables import write_json
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.pause import MEASUREMENT, NO_PAUSE, Pause, Paused, newest

POLL_SECONDS = 1.0
PATIENCE_SECONDS = 180.0
"""How long the collector is waited for, unless told: it looks at its next tick, and its mark takes Telegraf's way."""
_EPILOG = f"""\
examples:
  data-collector pause POD-30/power_monitoring
      nothing is asked of that bucket, and nothing sent, until it is resumed: while its server is being worked on
  data-collector pause POD-30/power_monitoring --backlog
      live data goes on; what is older, backfills and the sweep wait

`data-collector resume POD-30/power_monitoring` has all of it go on; what was left out is copied, as after an outage.
The command writes one point of measurement {MEASUREMENT} to the stream's bucket in central, which the collector reads
at its next tick; what it has in hand then it finishes. It holds through restarts, on whatever machine. What is paused
is not counted as failing or late, and is named by status, in the log of each cycle and in the metrics. Nothing is lost
as long as the source keeps it: time_to_loss goes on telling how long that is, also while the stream is paused.

exit status: 0 the collector has taken it, or it was so already, or --no-wait; 1 it has not yet: Ctrl-C, or it did not
answer in time (what was asked for stays); 2 the configuration, the command line or a server does not allow it
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `pause` takes to its `parser`."""
    parser.description, parser.epilog = "Have the running collector leave a stream alone, until it is resumed.", _EPILOG
    add_common(parser)
    parser.add_argument("--backlog", action="store_true", help="all but live data")


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add what `pause` and `resume` both take."""
    add_stream(parser)
    parser.add_argument("--no-wait", action="store_true", help="ask, and end")
    text = "how long the collector is waited for (%(default)g)"
    parser.add_argument("--wait", type=seconds(0), default=PATIENCE_SECONDS, metavar="SECONDS", help=text)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Run `pause` with these `options` and return the exit status."""
    what = Paused.BACKLOG if options.backlog else Paused.STREAM
    return in_session(options, lambda session: ask(session, options, what))


def ask(session: Session, options: argparse.Namespace, what: Paused) -> int:
    """Ask for `what` to be paused of the stream that is named; returns the exit status. Raises CentralError."""
    stream = session.stream(options.stream)
    before, taken = standing(session.central, stream)
    asked = before
    if before.what is not what:
        # Always later than the one before: the newest counts, whatever this machine's clock says.
        asked = Pause(secrets.token_hex(6), what, max(clock(), before.time + 1))
        session.central.ask(stream, asked)
    waits = asked.id != taken.id and not options.no_wait
    if waits and not options.json:
        sys.stderr.write(f"{stream.label}: {asked_for(asked)}; waiting for the collector's next tick\n")
    if waits:
        taken = follow(session.central, stream, asked, options.wait)
    done = asked.id == taken.id
    if options.json:
        document = {"stream": stream.label, "paused": what.value, "id": asked.id, "asked": asked.time, "taken": done}
        write_json(document, sys.stdout)
    else:
        sys.stdout.write(f"{stream.label}: {told(asked, done)}\n")
    return 0 if done or options.no_wait else 1


def standing(central: CentralAccess, stream: StreamDefinition) -> tuple[Pause, Pause]:
    """Return what was asked for last, and what the collector has taken by its newest mark. Raises CentralError."""
    believed = central.ledger(stream.central_bucket, [stream.id]).get(stream.id)
    taken = believed.mark.pause if believed is not None else NO_PAUSE
    return newest(taken, central.asked(stream.central_bucket).pauses.get(stream.id)), taken


def follow(
    central: CentralAccess,
    stream: StreamDefinition,
    asked: Pause,
    patience: float,
    sleep: Callable[[float], None] = time.sleep,
) -> Pause:
    """Wait until the collector has taken `asked`, `patience` seconds at the most; returns what it has taken then.

    Raises CentralError.
    """
    end = time.monotonic() + patience
    taken = NO_PAUSE
    try:
        while (left := end - time.monotonic()) > 0:
            _, taken = standing(central, stream)
            if taken.id == asked.id:
                break
            sleep(min(POLL_SECONDS, left))
    except KeyboardInterrupt:
        sys.stderr.write("not waited for any more; what was asked for stays\n")
    return taken


def asked_for(pause: Pause) -> str:
    """Say what was asked for, in a few words."""
    words = {Paused.STREAM: "to be paused", Paused.BACKLOG: "its backlog to be paused", Paused.NOTHING: "to be resumed"}
    return words[pause.what]


def told(pause: Pause, done: bool) -> str:
    """Say how it stands, in a line; `done`: the collector has taken it."""
    if not pause.id:
        return "nothing was ever paused"
    if not done:
        return f"{asked_for(pause)}, asked for at {moment(pause.time)}; the collector looks for it at its next tick"
    words = {Paused.STREAM: "paused", Paused.BACKLOG: "its backlog is paused", Paused.NOTHING: "not paused"}
    return f"{words[pause.what]} since {moment(pause.time)}"
