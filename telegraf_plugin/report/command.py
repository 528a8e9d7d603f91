"""`data-collector report`: write the page, once or again and again, whole or not at all."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from telegraf_plugin.commands.arguments import add_streams, seconds, whole
from telegraf_plugin.commands.dates import moment
from telegraf_plugin.commands.ending import Unusable, say
from telegraf_plugin.commands.session import Session, clock, in_session
from telegraf_plugin.errors import CentralError
from telegraf_plugin.report.facts import Facts
from telegraf_plugin.report.gather import Gathering
from telegraf_plugin.report.html import escaped
from telegraf_plugin.report.page import page

FILE = Path("logs/report.html")
DAYS, MOST_DAYS = 14, 400
SHORTEST_WATCH = 1.0
"""Seconds between two files, at the least: central has other work."""
_MODE = 0o644
_HIDDEN = "(a token, not shown)"
_EPILOG = f"""\
examples:
  data-collector report
      writes {FILE}: open it in any browser, mail it, or print it
  data-collector report --days 60 --output /srv/www/collector.html
      two months, hour by hour
  data-collector report --watch 300
      again every five minutes, until Ctrl-C; a browser that shows it loads it anew
  data-collector report POD-30 --output - > pod-30.html
      of one source, to standard output

The file is whole in itself: nothing is loaded from elsewhere, and it works without a network. It is replaced at once,
so that nobody sees half of it. Its facts are those of `status`, from central alone (the collector's metrics and its
ledger); the sources are only asked how long they keep their buckets, and which version they are.

exit status: 0 written, and all streams are well; 1 written, and one is not or the collector is silent; 2 not written:
configuration or central is not usable, or the file cannot be written
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes to its `parser`."""
    parser.description = "Write one HTML file that shows how complete central is, and what is not well."
    parser.epilog = _EPILOG
    add_streams(parser)
    parser.add_argument(
        "--output", type=Path, default=FILE, metavar="FILE", help="where to; - is standard output (%(default)s)"
    )
    parser.add_argument(
        "--days",
        type=whole(1),
        default=DAYS,
        metavar="N",
        help=f"how far back, hour by hour, {MOST_DAYS} at most (%(default)s)",
    )
    parser.add_argument(
        "--watch", type=seconds(SHORTEST_WATCH), metavar="SECONDS", help="write it again and again, until Ctrl-C"
    )


def run(options: argparse.Namespace) -> int:
    """Run the command with these `options` and return the exit status. Raises Unusable, CentralError."""
    if options.days > MOST_DAYS:
        raise Unusable(f"--days {options.days}: {MOST_DAYS} at most")
    if options.watch is not None and str(options.output) == "-":
        raise Unusable("--watch writes a file again and again: give --output a file, not standard output")
    return in_session(options, lambda session: _report(session, options))


def _report(session: Session, options: argparse.Namespace) -> int:
    gathering = Gathering(session, session.chosen(options.streams), options.days)
    facts = _write(session, gathering, options)
    if options.watch is None:
        return 0 if facts.healthy else 1
    try:
        while True:
            time.sleep(options.watch)
            try:
                facts = _write(session, gathering, options)
            except CentralError as error:  # the file stays, and says of when it is
                stays = f"{options.output} stays as it is until central answers"
                say(f"central: {error.summary}; {error.hint}; {stays}")
    except KeyboardInterrupt:
        return 0 if facts.healthy else 1


def _write(session: Session, gathering: Gathering, options: argparse.Namespace) -> Facts:
    """Write the file and return what it shows. Raises CentralError, Unusable."""
    now = clock()
    facts = gathering.facts(now, options.watch)
    content = without(page(facts), _tokens(session)).encode()
    if str(options.output) == "-":
        sys.stdout.buffer.write(content)
        return facts
    replace(options.output, content)
    well = "all streams are well" if facts.healthy else "not all streams are well"
    sys.stderr.write(f"{moment(now)} {options.output}: {len(content) / 1024:,.0f} KiB, {well}\n")
    return facts


def replace(place: Path, content: bytes) -> None:
    """Put `content` at `place`, whole: whoever reads it has the old file or the new one. Raises Unusable."""
    temporary: str | None = None
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        Path(temporary).chmod(_MODE)
        Path(temporary).replace(place)
    except OSError as error:
        if temporary is not None:
            with suppress(OSError):
                Path(temporary).unlink()
        hint = "create its folder, or name another place: --output FILE"
        raise Unusable(f"{place} cannot be written: {error.strerror}; {hint}") from None


def without(text: str, tokens: Iterable[str]) -> str:
    """Return `text` without the `tokens`, as they are and as HTML shows them: a server may say anything."""
    for token in tokens:
        for form in (token, str(escaped(token))):
            text = text.replace(form, _HIDDEN)
    return text


def _tokens(session: Session) -> list[str]:
    servers = [session.config.central, *(source.server for source in session.config.sources)]
    found = []
    for server in servers:
        with suppress(ValueError):  # a file that is gone meanwhile: then there is nothing to hide either
            found.append(server.credential.read())
    return found
