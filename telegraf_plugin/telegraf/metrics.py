"""The collector's own metrics as line protocol: measurements `collector_*`, for the bucket `metrics`.

They carry no tag `source_bucket`: by that telegraf.conf tells them from the data. docs/metrics.md explains each field.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable

from telegraf_plugin import __version__
from telegraf_plugin.stream import names
from telegraf_plugin.stream.holds import HeldPoints
from telegraf_plugin.stream.pause import Paused
from telegraf_plugin.stream.status import Board, Effort, StreamStatus, Totals
from telegraf_plugin.telegraf.line_protocol import MAX_STRING_BYTES, MAX_TIME, MIN_TIME, escape_string, line_head

_CONTROL = re.compile(rb"[\x00-\x1f\x7f]|\\\Z")

MAX_TAG_BYTES = 4096
"""Of a tag's value in our own lines: a name of data may be of 64 KiB, and a line has a limit for all of its tags."""
_SECOND = 1e9
_PAUSED = {Paused.NOTHING: 0, Paused.BACKLOG: 1, Paused.STREAM: 2}

Fields = dict[str, int | float | str]


def cycle_lines(board: Board, late_sources: Collection[str], seconds: float, now: int, shard: str = "") -> bytes:
    """Return a cycle's metrics: a line a stream, a source and a drop reason, and the health line last.

    `seconds` is how long the cycle took, `now` (Unix ns) the lines' time. `shard`: which one says so, where several
    share the sources. It is a field of streams and sources, which move between shards, and else a tag.
    """
    by: Fields = {**_by_shard(shard)}
    lines = []
    for source, statuses in board.by_source().items():
        for status in statuses:
            lines += _stream_lines(status, board.interval, now, by)
        total = Totals.of(status.total for status in statuses)
        fields = _sums(Totals.of(status.cycle for status in statuses), total)
        fields["late"] = int(source in late_sources)
        fields |= _effort(board.efforts.get(source, Effort()))
        skews = [s.last.clock_skew for s in statuses if s.last is not None and s.last.clock_skew is not None]
        if skews:
            fields["clock_skew_seconds"] = skews[-1]
        lines.append(point(names.SOURCE, {"source": source}, fields | by, now))
    cycle: Fields = {"duration_seconds": seconds, "late_sources": len(late_sources)}
    lines.append(point(names.CYCLE, _by_shard(shard), cycle | _effort(board.efforts.get("", Effort())), now))
    return b"".join(lines) + health_line(board, now, shard)


def held_lines(held: Iterable[HeldPoints], now: int) -> bytes:
    """Return a line for each field that central refuses."""
    lines = []
    for each in held:
        tags = {
            "source": each.stream.source,
            "stream": each.stream.name,
            "measurement": each.field_key[0].decode("utf-8", "replace"),
            "held_field": each.field_key[1].decode("utf-8", "replace"),
        }
        fields: Fields = {"type": each.field_key[2].value, "points": each.points, "reason": each.reason}
        lines.append(point(names.HELD, tags, fields, now))
    return b"".join(lines)


def health_line(board: Board, now: int, shard: str = "") -> bytes:
    """Return the one metric that telegraf.conf's health output judges by: `healthy` is 1 while all streams are read
    and arrive in central in time. With several shards each has its own, by the tag `shard`. `status` knows by its
    `version` which collector runs.
    """
    failing = board.failing
    fields: Fields = {"healthy": int(not failing), "streams": len(board.streams), "failing": len(failing)}
    fields["paused"] = sum(
        status.progress is not None and status.progress.paused is not Paused.NOTHING
        for status in board.streams.values()
    )
    return point(names.HEALTH, _by_shard(shard), fields | {"version": __version__}, now)


def _by_shard(shard: str) -> dict[str, str]:
    return {"shard": shard} if shard else {}


def _stream_lines(status: StreamStatus, interval: int | None, now: int, by: Fields) -> list[bytes]:
    stream = status.stream
    tags = {
        "source": stream.source,
        "stream": stream.name,
        "bucket": stream.bucket,
        "central_bucket": stream.central_bucket,
    }
    fields = _sums(status.cycle, status.total)
    fields |= {"healthy": int(status.healthy), "failures_in_a_row": status.failures_in_a_row}
    if interval is not None:
        fields["interval_seconds"] = interval / _SECOND
    if status.max_lag is not None:
        fields["max_lag_seconds"] = status.max_lag / _SECOND
    fields |= _progress(status)
    if status.waits:
        fields["waits"] = status.waits
    if status.last is not None and status.last.error is not None and not status.paused:
        fields["last_error"] = status.last.error.summary
    elif not status.healthy:
        fields["last_error"] = status.trouble
    lines = [point(names.STREAM, tags, fields | by, now)]
    for reason, drop in status.drops.items():
        dropped: Fields = {"points_total": drop.points, "example": drop.example}
        lines.append(point(names.DROPPED, tags | {"reason": reason.value}, dropped, now))
    return lines


def _progress(status: StreamStatus) -> Fields:
    """Return how the stream stands with the ledger, in seconds, points and lines; what is not known is left out."""
    progress = status.progress
    if progress is None:
        return {}
    read = status.last is None or status.last.error is None  # else how fast it was tells nothing
    times = {
        "lag_seconds": progress.lag,
        "left_seconds": progress.left,
        "to_go_seconds": progress.to_go if read else None,
        "time_to_loss_seconds": progress.time_to_loss,
        "sweep_period_seconds": progress.sweep_period,
        "aside_seconds": progress.aside,
        "uncompared_seconds": progress.uncompared,
    }
    fields: Fields = {key: value / _SECOND for key, value in times.items() if value is not None}
    if progress.proved_up_to is not None:
        fields["proved_up_to"] = progress.proved_up_to
    return fields | {
        "backlog_points_per_second": progress.points_per_second,
        "in_flight": status.in_flight,
        "held": progress.held,
        "extras": progress.extras,
        "future_points": progress.future,
        "foreign_marks": progress.foreign,
        "sweep_found": progress.sweep_found,
        "central_failures_total": progress.uncompared_total,
        "last_success": status.last_success,
        "paused": _PAUSED[progress.paused],
    }


def _effort(effort: Effort) -> Fields:
    return {"requests_total": effort.requests, "values_read_total": effort.values}


def _sums(cycle: Totals, total: Totals) -> Fields:
    fields: Fields = {
        "points_read": cycle.points_read,
        "points_sent": cycle.points_sent,
        "points_dropped": cycle.points_dropped,
        "successes": cycle.successes,
        "failures": cycle.failures,
        "duration_seconds": cycle.seconds,
        "points_read_total": total.points_read,
        "points_sent_total": total.points_sent,
        "points_dropped_total": total.points_dropped,
        "successes_total": total.successes,
        "failures_total": total.failures,
    }
    if total.success_rate is not None:
        fields["success_rate_percent"] = total.success_rate
    return fields


def point(measurement: str, tags: dict[str, str], fields: Fields, now: int) -> bytes:
    """Return one line of our own, time `now` in Unix ns; nothing where no field is left, or none can be of that time.

    It is checked as the data's lines are. Of `tags` what line protocol cannot carry is shown as `?`, and what is beyond
    MAX_TAG_BYTES left out; a field whose value InfluxDB cannot hold is left out.
    """
    columns = [b"%b=%b" % (key.encode(), text) for key, value in fields.items() if (text := _value(value)) is not None]
    if not columns or not MIN_TIME <= now <= MAX_TIME:
        return b""
    pairs = tuple(sorted((key.encode(), _tag(value)) for key, value in tags.items()))
    # line_head ends with the name of a field and "=": the first field's, which columns begins with too.
    head = line_head(measurement.encode(), pairs, b"f").removesuffix(b"f=")
    return b"%b%b %d\n" % (head, b",".join(columns), now)


def _tag(value: str) -> bytes:
    """Return a tag's value that any name makes."""
    cut = value.encode("utf-8", "replace")[:MAX_TAG_BYTES].decode("utf-8", "ignore").encode()
    return _CONTROL.sub(b"?", cut) or b"?"


def _value(value: float | str) -> bytes | None:
    """Return a field's value as it stands in a line, None where InfluxDB cannot hold it."""
    if isinstance(value, str):
        text = value.encode("utf-8", "replace")
        return b'"%b"' % escape_string(text) if len(text) <= MAX_STRING_BYTES else None
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, int):
        return b"%di" % value if -(2**63) <= value < 2**63 else None
    return repr(value).encode() if math.isfinite(value) else None
