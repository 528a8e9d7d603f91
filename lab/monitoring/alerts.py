"""The alerts, a record each: what is measured, what is bad, what the message says, and which page says what to do."""

from __future__ import annotations

from dataclasses import dataclass

from lab.monitoring.selection import Selection, latest, seconds
from telegraf_plugin.stream import names

STREAM_TAGS = ("source", "stream")
PATIENCE = "5m"
"""How often a check looks, and at how much: an interval of the collector at least."""
SILENT_AFTER = "3m"
"""After how long without a word the collector is called silent: two intervals and a half, rounded up."""
DAY_S, HOUR_S = 86_400, 3_600
NOTHING_LACKS_S = 10 * 365 * DAY_S
"""Time to loss where all that is lacking is what is on its way."""


@dataclass(frozen=True)
class Level:
    """`level` (crit, warn) while the value is below or above `value`."""

    level: str
    below: bool
    value: float


@dataclass(frozen=True)
class Alert:
    """One alert.

    `value` (float) and `what` (string) are Flux expressions over a row `r` of `selection`, which has one row a thing
    (the tags of the selection). `prometheus` is the same as a PromQL expression by level.
    """

    key: str
    title: str
    selection: Selection
    value: str
    what: str
    levels: tuple[Level, ...]
    page: str
    meaning: str
    prometheus: dict[str, str]
    lasting: str = "0m"

    @property
    def where(self) -> str:
        """The thing, as a message names it: the tags joined by `/`, each as `${r.tag}`."""
        return "/".join(f"${{r.{tag}}}" for tag in self.selection.tags)


SILENCE = Alert(
    key="silence",
    title="The collector is silent",
    selection=Selection(names.HEALTH, ("healthy",), ()),
    value="float(v: int(v: now()) - int(v: r._time)) / 1000000000.0",
    what='"nothing is heard of it"',
    levels=(Level("crit", below=False, value=180.0),),
    page="docs/operations.md#what-to-look-at-first",
    meaning="For three minutes nothing came: the collector or its way into central is down. Nothing is lost as long as"
    " the sources keep it; but nothing else is told of either.",
    prometheus={"crit": 'absent(collector_health_healthy{role=""})'},
    lasting="1m",
)

ALERTS = (
    Alert(
        key="failing",
        title="A stream is failing",
        # The best of the window: one read that failed is no alert.
        selection=Selection(
            names.STREAM,
            ("healthy", "last_error"),
            STREAM_TAGS,
            'sort(columns: ["_time"], desc: true) |> max(column: "healthy")',
        ),
        value="float(v: r.healthy)",
        what='if exists r.last_error then r.last_error else "it is well"',
        levels=(Level("crit", below=True, value=1.0),),
        page="docs/troubleshooting.md#health",
        meaning="It was not read, or did not arrive in central in time, for the whole of five minutes; the message has"
        " the reason.",
        prometheus={"crit": "max_over_time(collector_stream_healthy[5m]) < 1"},
    ),
    Alert(
        key="loss",
        title="Data will soon be lost",
        selection=Selection(
            names.STREAM, ("time_to_loss_seconds", "left_seconds", "max_lag_seconds"), STREAM_TAGS, latest()
        ),
        # At a source that keeps less than a day, what is on its way is always less than a day from its end.
        value="if exists r.time_to_loss_seconds and exists r.left_seconds and"
        " (not exists r.max_lag_seconds or r.left_seconds > r.max_lag_seconds)"
        f" then r.time_to_loss_seconds else {NOTHING_LACKS_S}.0",
        what=f'"the source deletes what central lacks in " + {seconds("time_to_loss_seconds")} + " s"',
        levels=(Level("crit", below=True, value=2.0 * HOUR_S), Level("warn", below=True, value=float(DAY_S))),
        page="docs/operations.md#an-outage",
        meaning="More is lacking than what is on its way, and the source's retention takes it within a day (warn) or"
        " two hours (crit).",
        prometheus={
            level: f"collector_stream_time_to_loss_seconds < {seconds} and"
            " collector_stream_left_seconds > collector_stream_max_lag_seconds"
            for level, seconds in (("crit", 2 * HOUR_S), ("warn", DAY_S))
        },
    ),
    Alert(
        key="lag",
        title="A stream lags",
        selection=Selection(names.STREAM, ("lag_seconds", "max_lag_seconds"), STREAM_TAGS, latest()),
        value="if exists r.lag_seconds and exists r.max_lag_seconds then r.lag_seconds / r.max_lag_seconds else 0.0",
        what=f'"central lacks something for " + {seconds("lag_seconds")} + " s, max_lag is "'
        f' + {seconds("max_lag_seconds")} + " s"',
        levels=(Level("warn", below=False, value=1.0),),
        page="docs/troubleshooting.md#health",
        meaning="Central has lacked something of it for longer than its `max_lag`.",
        prometheus={"warn": "collector_stream_lag_seconds > collector_stream_max_lag_seconds"},
    ),
    Alert(
        key="held",
        title="Central goes on lacking points",
        selection=Selection(names.STREAM, ("held",), STREAM_TAGS, latest()),
        value="float(v: r.held)",
        what='string(v: r.held) + " points are held"',
        levels=(Level("warn", below=False, value=0.0),),
        page="docs/troubleshooting.md#what-central-goes-on-lacking",
        meaning="Points were sent twice and are not in central, nearly always because a field has another type there.",
        prometheus={"warn": "collector_stream_held > 0"},
    ),
    Alert(
        key="dropped",
        title="Points cannot pass",
        selection=Selection(names.STREAM, ("points_dropped",), STREAM_TAGS, 'sum(column: "points_dropped")'),
        value="float(v: r.points_dropped)",
        what='string(v: r.points_dropped) + " points of the last minutes were dropped"',
        levels=(Level("warn", below=False, value=0.0),),
        page="docs/troubleshooting.md#points-that-cannot-pass",
        meaning="Points of the last five minutes could not pass; `collector_dropped` has the reason and an example.",
        prometheus={"warn": "increase(collector_stream_points_dropped_total[10m]) > 0"},
    ),
    Alert(
        key="buffer",
        title="Telegraf's buffer is more than half full",
        # The least of the window: a burst is no alert.
        selection=Selection(
            "internal_write",
            ("buffer_size", "buffer_limit"),
            ("alias",),
            "filter(fn: (r) => exists r.alias and exists r.buffer_limit and r.buffer_limit > 0)"
            ' |> min(column: "buffer_size")',
        ),
        value="float(v: r.buffer_size) / float(v: r.buffer_limit)",
        what='string(v: r.buffer_size) + " of " + string(v: r.buffer_limit) + " metrics"',
        levels=(Level("warn", below=False, value=0.5),),
        page="docs/troubleshooting.md#writing-to-central",
        meaning="For five minutes an output has held more than half of what it may: central takes less than arrives,"
        " or refuses. What overflows is found missing and read again.",
        prometheus={"warn": "internal_write_buffer_size / internal_write_buffer_limit > 0.5"},
        lasting="5m",
    ),
    Alert(
        key="clock",
        title="A clock is wrong",
        selection=Selection(names.SOURCE, ("clock_skew_seconds",), ("source",), latest()),
        value="if r.clock_skew_seconds < 0.0 then -r.clock_skew_seconds else r.clock_skew_seconds",
        what='"it is ahead of the collector\'s by " + string(v: int(v: r.clock_skew_seconds)) + " s"',
        levels=(Level("warn", below=False, value=10.0),),
        page="docs/troubleshooting.md#clocks",
        meaning="A source's clock and the collector's differ by more than ten seconds.",
        prometheus={"warn": "abs(collector_source_clock_skew_seconds) > 10"},
    ),
)
"""All but SILENCE, which is of another kind everywhere: there is nothing to compare."""
