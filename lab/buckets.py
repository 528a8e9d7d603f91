"""What small streams cost a source a tick, by how many buckets it has: `python -m lab.buckets 10,100,500`.

One real server; a stream a bucket, asked about as the executor does, 250 in a bundle: a count, a read of what is new
and, each third round, a read for the proof. By turns as it is chosen (`FluxTogether`), and by InfluxQL alone.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from lab.influxd import InfluxServer
from lab.measured import processor_seconds
from lab.replies import STREAM
from telegraf_plugin.influxdb.bundle import Bundle, Foresee, sharing
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.source import SourceReader
from telegraf_plugin.stream.definition import ReadWay, StreamDefinition
from telegraf_plugin.stream.source_tasks import MOST_TOGETHER
from telegraf_plugin.stream.spans import Span
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.stream.units import MINUTE, SECOND

ROUNDS = 3
POINTS = 5
"""Of a bucket, a minute apart, of two fields each: a tick that brings something has one of them."""
HEAD = "| buckets | a tick | by | source, ms a stream | plugin, ms a stream | requests |\n|---:|---|---|---:|---:|---:|"


def streams(count: int) -> list[StreamDefinition]:
    """Return a stream a bucket."""
    return [replace(STREAM, source="POD-30", name=f"s{at}", bucket=f"data-{at}") for at in range(count)]


def furnish(server: InfluxServer, buckets: Iterable[int], now: int) -> None:
    """Make buckets with some points each."""

    def one(at: int) -> None:
        if at:
            server.create_bucket(f"data-{at}")
        times = [now - (3 + minute) * MINUTE for minute in range(POINTS)]
        server.write(
            f"data-{at}", "\n".join(f"small,host=POD-8 usage={at}.5,idle=3i {each}" for each in times).encode()
        )

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, buckets))


def parts(of: Sequence[StreamDefinition]) -> Iterator[Sequence[StreamDefinition]]:
    """Yield them as batches have them."""
    for at in range(0, len(of), MOST_TOGETHER):
        yield of[at : at + MOST_TOGETHER]


def tick(reader: SourceReader, of: Sequence[StreamDefinition], looked_over: Span, new: Span, proof: bool) -> int:
    """Ask what a tick asks of all streams; returns how many points were counted and read."""
    found = 0

    def read(span: Span, stream: StreamDefinition) -> int:
        tally = Tally()
        for _ in reader.blocks(stream, span, tally):
            pass
        return tally.points

    def count(stream: StreamDefinition) -> int:
        return reader.count(stream, looked_over)

    def together(foresee: Callable[[StreamDefinition], Foresee], ask: Callable[[StreamDefinition], int]) -> int:
        told = 0
        for some in parts(of):
            bundle = Bundle(reader.client, [foresee(each) for each in some])
            with sharing(bundle):
                told += sum(map(ask, some))
        return told

    found += together(lambda each: partial(reader.foreseen_points, each, [new]), partial(read, new))
    found += together(lambda each: partial(reader.foreseen_counts, each, [looked_over]), count)
    if proof:
        found += together(lambda each: partial(reader.foreseen_points, each, [new]), partial(read, new))
    return found


def measure(server: InfluxServer, count: int, now: int) -> Iterator[str]:
    """Yield the rows of one number of buckets."""
    of = streams(count)
    readers = {}
    for way in (ReadWay.AUTO, ReadWay.INFLUXQL):
        client = QueryClient(server.url, server.org, lambda: server.token, 5, 60, 120)
        readers[way] = SourceReader(client, way)
    for brings, at in (("brings nothing", now), ("brings a point of two fields", now - 3 * MINUTE)):
        looked_over, new = (at - 30 * SECOND, at + MINUTE), (at - 15 * SECOND, at + 20 * SECOND)
        used: dict[ReadWay, list[tuple[float, float, int]]] = {way: [] for way in readers}
        found: dict[ReadWay, list[int]] = {way: [] for way in readers}
        for each in readers.values():
            tick(each, of, looked_over, new, True)  # what it is to know of the buckets it knows then
        for number in range(ROUNDS):
            for way, reader in readers.items():
                before = processor_seconds(server.pid), time.process_time(), reader.client.requests
                found[way].append(tick(reader, of, looked_over, new, not number))
                after = processor_seconds(server.pid), time.process_time(), reader.client.requests
                spent = [(then - first) / count * 1e3 for first, then in zip(before, after, strict=True)]
                used[way].append((spent[0], spent[1], after[2] - before[2]))
        if found[ReadWay.AUTO] != found[ReadWay.INFLUXQL]:
            raise RuntimeError(f"the two ways differ: {found}")
        for way, several in used.items():
            source, plugin, requests = (statistics.mean(column) for column in zip(*several, strict=True))
            named = "as chosen" if way is ReadWay.AUTO else "InfluxQL"
            yield f"| {count} | {brings} | {named} | {source:.2f} | {plugin:.2f} | {requests:.0f} |"


def main(sizes: Sequence[int]) -> None:
    """Print the table for so many buckets each."""
    print(HEAD, flush=True)
    with InfluxServer("bench", "data-0") as server:
        now, there = time.time_ns() // SECOND * SECOND, 0
        for count in sorted(sizes):
            furnish(server, range(there, count), now)
            there = count
            for row in measure(server, count, now):
                print(row, flush=True)


if __name__ == "__main__":
    main([int(each) for each in (sys.argv[1] if len(sys.argv) > 1 else "10,50,100,500").split(",")])
