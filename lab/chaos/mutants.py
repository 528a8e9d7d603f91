"""The mutants: the plugin with one of its rules taken away, each of which a chaos run has to find out.

The list only: `lab.chaos.mutated` is what Telegraf starts then, `lab.chaos.mutant_runs` the command.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """One rule taken away: the function `path` of `module` is replaced by `instead`.

    `refills`: it shows only where central is put back, or a bucket emptied.
    """

    name: str
    says: str
    module: str
    path: str
    instead: Callable[..., object]
    refills: bool = False


MUTANTS = (
    Mutant(
        "ledger-not-believed",
        "no ledger is ever believed",
        "telegraf_plugin.stream.ledger",
        "newest_believable",
        lambda *_, **__: None,
    ),
    Mutant(
        "restores-unnoticed",
        "a ledger that is gone is not noticed",
        "telegraf_plugin.stream.markbook",
        "MarkBook.gone",
        lambda *_, **__: False,
        refills=True,
    ),
    Mutant(
        "proof-by-numbers",
        "a proof compares numbers of points only",
        "telegraf_plugin.stream.digest",
        "Digest.equals",
        lambda here, there: here.points == there.points,
    ),
    Mutant(
        "proof-always-equal",
        "a proof always says equal",
        "telegraf_plugin.stream.digest",
        "Digest.equals",
        lambda *_, **__: True,
    ),
)


def named(name: str) -> Mutant:
    """The mutant of this name. Raises ValueError, which lists them."""
    for mutant in MUTANTS:
        if mutant.name == name:
            return mutant
    raise ValueError(f"no mutant {name!r}: there are {', '.join(mutant.name for mutant in MUTANTS)}")
