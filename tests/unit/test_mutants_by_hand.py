"""Mutants that are made by hand: found by what stands there, and never in another place than was meant."""

from __future__ import annotations

import ast

import pytest

from lab.mutants.by_hand import by_hand
from lab.mutants.sites import Rule

SOURCE = """class Lease:
    def word(self, now):
        text = "é"; self.said[self.beat] = now.steady
        return now.steady + self.lasts

    def other(self, now):
        return now.steady - now.steady
""".encode()


@pytest.mark.parametrize(
    ("change", "after"),
    [
        ("Lease.word: self.said[self.beat] = now.steady -> self.said[self.beat] = now.clock", b"] = now.clock\n"),
        ("Lease.word: now.steady + self.lasts -> (now.clock + self.lasts)", b"return (now.clock + self.lasts)\n"),
    ],
)
def test_it_changes_what_it_names_and_nothing_else(change: str, after: bytes) -> None:
    mutant = by_hand(f"m.py: {change}", SOURCE)
    assert mutant is not None
    assert (mutant.key, mutant.rule) == (f"m.py: {change}", Rule.BY_HAND)
    changed = mutant.apply(SOURCE)
    assert after in changed
    assert len(ast.parse(changed).body) == 1
    assert [old == new for old, new in zip(SOURCE.splitlines(), changed.splitlines(), strict=True)].count(False) == 1


@pytest.mark.parametrize(
    "change",
    [
        "Lease.word: now.stady + self.lasts -> 0",
        "Lease.other: now.steady -> now.clock",
        "Lease.none: now.steady + self.lasts -> 0",
        "Other.word: now.steady + self.lasts -> 0",
    ],
    ids=["not there", "twice", "no such function", "no such class"],
)
def test_what_is_not_there_or_twice_is_none(change: str) -> None:
    assert by_hand(f"m.py: {change}", SOURCE) is None
