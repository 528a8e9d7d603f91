"""The section with the charts of the last day: lag, speed and backlog, a curve a stream. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from telegraf_plugin.commands.dates import duration, number
from telegraf_plugin.report.charts import Curve, chart, ticks
from telegraf_plugin.report.facts import Facts, Point, Stream
from telegraf_plugin.report.html import Html, element
from telegraf_plugin.stream.units import DAY, SECOND

MOST_DRAWN = 8
"""Streams that are drawn, as many as there are colours that can be told apart."""

Value = Callable[[Point], float | None]


def charts(facts: Facts) -> Html:
    """Return the section; of many streams those that lagged most are drawn."""
    drawn = chosen(facts.streams)
    left_out = len(facts.streams) - len(drawn)
    told = [stream for stream in drawn if any(_said(point) for point in stream.history)]
    about = f"Each point is {duration(facts.window / SECOND)}; a gap: the collector said nothing."
    if left_out:
        about += f" Drawn are the {len(drawn)} streams that lagged most, of {len(facts.streams)}."
    heading = element("h2", "The last day")
    if not told:
        return element("section", heading, element("p", "The collector has said nothing for a day.", class_="note"))
    legend = element(
        "div",
        (
            element("span", element("i", class_=f"line s{colour}"), stream.row.stream)
            for colour, stream in enumerate(drawn)
        ),
        class_="legend",
    )
    figures = [
        _figure(facts, drawn, "Lag", "how long central has lacked something", lambda point: point.lag, _time, True),
        _figure(facts, drawn, "Points a second", "handed to Telegraf", lambda point: point.rate, _count, False),
        _figure(facts, drawn, "Backlog", "time yet to be copied", lambda point: point.left, _time, True),
    ]
    return element(
        "section", heading, element("p", about, class_="soft"), legend, element("div", figures, class_="charts")
    )


def chosen(streams: Sequence[Stream]) -> list[Stream]:
    """Return the streams that are drawn, in the configuration's order: those that lagged most where there are many."""

    def lagged(place: int) -> tuple[float, int]:
        return -max((point.lag for point in streams[place].history if point.lag is not None), default=-1.0), place

    places = sorted(sorted(range(len(streams)), key=lagged)[:MOST_DRAWN])
    return [streams[place] for place in places]


def _figure(
    facts: Facts,
    drawn: Sequence[Stream],
    name: str,
    about: str,
    value: Value,
    form: Callable[[float], str],
    of_time: bool,
) -> Html:
    curves: list[tuple[int, Curve]] = []
    for colour, stream in enumerate(drawn):
        points = [(max(point.time, facts.now - DAY), value(point)) for point in stream.history]
        curves.append((colour, points))
    highest = max(
        ((found, stream.row.stream) for stream in drawn for point in stream.history if (found := value(point))),
        default=None,
    )
    most = f"at most {form(highest[0])}, {highest[1]}" if highest is not None and highest[0] else "none"
    return element(
        "figure",
        element(
            "figcaption", element("b", name), element("small", f"{about}; ", element("span", most, class_="whole"))
        ),
        chart(f"{name}, {about}: {most}", curves, facts.now, form, of_time),
        class_="card",
        data_ticks=" ".join(str(tick // SECOND) for tick in ticks(facts.now)),
    )


def _said(point: Point) -> bool:
    return point.lag is not None or point.rate is not None or point.left is not None


def _time(seconds: float) -> str:
    return duration(seconds) if seconds else "0"


def _count(value: float) -> str:
    return number(value)
