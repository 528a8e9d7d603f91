"""Facts for the tests of the report: streams of every kind, hours of every state, names that are made to do harm."""

from __future__ import annotations

from dataclasses import replace

from telegraf_plugin.commands.stream_rows import Row
from telegraf_plugin.report.calendar import Calendar, Known, calendar, first_hour
from telegraf_plugin.report.facts import Dropped, Facts, Held, Point, Stream, Version
from telegraf_plugin.stream.spans import Spans, span
from telegraf_plugin.stream.units import DAY, HOUR, MINUTE, SECOND
from tests.unit.test_definition import STREAM

NOW = 1_795_679_462 * SECOND
"""2026-11-26 07:51:02 UTC, a Thursday."""
DAYS = 14
FIRST = first_hour(NOW, DAYS)
WINDOW = 15 * MINUTE
HOSTILE = "<script>alert('x')</script>&\"<img src=//evil.example/x>\u202e"


def row(label: str, healthy: bool = True, **more: object) -> Row:
    """A row of `status`, of a stream that is well unless said otherwise."""
    plain = Row(
        stream=label,
        state="ok" if healthy else "bad",
        healthy=healthy,
        told_at=NOW - 20 * SECOND,
        lag=4.2,
        proved_up_to=NOW - 6 * MINUTE,
        rate=None,
        left=0.0,
        to_go=None,
        held=0,
        extras=0,
        time_to_loss=None,
        request=None,
        last_error="",
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def of(known: Known) -> Calendar:
    return calendar(known, FIRST, NOW)


def points(lag: float, rate: float, left: float = 0.0, gap: tuple[int, int] = (0, 0)) -> list[Point]:
    """A day that goes up and down around those figures; nothing was said in the windows of `gap`."""
    found = []
    for number, time in enumerate(range(NOW - NOW % WINDOW - DAY, NOW, WINDOW)):
        wave = 1 + (number * 37 % 19 - 9) / 20
        silent = gap[0] <= number < gap[1]
        shrinking = max(left * (1 - number / 60), 0.0)
        found.append(
            Point(time) if silent else Point(time, lag * wave, rate * (2 - wave), shrinking),
        )
    return found


def well(name: str, lag: float, rate: float) -> Stream:
    definition = replace(STREAM, source="POD-8", name=name, bucket=name, central_bucket=name)
    known = Known(
        FIRST - DAY, proved=span(FIRST - DAY, NOW - 6 * MINUTE), sent=span(NOW - HOUR, NOW), prompt=NOW - 180 * SECOND
    )
    return Stream(definition, row(definition.label, lag=lag), of(known), points(lag, rate))


def troubled() -> Stream:
    """A stream whose calendar has every state but the unknown one."""
    definition = replace(STREAM, source="POD-30", name="power_monitoring", bucket="power", central_bucket="power")
    proved = span(FIRST + 30 * HOUR, NOW - 5 * HOUR) - Spans.of(
        [(FIRST + 5 * DAY, FIRST + 5 * DAY + 7 * HOUR), (FIRST + 9 * DAY + 12 * HOUR, FIRST + 9 * DAY + 15 * HOUR)]
    )
    known = Known(
        origin=FIRST + 30 * HOUR,
        proved=proved,
        sent=span(NOW - 2 * HOUR, NOW),
        held=span(FIRST + 11 * DAY + 3 * HOUR, FIRST + 11 * DAY + 20 * HOUR),
        lost=FIRST + 7 * DAY,
        kept=FIRST + 12 * HOUR,
        prompt=NOW - 180 * SECOND,
    )
    error = "central lacks 1834 points of it for good: refused: it is float here and integer in central (422)"
    bad = row(
        definition.label,
        healthy=False,
        lag=11_040.0,
        left=10_800.0,
        to_go=95.0,
        rate=48_210.0,
        held=1834,
        extras=12,
        time_to_loss=95_000.0,
        last_error=error,
    )
    return Stream(definition, bad, of(known), points(2500.0, 310.0, 40_000.0, gap=(30, 42)))


def unknown(label: str = "pod_monitoring") -> Stream:
    definition = replace(STREAM, source="POD-30", name=label, bucket=label, central_bucket=label)
    silent = row(
        definition.label,
        healthy=False,
        state="silent",
        told_at=None,
        lag=None,
        proved_up_to=None,
        left=None,
        held=None,
        extras=None,
    )
    silent = replace(silent, last_error="the collector has said nothing in central for a day, and there is no mark")
    return Stream(definition, silent, of(Known()), [Point(time) for time in range(NOW - DAY, NOW, WINDOW)])


def facts(*streams: Stream, **more: object) -> Facts:
    """The facts of these streams; of a site with trouble unless some are given."""
    made = Facts(
        now=NOW,
        days=DAYS,
        window=WINDOW,
        streams=streams or (well("telegraf", 4.2, 1250.0), troubled(), unknown()),
        held=(
            Held(
                "POD-30/power_monitoring",
                "electric_current",
                "current",
                "float",
                1834,
                "refused: it is float here and integer in central (422, field type conflict)",
            ),
        ),
        dropped=(Dropped("POD-8/telegraf", "string_too_long", 3, "syslog,host=pod_8 message", "write it shorter"),),
        versions=(
            Version("InfluxDB: central", "v2.9.1"),
            Version("InfluxDB: POD-30", "", "connection refused; is it up?"),
        ),
        central=(("url", "http://central:8086"), ("organisation", "central")),
        sources={"POD-8": (("url", "http://pod-8:8086"), ("stream telegraf", "telegraf → telegraf; lookback 5 m"))},
        notes=("how long POD-30 keeps its bucket power is not known: connection refused; is it up?",),
    )
    return replace(made, **more)  # type: ignore[arg-type]


def hostile() -> Facts:
    """Facts in which whatever can be text is made to do harm."""
    bad = HOSTILE
    definition = replace(STREAM, source=bad, name=bad, bucket=bad, central_bucket=bad)
    stream = replace(troubled(), definition=definition, row=row(f"{bad}/{bad}", healthy=False, last_error=bad))
    return facts(
        stream,
        held=(Held(bad, bad, bad, bad, 1, bad),),
        dropped=(Dropped(bad, bad, 1, bad, bad),),
        versions=(Version(bad, bad), Version(bad, "", bad)),
        central=((bad, bad),),
        sources={bad: ((bad, bad),)},
        notes=(bad,),
    )
