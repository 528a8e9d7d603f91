"""The mutation gate itself: what it lists, what it takes of it, and what it says in the end."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from lab.mutants import __main__ as gate
from lab.mutants import trial
from lab.mutants.equivalents import EQUIVALENT
from lab.mutants.kinds import KINDS
from lab.mutants.kinds_lease import BY_HAND, LEASE
from lab.mutants.known import KNOWN, MENDED
from lab.mutants.nearest import Imports
from lab.mutants.sample import sample, shares
from lab.mutants.sites import Mutant, Rule, mutants

ROOT = Path(__file__).parents[2]
RULE = """def least(times: list[int], now: int) -> int | None:
    early = [time for time in times if time <= now]
    return min(early) if early and not now < 0 else None
"""


@pytest.fixture(scope="module")
def listed() -> dict[str, list[Mutant]]:
    return gate.all_mutants(ROOT)


@pytest.fixture
def unchanged(listed: dict[str, list[Mutant]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "all_mutants", lambda _: listed)


def changes(text: str) -> dict[str, Rule]:
    return {mutant.change: mutant.rule for mutant in mutants("m.py", text.encode())}


@pytest.mark.parametrize(
    ("line", "change", "rule"),
    [
        ("a < b", "a < b -> (a <= b)", Rule.EDGE),
        ("a < b", "a < b -> (a >= b)", Rule.FLIP),
        ("a is None", "a is None -> (a is not None)", Rule.FLIP),
        ("1 if a else 2", "a -> (not a)", Rule.CONDITION),
        ("not a", "not a -> (a)", Rule.NOT),
        ("a and b", "a and b -> (a or b)", Rule.AND_OR),
        ("a and b", "a and b -> (b)", Rule.OPERAND),
        ("a + b", "a + b -> (a - b)", Rule.SUM),
        ("a += b", "a += b -> a -= b", Rule.SUM),
        ("min(a, b)", "min(a, b) -> (max(a, b))", Rule.EXTREME),
        ("all(a)", "all(a) -> (True)", Rule.QUANTIFIER),
        ("sum(x for x in a)", "(x for x in a) -> (())", Rule.EMPTY),
        ("a.append(b)", "a.append(b) -> pass", Rule.STATEMENT),
        ("a.b = 1", "a.b = 1 -> pass", Rule.STATEMENT),
        ("return a", "return a -> return False", Rule.RETURN),
        ("a = 5", "5 -> (50)", Rule.TENFOLD),
        ("a = 5", "5 -> (0)", Rule.ZERO),
    ],
)
def test_each_rule_makes_its_change(line: str, change: str, rule: Rule) -> None:
    assert changes(f"def decide() -> bool:\n    {line}\n")[change] is rule


@pytest.mark.parametrize(
    "line", ['"a text"', 'f"{a + 1}"', 'log.info("%d", a + 1)', "assert a > 1", "a: 'list[int]'", "a = b"]
)
def test_what_decides_nothing_is_left_alone(line: str) -> None:
    assert not changes(f"def decide() -> None:\n    {line}\n")


def test_every_mutant_of_the_product_can_be_compiled_and_is_another_program(listed: dict[str, list[Mutant]]) -> None:
    for path, ours in listed.items():
        source = (ROOT / path).read_bytes()
        asis = ast.dump(ast.parse(source))
        assert len({mutant.key for mutant in ours}) == len(ours)
        for mutant in ours[:: max(1, len(ours) // 5)]:
            assert ast.dump(ast.parse(mutant.apply(source))) != asis, mutant.key


def test_a_change_names_the_same_place_when_lines_are_put_before_it() -> None:
    before = [mutant.key for mutant in mutants("m.py", RULE.encode())]
    assert [mutant.key for mutant in mutants("m.py", b"# more\n\n" + RULE.encode())] == before


def test_known_and_equivalent_mutants_exist_and_have_reasons(listed: dict[str, list[Mutant]]) -> None:
    there = {mutant.key for ours in listed.values() for mutant in ours}
    assert {*KNOWN, *MENDED} <= there
    assert set(EQUIVALENT) <= there
    assert {*KINDS, *LEASE} <= there
    assert {mutant.key for mutant in gate.made_by_hand(ROOT)} == set(BY_HAND)
    assert len(KINDS) >= 33
    assert not {*KNOWN, *MENDED} & set(EQUIVALENT)
    assert all(len(reason.split()) > 3 for reason in EQUIVALENT.values())


def test_the_sample_is_spread_over_modules_functions_and_rules(listed: dict[str, list[Mutant]]) -> None:
    taken = sample(listed, 100)
    assert len({mutant.key for mutant in taken}) == 100
    assert taken == sample(listed, 100)
    assert taken != sample(listed, 100, seed=1)
    by_path = Counter(mutant.path for mutant in taken)
    assert by_path == {path: share for path, share in shares(listed, 100).items() if share}
    for path, share in by_path.items():
        ours = [mutant for mutant in taken if mutant.path == path]
        assert len({mutant.symbol for mutant in ours}) == min(share, len({mutant.symbol for mutant in listed[path]}))
    assert len({mutant.rule for mutant in taken}) >= len(Rule) - 3  # none is by hand, and the rarest may have no place


def test_more_than_there_is_are_all() -> None:
    listed = mutants("m.py", RULE.encode())
    assert sample({"m.py": listed, "n.py": []}, 1000) == listed


def test_the_tests_that_bear_a_modules_name_come_first_and_those_that_do_not_reach_it_never() -> None:
    named, near, others = Imports(ROOT).tests("telegraf_plugin/stream/spans.py")
    assert named == ["tests/unit/test_spans.py"]
    assert "tests/unit/test_markbook.py" in near
    assert "tests/model/test_rules.py" in others
    assert "tests/unit/test_dotenv.py" not in [*named, *near, *others]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(("killed_by", "status"), [("a test", 0), (None, 1)])
def test_a_survivor_makes_the_status_1(
    killed_by: str | None, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def tried(_root: Path, chosen: list[Mutant], *_how: object) -> list[trial.Verdict]:
        return [trial.Verdict(chosen[0], "a test"), trial.Verdict(chosen[1], killed_by)]

    monkeypatch.setattr(gate, "try_all", tried)
    assert gate.main(["--count", "5"]) == status
    assert ("survived: " in capsys.readouterr().out) == bool(status)


def test_the_kinds_are_tried_with_the_tests_that_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[list[str], object]] = []

    def tried(_root: Path, chosen: list[Mutant], _near: bool, tests: str, _jobs: int) -> list[trial.Verdict]:
        asked.append(([one.key for one in chosen], tests))
        return [trial.Verdict(one, "a test") for one in chosen]

    monkeypatch.setattr(gate, "try_all", tried)
    assert gate.main(["--kinds", "--tests", "tests/model"]) == 0
    assert sorted(asked[0][0]) == sorted([*KINDS, *LEASE, *BY_HAND])
    assert asked[0][1] == "tests/model"


@pytest.mark.usefixtures("unchanged")
def test_the_short_form_tries_twelve(capsys: pytest.CaptureFixture[str]) -> None:
    quick = re.search(
        r"^mutants-quick:.*twelve.*\n\t.* -m lab\.mutants --jobs \$\(JOBS\) (.*)$",
        (ROOT / "Makefile").read_text(),
        re.M,
    )
    assert quick is not None
    assert gate.main([*quick[1].split(), "--list"]) == 0
    assert capsys.readouterr().out.startswith("12 of ")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(("least", "status"), [("2", 0), ("3", 1)])
def test_so_many_as_must_be_killed_are_enough(
    least: str, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def tried(_root: Path, chosen: list[Mutant], *_how: object) -> list[trial.Verdict]:
        return [trial.Verdict(one, "a test" if place < 2 else None) for place, one in enumerate(chosen[:3])]

    monkeypatch.setattr(gate, "try_all", tried)
    assert gate.main(["--count", "5", "--least", least]) == status
    said = capsys.readouterr().out
    assert f"3 tried, 2 killed ({least} must be)" in said
    assert said.count("survived: ") == 1


@pytest.mark.usefixtures("unchanged")
def test_a_listed_mutant_whose_code_is_gone_makes_the_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gate, "EQUIVALENT", {"telegraf_plugin/gone.py: f: a -> b": "it was never there"})
    monkeypatch.setattr(gate, "try_all", lambda _root, chosen, *_how: [trial.Verdict(one, "a test") for one in chosen])
    assert gate.main(["--count", "5"]) == 1
    assert "its code is gone: telegraf_plugin/gone.py" in capsys.readouterr().out
