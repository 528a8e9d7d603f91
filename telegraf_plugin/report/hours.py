"""The calendars: for each stream a row a day and a cell an hour, in UTC until the script moves them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby

from telegraf_plugin.commands.dates import duration
from telegraf_plugin.report.calendar import Calendar, Hour
from telegraf_plugin.report.facts import Facts, Stream
from telegraf_plugin.report.html import Html, element, joined
from telegraf_plugin.report.words import percent, when
from telegraf_plugin.stream.units import HOUR, SECOND

SPANS_TOLD = 4
"""Spans of hours that are named below a calendar, the newest first: on paper nobody can point at a cell."""
_TOLD = (Hour.MISSING, Hour.HELD, Hour.GONE)
CLASS = {
    Hour.PROVED: "p",
    Hour.ON_ITS_WAY: "w",
    Hour.MISSING: "m",
    Hour.HELD: "h",
    Hour.BEFORE: "b",
    Hour.GONE: "g",
    Hour.EXPIRED: "e",
    Hour.UNKNOWN: "u",
}
NAME = {
    Hour.PROVED: "proved",
    Hour.ON_ITS_WAY: "on its way",
    Hour.MISSING: "missing",
    Hour.HELD: "held",
    Hour.BEFORE: "before the origin",
    Hour.GONE: "gone from the source",
    Hour.EXPIRED: "not kept by central any more",
    Hour.UNKNOWN: "not known",
}
MEANING = {
    Hour.PROVED: "both sides were compared and are equal",
    Hour.ON_ITS_WAY: "sent, and compared soon",
    Hour.MISSING: "yet to be copied or compared",
    Hour.HELD: "central goes on lacking points of it",
    Hour.BEFORE: "the stream begins later",
    Hour.GONE: "not copied while the source kept it",
    Hour.EXPIRED: "older than its retention",
    Hour.UNKNOWN: "there is no ledger, or it cannot be read",
}


def calendars(facts: Facts) -> Html:
    """Return the section with the calendar of each stream."""
    shown = [*list(Hour)[:6], *(hour for hour in list(Hour)[6:] if facts.hours(hour))]
    legend = element(
        "div",
        (element("span", element("i", class_=CLASS[hour]), f"{NAME[hour]}: {MEANING[hour]}") for hour in shown),
        class_="legend",
    )
    return element(
        "section",
        element("h2", "Completeness, hour by hour"),
        element("p", f"The last {facts.days} days and today, the newest first.", class_="soft"),
        legend,
        element("div", map(_calendar, facts.streams), class_="calendars"),
    )


def _calendar(stream: Stream) -> Html:
    found = stream.calendar
    names = {f"data_{CLASS[hour]}": NAME[hour] for hour in Hour}
    share = element("span", percent(found.share), class_="share") if found.share is not None else None
    way = f"{stream.definition.bucket} → {stream.definition.central_bucket}"
    return element(
        "article",
        element("h3", share, stream.row.stream),
        element("p", way, class_="soft"),
        element(
            "div",
            _cells(found),
            class_="grid",
            role="img",
            aria_label=_summary(found),
            data_start=found.first // SECOND,
            data_days=-(-len(found.hours) // 24),
        ),
        element("p", class_="tell soft", aria_live="polite"),
        _gaps(found),
        class_="calendar card",
        **names,
    )


def _cells(found: Calendar) -> Iterator[Html]:
    """Yield the axis of hours, and day by day, the newest first, its label and a cell for each hour."""
    yield element("b")
    for hour in range(24):
        yield element("b", f"{hour:02d}" if hour % 3 == 0 else "", class_="hour")
    for begin in reversed(range(0, len(found.hours), 24)):
        day = datetime.fromtimestamp((found.first + begin * HOUR) // SECOND, UTC)
        yield element("b", f"{day.day} {day:%b}", class_="day")
        hours = found.hours[begin : begin + 24]
        for called in hours:
            yield Html(f'<i class="{CLASS[called]}"></i>')
        yield Html('<i class="f"></i>' * (24 - len(hours)))


def _summary(found: Calendar) -> str:
    counts = ((NAME[hour], found.count(hour)) for hour in Hour)
    return "; ".join(f"{duration(count * HOUR / SECOND)} {name}" for name, count in counts if count)


def _gaps(found: Calendar) -> Html | None:
    """Return the list of what lacks, in spans of hours."""
    spans = []
    place = 0
    for hour, run in groupby(found.hours):
        length = len(list(run))
        if hour in _TOLD:
            start = found.first + place * HOUR
            spans.append((hour, start, start + length * HOUR))
        place += length
    if not spans:
        return None
    told = [
        element("li", f"{NAME[hour]}: ", _between(start, stop)) for hour, start, stop in reversed(spans[-SPANS_TOLD:])
    ]
    more = len(spans) - len(told)
    return element("ul", told, element("li", f"and {more} more before", class_="soft") if more else None, class_="gaps")


def _between(start: int, stop: int) -> Html:
    return joined(when(start), " to ", when(stop), f", {duration((stop - start) / SECOND)}")
