"""The measured part of docs/performance.md, made of results and put between its markers."""

from __future__ import annotations

from pathlib import Path

from lab import markdown
from lab.bench import tables
from lab.bench.results import Results

BEGIN, END = "<!-- make bench: begin -->", "<!-- make bench: end -->"
PICTURE = "bench"
"""The stem of the two pictures, beside the document."""


def text(results: Results) -> str:
    """Return what stands between the markers."""
    said = results.machine
    parts = [
        f"Measured on {said['date']}, commit {said['commit']}: {said['processor']}, {said['memory']}, "
        f"{said['system']}, Python {said['python']}, Telegraf {said['telegraf']}, InfluxDB {said['influxd']}; load "
        f"average before it {said['load before']}. Everything on this one machine. `{said['command']}`."
    ]
    if goals := tables.reached(results) if results.ways or results.steady or results.idle else "":
        parts.append(f"**Goals**, as ratios within this run:\n\n{goals}")
    if results.ways:
        count = max(map(len, results.ways.values()))
        rounds = f"{count} {'rounds' if count > 1 else 'round'}"
        parts.append(
            f"**The ways**, by turns, {rounds}:\n\n{tables.ways(results.ways)}\n\n"
            f"![How fast each way is, and who spends processor time on it]({PICTURE}.svg)"
        )
    if results.size:
        parts.append(f"**Cost against size**, one run each:\n\n{tables.by_million(results.size, 'The collector')}")
    if results.streams:
        shared = next(iter(results.streams.values()))[0].values
        parts.append(
            f"**Cost against streams**, some {shared:,} values shared by so many streams of one source, wide, one run "
            f"each:\n\n{tables.by_million(results.streams, 'Streams')}"
        )
    if results.steady or results.idle:
        parts.append(f"**Nothing behind**:\n\n{tables.cycles(results)}")
    if results.startup:
        parts.append(f"**The start**, from Telegraf's own:\n\n{tables.startup(results.startup)}")
    parts += [f"Not measured: {part} ({why})." for part, why in results.failed.items()]
    return "\n\n".join(parts)


def renewed(document: str, results: Results) -> str:
    """Return the document with its measured part made anew. Raises ValueError where a marker is lacking."""
    return markdown.renewed(document, (BEGIN, END), text(results))


def write(document: Path, results: Results) -> None:
    """Renew the document, and the pictures beside it. Raises OSError, ValueError."""
    document.write_text(renewed(document.read_text(), results))
    if results.ways:
        from lab.bench.plots import draw

        draw(results.ways, document.parent / PICTURE)
