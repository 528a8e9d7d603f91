"""`python -m lab.steps`: where the plugin's processor time goes, step by step, in ns a value.

The same points (BENCH_VALUES, 1,000,000) are read from a real source by each language, by turns, REPEATS times, each
time with one step more: to blocks, with the digest of the proof, with lines. What a step takes is the difference.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from enum import IntEnum
from itertools import product

from lab.bench.data import make
from lab.influxd import InfluxServer
from lab.replies import REPEATS, SEED, STREAM, VALUES
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.source import SourceReader
from telegraf_plugin.stream.definition import ReadWay
from telegraf_plugin.stream.digest import Digest
from telegraf_plugin.stream.spans import Span
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.stream.units import SECOND
from telegraf_plugin.telegraf.merger import LineMerger
from telegraf_plugin.telegraf.wide_lines import encoded
from telegraf_plugin.transport import STRAIGHT, Compression


class Step(IntEnum):
    """How far it goes, each with those before it."""

    BLOCKS = 0
    DIGEST = 1
    LINES = 2


LABELS = {Step.BLOCKS: "reply to blocks", Step.DIGEST: "digest", Step.LINES: "wide lines"}


def read(client: QueryClient, way: ReadWay, step: Step, span: Span) -> float:
    """Return what a value takes, in ns of this process' processor time."""
    reader, tally, digest, merger = SourceReader(client, way), Tally(), Digest(), LineMerger()
    size = 0
    began = time.process_time_ns()
    for blocks, exact in reader.blocks(STREAM, span, tally):
        if step >= Step.DIGEST:
            for block in blocks:
                digest.add(block, exact)
        if step >= Step.LINES:
            size += sum(len(piece.content) for piece in encoded(merger.add(blocks)))
    size += sum(len(piece.content) for piece in encoded(merger.rest()))
    took = time.process_time_ns() - began
    assert tally.points > 0
    assert (size > 0) == (step is Step.LINES)
    return took / tally.points


def main() -> None:
    """Print the table."""
    ways = (ReadWay.INFLUXQL, ReadWay.FLUX)
    with InfluxServer("bench", "telegraf") as server:
        now = time.time_ns() // SECOND * SECOND
        span = (now - 3600 * SECOND, now)
        make(SEED, VALUES, *span).write(server, "telegraf")
        straight = replace(STRAIGHT, compression=Compression.NONE)
        client = QueryClient(server.url, server.org, lambda: server.token, 5, 60, 600, straight)
        taken: dict[tuple[ReadWay, Step], list[float]] = {each: [] for each in product(ways, Step)}
        for number in range(REPEATS + 1):
            for way, step in taken:
                found = read(client, way, step, span)
                if number:  # the first one warms it up
                    taken[way, step].append(found)
    print("| ns a value, median of " + str(REPEATS) + " | InfluxQL | Flux |\n|---|---:|---:|")
    medians = {each: statistics.median(several) for each, several in taken.items()}
    for step in Step:
        less = [medians[way, Step(step - 1)] if step else 0.0 for way in ways]
        print(
            f"| {LABELS[step]} | " + " | ".join(f"{medians[way, step] - less[at]:.0f}" for at, way in enumerate(ways)),
            "|",
        )


if __name__ == "__main__":
    main()
