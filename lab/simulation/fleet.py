"""All shards of a setting, in as many processes as there are processors: they share nothing but central's speed."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from functools import partial

from lab.simulation.setting import Setting
from lab.simulation.world import Outcome, World


def simulate(setting: Setting, shards: Sequence[int], processes: int = 0) -> Outcome:
    """Return what comes of `shards` of a setting, in so many `processes`; 0: one a processor."""
    count = min(processes or os.cpu_count() or 1, len(shards))
    if count == 1:
        return _world(setting, shards)
    groups = [shards[first::count] for first in range(count)] if len(shards) == count else [[each] for each in shards]
    outcomes: list[Outcome] = []
    began = time.monotonic()
    with multiprocessing.get_context("fork").Pool(count) as pool:
        for outcome in pool.imap(partial(_world, setting), groups):
            outcomes.append(outcome)
            minutes = (time.monotonic() - began) / 60
            print(
                f"{len(outcomes)} of {len(groups)} after {minutes:.1f} min: {outcome.wrong}",
                file=sys.stderr,
                flush=True,
            )
    return merged(outcomes)


def _world(setting: Setting, shards: Sequence[int]) -> Outcome:
    gc.set_threshold(50_000, 50, 100)  # spans and marks are many, and none of them is in a circle
    return World(setting, shards).run()


def merged(outcomes: Sequence[Outcome]) -> Outcome:
    """Return one outcome of several worlds: all ask central, and a trouble is made up for when it is everywhere."""
    whole = outcomes[0]
    troubles = {(each.kind, each.name, each.start): each for each in whole.troubles}
    for other in outcomes[1:]:
        whole.meters.plus(other.meters)
        whole.loads.update(other.loads)
        whole.central.plus(other.central)
        whole.wrong += other.wrong
        whole.most_buffered = max(whole.most_buffered, other.most_buffered)
        whole.events += other.events
        whole.values_a_second += other.values_a_second
        for each in other.troubles:
            there = troubles.setdefault((each.kind, each.name, each.start), each)
            if there is not each:
                there.add(each)
    whole.troubles = list(troubles.values())
    return whole
