"""`data-collector resume`: have the running collector go on with what was paused."""

from __future__ import annotations

import argparse

from telegraf_plugin.commands import pause
from telegraf_plugin.commands.ending import Unusable
from telegraf_plugin.commands.session import Session, in_session
from telegraf_plugin.stream.pause import Paused

_EPILOG = """\
examples:
  data-collector resume POD-30/power_monitoring
      its stream and its backlog go on; what was left out is copied, as after an outage
  data-collector resume POD-30/power_monitoring --no-wait
      ask, and end
  data-collector resume POD-30/power_monitoring --backlog
      only if it is its backlog that is paused, and not all of it

From then on what was left out counts as late: health turns bad if it takes longer than max_lag.

exit status: as of data-collector pause
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes to its `parser`."""
    parser.description, parser.epilog = "Have the running collector go on with a stream that was paused.", _EPILOG
    pause.add_common(parser)
    parser.add_argument("--backlog", action="store_true", help="only if it is the backlog that is paused")


def run(options: argparse.Namespace) -> int:
    """Run the command with these `options` and return the exit status."""
    return in_session(options, lambda session: resumed(session, options))


def resumed(session: Session, options: argparse.Namespace) -> int:
    """Have the stream that is named resumed; returns the exit status. Raises CentralError, Unusable."""
    stream = session.stream(options.stream)
    if options.backlog and pause.standing(session.central, stream)[0].what is Paused.STREAM:
        raise Unusable(f"{stream.label} is paused as a whole: resume it without --backlog")
    return pause.ask(session, options, Paused.NOTHING)
