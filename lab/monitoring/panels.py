"""The panels of the dashboard, in order: one list for InfluxDB and for Grafana, whose Flux knows the same `v`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lab.monitoring.selection import Selection, fields_of, latest
from telegraf_plugin.stream import names


class Kind(StrEnum):
    """How a panel shows its rows."""

    STAT = "stat"
    LINES = "lines"
    TABLE = "table"


@dataclass(frozen=True)
class Panel:
    """One panel: `width` of 12. `columns` are those that its rows have, for a reader and for the test.

    `unit` is Grafana's word (s, percent, short, pps), `when` says what must be there for it to have rows.
    """

    key: str
    title: str
    kind: Kind
    query: str
    columns: tuple[str, ...]
    width: int
    unit: str = "short"
    note: str = ""
    when: str = ""


_SINCE, _UNTIL = "v.timeRangeStart", "v.timeRangeStop"


def _lines(measurement: str, fields: tuple[str, ...], tags: tuple[str, ...], steps: str = "") -> str:
    """Lines of some fields by some tags, the newest value a window."""
    kept = ", ".join(f'"{name}"' for name in ("_field", *tags))
    more = f"\n  |> {steps}" if steps else ""
    return (
        f"{fields_of(measurement, fields, _SINCE, _UNTIL)}\n  |> toFloat()\n  |> group(columns: [{kept}])"
        f'\n  |> sort(columns: ["_time"]){more}'
        "\n  |> aggregateWindow(every: v.windowPeriod, fn: last, createEmpty: false)"
    )


def _newest(measurement: str, fields: tuple[str, ...], tags: tuple[str, ...], columns: str) -> str:
    """The newest row by some tags, of the columns given as the inside of a Flux record, in one table."""
    rows = Selection(measurement, fields, tags, latest()).flux(_SINCE, _UNTIL)
    kept = "".join(f"{tag}: r.{tag}, " for tag in tags)
    return f"{rows}\n  |> map(fn: (r) => ({{_time: r._time, {kept}{columns}}}))\n  |> group()"


def _or(field: str, otherwise: str = "0.0", as_float: bool = True) -> str:
    value = f"float(v: r.{field})" if as_float else f"r.{field}"
    return f"if exists r.{field} then {value} else {otherwise}"


def _number(field: str) -> str:
    """The newest value of one of the figures of health."""
    return f'{fields_of(names.HEALTH, (field,), _SINCE, _UNTIL)}\n  |> last()\n  |> keep(columns: ["_time", "_value"])'


_STREAM = ("source", "stream")
_NAMED = "filter(fn: (r) => exists r.alias)"
"""An output without an alias is the health check: it writes nothing to central."""
_RATE = "derivative(unit: 1s, nonNegative: true)"
_DRAWN = ("_time", "_value", "_field")

_COMPLETE = f"""union(tables: [
  {fields_of(names.STREAM, ("left_seconds", "aside_seconds"), _SINCE, _UNTIL)}
    |> last() |> map(fn: (r) => ({{r with _now: float(v: int(v: r._time)) / 1000000000.0}})),
  {fields_of(names.ORIGIN, ("origin",), "-10y", _UNTIL)}
    |> last() |> map(fn: (r) => ({{r with _value: float(v: r._value) / 1000000000.0, _now: 0.0}})),
])
  |> group(columns: ["source", "stream"])
  |> reduce(
    identity: {{now: 0.0, lacking: 0.0, origin: 0.0}},
    fn: (r, accumulator) => ({{
      now: if r._now > accumulator.now then r._now else accumulator.now,
      lacking: if r._field == "origin" then accumulator.lacking else accumulator.lacking + r._value,
      origin: if r._field == "origin" then r._value else accumulator.origin,
    }}),
  )
  |> filter(fn: (r) => r.origin > 0.0 and r.now > r.origin)
  |> map(fn: (r) => ({{
    _time: time(v: int(v: r.now * 1000000000.0)), source: r.source, stream: r.stream, _field: "complete",
    _value: 100.0 * (1.0 - r.lacking / (r.now - r.origin)),
  }}))
  |> group(columns: ["source", "stream"])"""
"""Of the time since where a stream begins, what share is copied; what is lacking is `left` and `aside`."""

PANELS = (
    Panel(
        "well",
        "All is well",
        Kind.STAT,
        _number("healthy"),
        ("_time", "_value"),
        2,
        note="1: every stream is read and arrives in time; 0: docs/troubleshooting.md#health",
    ),
    Panel(
        "failing",
        "Failing streams",
        Kind.STAT,
        _number("failing"),
        ("_time", "_value"),
        2,
    ),
    Panel(
        "silent",
        "Last heard of",
        Kind.STAT,
        f"{fields_of(names.HEALTH, ('healthy',), _SINCE, _UNTIL)}\n  |> last()"
        "\n  |> map(fn: (r) => ({_time: r._time, _value: float(v: int(v: now()) - int(v: r._time)) / 1000000000.0}))",
        ("_time", "_value"),
        2,
        "s",
        "Seconds ago; more than two intervals and a half: is the collector running?",
    ),
    Panel(
        "complete",
        "Complete since where the stream begins",
        Kind.STAT,
        _COMPLETE,
        ("_time", "_value", "source", "stream"),
        6,
        "percent",
    ),
    Panel(
        "streams",
        "Streams",
        Kind.TABLE,
        _newest(
            names.STREAM,
            (
                "healthy",
                "lag_seconds",
                "left_seconds",
                "to_go_seconds",
                "time_to_loss_seconds",
                "proved_up_to",
                "last_error",
            ),
            _STREAM,
            "healthy: r.healthy, "
            + ", ".join(
                f"{name}: {_or(name + '_seconds', '-1.0')}" for name in ("lag", "left", "to_go", "time_to_loss")
            )
            + f", proved_up_to: time(v: {_or('proved_up_to', '0', as_float=False)})"
            + f", last_error: {_or('last_error', chr(34) * 2, as_float=False)}",
        ),
        (
            "source",
            "stream",
            "healthy",
            "lag",
            "left",
            "to_go",
            "time_to_loss",
            "proved_up_to",
            "last_error",
        ),
        12,
        note="Times in seconds, -1 where not known; docs/metrics.md#collector_stream",
    ),
    Panel("lag", "Lag", Kind.LINES, _lines(names.STREAM, ("lag_seconds",), _STREAM), (*_DRAWN, *_STREAM), 6, "s"),
    Panel(
        "proved",
        "Proved, behind now",
        Kind.LINES,
        f"{fields_of(names.STREAM, ('proved_up_to',), _SINCE, _UNTIL)}"
        '\n  |> group(columns: ["_field", "source", "stream"])'
        '\n  |> sort(columns: ["_time"])'
        "\n  |> map(fn: (r) => ({r with _value: float(v: int(v: r._time) - r._value) / 1000000000.0}))"
        "\n  |> aggregateWindow(every: v.windowPeriod, fn: last, createEmpty: false)",
        (*_DRAWN, *_STREAM),
        6,
        "s",
        "How long before now the time begins that is not proved yet.",
    ),
    Panel(
        "points",
        "Points sent a second",
        Kind.LINES,
        _lines(names.STREAM, ("points_sent_total",), _STREAM, _RATE),
        (*_DRAWN, *_STREAM),
        6,
        "pps",
    ),
    Panel(
        "values",
        "Values read a second, for whatever reason",
        Kind.LINES,
        _lines(names.SOURCE, ("values_read_total",), ("source",), _RATE),
        (*_DRAWN, "source"),
        6,
        "pps",
    ),
    Panel(
        "backlog",
        "Backlog: left, and time to go",
        Kind.LINES,
        _lines(names.STREAM, ("left_seconds", "to_go_seconds"), _STREAM),
        (*_DRAWN, *_STREAM),
        6,
        "s",
    ),
    Panel(
        "loss",
        "Time to loss",
        Kind.LINES,
        _lines(names.STREAM, ("time_to_loss_seconds",), _STREAM),
        (*_DRAWN, *_STREAM),
        6,
        "s",
        "How long until the source's retention takes what central lacks.",
        "a source that has a retention",
    ),
    Panel(
        "odd",
        "Held, dropped, extras, foreign marks, sweep finds",
        Kind.TABLE,
        _newest(
            names.STREAM,
            ("held", "points_dropped_total", "extras", "foreign_marks", "sweep_found"),
            _STREAM,
            "held: r.held, dropped: r.points_dropped_total, extras: r.extras, foreign_marks: r.foreign_marks,"
            " sweep_found: r.sweep_found",
        ),
        ("source", "stream", "held", "dropped", "extras", "foreign_marks", "sweep_found"),
        12,
        note="All but 0 is explained in docs/metrics.md#collector_stream",
    ),
    Panel(
        "held",
        "What central goes on lacking",
        Kind.TABLE,
        _newest(
            names.HELD,
            ("points", "type", "reason"),
            ("source", "stream", "measurement", "held_field"),
            "type: r.type, points: r.points, reason: r.reason",
        ),
        ("source", "stream", "measurement", "held_field", "type", "points", "reason"),
        6,
        note="docs/troubleshooting.md#what-central-goes-on-lacking",
        when="a held field",
    ),
    Panel(
        "dropped",
        "Points that cannot pass, by reason",
        Kind.TABLE,
        _newest(
            names.DROPPED,
            ("points_total", "example"),
            ("source", "stream", "reason"),
            "points: r.points_total, example: r.example",
        ),
        ("source", "stream", "reason", "points", "example"),
        6,
        note="docs/troubleshooting.md#points-that-cannot-pass",
        when="a dropped point",
    ),
    Panel(
        "buffers",
        "Telegraf's buffers, by output",
        Kind.LINES,
        _lines("internal_write", ("buffer_size",), ("alias", "output"), _NAMED),
        (*_DRAWN, "alias", "output"),
        6,
    ),
    Panel(
        "errors",
        "Telegraf's errors, dropped and rejected metrics a second, by output",
        Kind.LINES,
        _lines(
            "internal_write",
            ("errors", "metrics_dropped", "metrics_rejected"),
            ("alias", "output"),
            f"{_NAMED} |> {_RATE}",
        ),
        (*_DRAWN, "alias", "output"),
        6,
        "pps",
    ),
    Panel(
        "clocks",
        "Clocks: ahead of the collector's",
        Kind.LINES,
        _lines(names.SOURCE, ("clock_skew_seconds",), ("source",)),
        (*_DRAWN, "source"),
        4,
        "s",
    ),
    Panel(
        "requests",
        "Requests a second to each source",
        Kind.LINES,
        _lines(names.SOURCE, ("requests_total",), ("source",), _RATE),
        (*_DRAWN, "source"),
        4,
        "reqps",
    ),
    Panel(
        "cycle",
        "Cycle",
        Kind.LINES,
        _lines(names.CYCLE, ("duration_seconds", "late_sources"), ()),
        _DRAWN,
        4,
        note="How long a cycle takes, and how many sources were still busy when it was closed.",
    ),
)

TITLE = "Data Collector"
WIDTH = 12


@dataclass(frozen=True)
class Place:
    """Where a panel stands, in twelfths and rows."""

    panel: Panel
    x: int
    y: int
    height: int


def places() -> list[Place]:
    """The panels from left to right and top to bottom."""
    found, x, y, row = [], 0, 0, 0
    for panel in PANELS:
        if x + panel.width > WIDTH:
            x, y = 0, y + row
            row = 0
        height = 2 if panel.kind is Kind.STAT else 3
        found.append(Place(panel, x, y, height))
        x, row = x + panel.width, max(row, height)
    return found
