"""What was measured, as markdown tables."""

from __future__ import annotations

from collections.abc import Callable

from lab.bench.goals import goals
from lab.bench.results import Results, Run, median, spread
from lab.markdown import table

PROCESSES = ("source", "plugin", "Telegraf", "central")
FEEDERS = ("plugin", "script")
"""What stands in the column of the plugin: the collector's, or a script in its place."""


def number(value: float) -> str:
    """Return a number with three digits that count, or all before its point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def ranged(runs: list[Run], of: Callable[[Run], float]) -> str:
    """Return the median, and the least and the most where there are several runs."""
    least, most = spread(runs, of)
    middle = number(median(runs, of))
    return middle if len(runs) == 1 else f"{middle} ({number(least)} to {number(most)})"


def _each(runs: list[Run], of: Callable[[Run, str], float]) -> str:
    """Return the medians of the four processes, a dash where one is not there."""
    cells = []
    for process in PROCESSES:
        names = [name for name in (FEEDERS if process == "plugin" else (process,)) if name in runs[0].use]
        cells.append(number(median(runs, lambda run, names=names: of(run, names[0]))) if names else "–")  # type: ignore[misc]
    return " / ".join(cells)


def _running(runs: list[Run]) -> str:
    """Return the rate without the start; a dash where the first that could be read was all there is."""
    told = all(run.first < run.seconds for run in runs)
    return number(median(runs, lambda run: run.rate_running)) if told else "–"


def _processor(run: Run, name: str) -> float:
    return run.use[name].processor


def _memory(run: Run, name: str) -> float:
    return run.use[name].memory


def _landed(runs: list[Run]) -> str:
    worst = min(runs, key=lambda run: run.landed.right / run.values).landed
    if worst.all_right:
        return "all"
    whole = worst.right + worst.wrong + worst.lacking
    told = [
        f"{count:,} {what}"
        for count, what in ((worst.wrong, "wrong"), (worst.lacking, "lacking"), (worst.extra, "that nobody wrote"))
        if count
    ]
    return f"{worst.right:,} of {whole:,}; " + ", ".join(told)


def ways(results: dict[str, list[Run]]) -> str:
    """Return the table of ways."""
    head = (
        "Into central by",
        "values",
        "s, median (least to most)",
        "first after, s",
        "values/s",
        "values/s from the first on",
        "processor s: source / plugin or script / Telegraf / central",
        "peak MiB of the same",
        "landed right",
    )
    rows = (
        (
            name,
            f"{runs[0].values:,}",
            ranged(runs, lambda run: run.seconds),
            number(median(runs, lambda run: run.first)),
            number(median(runs, lambda run: run.rate)),
            _running(runs),
            _each(runs, _processor),
            _each(runs, _memory),
            _landed(runs),
        )
        for name, runs in results.items()
    )
    return table(head, rows)


def by_million(results: dict[str, list[Run]], what: str) -> str:
    """Return a table of the collector's runs, with processor seconds for a million values."""
    head = (what, "s", "values/s", "processor s a million: source / plugin / Telegraf / central", "plugin MiB", "right")
    rows = (
        (
            name,
            number(median(runs, lambda run: run.seconds)),
            number(median(runs, lambda run: run.rate)),
            _each(runs, lambda run, process: run.processor(process)),
            number(median(runs, lambda run: run.use["plugin"].memory)),
            _landed(runs),
        )
        for name, runs in results.items()
    )
    return table(head, rows)


def startup(results: dict[str, list[Run]]) -> str:
    """Return the table of starts."""
    head = ("", "first value readable, s", "processor s of plugin", "plugin MiB")
    rows = []
    for name, runs in results.items():
        plugin = "plugin" in runs[0].use
        spent = ranged(runs, lambda run: run.use["plugin"].processor) if plugin else "–"
        memory = number(median(runs, lambda run: run.use["plugin"].memory)) if plugin else "–"
        rows.append((name.partition(",")[0], ranged(runs, lambda run: run.first), spent, memory))
    return table(head, rows)


def cycles(results: Results) -> str:
    """Return the table of cycles in which nothing is behind."""
    head = ("A cycle of", "processor s: source(s) / plugin / Telegraf / central", "plugin MiB", "tick to readable, s")
    rows = []
    for found, name in ((results.steady, "steady"), (results.idle, "idle")):
        if not found:
            continue
        source = sum(value for key, value in found.items() if key.startswith("source"))
        used = " / ".join(f"{each:.3f}" for each in (source, found["plugin"], found["Telegraf"], found["central"]))
        if name == "steady":
            said = f"{found['points']:,.0f} points in {found['streams']:.0f} streams, each {found['interval']:.0f} s"
            delay = f"{found['delay']:.2f} ({found['least']:.2f} to {found['most']:.2f})"
        else:
            said, delay = f"{found['streams']:,.0f} idle streams of two sources, each {found['interval']:.0f} s", "–"
        rows.append((said, used, number(found["memory"]), delay))
    return table(head, rows)


def reached(results: Results) -> str:
    """Return the table of goals."""
    rows = (
        (
            goal.name,
            f"{number(goal.measured)} {goal.unit}".strip(),
            f"{'≥' if goal.at_least else '≤'} {goal.bound:g} {goal.unit}".strip(),
            goal.verdict,
        )
        for goal in goals(results)
    )
    return table(("Goal", "measured", "to reach", ""), rows)
