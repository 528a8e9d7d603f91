"""What was simulated, drawn: a week of central and of what it lacks, what it is asked by size, and catching up."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lab.bench.plots import STYLE
from lab.simulation.facts import Facts

WIDE, HIGH = 11.0, 2.6
"""Inches: the width, and the height of one row."""
SHOWN = 30
"""Minutes after an outage that are drawn."""
BLUE, ORANGE, GREEN, RED = "#4c78a8", "#f58518", "#54a24b", "#e45756"


def draw(found: dict[str, list[Facts]], stem: Path) -> list[Path]:
    """Draw what there is, each as .svg and .png: a week into `stem`-week, what follows an outage of central into
    `stem`-outage, and the curves into `stem`.
    """
    drawn: list[Path] = []
    with mpl.rc_context(STYLE):
        if found.get("week"):
            drawn += _saved(_week(found["week"][0]), stem.with_name(f"{stem.name}-week"))
        if found.get("outages"):
            drawn += _saved(_after(found["outages"]), stem.with_name(f"{stem.name}-outage"))
        if found.get("calm") and found.get("outages"):
            drawn += _saved(_curves(found), stem)
    return drawn


def _saved(figure: Figure, stem: Path) -> list[Path]:
    drawn = [stem.with_suffix(".svg"), stem.with_suffix(".png")]
    figure.savefig(drawn[0], metadata={"Date": None})
    figure.savefig(drawn[1], dpi=110, metadata={"Software": None})
    # matplotlib ends some lines of an SVG with spaces
    drawn[0].write_text("\n".join(line.rstrip() for line in drawn[0].read_text().splitlines()) + "\n")
    return drawn


def _week(run: Facts) -> Figure:
    figure = Figure(figsize=(WIDE, 5 * HIGH), layout="constrained")
    rows: list[Axes] = list(figure.subplots(5, 1, sharex=True))
    hours = run["hours"]
    ticks = 3600e9 / run["setting"]["interval"]
    days = [hour / 24 for hour in range(len(hours["streams"]))]
    rows[0].plot(days, [value / ticks for value in hours["streams"]], color=BLUE)
    rows[0].set_ylabel("streams")
    rows[1].plot(days, [value / ticks / 1e6 for value in hours["lacking"]], color=RED)
    rows[1].set_ylabel("million points\ncentral lacks")
    for name, colour, label in (("asked_sources", BLUE, "sites, all"), ("asked_central", GREEN, "central")):
        rows[2].plot(days, [value / 3600 for value in hours[name]], color=colour, label=label)
    rows[2].set_ylabel("questions a second")
    for name, colour, label in (("read_sources", BLUE, "sites, all"), ("read_central", GREEN, "central")):
        rows[3].plot(days, [value / 3600 / 1000 for value in hours[name]], color=colour, label=label)
    rows[3].set_ylabel("thousand points\nread a second")
    waited = run["minutes"]["waited"]
    rows[4].plot(days, [max(waited[60 * hour : 60 * hour + 60]) for hour in range(len(days))], color=BLUE)
    rows[4].set_ylabel("longest wait of live data\nfrom its tick to its read, s")
    for axes in rows[2:4]:
        axes.legend(fontsize=8, frameon=False, loc="upper left")
    for axes in rows:
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_ylim(bottom=0)
        for each in run["troubles"]:
            if each["kind"] in ("central", "region") and each["lasted"] > 600:
                begin = each["start"] / 86400
                colour = RED if each["kind"] == "central" else "#9d9d9d"
                axes.axvspan(begin, begin + each["lasted"] / 86400, color=colour, alpha=0.15, lw=0)
    rows[-1].set_xlabel("days; red: central is away, grey: a fifth of the sites is")
    return figure


def _after(runs: list[Facts]) -> Figure:
    """Draw how old the newest points in central are after its shortest outage, with the rules and without."""
    shortest = min(run["setting"]["away"] for run in runs)
    runs = [run for run in runs if run["setting"]["away"] == shortest]
    dense = sorted({run["setting"]["values"] for run in runs})
    figure = Figure(figsize=(WIDE, 2 * HIGH), layout="constrained")
    axes = figure.subplots(2, len(dense), sharex=True, squeeze=False)
    for column, values in enumerate(dense):
        for run in (each for each in runs if each["setting"]["values"] == values):
            (trouble,) = (each for each in run["troubles"] if each["kind"] == "central")
            end = int((trouble["start"] + trouble["lasted"]) // 60)
            label, colour = ("live data first", BLUE) if run["rules"] else ("who asks first", RED)
            for row, name in enumerate(("stale", "waited")):
                shown = run["minutes"][name][end : end + SHOWN]
                axes[row][column].plot(range(len(shown)), shown, "-", color=colour, label=label)
        axes[0][column].set(yscale="log", title=f"{values:,} values a minute and stream")
        axes[0][column].set_ylabel("oldest stream's newest point\nin central, seconds")
        axes[1][column].set(xlabel="minutes after an hour without central")
        axes[1][column].set_ylabel("longest wait of live data\nfrom its tick to its read, s")
        for row in (0, 1):
            axes[row][column].spines[["top", "right"]].set_visible(False)
            axes[row][column].legend(fontsize=8, frameon=False)
    return figure


def _curves(found: dict[str, list[Facts]]) -> Figure:
    figure = Figure(figsize=(WIDE, 1.4 * HIGH), layout="constrained")
    asked, processor, away = figure.subplots(1, 3)
    calm = found["calm"]
    sources = [run["setting"]["sources"] for run in calm]
    for name, colour, label in (("asked_sources", BLUE, "sites, all"), ("asked_central", GREEN, "central")):
        asked.plot(sources, [run["last"][name] for run in calm], "o-", color=colour, label=label)
    asked.set(xscale="log", yscale="log", xlabel="sources", ylabel="questions a tick of 60 s")
    for runs, colour, label in ((calm, BLUE, "a shard for each 100"), (found.get("one", []), ORANGE, "one collector")):
        per = [run["core"]["seconds"] / run["ticks"] for run in runs]
        processor.plot([run["setting"]["sources"] for run in runs], per, "o-", color=colour, label=label)
    processor.set(xscale="log", yscale="log", xlabel="sources", ylabel="core: processor seconds a tick and shard")
    for values, colour in ((False, BLUE), (True, ORANGE)):
        runs = [run for run in found["outages"] if (run["setting"]["values"] > 3000) is values and run["rules"]]
        pairs = [
            (each["lasted"] / 3600, each["took"] / 60)
            for run in runs
            for each in run["troubles"]
            if each["kind"] == "central" and each["took"]
        ]
        if pairs:
            label = f"{10 * runs[0]['values_a_second']:,.0f} values/s"
            away.plot([pair[0] for pair in pairs], [pair[1] for pair in pairs], "o-", color=colour, label=label)
    away.set(xlabel="hours without central", ylabel="minutes until all is made up for")
    away.set_xlim(left=0)
    away.set_ylim(bottom=0)
    for axes in (asked, processor, away):
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(fontsize=8, frameon=False)
    return figure
