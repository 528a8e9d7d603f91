"""What is simulated for docs/scaling.md: a week with all that goes wrong, calm by size, and outages by length."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

from lab.simulation.facts import Facts, facts
from lab.simulation.fleet import simulate
from lab.simulation.setting import AWAY_FROM, Setting
from telegraf_plugin.stream import collector
from telegraf_plugin.stream.flow import Flow
from telegraf_plugin.stream.pace import Pace
from telegraf_plugin.stream.places import Places
from telegraf_plugin.stream.units import DAY, HOUR, MINUTE

SIZES = (3, 10, 30, 100, 300, 1000)
A_SHARD = 100
"""Sources of one shard, where shards are added with sources."""
WARM_UP = 10 * MINUTE
"""Until the first proofs are made at the pace at which they go on."""
LENGTHS = (HOUR, 6 * HOUR)
DENSE = 10_000
"""Values a minute and stream, for the curve of dense streams."""
SWEEP = 0.02
"""As shipped."""


def week(setting: Setting, simulated: Sequence[int], processes: int = 0) -> Facts:
    """Simulate `setting` with all that goes wrong, `simulated` of its shards."""
    return _done(setting, simulated, processes)


def calm(seed: int, processes: int = 0, sizes: Iterable[int] = SIZES, one: bool = False) -> list[Facts]:
    """Simulate twenty minutes in which nothing goes wrong at 60 s, by number of sources; all of them by `one` shard?"""
    found = []
    for sources in sizes:
        shards = 1 if one else -(-sources // A_SHARD)
        setting = Setting(sources, shards, 2 * WARM_UP, seed, sweep=0.0, trouble=0.0)
        found.append(_done(setting, range(1, shards + 1), processes))
    return found


def swept(seed: int) -> list[Facts]:
    """Simulate an hour with ten sources and a week of history that is proved: without the sweep, and as shipped."""
    setting = Setting(10, 1, HOUR, seed, sweep=0.0, trouble=0.0, history=7 * DAY)
    return [_done(each, [1], 1) for each in (setting, replace(setting, sweep=SWEEP))]


def outages(seed: int, lengths: Iterable[int] = LENGTHS) -> list[Facts]:
    """Simulate one shard of ten, of 1,000 sources, without central for each of `lengths`, and with dense streams for
    the shortest: an hour at 60 s, longer ones at 300 s; the hours first without the rules of who comes first.
    """
    usual = Setting(seed=seed, sweep=0.0, trouble=0.0)
    found = []
    for away in lengths:
        for values in (usual.values, DENSE) if away == min(lengths) else (usual.values,):
            setting = replace(usual, values=values, away=away)
            if away > HOUR:
                setting = replace(setting, interval=5 * MINUTE, lookback=15 * MINUTE)
            setting = replace(setting, length=AWAY_FROM + away + HOUR + away * values // DENSE)
            if away == min(lengths):
                with who_comes_first_wins():
                    found.append({**_done(setting, [1], 1), "rules": False})
            found.append({**_done(setting, [1], 1), "rules": True})
    return found


@contextmanager
def who_comes_first_wins() -> Iterator[None]:
    """Take away what has live data go first, places for what takes long, turns for room, little first in a crowd; and
    the turns of history.
    """
    with (
        patch.object(collector, "Places", lambda: Places(1 << 30)),
        patch.object(Flow, "may_begin", Flow.has_room),
        patch.object(Pace, "crowded", lambda _: None),
        patch.object(Places, "in_turn", lambda _, sources: list(sources)),
    ):
        yield


def _done(setting: Setting, simulated: Sequence[int], processes: int) -> Facts:
    began = time.monotonic()
    found = facts(setting, list(simulated), simulate(setting, list(simulated), processes))
    found["took"] = time.monotonic() - began
    return found
