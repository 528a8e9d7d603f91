"""What is written to the sources during a chaos run: late, rewritten, in bursts, with changing types and new series.

`batch` is pure, and the same seed and number give the same lines. The feeder remembers nothing of what it wrote: a
write that failed may have landed or not, and what a source holds in the end is asked of the source.

Readings lie on a grid of STEP_NS, so that a point can be written again without being remembered. The fields `level` and
`mode` have the type of their time's hour: float or integer, string or boolean.
"""

from __future__ import annotations

import random
import threading
import time
from types import TracebackType
from typing import Self

from lab.feed import EXCLUDED_FIELD
from lab.influxd import InfluxServer
from lab.site import Buckets

STEP_NS = 500_000_000
HOUR_NS = 3_600_000_000_000
HISTORY_HOURS = 2
BURST = 2500  # points
NEW_SERIES_EVERY = 40  # readings

_MEASUREMENTS = {
    Buckets.telegraf: ("cpu", "mem", "disk", "net"),
    Buckets.pods: ("kubernetes_node", "container_cpu"),
    Buckets.power: ("electric_current", "rack_temperature"),
}
# Own hosts and none, one that Telegraf renames, one that only looks like it; tags in the way of those that are added.
_TAGS = (
    "unit=a",
    "unit=b,host=POD-77",
    "unit=c,host=worker-1",
    "unit=d,host=POD-x,field=own",
    "unit=e,source_bucket=own\\ one,exported_field=x",
)
_TEXTS = ("plain", 'geprüft ✓ \\"quoted\\", C:\\\\pdu', "two\nlines", "")


def typed(name: str, at_ns: int, chance: random.Random) -> str:
    """A field whose type is that of the hour: it changes at every boundary between shard groups of an hour."""
    even = at_ns // HOUR_NS % 2 == 0
    if name == "level":
        return f"level={chance.randrange(1000)}i" if even else f"level={chance.random()!r}"
    return f'mode="{chance.choice(("on", "off"))}"' if even else f"mode={chance.choice(('true', 'false'))}"


def reading(bucket: str, at_ns: int, chance: random.Random, few: bool = False) -> list[str]:
    """The lines of one time of the grid: of all series, or of `few`."""
    lines = []
    for measurement in _MEASUREMENTS[bucket]:
        for tags in chance.sample(_TAGS, 2) if few else _TAGS[: 5 if bucket != Buckets.telegraf else 3]:
            fields = [f"value={chance.gauss(50, 9)!r}", f"total={chance.randrange(2**63, 2**64)}u"]
            fields += [typed("level", at_ns, chance), typed("mode", at_ns, chance)]
            fields.append(f'text="{chance.choice(_TEXTS)}"')
            if bucket == Buckets.power:
                fields.append(f'{EXCLUDED_FIELD}="C1"')
            lines.append(f"{measurement},{tags} {','.join(fields)} {at_ns}")
    return lines


def history(bucket: str, now_ns: int, seed: int) -> bytes:
    """Points in the hours before this one, with each hour's types: what a source holds before the collector starts."""
    chance = random.Random(f"{seed} {bucket} history")
    this_hour = now_ns // HOUR_NS * HOUR_NS
    lines = []
    for hours in range(1, HISTORY_HOURS + 1):
        for number in range(60):
            lines += reading(bucket, this_hour - hours * HOUR_NS + number * 60_000_000_000 + 7, chance, few=True)
    return "\n".join(lines).encode()


def batch(bucket: str, number: int, now_ns: int, seed: int) -> bytes:
    """The lines that are written as number `number`, with the newest at `now_ns` (ns since 1970 UTC)."""
    chance = random.Random(f"{seed} {bucket} {number}")
    now = now_ns // STEP_NS * STEP_NS
    measurement = _MEASUREMENTS[bucket][0]
    lines = reading(bucket, now, chance)
    if chance.random() < 0.3:  # late, within the lookback; half of them beside the grid
        late = now - chance.randrange(2, 36) * STEP_NS + chance.choice((0, 1))
        lines += reading(bucket, late, chance, few=True)
    if chance.random() < 0.3:  # written again with another value, most of them not long ago
        again = now - chance.choice((1, 2, 3, 4, 8, 30, 120)) * STEP_NS
        lines += reading(bucket, again, chance, few=True)
    if chance.random() < 0.15:  # later than any lookback, in each of the earlier hours
        for hours in range(1, HISTORY_HOURS + 1):
            at = (now_ns // HOUR_NS - hours) * HOUR_NS + chance.randrange(60) * 60_000_000_000
            lines += reading(bucket, at + chance.choice((7, 8)), chance, few=True)
    series = number // NEW_SERIES_EVERY  # new ones come, old ones end
    lines.append(f"{measurement},unit=new{series} value={number}i {now}")
    if chance.random() < 0.02:
        newest = now - STEP_NS
        lines += [
            f"{measurement},unit=burst{index % 50} value={chance.random()!r} {newest - index // 50 * 1_000_000}"
            for index in range(BURST)
        ]
    if bucket == Buckets.telegraf:
        lines.append(f"swap unselected={number}i {now}")
    return "\n".join(lines).encode()


class Feeder:
    """A thread that writes to the buckets of one source while the context is open.

    `written` counts batches that were taken, `failed` those that were not, for whatever reason.
    """

    def __init__(self, server: InfluxServer, buckets: tuple[str, ...], seed: int) -> None:
        """`buckets` are those of `server` that get something every STEP_NS."""
        self.written = self.failed = 0
        self._server = server
        self._buckets = buckets
        self._seed = seed
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chaos-feeder", daemon=True)

    def __enter__(self) -> Self:
        for bucket in self._buckets:
            self._server.write(bucket, history(bucket, time.time_ns(), self._seed))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Write no more; returns when the last write is done with."""
        self._end.set()
        self._thread.join(timeout=70)  # a write to a server that hangs is given up after 60 s

    def _run(self) -> None:
        number = 0
        while not self._end.wait(STEP_NS / 1e9):
            number += 1
            for bucket in self._buckets:
                try:
                    self._server.write(bucket, batch(bucket, number, time.time_ns(), self._seed))
                    self.written += 1
                except Exception:  # the server is killed, stopped or starting: part of the run
                    self.failed += 1
