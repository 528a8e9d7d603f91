"""The audit trail: what is said in the log, one line an operation, and when something is said only once."""

from __future__ import annotations

import logging
from collections.abc import Collection

from telegraf_plugin.config import Config, dangers
from telegraf_plugin.stream.attempts import Attempt
from telegraf_plugin.stream.block import FieldKey
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.drops import REMEDY, DropReason
from telegraf_plugin.stream.overwrites import MAX_SERIES
from telegraf_plugin.stream.status import Board, StreamStatus, Totals
from telegraf_plugin.stream.units import utc

MAX_NAMED = 1_000
"""Series of which the log says that their points cannot pass; what is beyond them is counted."""
MAX_HELD_NAMED = 3
"""Fields that are held of which one line of the log says why."""
MAX_SKEW = 2.0
"""Seconds by which clocks may differ."""
_LATER = 1.1
"""By how much (s) HTTP's Date may be behind the clock that made it: whole seconds, and a reply's way."""

log = logging.getLogger(__name__)


def agrees(skew: float) -> bool:
    """Say whether a clock agrees with ours, to MAX_SKEW, that was ahead of it by `skew` seconds as Date tells it."""
    return -MAX_SKEW - _LATER < skew < MAX_SKEW


class Audit:
    """Writes the log of one run. Not for several threads at once."""

    def __init__(self, config: Config) -> None:
        self._sources, self._shard = config.sources, config.shard
        self._dangers = list(dangers(config))
        self._uncompared = dict.fromkeys(  # one line a reason
            (", ".join(stream.rewritten_tags), stream.uncomputed)
            for stream in config.streams
            if stream.uncomputed and stream.rewritten_tags
        )
        self._urls = {source.name: source.server.url for source in config.sources}
        self._named: set[tuple[str, DropReason, str]] = set()  # series of which it was said that points cannot pass
        self._unwatched: set[str] = set()  # streams of which that was said
        self._skewed: set[str] = set()  # sources whose clock differs from ours
        self._held: dict[tuple[str, bool], list[tuple[FieldKey, int, str]]] = {}  # by stream, and whether it is refused

    def started(self) -> None:
        """Say what is going to be read."""
        sources = (f"{s.name} at {s.server.url} (streams: {len(s.streams)})" for s in self._sources)
        shard = f" (shard {self._shard})" if self._shard is not None else ""
        log.info(
            "collector started%s: reading %s", shard, ", ".join(sources) or "nothing: no source falls to this shard"
        )
        for danger in self._dangers:
            log.warning("%s", danger)
        for tags, why in self._uncompared:
            log.warning("%s is left out of the proof, as what Telegraf makes of it cannot be told: %s", tags, why)

    def attempt(self, attempt: Attempt, status: StreamStatus) -> None:
        """Say what became of one read, after which its stream's `status` is this."""
        label = attempt.stream.label
        window = f"[{utc(attempt.start)}, {utc(attempt.stop)})"
        url = self._urls[attempt.stream.source]
        where = f"{label} from {url}, bucket {attempt.stream.bucket}, {window}"
        if attempt.error is None and attempt.start == attempt.stop:
            log.info("nothing to read yet of %s", label)
        elif attempt.error is None:
            counts = f"{attempt.points_read} points read, {attempt.points_sent} sent"
            log.info("read %s: %s in %.3f s", where, counts, attempt.seconds)
        else:
            reason = f"{attempt.error.summary}; {attempt.error.hint}"
            tries = f"failure {status.failures_in_a_row} in a row, after {attempt.points_sent} points"
            log.error("failed %s: %s (%s, %.3f s)", where, reason, tries, attempt.seconds)
            log.debug("failed %s: what led to it", label, exc_info=attempt.error)
        if status.recovered_from:
            log.warning("%s is read again, after failures in a row: %d", label, status.recovered_from)
        for reason_, drop in attempt.drops.items():
            for example in drop.examples:
                if (label, reason_, example) not in self._named and len(self._named) < MAX_NAMED:
                    self._named.add((label, reason_, example))
                    text = "%s: points cannot pass (%s): of %s; %s; counted in collector_dropped from now on"
                    log.warning(text, label, reason_.value, example, REMEDY[reason_])
        if attempt.unwatched and label not in self._unwatched:
            self._unwatched.add(label)
            text = "%s: too many series to notice whether metadata_tags make two of them one; the first %d are watched"
            log.warning(text, label, MAX_SERIES)
        self._clock(attempt)

    def _clock(self, attempt: Attempt) -> None:
        self._skew(attempt.stream.source, attempt.clock_skew, "what is new is decided by its clock")

    def _skew(self, server: str, skew: float | None, effect: str) -> None:
        """Warn when the clock of `server` differs from ours by `skew` seconds, once until it agrees again."""
        if skew is None:
            return
        if agrees(skew):
            if server in self._skewed:
                log.info("the clock of %s agrees with this machine's again", server)
                self._skewed.discard(server)
        elif server not in self._skewed:
            text = "the clock of %s is %.0f s %s this machine's: %s; set up NTP"
            log.warning(text, server, abs(skew), "ahead of" if skew > 0 else "behind", effect)
            self._skewed.add(server)

    def held(self, stream: StreamDefinition, field_key: FieldKey, points: int, reason: str) -> None:
        """Note that central goes on lacking `points` of a field: it is said with the cycle, all at once."""
        refused = reason.startswith("refused")
        self._held.setdefault((stream.label, refused), []).append((field_key, points, reason))

    def _say_held(self) -> None:
        """Say in one line a stream and remedy what central goes on lacking, as far as that was not said yet."""
        for (label, refused), found in self._held.items():
            named = [
                f"{field.decode('utf-8', 'replace')!r} of measurement {measurement.decode('utf-8', 'replace')!r} "
                f"({kind.value}), sent twice and not there: {reason}"
                for (measurement, field, kind), _, reason in found
            ]
            for each in named[MAX_HELD_NAMED:]:
                log.debug("%s: central lacks points of field %s", label, each)
            few, more = named[:MAX_HELD_NAMED], len(named) - MAX_HELD_NAMED
            log.error(
                "%s: central lacks %d %s %s%s; what is new is sent all the same, these are tried again from "
                "time to time%s",
                label,
                sum(points for _, points, _ in found),
                f"points of {len(named)} fields: field" if len(named) > 1 else "points of field",
                "; field ".join(few),
                f"; and {more} more, which collector_held names" if more > 0 else "",
                "; write the field with one type, or leave it out (exclude_fields)" if refused else "",
            )
        self._held.clear()

    def central_clock(self, skew: float | None) -> None:
        """Warn when central's clock differs from ours, once until it agrees again."""
        self._skew("central", skew, "its retention and its health look wrong by as much")

    def cycle(self, board: Board, busy: Collection[str], seconds: float, away: Collection[str] = ()) -> None:
        """Say what became of one tick after `seconds`, and what is held; the sources in `busy` have not finished.

        `away`: the buckets of central that cannot be read now, though nothing may be late by it yet.
        """
        self._say_held()
        cycle = Totals.of(status.cycle for status in board.streams.values())
        total = Totals.of(status.total for status in board.streams.values())
        rates = ", ".join(
            f"{source} {_percent(Totals.of(status.total for status in statuses).success_rate)}"
            for source, statuses in board.by_source().items()
        )
        log.log(
            logging.WARNING if board.failing or away else logging.INFO,
            "cycle: %d points read, %d sent in %.3f s; since start %d read, %d sent; success rate %s%s%s%s",
            cycle.points_read,
            cycle.points_sent,
            seconds,
            total.points_read,
            total.points_sent,
            rates,
            f"; failing: {_reasons(board)}" if board.failing else "",
            f"; central cannot be read: {', '.join(away)}" if away else "",
            f"; still reading: {', '.join(sorted(busy))}" if busy else "",
        )


def _reasons(board: Board) -> str:
    """Name the streams that fail, each with why."""
    return ", ".join(f"{label} ({board.streams[label].trouble})" for label in board.failing)


def _percent(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.1f} %"
