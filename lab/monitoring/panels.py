"""The panels of the dashboard, in order: one list for InfluxDB and for Grafana, whose Flux knows the same `v`."""

from __future__ import annotations

from lab.monitoring.panel import COMPLETE, SINCE, UNTIL, Kind, Panel, float_or, lines, newest, number
from lab.monitoring.selection import fields_of
from telegraf_plugin.stream import names

_STREAM = ("source", "stream")
_NAMED = "filter(fn: (r) => exists r.alias)"
"""An output without an alias is the health check: it writes nothing to central."""
_RATE = "derivative(unit: 1s, nonNegative: true)"
_DRAWN = ("_time", "_value", "_field")

PANELS = (
    Panel(
        "well",
        "All is well",
        Kind.STAT,
        number("healthy"),
        ("_time", "_value"),
        2,
        note="1: every stream is read and arrives in time; 0: docs/troubleshooting.md#health",
    ),
    Panel(
        "failing",
        "Failing streams",
        Kind.STAT,
        number("failing"),
        ("_time", "_value"),
        2,
    ),
    Panel(
        "silent",
        "Last heard of",
        Kind.STAT,
        f"{fields_of(names.HEALTH, ('healthy',), SINCE, UNTIL)}\n  |> last()"
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
        COMPLETE,
        ("_time", "_value", "source", "stream"),
        6,
        "percent",
    ),
    Panel(
        "streams",
        "Streams",
        Kind.TABLE,
        newest(
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
                f"{name}: {float_or(name + '_seconds', '-1.0')}" for name in ("lag", "left", "to_go", "time_to_loss")
            )
            + f", proved_up_to: time(v: {float_or('proved_up_to', '0', as_float=False)})"
            + f", last_error: {float_or('last_error', chr(34) * 2, as_float=False)}",
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
    Panel("lag", "Lag", Kind.LINES, lines(names.STREAM, ("lag_seconds",), _STREAM), (*_DRAWN, *_STREAM), 6, "s"),
    Panel(
        "proved",
        "Proved, behind now",
        Kind.LINES,
        f"{fields_of(names.STREAM, ('proved_up_to',), SINCE, UNTIL)}"
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
        lines(names.STREAM, ("points_sent_total",), _STREAM, _RATE),
        (*_DRAWN, *_STREAM),
        6,
        "pps",
    ),
    Panel(
        "values",
        "Values read a second, for whatever reason",
        Kind.LINES,
        lines(names.SOURCE, ("values_read_total",), ("source",), _RATE),
        (*_DRAWN, "source"),
        6,
        "pps",
    ),
    Panel(
        "backlog",
        "Backlog: left, and time to go",
        Kind.LINES,
        lines(names.STREAM, ("left_seconds", "to_go_seconds"), _STREAM),
        (*_DRAWN, *_STREAM),
        6,
        "s",
    ),
    Panel(
        "loss",
        "Time to loss",
        Kind.LINES,
        lines(names.STREAM, ("time_to_loss_seconds",), _STREAM),
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
        newest(
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
        newest(
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
        newest(
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
        lines("internal_write", ("buffer_size",), ("alias", "output"), _NAMED),
        (*_DRAWN, "alias", "output"),
        6,
    ),
    Panel(
        "errors",
        "Telegraf's errors, dropped and rejected metrics a second, by output",
        Kind.LINES,
        lines(
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
        lines(names.SOURCE, ("clock_skew_seconds",), ("source",)),
        (*_DRAWN, "source"),
        4,
        "s",
    ),
    Panel(
        "requests",
        "Requests a second to each source",
        Kind.LINES,
        lines(names.SOURCE, ("requests_total",), ("source",), _RATE),
        (*_DRAWN, "source"),
        4,
        "reqps",
    ),
    Panel(
        "cycle",
        "Cycle",
        Kind.LINES,
        lines(names.CYCLE, ("duration_seconds", "late_sources"), ()),
        _DRAWN,
        4,
        note="How long a cycle takes, and how many sources were still busy when it was closed.",
    ),
)
