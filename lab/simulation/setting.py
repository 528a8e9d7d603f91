"""What is simulated: how many sources and shards, for how long, how they are reached, and what servers take."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import log
from random import Random

from lab.simulation.meter import Load
from lab.simulation.site import STEP, Line, Site
from telegraf_plugin.config.shards import shard_of
from telegraf_plugin.stream.definition import Start, StreamDefinition
from telegraf_plugin.stream.units import DAY, HOUR, MINUTE, SECOND

BEGIN = 1_795_471_200 * SECOND
"""When it begins."""
BUCKETS = ("telegraf", "power_monitoring", "pod_monitoring")
"""Central's buckets. A source has one stream, into the first; one in ten has one into each."""
AWAY_FROM = 20 * MINUTE
"""How long after the beginning `away` begins."""
FIRST = 3
"""How many sources there are at first, where they grow."""


@dataclass(frozen=True)
class Setting:
    """One simulation; times in ns. `grow`: how long sources go on being added, from FIRST on; 0: all are there.

    `history`: how much of the past a source begins with. `trouble`: how often something goes wrong, 1 for as often as
    the module of that name says, 0 for never. `values`: how many a stream has a minute, in the middle. `central`:
    values a second that central takes, in all; `telegraf`: that one Telegraf sends. `streams`: how many each source
    has, None for the usual. `away`: central is away that long, AWAY_FROM after the beginning. `buckets`: how many of
    BUCKETS there are; `at_once`: questions to a source; `line`: to all sites, None for the usual. `together`: one
    request asks for several streams, as by InfluxQL; by Flux each asks for itself.
    """

    sources: int = 1000
    shards: int = 10
    length: int = 7 * DAY
    seed: int = 1
    interval: int = MINUTE
    lookback: int = 5 * MINUTE
    limit: int = 100_000
    sweep: float = 0.02
    grow: int = 0
    step: int = 2 * HOUR
    history: int = 0
    trouble: float = 1.0
    values: int = 3000
    central: int = 600_000
    telegraf: int = 300_000
    streams: int | None = None
    away: int = 0
    buckets: int = 3
    at_once: int = 1
    together: bool = True
    line: Line | None = None
    begin: int = BEGIN

    @property
    def end(self) -> int:
        """When it ends, Unix ns."""
        return self.begin + self.length

    def names(self) -> list[str]:
        """Return the names of all sources, the oldest first."""
        return [f"site-{number:04}" for number in range(1, self.sources + 1)]

    def of_shard(self, shard: int) -> list[str]:
        """Return those of the sources that fall to a shard (from 1)."""
        return [name for name in self.names() if self._shards[name] == shard]

    @cached_property
    def _shards(self) -> dict[str, int]:
        return {name: shard_of(name, self.shards) for name in self.names()}

    def joins(self, number: int) -> int:
        """Return when the source of that number (from 1) is there to be read: by the same factor each step."""
        if not self.grow or number <= FIRST:
            return self.begin
        after = int(self.grow * log(number / FIRST) / log(max(self.sources, FIRST + 1) / FIRST))
        return self.begin + -(-after // self.step) * self.step

    def site(self, name: str) -> Site:
        """Return the site of that name, as the seed has it."""
        random = Random(f"{self.seed}/{name}")
        number = int(name.removeprefix("site-"))
        joins = self.joins(number)
        count = self.streams or (len(BUCKETS) if number % 10 == 0 else 1)
        origin = joins - self.history
        streams = [_stream(self, name, place, origin) for place in range(count)]
        latency = int(min(random.lognormvariate(0, 0.7) * 40, 800)) * SECOND // 1000
        line = Line(latency, int(random.choice((20_000, 50_000, 100_000, 200_000))))
        if self.line is not None:
            line = self.line
        median = self.values * STEP / MINUTE
        points = {each.id: max(int(median * min(random.lognormvariate(0, 0.8), 8)), 10) for each in streams}
        late = int(random.uniform(1, 11)) * SECOND
        return Site(name, streams, points, line, Load(self.interval), late=late, joins=joins, since=origin - DAY)


def _stream(setting: Setting, source: str, place: int, origin: int) -> StreamDefinition:
    bucket = BUCKETS[place % setting.buckets]
    return StreamDefinition(
        source=source,
        name=bucket if place < setting.buckets else f"{bucket}-{place}",
        bucket=bucket if place < setting.buckets else f"{bucket}-{place}",
        central_bucket=bucket,
        measurements=(),
        exclude_fields=(),
        tags=(),
        aggregate=None,
        flux=None,
        lookback=setting.lookback,
        metadata_tags=(),
        start=Start(date=origin),
    )
