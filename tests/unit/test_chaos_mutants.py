"""Each mutant takes its rule away from the plugin, wherever that is used, and says so when there is no such rule."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from lab.chaos.mutant_runs import SEEDS, seeds
from lab.chaos.mutants import MUTANTS, Mutant, named
from lab.chaos.mutated import IN_PLACE, RuleMissing, put_in_place
from lab.chaos.schedule import with_refills
from lab.engines import REPOSITORY

# Each in a process of its own, as the plugin of the other tests stays what it is.
SHOWN = {
    "ledger-not-believed": """
from telegraf_plugin.stream import belief
from telegraf_plugin.stream.ledger import Mark, MarkId
assert belief.newest_believable([Mark(MarkId(1, "a"), None, "", 0, 0)]) is None
""",
    "restores-unnoticed": """
from telegraf_plugin.stream.markbook import MarkBook
from telegraf_plugin.stream.ledger import MarkId
assert not MarkBook("a", MarkId(1, "a")).gone([])
""",
    "proof-by-numbers": """
from telegraf_plugin.stream.digest import Digest
assert Digest(points=1, sum=2).equals(Digest(points=1, sum=3))
assert not Digest(points=1).equals(Digest(points=2))
""",
    "proof-always-equal": """
from telegraf_plugin.stream.digest import Digest
assert Digest(points=1, sum=2).equals(Digest(points=2, sum=3))
""",
}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_rule_is_gone_where_the_plugin_uses_it(mutant: Mutant) -> None:
    before = f"from lab.chaos.mutated import put_in_place\nfrom lab.chaos.mutants import named\n{SHOWN[mutant.name]}"
    code = before.replace(SHOWN[mutant.name], f"put_in_place(named({mutant.name!r}))\n{SHOWN[mutant.name]}")
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True, timeout=60)
    unchanged = subprocess.run([sys.executable, "-c", before], cwd=REPOSITORY, stderr=subprocess.PIPE, timeout=60)
    assert b"AssertionError" in unchanged.stderr  # what the rule is there for


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_telegraf_starts_the_mutant_with_the_plugins_arguments(mutant: Mutant) -> None:
    command = [sys.executable, "-m", "lab.chaos.mutated", mutant.name, "--version"]
    ran = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.startswith("data-collector ")
    assert f"{IN_PLACE} {mutant.name}" in ran.stderr


def test_a_rule_that_is_not_there_any_more_is_an_error_and_no_mutant_that_survives() -> None:
    with pytest.raises(RuleMissing):
        put_in_place(replace(MUTANTS[0], path="renamed"))
    with pytest.raises(RuleMissing):
        put_in_place(replace(MUTANTS[0], module="telegraf_plugin.moved"))
    with pytest.raises(RuleMissing):
        put_in_place(replace(MUTANTS[2], path="Digest.renamed"))
    with pytest.raises(ValueError, match="proof-by-numbers"):
        named("unknown")
    command = [sys.executable, "-m", "lab.chaos.mutated", "unknown", "--version"]
    assert subprocess.run(command, cwd=REPOSITORY, capture_output=True, timeout=60).returncode == 3


def test_a_mutant_that_shows_only_after_a_refill_gets_runs_with_refills() -> None:
    for mutant in MUTANTS:
        found = seeds(mutant)
        assert len(found) == SEEDS
        assert all(with_refills(seed) for seed in found) or not mutant.refills
    assert seeds(named("restores-unnoticed")) == [1, 3, 5]
    assert seeds(named("proof-by-numbers")) == [1, 2, 3]
