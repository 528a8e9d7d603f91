"""What is copied when speed is measured: cpu, mem, disk and net as agents write them, made from a seed.

In: a seed, how many values, from when to when. Out: lines, wide or one field each, and the columns by which they are
compared afterwards (`lab.bench.landed`).
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

from lab.influxd import InfluxServer

SECOND = 1_000_000_000
HOSTS = 20
CPU = tuple(
    f"usage_{name}"
    for name in ("user", "system", "idle", "active", "nice", "iowait", "irq", "softirq", "steal", "guest")
)
BYTES = ("total", "used", "available", "free", "cached", "buffered", "active")
DISK = ("total", "free", "used", "inodes_total", "inodes_free", "inodes_used")
NET = ("bytes_sent", "bytes_recv", "packets_sent", "packets_recv", "err_in", "err_out", "drop_in", "drop_out")
LINES: tuple[tuple[str, tuple[tuple[str, str], ...], tuple[str, ...], tuple[str, ...]], ...] = (
    *(("cpu", (("cpu", f"cpu{number}"),), CPU, ()) for number in ("-total", *range(8))),
    ("mem", (), ("used_percent", "available_percent"), BYTES),
    *(("disk", (("path", path),), ("used_percent",), DISK) for path in ("/", "/data")),
    *(("net", (("interface", name),), (), NET) for name in ("eth0", "eth1")),
)
"""Of one host at one time: measurement, tags, fields with numbers, fields with whole numbers."""
VALUES_A_TIME = sum(len(floats) + len(integers) for _, _, floats, integers in LINES)
"""Of one host: 129, in 14 lines."""
ODD_NS = 123_456_789
"""net is written by programs that do not round their times; what cuts them to microseconds lands wrong."""
BATCH_LINES = 20_000


@dataclass(frozen=True)
class Series:
    """One series: its measurement and tags, and by field the values, one a time."""

    measurement: str
    tags: tuple[tuple[str, str], ...]
    fields: dict[str, array[float] | array[int]]
    times: array[int]

    @property
    def head(self) -> str:
        """Measurement and tags as a line begins with them."""
        return ",".join([self.measurement, *(f"{key}={value}" for key, value in self.tags)])

    def columns(self, names: Iterable[str]) -> list[list[str]]:
        """Return, a time, the texts `name=value` of some fields, as lines have them."""
        columns = []
        for name in names:
            values = self.fields[name]
            columns.append([f"{name}={value}{'' if values.typecode == 'd' else 'i'}" for value in values])
        return columns

    def since(self, first: int) -> Series:
        """Return the same from its `first` time on."""
        fields = {name: values[first:] for name, values in self.fields.items()}
        return replace(self, fields=fields, times=self.times[first:])


@dataclass(frozen=True)
class Data:
    """Some hosts' series over the same times."""

    series: tuple[Series, ...]

    @cached_property
    def values(self) -> int:
        """How many values it has."""
        return sum(len(each.fields) * len(each.times) for each in self.series)

    @cached_property
    def lines(self) -> int:
        """How many lines they take, wide."""
        return sum(len(each.times) for each in self.series)

    @property
    def began(self) -> int:
        """The first time (ns)."""
        return min(each.times[0] for each in self.series)

    @property
    def ended(self) -> int:
        """The last time (ns)."""
        return max(each.times[-1] for each in self.series)

    def part(self, share: float) -> Data:
        """Return the newest part of it, at least one time."""
        times = len(self.series[0].times)
        first = times - max(1, round(times * share))
        return Data(tuple(each.since(first) for each in self.series))

    def wide_lines(self, tags: str = "") -> Iterator[str]:
        """Yield the lines, a series after the other, with `tags` (",a=b") behind a series' own."""
        for each in self.series:
            head = f"{each.head}{tags} "
            for at, texts in zip(each.times, zip(*each.columns(each.fields), strict=True), strict=True):
                yield f"{head}{','.join(texts)} {at}\n"

    def field_lines(self, tags: str = "") -> Iterator[str]:
        """Yield a line for each value, with the tag `field`, and `tags` behind a series' own."""
        for each in self.series:
            for name, (texts,) in ((name, each.columns([name])) for name in each.fields):
                head = f"{each.head},field={name}{tags} "
                for at, text in zip(each.times, texts, strict=True):
                    yield f"{head}{text} {at}\n"

    def agents_lines(self) -> Iterator[str]:
        """Yield the lines as agents write them: all series of a time, then those of the next."""
        each_series = [(each.head, each.times, zip(*each.columns(each.fields), strict=True)) for each in self.series]
        for number in range(len(self.series[0].times)):
            for head, times, rows in each_series:
                yield f"{head} {','.join(next(rows))} {times[number]}\n"

    def batches(self) -> Iterator[bytes]:
        """Yield the agents' lines, some at a time."""
        lines = self.agents_lines()
        while batch := "".join(islice(lines, BATCH_LINES)):
            yield batch.encode()

    def write(self, server: InfluxServer, bucket: str) -> None:
        """Write it all."""
        for batch in self.batches():
            server.write(bucket, batch, gzip=True)


def make(seed: int, values: int, start: int, stop: int, hosts: int = HOSTS, racks: bool = False) -> Data:
    """Make some `values` of `hosts` hosts, at equal distances from `start` to before `stop` (ns).

    One host is called POD-8, which Telegraf renames. `racks`: each host has a tag `rack` of its own, r0 and so on, by
    which a stream can be made of it.
    """
    chance = random.Random(seed)
    count = max(1, round(values / (VALUES_A_TIME * hosts)))
    step = max(1, (stop - start) // count // SECOND) * SECOND if stop - start >= count * SECOND else 1_000_000
    even = array("q", range(start, start + count * step, step))
    odd = array("q", (at + ODD_NS for at in even))
    made = []
    for host in range(hosts):
        own = (("host", "POD-8" if host == 0 else f"node-{host:02}"), *((("rack", f"r{host}"),) if racks else ()))
        for measurement, tags, floats, integers in LINES:
            fields: dict[str, array[float] | array[int]] = {
                name: array("d", (round(chance.random() * 100, 4) for _ in even)) for name in floats
            }
            base = chance.randrange(10**9)
            fields |= {name: array("q", (base + chance.getrandbits(20) for _ in even)) for name in integers}
            times = odd if measurement == "net" else even
            made.append(Series(measurement, tuple(sorted((*own, *tags))), fields, times))
    return Data(tuple(made))
