"""Ways side by side: each contender in its turn, round after round, each time into a new central."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lab.bench.contenders import (
    CAT_WIDE,
    INFLUXQL_FIELD,
    INFLUXQL_WIDE,
    SETTLED,
    Cat,
    Collector,
    Contender,
    Stage,
)
from lab.bench.data import HOSTS, SECOND, Data, make
from lab.bench.landed import BUCKET, compare
from lab.bench.results import Run
from lab.influxd import InfluxServer
from lab.loopback import wait_until

HOURS = 4


def say(text: str) -> None:
    """Tell how far it is, on standard error."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def made(seed: int, values: int, hosts: int = HOSTS, racks: bool = False) -> Data:
    """Make the data: `values` over the last four hours, but the newest minute."""
    stop = time.time_ns() // SECOND * SECOND - 60 * SECOND
    return make(seed, values, stop - HOURS * 3600 * SECOND, stop, hosts, racks)


@contextmanager
def filled(data: Data) -> Iterator[InfluxServer]:
    """A source with the data, all of it in its files."""
    with InfluxServer("bench", BUCKET, options=SETTLED) as source:
        data.write(source, BUCKET)
        log = source.folder / "engine" / "wal"
        left = "the source's log is in its files"
        wait_until(lambda: sum(each.stat().st_size for each in log.rglob("*.wal")) < 100_000, left, 120, 0.5)
        yield source


def run(contender: Contender, source: InfluxServer, data: Data, folder: Path) -> Run:
    """Run one, and compare what has landed."""
    part = data if contender.share == 1.0 else data.part(contender.share)
    with tempfile.TemporaryDirectory(dir=folder) as name, InfluxServer("central", BUCKET) as central:
        central.create_bucket("metrics")
        arrival, use = contender.run(Stage(source, central, Path(name), part))
        landed = compare(central, part, contender.landing)
    done = Run(part.values, round(arrival.last, 3), round(arrival.first, 3), landed, use)
    used = ", ".join(f"{name} {each.processor:.1f} s {each.memory:.0f} MiB" for name, each in use.items())
    say(f"{contender.name}: {done.seconds:.1f} s, {done.rate:,.0f} values/s; {used}; {landed}")
    return done


def measure(contenders: Sequence[Contender], data: Data, rounds: int) -> dict[str, list[Run]]:
    """Run all, `rounds` times by turns, every second time in the other order."""
    found: dict[str, list[Run]] = {each.name: [] for each in contenders}
    with tempfile.TemporaryDirectory() as name, filled(data) as source:
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}: {data.values:,} values in {data.lines:,} lines")
            for contender in contenders if number % 2 == 0 else reversed(contenders):
                found[contender.name].append(run(contender, source, data, Path(name)))
    return found


def measure_size(seed: int, sizes: Sequence[int]) -> dict[str, list[Run]]:
    """Run the collector, as shipped and wide, on data of several sizes."""
    both = [Collector(INFLUXQL_FIELD, "auto", wide=False), Collector(INFLUXQL_WIDE, "auto", wide=True)]
    found: dict[str, list[Run]] = {}
    for values in sizes:
        measured = measure(both, made(seed, values), 1)
        found |= {f"{values:,} values, {'wide' if each.wide else 'with `field`'}": measured[each.name] for each in both}
    return found


def measure_streams(seed: int, values: int, counts: Sequence[int]) -> dict[str, list[Run]]:
    """Run the collector, wide, with the same number of values spread over so many streams of one source."""
    found: dict[str, list[Run]] = {}
    for streams in counts:
        name = f"{streams:,} streams"
        contender = Collector(name, "auto", wide=True, streams=streams)
        found |= measure([contender], made(seed, values, hosts=streams, racks=True), 1)
    return found


def measure_startup(seed: int, rounds: int) -> dict[str, list[Run]]:
    """Start with next to no data: what is measured is the start."""
    both = [Cat(CAT_WIDE, wide=True), Collector(INFLUXQL_WIDE, "auto", wide=True)]
    return measure(both, made(seed, 1, hosts=1), rounds)
