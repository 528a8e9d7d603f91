"""What was measured, drawn: how fast each way is, and which program spends the processors' time on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lab.bench.results import Run, median, spread

COLOURS = {
    "source": "#4c78a8",
    "plugin": "#f58518",
    "script": "#e45756",
    "cat": "#bab0ac",
    "Telegraf": "#72b7b2",
    "central": "#54a24b",
}
STYLE: Any = {"svg.hashsalt": "data-collector", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9}
WIDE, HIGH, EACH = 11.0, 1.4, 0.42
"""Inches: the width, the height without bars, and that of a bar."""


def _speed(axes: Axes, ways: dict[str, list[Run]]) -> None:
    rates = [median(runs, lambda run: run.rate) / 1000 for runs in ways.values()]
    extents = [spread(runs, lambda run: run.rate) for runs in ways.values()]
    errors = [
        [max(0.0, rate - least / 1000) for rate, (least, _) in zip(rates, extents, strict=True)],
        [max(0.0, most / 1000 - rate) for rate, (_, most) in zip(rates, extents, strict=True)],
    ]
    colours = ["#f58518" if "plugin" in runs[0].use else "#9d9d9d" for runs in ways.values()]
    bars = axes.barh(range(len(ways)), rates, xerr=errors, color=colours, ecolor="#333333", capsize=3)
    axes.bar_label(bars, labels=[f" {rate:,.0f}" for rate in rates], padding=4)
    axes.set_yticks(range(len(ways)), [name.replace("`", "") for name in ways])
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set_xlabel("thousand values a second, median (least to most)")


def _processor(axes: Axes, ways: dict[str, list[Run]]) -> None:
    left = [0.0] * len(ways)
    for name, colour in COLOURS.items():
        used = [
            median(runs, lambda run, name=name: run.processor(name)) if name in runs[0].use else 0.0  # type: ignore[misc]
            for runs in ways.values()
        ]
        if any(used):
            axes.barh(range(len(ways)), used, left=left, color=colour, label=name)
            left = [before + more for before, more in zip(left, used, strict=True)]
    axes.set_yticks(range(len(ways)), [""] * len(ways))
    axes.invert_yaxis()
    axes.set_xlabel("processor seconds a million values")
    axes.legend(fontsize=8, frameon=False)


def draw(ways: dict[str, list[Run]], stem: Path) -> tuple[Path, Path]:
    """Draw the ways into `stem`.svg and `stem`.png, and return both; the same runs give the same picture."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDE, HIGH + EACH * len(ways)), layout="constrained")
        speed, processor = figure.subplots(1, 2)
        _speed(speed, ways)
        _processor(processor, ways)
        for axes in (speed, processor):
            axes.spines[["top", "right"]].set_visible(False)
        drawn = stem.with_suffix(".svg"), stem.with_suffix(".png")
        figure.savefig(drawn[0], metadata={"Date": None})
        figure.savefig(drawn[1], dpi=110, metadata={"Software": None})
    # matplotlib ends some lines of an SVG with spaces
    drawn[0].write_text("\n".join(line.rstrip() for line in drawn[0].read_text().splitlines()) + "\n")
    return drawn
