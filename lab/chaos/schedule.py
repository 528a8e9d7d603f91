"""Which faults a run has, in which order and how close together: decided by the seed, and by nothing else."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from lab.chaos.faults import KINDS, Kind

OVERLAP = 0.35  # how many faults begin before the one before has ended


@dataclass(frozen=True)
class Planned:
    """One fault to come. `overlap`: the next one does not wait for its end; `gap_s`: how long it waits after that."""

    number: int
    kind: Kind
    variant: str
    overlap: bool
    gap_s: float
    seed: str  # of the fault's own chance, so that threads cannot change what another one draws


def with_refills(seed: int) -> bool:
    """Whether central is put back and emptied in a run of this seed: in every other one.

    What has to be filled again is compared again: that hides what a run without would show.
    """
    return seed % 2 == 1


def plan(faults: int, seed: int, refills: bool = True, kinds: Sequence[Kind] = KINDS) -> list[Planned]:
    """The faults of a run: every kind equally often, give or take one, its variants in turn, in an order by chance.

    With `refills` the last one is one that takes hold of the plugin as well, if there are so many: what follows is a
    run of the plugin that has to notice by itself. Without, there are no kinds that refill.

    A kind that is `once` comes once, if there are at least as many faults as kinds; with fewer faults than kinds,
    chance says which.
    """
    chance = random.Random(f"{seed} plan")
    kinds = [kind for kind in kinds if refills or not kind.refills]
    often = [kind for kind in kinds if not kind.once]
    chosen = [kind for kind in kinds if kind.once] if faults >= len(kinds) else []
    rounds, rest = divmod(faults - len(chosen), len(often))
    chosen += often * rounds + chance.sample(often, rest)
    chance.shuffle(chosen)
    last = next((kind for kind in chosen if kind.refills and "plugin" in kind.parts), None)
    if last is not None:
        chosen.remove(last)
        chosen.append(last)
    # Where each kind's turn begins is chance too: short runs shall not always take the first variant.
    turns = {kind.name: chance.randrange(len(kind.variants)) for kind in kinds}
    planned = []
    for number, kind in enumerate(chosen, 1):
        variant = kind.variants[turns[kind.name] % len(kind.variants)]
        turns[kind.name] += 1
        overlap = kind.together or chance.random() < OVERLAP
        planned.append(Planned(number, kind, variant, overlap, chance.uniform(0.2, 1.5), f"{seed} fault {number}"))
    return planned
