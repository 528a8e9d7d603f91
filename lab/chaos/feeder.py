"""What is written to the sources during a chaos run: late, rewritten, in bursts, with changing types and new series.

`batch` is pure, and the same seed and number give the same lines. What was written and acknowledged stands in the
journal (`lab.chaos.journal`), which is the writer's: the feeder is given a function that writes.

Readings lie on a grid of STEP_NS, so that a point can be written again without being remembered. The fields `level` and
`mode` have the type of their time's hour: float or integer, string or boolean.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Self

from lab.background import Background
from lab.chaos.lines import Field, Line, boolean, integer, real, text, unsigned
from lab.feed import EXCLUDED_FIELD
from lab.site import Buckets

STEP_NS = 1_000_000_000
HOUR_NS = 3_600_000_000_000
HISTORY_HOURS = 2
BURST = 2500  # points
NEW_SERIES_EVERY = 20  # readings

_MEASUREMENTS = {
    Buckets.telegraf: ("cpu", "mem", "disk", "net"),
    Buckets.pods: ("kubernetes_node", "container_cpu"),
    Buckets.power: ("electric_current", "rack_temperature"),
}
# Own hosts and none, one that Telegraf renames, one that only looks like it; tags in the way of those that are added.
_TAGS = (
    (("unit", "a"),),
    (("unit", "b"), ("host", "POD-77")),
    (("unit", "c"), ("host", "worker-1")),
    (("unit", "d"), ("host", "POD-x"), ("field", "own")),
    (("unit", "e"), ("source_bucket", "own one"), ("exported_field", "x")),
)
_TEXTS = ("plain", 'geprüft ✓ "quoted", C:\\pdu', "two\nlines", "")
# How old (in steps) what is written late is. The collector reads its last 15 s again at each tick, and counts what is
# younger than its lookback of 20 s: a value rewritten when it is older than the one and younger than the other changes
# no number, and only a comparison of values finds it.
_REWRITTEN_AT = (17, 18)
_OFTEN_REWRITTEN_AT = (1, 2, 4, 15)
_TOO_LATE_AT = 60


def typed(name: str, at_ns: int, chance: random.Random) -> Field:
    """A field whose type is that of the hour: it changes at every boundary between shard groups of an hour."""
    even = at_ns // HOUR_NS % 2 == 0
    if name == "level":
        return integer("level", chance.randrange(1000)) if even else real("level", chance.random())
    return text("mode", chance.choice(("on", "off"))) if even else boolean("mode", chance.random() < 0.5)


def reading(bucket: str, at_ns: int, chance: random.Random, few: bool = False) -> list[Line]:
    """The lines of one time of the grid: of all series, or of `few`."""
    lines = []
    for measurement in _MEASUREMENTS[bucket]:
        for tags in chance.sample(_TAGS, 2) if few else _TAGS[: 5 if bucket != Buckets.telegraf else 3]:
            fields = [real("value", chance.gauss(50, 9)), unsigned("total", chance.randrange(2**63, 2**64))]
            fields += [typed("level", at_ns, chance), typed("mode", at_ns, chance)]
            fields.append(text("text", chance.choice(_TEXTS)))
            if bucket == Buckets.power:
                fields.append(text(EXCLUDED_FIELD, "C1"))
            lines.append(Line(measurement, tags, tuple(fields), at_ns))
    return lines


def history(bucket: str, now_ns: int, seed: int) -> list[Line]:
    """Points in the hours before this one, with each hour's types: what a source holds before the collector starts."""
    chance = random.Random(f"{seed} {bucket} history")
    this_hour = now_ns // HOUR_NS * HOUR_NS
    lines = []
    for hours in range(1, HISTORY_HOURS + 1):
        for number in range(60):
            lines += reading(bucket, this_hour - hours * HOUR_NS + number * 60_000_000_000 + 7, chance, few=True)
    return lines


def batch(bucket: str, number: int, now_ns: int, seed: int) -> list[Line]:
    """The lines that are written as number `number`, with the newest at `now_ns` (ns since 1970 UTC).

    No two are of one series and time, as nobody says which of them would count.
    """
    chance = random.Random(f"{seed} {bucket} {number}")
    now = now_ns // STEP_NS * STEP_NS
    measurement = _MEASUREMENTS[bucket][0]
    lines = reading(bucket, now, chance)
    if chance.random() < 0.2:  # late, within the lookback; half of them beside the grid
        late = now - chance.randrange(1, 18) * STEP_NS + chance.choice((0, 1))
        lines += reading(bucket, late, chance, few=True)
    if chance.random() < 0.2:  # written again with another value, most of them not long ago
        again = now - chance.choice((*_OFTEN_REWRITTEN_AT, _TOO_LATE_AT)) * STEP_NS
        lines += reading(bucket, again, chance, few=True)
    if chance.random() < 0.2:  # written again when nothing but the proof looks there any more
        lines += reading(bucket, now - chance.choice(_REWRITTEN_AT) * STEP_NS, chance, few=True)
    if chance.random() < 0.15:  # later than any lookback, in each of the earlier hours
        for hours in range(1, HISTORY_HOURS + 1):
            at = (now_ns // HOUR_NS - hours) * HOUR_NS + chance.randrange(60) * 60_000_000_000
            lines += reading(bucket, at + chance.choice((7, 8)), chance, few=True)
    series = number // NEW_SERIES_EVERY  # new ones come, old ones end
    lines.append(Line(measurement, (("unit", f"new{series}"),), (integer("number", number),), now))
    if chance.random() < 0.02:
        newest = now - STEP_NS
        for index in range(BURST):
            value = (real("value", chance.random()),)
            at = newest - index // 50 * 1_000_000
            lines.append(Line(measurement, (("unit", f"burst{index % 50}"),), value, at))
    if bucket == Buckets.telegraf:
        lines.append(Line("swap", (), (integer("unselected", number),), now))
    return list({(line.measurement, line.tags, line.time_ns): line for line in lines}.values())


class Feeder(Background):
    """A thread that writes to the buckets of one source while the context is open.

    `written` counts batches that were taken, `failed` those that were not, for whatever reason.
    """

    def __init__(self, write: Callable[[str, list[Line]], None], buckets: tuple[str, ...], seed: int) -> None:
        """`write` writes lines to a bucket, or raises; `buckets` are those that get something every STEP_NS."""
        super().__init__("chaos-feeder", 70.0)  # a write to a server that hangs is given up after 60 s
        self.written = self.failed = 0
        self._write = write
        self._buckets = buckets
        self._seed = seed

    def __enter__(self) -> Self:
        for bucket in self._buckets:
            self._write(bucket, history(bucket, time.time_ns(), self._seed))
        return super().__enter__()

    def work(self) -> None:
        """Write a batch every STEP_NS."""
        number = 0
        while not self.ended(STEP_NS / 1e9):
            number += 1
            for bucket in self._buckets:
                try:
                    self._write(bucket, batch(bucket, number, time.time_ns(), self._seed))
                    self.written += 1
                except Exception:  # the server is killed, stopped or starting: part of the run
                    self.failed += 1
