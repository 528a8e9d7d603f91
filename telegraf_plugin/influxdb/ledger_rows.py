"""Rows of central's replies as marks, origins and requests. Whatever is damaged is set aside, one by one. Pure.

Anybody may have written what stands under our names, with any tags, fields, types and times: nothing of it may keep
what is beside it from being read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from telegraf_plugin.influxdb.timestamps import parse_time
from telegraf_plugin.stream import names
from telegraf_plugin.stream.claim import Claim
from telegraf_plugin.stream.commands import Asked
from telegraf_plugin.stream.definition import StreamId
from telegraf_plugin.stream.ledger import LaterFormat, Mark, MarkId, Origin
from telegraf_plugin.stream.pause import Pause
from telegraf_plugin.stream.request import Request
from telegraf_plugin.stream.spans import Spans, instant

"""A source's name and a stream's."""
Row = dict[str, str]
Aside = Callable[[str], None]
"""Takes what is set aside, in words."""
_Kind = TypeVar("_Kind", Request, Pause)
MAX_DEFINITION = 100
MAX_STREAMS = 5_000
"""Streams of which one reply may tell: many collectors may write to one bucket, and somebody may forge them."""


def name_of(row: Row) -> StreamId | None:
    """Return which stream a row speaks of, None when it does not say."""
    source, stream = row.get("source"), row.get("stream")
    return StreamId(source, stream) if source and stream else None


def times_of(rows: Iterable[Row], aside: Aside) -> dict[StreamId, int]:
    """Return the newest time (Unix ns) of each stream's rows."""
    newest: dict[StreamId, int] = {}
    for row in rows:
        name, time = name_of(row), _time(row)
        if name is None or time is None:
            aside(f"a mark without source, stream or time: {_shown(row)}")
        else:
            newest[name] = max(newest.get(name, time), time)
    return newest


def ids_of(rows: Iterable[Row], start: int, stop: int, aside: Aside) -> dict[StreamId, set[MarkId]]:
    """Return the ids of the marks made in [start, stop) (Unix ns), by stream: the rows' values."""
    ids: dict[StreamId, set[MarkId]] = {}
    for row in rows:
        name = name_of(row)
        try:
            mark = MarkId.parse(row.get("_value", ""))
            if name is None or not start <= mark.time < stop:
                raise ValueError("it does not say whose it is" if name is None else "its id names another time")
        except ValueError as error:
            aside(f"a mark of {_label(name)}: {error}: {_shown(row)}")
        else:
            ids.setdefault(name, set()).add(mark)
    return ids


def marks_of(rows: Iterable[Row], aside: Aside) -> list[Mark]:
    """Return one stream's marks, put together from their fields, newest first. Raises LaterFormat.

    What of a mark was not asked for is empty.
    """
    fields: dict[tuple[str | None, str | None], Row] = {}
    for row in rows:  # of two series with one name each mark is whole by itself
        fields.setdefault((row.get("_time"), row.get("source_bucket")), {"_time": row.get("_time", "")})[
            row.get("_field", "")
        ] = row.get("_value", "")
    marks = []
    for each in fields.values():
        try:
            mark = Mark.read(each)
            if mark.id.time != _time(each):
                raise ValueError("its id names another time")
            if len(mark.definition) > MAX_DEFINITION:
                raise ValueError("its definition is too long")
        except LaterFormat:
            raise
        except ValueError as error:
            aside(f"a mark made at {each['_time'][:40]}: {error}")
        else:
            marks.append(mark)
    return sorted(marks, key=lambda mark: mark.id, reverse=True)


def origins_of(rows: Iterable[Row], aside: Aside) -> dict[StreamId, Origin]:
    """Return the origins that are mirrored, by stream."""
    found = {}
    for name, each in _by_stream(rows, aside).items():
        try:
            origin, began, oldest = (instant(each.get(key, "")) for key in ("origin", "began", "oldest"))
            definition = each.get("definition", "")
            islands = Spans.parse(each.get("islands", ""))
            if not 0 < len(definition) <= MAX_DEFINITION:
                raise ValueError("no definition")
        except ValueError as error:
            aside(f"the mirrored origin of {_label(name)}: {error}")
        else:
            found[name] = Origin(definition, origin, began, oldest, islands)
    return found


def claims_of(rows: Iterable[Row], aside: Aside) -> dict[str, Claim]:
    """Return the newest claim of each run."""
    found: dict[str, Claim] = {}
    for row in rows:
        try:
            claim = Claim.parse(row.get("run", ""), row.get("role", ""), row.get("_value", ""))
        except ValueError as error:
            aside(str(error))
            continue
        if claim.run not in found or found[claim.run].beat < claim.beat:
            found[claim.run] = claim
    return found


def asked_of(rows: Iterable[Row], aside: Aside) -> Asked:
    """Return the newest request and the newest pause of each stream."""
    of: dict[bool, list[Row]] = {False: [], True: []}
    for row in rows:
        of[row.get("_measurement") == names.PAUSE].append(row)
    requests = _asked(of[False], "a request", Request.read, aside)
    return Asked(requests, _asked(of[True], "a pause", Pause.read, aside))


def _asked(rows: Iterable[Row], what: str, read: Callable[[Row, int], _Kind], aside: Aside) -> dict[StreamId, _Kind]:
    found = {}
    for name, each in _by_stream(rows, aside).items():
        time = _time(each)
        try:
            if time is None:
                raise ValueError("it has no time")
            found[name] = read(each, time)
        except ValueError as error:
            aside(f"{what} for {_label(name)}: {error}")
    return found


def _by_stream(rows: Iterable[Row], aside: Aside) -> dict[StreamId, Row]:
    """Put fields together by stream; a row with tags or times beside the others' replaces none that is newer."""
    fields: dict[StreamId, Row] = {}
    for row in rows:
        name = name_of(row)
        if name is None:
            aside(f"a point without source or stream: {_shown(row)}")
            continue
        if name not in fields and len(fields) >= MAX_STREAMS:
            aside(f"points of more than {MAX_STREAMS:,} streams")
            continue
        of_stream = fields.setdefault(name, {"_time": row.get("_time", "")})
        of_stream[row.get("_field", "")] = row.get("_value", "")
    return fields


def _time(row: Row) -> int | None:
    try:
        return parse_time(row.get("_time", "").encode())
    except (ValueError, OverflowError):
        return None


def _label(name: StreamId | None) -> str:
    return "/".join(name)[:200] if name is not None else "no stream"


def _shown(row: Row) -> str:
    """Return what a row says, for people."""
    return ", ".join(f"{key}={value}" for key, value in row.items() if key not in ("result", "table"))[:200]
