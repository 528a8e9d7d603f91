"""`python -m lab.simulation`, by which `make simulation` runs; --help says what can be chosen."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from lab.simulation import document, studies
from lab.simulation.facts import Facts
from lab.simulation.setting import Setting
from telegraf_plugin.stream.units import DAY, MINUTE, SECOND

DOCUMENT = Path("docs/scaling.md")
PARTS = ("week", "calm", "one", "swept", "outages")
STEPS = 84
"""In how many steps sources are added."""


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser("python -m lab.simulation", description=__doc__)
    parser.add_argument("--sources", type=int, default=1000)
    parser.add_argument("--shards", type=int, default=10, help="of the week")
    parser.add_argument("--days", type=float, default=7.0, help="of the week, in which all goes wrong that may")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--interval", type=int, default=300, help="of the week, seconds; the lookback is three times that"
    )
    parser.add_argument("--sample", type=int, default=0, help="shards of the week that are simulated; 0: all")
    parser.add_argument("--sweep", type=float, default=0.0, help="of the week")
    parser.add_argument("--processes", type=int, default=0, help="0: as many as there are processors")
    parser.add_argument("--part", action="append", choices=PARTS, help="what is simulated; all unless named")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures, beside those of other parts there")
    parser.add_argument("--from", type=Path, dest="kept", metavar="FILE", help="simulate nothing: take these figures")
    parser.add_argument("--write-docs", action="store_true", help=f"renew {DOCUMENT} and its pictures")
    return parser.parse_args(given)


def week(asked: argparse.Namespace) -> tuple[Setting, list[int]]:
    """Return the setting of the week, in three sevenths of which sources are added, and which shards are simulated."""
    length = int(asked.days * DAY)
    interval = asked.interval * SECOND
    setting = Setting(
        sources=asked.sources,
        shards=asked.shards,
        length=length,
        seed=asked.seed,
        interval=interval,
        lookback=max(5 * MINUTE, 3 * interval),
        sweep=asked.sweep,
        grow=length * 3 // 7,
        history=DAY,
        step=max(length // STEPS // SECOND * SECOND, SECOND),
    )
    return setting, list(range(1, (asked.sample or asked.shards) + 1))[: asked.shards]


def simulated(asked: argparse.Namespace) -> dict[str, list[Facts]]:
    """Simulate what is asked for, part by part."""
    found: dict[str, list[Facts]] = {}
    for part in asked.part or PARTS:
        match part:
            case "week":
                found[part] = [studies.week(*week(asked), asked.processes)]
            case "calm":
                found[part] = studies.calm(asked.seed, asked.processes)
            case "one":
                found[part] = studies.calm(asked.seed, 1, studies.SIZES[-3:-1], one=True)
            case "swept":
                found[part] = studies.swept(asked.seed)
            case _:
                found[part] = studies.outages(asked.seed)
        print(document.said(part, found[part]), flush=True)
    return found


def text_of(found: dict[str, list[Facts]]) -> str:
    """Return figures as JSON, each simulation in a line of its own."""
    parts = (f'"{part}": [\n' + ",\n".join(map(json.dumps, runs)) + "\n]" for part, runs in found.items())
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> int:
    """Simulate, print, and return the exit status: 1 where something was wrong."""
    asked = arguments()
    found: dict[str, list[Facts]] = json.loads(asked.kept.read_text()) if asked.kept else {}
    if not asked.kept:
        found = simulated(asked)
        if asked.json is not None:
            before = json.loads(asked.json.read_text()) if asked.json.exists() else {}
            found = {**before, **found}
            asked.json.write_text(text_of(found))
    if asked.write_docs:
        document.write(DOCUMENT, found)
    wrong = [text for runs in found.values() for run in runs for text in run["wrong"]]
    for text in wrong:
        print(f"wrong: {text}", file=sys.stderr)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
