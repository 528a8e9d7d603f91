"""Which mutants are tried: by rule, so that nobody picks those that are found out anyway. Pure.

A module's share is its share of all mutants. Within a module the functions take turns, and each gives the mutant of
the rule that the module had least, chance (the seed) deciding between equals. Chance depends on a mutant's key alone:
a change of one function leaves what is taken of the others nearly as it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

from lab.mutants.sites import Mutant, Rule

SEED = 20251125


def sample(modules: Mapping[str, Sequence[Mutant]], count: int, seed: int = SEED) -> list[Mutant]:
    """Return `count` of the mutants of `modules` (by path), or all where there are fewer, in the order of `modules`."""
    return [
        mutant for path, share in shares(modules, count).items() for mutant in _of_module(modules[path], share, seed)
    ]


def shares(modules: Mapping[str, Sequence[Mutant]], count: int) -> dict[str, int]:
    """Return how many are taken of each module: by its size, and what rounding leaves to the largest remainders."""
    total = sum(map(len, modules.values()))
    count = min(count, total)
    exact = {path: count * len(mutants) / total for path, mutants in modules.items() if mutants}
    result = {path: int(share) for path, share in exact.items()}
    by_remainder = sorted(exact, key=lambda path: result[path] - exact[path])
    for path in by_remainder[: count - sum(result.values())]:
        result[path] += 1
    return result


def _of_module(mutants: Iterable[Mutant], share: int, seed: int) -> list[Mutant]:
    by_symbol: dict[str, list[Mutant]] = {}
    for mutant in sorted(mutants, key=lambda one: _chance(one.key, seed)):
        by_symbol.setdefault(mutant.symbol, []).append(mutant)
    had: Counter[Rule] = Counter()
    taken: list[Mutant] = []
    while len(taken) < share and by_symbol:
        for symbol in list(by_symbol)[: share - len(taken)]:
            left = by_symbol[symbol]
            mutant = min(left, key=lambda one: had[one.rule])
            left.remove(mutant)
            if not left:
                del by_symbol[symbol]
            had[mutant.rule] += 1
            taken.append(mutant)
    return sorted(taken, key=lambda one: one.start)


def _chance(key: str, seed: int) -> bytes:
    return sha256(f"{seed} {key}".encode()).digest()
