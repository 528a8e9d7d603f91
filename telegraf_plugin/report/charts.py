"""The charts of the last day: pygal computes axes and curves, the page's style sheet colours them.

What pygal would bring along is taken out: its script, its style sheet, and the random name of each chart, so that the
same facts give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from xml.etree.ElementTree import Element

import pygal  # type: ignore[import-untyped]
from pygal.style import Style  # type: ignore[import-untyped]

from telegraf_plugin.report.html import Html, printable
from telegraf_plugin.stream.units import DAY, HOUR, SECOND

TICK = 4 * HOUR
WIDTH, HEIGHT = 400, 190
FONT = 13
FEW = 3
"""Windows with fewer neighbours than that are dots: a line of one point is not seen."""

Curve = Sequence[tuple[int, float | None]]
_TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400)
_SVG = "{http://www.w3.org/2000/svg}"


def ticks(now: int) -> list[int]:
    """Return the times (Unix ns) that the axis of the day before `now` names."""
    return list(range(now - now % TICK - DAY + TICK, now, TICK))


def chart(
    name: str, curves: Sequence[tuple[int, Curve]], now: int, form: Callable[[float], str], of_time: bool
) -> Html:
    """Return the chart `name` of `curves` over the day before `now` (Unix ns), as SVG.

    Each curve has the number of its colour, and its points: a time (Unix ns) and a value, None for a gap. `form` writes
    a value at the axis; `of_time`: the values are seconds.
    """
    highest = max((value for _, points in curves for _, value in points if value is not None), default=0.0)
    steps = levels(highest, of_time)
    drawn = pygal.XY(
        style=Style(label_font_size=FONT, major_label_font_size=FONT, font_family="sans-serif"),
        js=(),
        css=(),
        width=WIDTH,
        height=HEIGHT,
        margin=2,
        margin_bottom=FONT + 4,  # room for UTC below the reader's own time
        show_legend=False,
        show_dots=False,
        show_x_guides=False,
        disable_xml_declaration=True,
        allow_interruptions=True,
        x_labels=[tick / SECOND for tick in ticks(now)],
        xrange=((now - DAY) / SECOND, now / SECOND),
        y_labels=steps,
        range=(0, steps[-1]),
        x_value_formatter=_clock,
        value_formatter=form,
        x_title=None,
        title=None,
    )
    for colour, points in curves:
        pairs = [(time / SECOND, value) for time, value in points]
        alone = sum(value is not None for _, value in pairs) < FEW
        drawn.add(f"{colour}", pairs, show_dots=alone, dots_size=3)
    drawn.add_xml_filter(_plain(name, [colour for colour, _ in curves]))
    return Html(drawn.render(is_unicode=True))


def levels(highest: float, of_time: bool) -> list[float]:
    """Return the values that an axis names, from 0 to `highest` or just beyond: four steps at the most.

    Of seconds these are whole minutes and hours where they are many.
    """
    if of_time:
        fits = (step for step in _TIME_STEPS if step * 4 >= highest)
        step = float(next(fits, 0) or DAY // SECOND * (int(highest / 4 / 86_400) + 1))
    else:
        step = 1.0
        while step * 4 < highest:
            step *= 2.5 if str(step).startswith("2") else 2
    count = max(1, min(4, int(-(-highest // step))))
    return [step * number for number in range(count + 1)]


def _clock(seconds: float) -> str:
    """Return an axis' time in UTC; the page's script puts the reader's beside it."""
    return f"{int(seconds) // 3600 % 24:02d}:{int(seconds) // 60 % 60:02d}"


def _plain(name: str, colours: Sequence[int]) -> Callable[[Element], Element]:
    """Return what takes out of a chart all that is not drawn, and names its curves' colours."""

    def change(root: Element) -> Element:
        root.attrib.pop("id", None)
        root.set("class", "chart")
        root.set("role", "img")
        root.set("aria-label", printable(name))
        for parent in list(root.iter()):
            for child in list(parent):
                if not isinstance(child.tag, str) or child.tag in _not_drawn() or _is_background(child):
                    parent.remove(child)
        for group in root.iter():
            words = group.get("class", "").split()
            if "series" in words:
                number = int(next(word for word in words if word.startswith("serie-")).removeprefix("serie-"))
                group.set("class", f"series s{colours[number]}")
        return root

    return change


def _not_drawn() -> set[Any]:
    return {tag for plain in ("defs", "script", "style", "title", "desc") for tag in (plain, f"{_SVG}{plain}")}


def _is_background(child: Element) -> bool:
    return "background" in child.get("class", "").split()
