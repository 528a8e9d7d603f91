"""`python -m lab.bench`: measure, tell how far it is on standard error, print the tables.

Results are kept as JSON (--json), of which tables, pictures and docs/performance.md can be made again without
measuring (--from). The machine's noise is part of every figure: compare within one run.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import engines
from lab.bench import document, steady, ways
from lab.bench.contenders import contenders
from lab.bench.machine import machine
from lab.bench.results import Results

PARTS = ("ways", "size", "streams", "steady", "idle", "startup")
DOCUMENT = engines.REPOSITORY / "docs" / "performance.md"


@dataclass(frozen=True)
class Extent:
    """How much is measured."""

    values: int
    rounds: int
    sizes: tuple[int, ...]
    streams: tuple[int, ...]
    shared: int
    """Values that the streams share."""
    ticks: int
    interval_s: int
    idle: int
    idle_interval_s: int
    """Longer than a cycle of so many streams takes, or what is live leaves no time for the rest."""
    starts: int


FULL = Extent(3_715_200, 3, (100_000, 1_000_000), (10, 100, 1000), 1_000_000, 6, 10, 1000, 20, 3)
LONG = (5_000_000, 20_000_000)
QUICK = Extent(200_000, 1, (100_000,), (10,), 100_000, 2, 5, 20, 5, 1)


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m lab.bench", description=__doc__)
    parser.add_argument("--part", action="append", choices=PARTS, help="one part, may be repeated; all unless given")
    parser.add_argument("--only", action="append", default=[], metavar="WORDS", help="of the ways, those named so")
    parser.add_argument("--values", type=int, help="values of the ways (3,715,200)")
    parser.add_argument("--rounds", type=int, help="of the ways (3)")
    parser.add_argument("--idle", type=int, help="idle streams (1,000), half of them at each of two sources")
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--quick", action="store_true", help="little of everything: two minutes")
    parser.add_argument("--long", action="store_true", help="also 5 and 20 million values")
    parser.add_argument("--json", type=Path, help="where results are kept")
    parser.add_argument("--from", dest="given", type=Path, metavar="JSON", help="measure nothing: take these results")
    parser.add_argument("--write-docs", action="store_true", help="renew docs/performance.md and its pictures")
    return parser.parse_args(arguments)


def measured(chosen: argparse.Namespace) -> Results:
    """Measure what was chosen; after each part the results so far are kept."""
    extent, seed = QUICK if chosen.quick else FULL, chosen.seed
    results = Results(machine=machine())
    sizes = extent.sizes + (LONG if chosen.long else ())
    those = [each for each in contenders() if not chosen.only or any(word in each.name for word in chosen.only)]

    def of_ways() -> None:
        data = ways.made(seed, chosen.values or extent.values)
        results.ways = ways.measure(those, data, chosen.rounds or extent.rounds)

    def of_size() -> None:
        results.size = ways.measure_size(seed, sizes)

    def of_streams() -> None:
        results.streams = ways.measure_streams(seed, extent.shared, extent.streams)

    def of_steady() -> None:
        results.steady = steady.steady(interval_s=extent.interval_s, ticks=extent.ticks)

    def of_idle() -> None:
        results.idle = steady.idle(
            chosen.idle or extent.idle, interval_s=extent.idle_interval_s, ticks=max(extent.ticks // 2, 2)
        )

    def of_startup() -> None:
        results.startup = ways.measure_startup(seed, extent.starts)

    todo: dict[str, Callable[[], None]] = dict(
        zip(PARTS, (of_ways, of_size, of_streams, of_steady, of_idle, of_startup), strict=True)
    )
    for part in chosen.part or PARTS:
        try:
            todo[part]()
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:  # TimeoutError among them
            ways.say(f"{part} could not be measured: {error}")
            results.failed[part] = str(error).splitlines()[0]
        if chosen.json:
            results.write(chosen.json)
    return results


def main(arguments: Sequence[str]) -> int:
    """Measure, or read results, and print them; returns 1 where a part could not be measured, else 0."""
    chosen = parsed(arguments)
    if chosen.given:
        results = Results.read(chosen.given)
    else:
        results = measured(chosen)
        results.machine["command"] = " ".join(["python -m lab.bench", *arguments])
        if chosen.json:
            results.write(chosen.json)
    print(document.text(results))
    if chosen.write_docs:
        document.write(DOCUMENT, results)
    return 1 if results.failed else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started ends
    sys.exit(main(sys.argv[1:]))
