"""The simulated part of docs/scaling.md: tables made of the kept figures, put between their markers."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from lab import markdown
from lab.markdown import table
from lab.simulation.facts import Facts
from telegraf_plugin.stream.units import DAY, HOUR, MINUTE, SECOND

MARKERS = "<!-- make simulation, {part}: begin -->", "<!-- make simulation, {part}: end -->"
PICTURES = {
    "week": [
        (
            "scaling-week.svg",
            "Streams, points that central lacks, questions and points read a second, how long live data waits",
        )
    ],
    "outages": [
        (
            "scaling-outage.svg",
            "How old central's newest points are after an hour without it, and how long live data waits",
        ),
        (
            "scaling.svg",
            "Questions by number of sources, processor time of the core, how long outages of central are made up for",
        ),
    ],
}


def said(part: str, runs: list[Facts]) -> str:
    """Return a part's tables, as markdown."""
    match part:
        case "week":
            return "\n\n".join(_week(run) for run in runs)
        case "swept":
            return _swept(runs)
        case "outages":
            return _outages(runs)
        case _:
            return _calm(runs)


def write(document: Path, found: dict[str, list[Facts]]) -> None:
    """Renew the document's parts, and the pictures beside it. Raises OSError, ValueError where a marker is lacking."""
    from lab.simulation.plots import draw

    pictures = {path.name for path in draw(found, document.parent / "scaling")}
    text = document.read_text()
    for part, runs in found.items():
        drawn = [(name, about) for name, about in PICTURES.get(part, ()) if name in pictures]
        text = renewed(text, part, "\n\n".join([said(part, runs), *(f"![{about}]({name})" for name, about in drawn)]))
    document.write_text(text)


def renewed(text: str, part: str, inside: str) -> str:
    """Return the document with one part made anew. Raises ValueError where a marker is lacking."""
    begin, end = (marker.format(part=part) for marker in MARKERS)
    return markdown.renewed(text, (begin, end), inside)


def _calm(runs: list[Facts]) -> str:
    head: tuple[str, ...] = (
        "Sources",
        "Shards",
        "Streams",
        "Values/s",
        "Questions a tick: a stream, sources",
        "central, a stream",
    )
    head += (
        "central, all",
        "Points read a tick: sources",
        "central",
        "Core, ms a stream and tick",
        "longest wait of a tick, s",
    )
    rows = []
    for run in runs:
        setting, last, streams = run["setting"], run["last"], run["streams"]
        rows.append(
            (
                f"{setting['sources']:,}",
                setting["shards"],
                f"{streams:,}",
                f"{run['values_a_second']:,.0f}",
                f"{last['asked_sources'] / streams:.1f}",
                f"{last['asked_central'] / streams:.1f}",
                f"{last['asked_central']:,.0f}",
                f"{last['read_sources']:,.0f}",
                f"{last['read_central']:,.0f}",
                f"{1000 * run['core']['seconds'] / run['stream_ticks']:.2f}",
                f"{run['live']['longest']:.1f}",
            )
        )
    return table(head, rows)


def _swept(runs: list[Facts]) -> str:
    head = ("Sweep", "Questions a tick: a stream, sources", "central, a stream", "Core, ms a stream and tick")
    return table(
        head,
        (
            (
                f"{run['setting']['sweep']:.0%}" if run["setting"]["sweep"] else "none",
                f"{run['last']['asked_sources'] / run['streams']:.1f}",
                f"{run['last']['asked_central'] / run['streams']:.1f}",
                f"{1000 * run['core']['seconds'] / run['stream_ticks']:.2f}",
            )
            for run in runs
        ),
    )


def _outages(runs: list[Facts]) -> str:
    head: tuple[str, ...] = (
        "Central away",
        "Interval, s",
        "Values/s, all shards",
        "Who comes first",
        "Lacking afterwards, this shard",
        "Made up for after",
        "All streams as new as in calm after",
    )
    head += (
        "Live data waits then at the most, s",
        "From one turn of history to a stream's next: on average, most",
    )
    head += ("Central is given a second meanwhile",)
    rows = []
    for run in runs:
        trouble = next(each for each in run["troubles"] if each["kind"] == "central")
        took, setting = trouble["took"], run["setting"]
        fresh = run["values_a_second"] * (took or 0)
        again, longest = fresh_again(run)
        rows.append(
            (
                length(trouble["lasted"]),
                f"{setting['interval'] // SECOND}",
                f"{setting['shards'] * run['values_a_second']:,.0f}",
                "live data" if run["rules"] else "who asks first",
                f"{trouble['lacked'] / 1e6:,.1f} million",
                length(took) if took is not None else "not within the time",
                f"{again} min" if again is not None else "not within the time",
                f"{longest}" if again is not None else "",
                f"{length(run['history']['mean'])}, {length(run['history']['longest'])}",
                f"{(trouble['lacked'] + fresh) / took:,.0f} values" if took else "",
            )
        )
    return table(head, rows)


def fresh_again(run: Facts) -> tuple[int | None, int]:
    """Return how many minutes after an outage of central no stream's newest point there is older than two intervals
    and a quarter, from then on; None: never; and how long (s) live data waited afterwards at the most.
    """
    (trouble,) = (each for each in run["troubles"] if each["kind"] == "central")
    end = int((trouble["start"] + trouble["lasted"]) // 60)
    old = run["setting"]["interval"] / SECOND * 2.25
    late = [minute for minute, age in enumerate(run["minutes"]["stale"]) if minute >= end and age > old]
    last = late[-1] + max(run["setting"]["interval"] // MINUTE, 1) if late else end  # it is looked at ticks
    if last >= len(run["minutes"]["stale"]) - 2:
        return None, 0
    return last - end, max(run["minutes"]["waited"][last:])


KINDS = {
    "site": "a site",
    "region": "a fifth of the sites",
    "central": "central",
    "shard": "a shard, restarted after half an hour",
    "shard, standby": "a shard, a standby takes over after three intervals",
}


def _week(run: Facts) -> str:
    setting, central, live, history = run["setting"], run["central"], run["live"], run["history"]
    ticks, events, took = run["stream_ticks"], run["core"]["events"], length(run["took"])
    questions, most = central["requests"], central["peak_requests"]
    texts = [
        f"{setting['length'] / DAY:.3g} days, seed {setting['seed']}, {setting['sources']:,} sources in the end, "
        f"{len(setting['simulated'])} of "
        f"{setting['shards']} shards: {run['streams']:,} streams, an interval of {setting['interval'] // SECOND} s, "
        f"{ticks:,} ticks of a stream, {events:,} events of the core, {took} of real time. {_judged(run['wrong'])}",
        _away(run["troubles"]),
        _asked(run["sites"]),
        f"Central was asked {questions:,.0f} questions an interval by these shards, {most:,} in the fullest, and read "
        f"out {central['points']:,.0f} points, {central['peak_points']:,} in the fullest.",
        f"From its tick to the begin of its read a stream waited {live['longest']:.1f} s at most ({live['mean']:.2f} s "
        f"on average of {live['count']:,} reads; the longest wait of each was {_of_each(live)}), and one with history "
        f"to read {length(history['longest'])} at most from one turn to the next ({history['mean']:.1f} s on average "
        f"of {history['count']:,} turns; {_of_each(history)}), as long as its site and central answered.",
    ]
    return "\n\n".join(texts)


def _of_each(wait: Facts) -> str:
    middle, twentieth, _ = wait["of_each"]
    return f"{length(middle)} in the middle, and more than {length(twentieth)} of one stream in twenty"


def _judged(wrong: list[str]) -> str:
    if wrong:
        return f"Wrong: {'; '.join(wrong[:10])}."
    return "In the end nothing was lost, nothing called proved that was not there, and all that had settled was proved."


def _away(troubles: list[Facts]) -> str:
    rows = []
    for kind, name in KINDS.items():
        found = [each for each in troubles if each["kind"] == kind]
        took = [each["took"] for each in found if each["took"] is not None]
        if found:
            lasted = [each["lasted"] for each in found]
            rows.append(
                (
                    name,
                    len(found),
                    f"{length(median(lasted))}, {length(max(lasted))}",
                    f"{max(each['lacked'] for each in found) / 1e6:,.2f} million",
                    f"{length(median(took))}, {length(max(took))}" if took else "",
                    len(found) - len(took),
                )
            )
    head = ("Away", "Times", "How long: median, most", "Points lacking afterwards, most")
    return table((*head, "Made up for after: median, most", "Not made up for"), rows)


def _asked(sites: Facts) -> str:
    rows = [
        ("questions, on average", *(f"{value:,.1f}" for value in sites["requests"])),
        ("questions, its fullest interval", *(f"{value:,.0f}" for value in sites["peak_requests"])),
        ("points read, on average", *(f"{value:,.0f}" for value in sites["points"])),
        ("points read, its fullest interval", *(f"{value:,.0f}" for value in sites["peak_points"])),
    ]
    return table(("A site is asked an interval", "Median", "One in twenty: more than", "Most"), rows)


def length(seconds: float) -> str:
    """Return a time for people."""
    for unit, name in ((24 * HOUR, "d"), (HOUR, "h"), (MINUTE, "min")):
        if seconds * SECOND >= 1.5 * unit:
            return f"{seconds * SECOND / unit:.1f} {name}".replace(".0 ", " ")
    return f"{seconds:.0f} s"
