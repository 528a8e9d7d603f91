"""What goes wrong, drawn from a seed: outages of sites, of central and of shards, agents that are late, clocks.

Where sources grow, what is long and concerns many (LONG) happens when all of them are there, else it would meet few.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from lab.simulation.setting import AWAY_FROM, Setting
from telegraf_plugin.stream.spans import Spans
from telegraf_plugin.stream.units import DAY, HOUR, MINUTE, SECOND

CALM = 2 * HOUR
"""How long (ns) nothing goes wrong at the end: until then all has to be made up for."""
LONG = HOUR // 2
"""An outage of central, of a shard or of many sites that lasts as long (ns) waits until all sources are there."""
LONGEST_STALL = 240 * SECOND
"""How late (ns) agents are at the most: less than the lookback."""


@dataclass
class Trouble:
    """Something was away from `start` to `stop` (Unix ns): of that `kind`, called `name`; `sites`: which it concerns.

    `lacked`: how many points central lacked of them when it was over; `caught_up`: when it lacked nothing any more,
    None while it does.
    """

    kind: str
    name: str
    start: int
    stop: int
    sites: frozenset[str] = frozenset()
    lacked: int = 0
    caught_up: int | None = None

    @property
    def took(self) -> int | None:
        """How long (ns) it took to make up for it; None where that did not come to its end."""
        return self.caught_up - self.stop if self.caught_up is not None else None

    def add(self, other: Trouble) -> None:
        """Add what the same trouble came to elsewhere."""
        here, there = self.took if self.sites else 0, other.took if other.sites else 0
        self.caught_up = None if here is None or there is None else self.stop + max(here, there)
        self.lacked += other.lacked
        self.sites |= other.sites


def of_central(setting: Setting) -> list[Trouble]:
    """Return when central is away: a minute five times a week, a quarter of an hour twice, and six hours once."""
    random = Random(f"{setting.seed}/central")
    if setting.away:
        start = setting.begin + AWAY_FROM
        return [Trouble("central", "central", start, start + setting.away)]
    lengths = [MINUTE] * 5 + [15 * MINUTE] * 2 + [6 * HOUR]
    return [Trouble("central", "central", *each) for each in _drawn(random, setting, lengths, HOUR, LONG)]


def of_shard(setting: Setting, shard: int) -> list[Trouble]:
    """Return when a shard is down: once a week half an hour, and once as long as a standby takes to take over."""
    random = Random(f"{setting.seed}/shard {shard}")
    lengths = [30 * MINUTE, 3 * setting.interval]
    kinds = {30 * MINUTE: "shard", 3 * setting.interval: "shard, standby"}
    return [
        Trouble(kinds[stop - start], f"shard {shard}", start, stop)
        for start, stop in _drawn(random, setting, lengths, HOUR, LONG)
    ]


def of_region(setting: Setting) -> tuple[Trouble, frozenset[str]] | None:
    """Return when a fifth of the sites is away together, for three hours, and which; None where there is no time."""
    random = Random(f"{setting.seed}/region")
    drawn = _drawn(random, setting, [3 * HOUR], HOUR, LONG)
    names = setting.names()
    sites = frozenset(random.sample(names, len(names) // 5))
    return (Trouble("region", "a fifth of the sites", *drawn[0], sites), sites) if drawn and sites else None


def of_site(setting: Setting, name: str) -> list[Trouble]:
    """Return when a site is away: some once a week, from a minute to a night."""
    random = Random(f"{setting.seed}/{name}/away")
    lengths = [
        min(int(random.lognormvariate(0, 1.3) * 20 * MINUTE) + MINUTE, 10 * HOUR)
        for _ in range(_often(random, setting, 1.0))
    ]
    drawn = _drawn(random, setting, lengths, 10 * MINUTE)
    return [Trouble("site", name, start, stop, frozenset({name})) for start, stop in drawn]


def stalls(setting: Setting, name: str) -> Spans:
    """Return when a site's agents hand in nothing."""
    random = Random(f"{setting.seed}/{name}/stalls")
    lengths = [int(random.uniform(30 * SECOND, LONGEST_STALL)) for _ in range(_often(random, setting, 2.0))]
    return Spans.of(_drawn(random, setting, lengths, 10 * MINUTE))


@dataclass(frozen=True, slots=True)
class ClockFault:
    """A site's clock is `ahead` (ns, negative: behind) until it is set right `at` that time (Unix ns; None: never)."""

    ahead: int = 0
    at: int | None = None


def clock(setting: Setting, name: str) -> ClockFault:
    """Return what is wrong with a site's clock: one in twenty is off by up to ten minutes, one in two hundred by more
    than an hour; half of them are set right some time.
    """
    random = Random(f"{setting.seed}/{name}/clock")
    draw = random.random()
    ahead = 0
    if draw < 0.05:
        ahead = int(random.uniform(-600, 600)) * SECOND
    elif draw < 0.055:
        ahead = 2 * HOUR
    at = int(random.uniform(setting.begin + setting.length // 4, setting.begin + 3 * setting.length // 4))
    return ClockFault(ahead, at if ahead and random.random() < 0.5 else None)


def _often(random: Random, setting: Setting, a_week: float) -> int:
    """Draw how often something happens that happens so often `a_week`."""
    expected = a_week * setting.trouble * setting.length / (7 * DAY)
    times, left = 0, random.expovariate(1.0)
    while left < expected:
        times += 1
        left += random.expovariate(1.0)
    return times


def _drawn(
    random: Random, setting: Setting, lengths: list[int], apart: int, grown: int | None = None
) -> list[tuple[int, int]]:
    """Draw when each of `lengths` (ns) happens, `apart` (ns) at least; what finds no place does not happen.

    What lasts for `grown` (ns) or longer happens when all sources are there; None: all of it may at any time.
    """
    found: list[tuple[int, int]] = []
    last = setting.end - CALM
    for length in lengths if setting.trouble else ():
        late = grown is not None and length >= grown
        first = setting.begin + max(HOUR // 2, setting.grow if late else 0)
        for _ in range(20):
            if last - length <= first:
                break
            start = int(random.uniform(first, last - length)) // SECOND * SECOND
            stop = start + length
            if all(stop + apart < other[0] or other[1] + apart < start for other in found):
                found.append((start, stop))
                break
    return sorted(found)
