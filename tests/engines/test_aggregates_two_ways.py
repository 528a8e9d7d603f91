"""An aggregate that both languages compute alike, to the bit, is read by InfluxQL; the others by Flux."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import pytest

from lab.influxd import InfluxServer
from telegraf_plugin.influxdb.source import SourceReader
from telegraf_plugin.influxdb.wide_blocks import ALIKE
from telegraf_plugin.stream.definition import Aggregate, AggregateFunction, ReadWay, StreamDefinition
from telegraf_plugin.stream.units import HOUR, MINUTE, SECOND
from tests.engines.corpus import corpus, twins
from tests.engines.test_two_ways import AT, MIDDLE, SPAN, WEEK
from tests.engines.two_ways import Client, read, same_both_ways, stream_of

TEXTS = ['"a"', '"b"', '"c d"', '""']
EVERY = [MINUTE, HOUR, 7 * SECOND]


def random_lines(seed: int) -> bytes:
    """Floats of all sizes, and of sizes that cancel out; whole numbers that overflow; some fields are missing."""
    chance = random.Random(seed)

    def number() -> float:
        wide = chance.choice([1e-300, 1e-3, 1.0, 1e9, 1e16, 1e300])
        return chance.choice([chance.gauss(0, wide), chance.random(), float(chance.randint(-5, 5)), -0.0, 0.1])

    lines = []
    for host in range(2):
        for at in range(0, 3600, 2):
            fields = [
                f"f={number()!r}",
                f"i={chance.randint(-(2**63), 2**63 - 1)}i",
                f"u={chance.randint(0, 2**64 - 1)}u",
                f"small={chance.randint(-9, 9)}i",
                f"b={chance.choice(['true', 'false'])}",
                "s=" + chance.choice(TEXTS),
            ]
            kept = [each for each in fields if chance.random() < 0.7] or fields[:1]
            lines.append(f"m,h={host} {','.join(kept)} {AT + at * SECOND + chance.randrange(SECOND)}")
    chance.shuffle(lines)
    return "\n".join(lines).encode()


@pytest.fixture(scope="module")
def filled(influx: InfluxServer) -> InfluxServer:
    influx.create_bucket("random")
    influx.create_bucket("corpus")
    influx.create_bucket("whole")
    influx.write("random", random_lines(7))
    influx.write("whole", re.sub(rb"\bf=[^, ]+", b"f=1i", random_lines(8)))
    influx.write("corpus", corpus(MIDDLE))
    influx.write("corpus", twins(MIDDLE))
    return influx


def aggregated(bucket: str, fn: AggregateFunction, every: int) -> StreamDefinition:
    return replace(stream_of(bucket), aggregate=Aggregate(every, fn))


@pytest.mark.parametrize("fn", [fn for fn in AggregateFunction if fn in ALIKE], ids=str)
def test_an_aggregate_is_the_same_both_ways_to_the_bit(filled: InfluxServer, fn: AggregateFunction) -> None:
    bucket = "whole" if fn is AggregateFunction.SUM else "random"
    for every in EVERY:
        start, stop = -(-AT // every) * every, (AT + HOUR) // every * every
        client, found = same_both_ways(filled, aggregated(bucket, fn, every), (start, stop))
        assert client.flux == []
        assert found.number > (stop - start) // every
    if fn not in (
        AggregateFunction.FIRST,
        AggregateFunction.LAST,
    ):  # of strings with a carriage return Flux fails (400)
        same_both_ways(filled, aggregated("corpus", fn, MINUTE), SPAN)


@pytest.mark.parametrize("fn", [fn for fn in AggregateFunction if fn not in ALIKE], ids=str)
def test_an_aggregate_that_differs_is_read_by_flux(filled: InfluxServer, fn: AggregateFunction) -> None:
    client = Client(filled)
    assert read(SourceReader(client, ReadWay.INFLUXQL), aggregated("random", fn, MINUTE), SPAN).number > 100
    assert client.statements == []


def test_sums_of_floats_are_read_by_flux(filled: InfluxServer) -> None:
    client, _ = same_both_ways(filled, aggregated("random", AggregateFunction.SUM, MINUTE), SPAN)
    assert client.flux


def test_windows_are_counted_from_1970_in_both(filled: InfluxServer) -> None:
    for every in (5 * HOUR, WEEK):
        start = AT // every * every
        same_both_ways(filled, aggregated("random", AggregateFunction.COUNT, every), (start, start + every))
