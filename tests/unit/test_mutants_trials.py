"""Mutants tried in a copy of a small tree, one after the other and several at a time: what kills them, and what not."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from lab.loopback import wait_until
from lab.mutants import several, trial
from lab.mutants.sites import Mutant, mutants
from lab.mutants.trial import Copy, NotGreen
from tests.unit.test_mutants import RULE


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "telegraf_plugin").mkdir(parents=True)
    (root / "telegraf_plugin/__init__.py").touch()
    (root / "telegraf_plugin/rule.py").write_text(RULE)
    tests = "from telegraf_plugin.rule import least\n\ndef test_least():\n    assert least([3, 1, 9], 4) == 1\n"
    (root / "test_rule.py").write_text(tests)
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    return root


def mutant(change: str, text: str = RULE) -> Mutant:
    return next(one for one in mutants("telegraf_plugin/rule.py", text.encode()) if one.change == change)


def test_a_mutant_is_killed_by_a_test_that_fails_and_else_survives(tree: Path, tmp_path: Path) -> None:
    copy = Copy(tree, tmp_path / "copy")
    copy.require_green(["test_rule.py"])
    killed = copy.attempt(mutant("min(early) -> (max(early))"), [["test_rule.py"], [], []])
    assert killed.killed_by == "test_rule.py::test_least"
    survived = copy.attempt(mutant("time <= now -> (time < now)"), [[], ["test_rule.py"], []])
    assert survived.killed_by is None
    assert (tree / "telegraf_plugin/rule.py").read_text() == (copy.root / "telegraf_plugin/rule.py").read_text() == RULE
    assert copy.attempt(killed.mutant, [[], [], ["test_rule.py"]]).killed_by == "test_rule.py::test_least"


def test_a_mutant_that_hangs_is_ended(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "def least(times, now):\n    while not now:\n        pass\n    return min(times)\n"
    (tree / "telegraf_plugin/rule.py").write_text(text)
    copy = Copy(tree, tmp_path / "copy")
    copy.require_green(["test_rule.py"])
    monkeypatch.setattr(trial, "LIMITS", (3.0, 3.0, 3.0))
    verdict = copy.attempt(mutant("not now -> (now)", text), [["test_rule.py"], [], []])
    assert verdict.killed_by is not None
    assert verdict.killed_by.startswith("the time limit of ")  # 3 s, and more where pytest alone takes a second


def test_where_tests_fail_without_a_mutant_nothing_is_said_of_mutants(tree: Path, tmp_path: Path) -> None:
    (tree / "test_rule.py").write_text("import pytest\n\n@pytest.mark.parametrize('n', range(9))\ndef test(n): 1 / 0\n")
    with pytest.raises(NotGreen, match="without any mutant"):
        Copy(tree, tmp_path / "copy").require_green(["test_rule.py"])


def test_a_test_that_fails_without_a_mutant_kills_none(tree: Path, tmp_path: Path) -> None:
    (tree / "test_rule.py").write_text("def test_unsteady():\n    assert False\n\ndef test_steady():\n    pass\n")
    copy = Copy(tree, tmp_path / "copy")
    copy.require_green(["test_rule.py"])
    assert copy.unsteady == ["test_rule.py::test_unsteady"]
    assert copy.attempt(mutant("min(early) -> (max(early))"), [["test_rule.py"], [], []]).killed_by is None


ONCE = """import pathlib

from telegraf_plugin.rule import least


def test_late():
    seen = pathlib.Path("seen")
    if not seen.exists():
        seen.touch()
        assert least([3, 1, 9], 4) is None


def test_least():
    assert least([3, 1, 9], 4) == 1
"""
"""A test that fails once, whatever the code is."""


def test_what_fails_once_and_passes_alone_kills_no_mutant_and_hides_no_other_test(tree: Path, tmp_path: Path) -> None:
    (tree / "test_rule.py").write_text(ONCE)
    copy = Copy(tree, tmp_path / "copy")
    stages: list[list[str]] = [["test_rule.py"], [], []]
    assert copy.attempt(mutant("time <= now -> (time < now)"), stages).killed_by is None
    (copy.root / "seen").unlink()
    assert copy.attempt(mutant("min(early) -> (max(early))"), stages).killed_by == "test_rule.py::test_least"


def test_what_fails_alone_without_the_mutant_too_kills_none(tree: Path, tmp_path: Path) -> None:
    (tree / "test_rule.py").write_text("def test_rule():\n    assert False\n")
    copy = Copy(tree, tmp_path / "copy")
    assert copy.attempt(mutant("min(early) -> (max(early))"), [["test_rule.py"], [], []]).killed_by is None


def test_where_many_tests_fail_now_and_then_nothing_is_said_of_mutants(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "MAX_UNSTEADY", 1)
    tests = (f"def test_{number}():\n    assert False\n\n\n" for number in range(3))
    (tree / "test_rule.py").write_text("".join(tests))
    with pytest.raises(NotGreen, match="now and then"):
        Copy(tree, tmp_path / "copy").attempt(mutant("min(early) -> (max(early))"), [["test_rule.py"], [], []])


def test_tests_that_are_slow_by_themselves_kill_no_mutant_by_the_time_limit(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Copy(tree, tmp_path / "copy")
    monkeypatch.setattr(trial, "LIMITS", (0.01, 0.01, 0.01))  # less than pytest needs to start
    monkeypatch.setattr(trial, "PATIENCE", 1000)
    stages: list[list[str]] = [["test_rule.py"], [], []]
    assert copy.attempt(mutant("time <= now -> (time < now)"), stages).killed_by is None
    assert copy.attempt(mutant("min(early) -> (max(early))"), stages).killed_by == "test_rule.py::test_least"


CHANGES = ("min(early) -> (max(early))", "time <= now -> (time < now)", "time <= now -> (time > now)")


def order(tree: Path, folder: Path) -> several.Order:
    found = [mutant(change) for change in CHANGES]
    return several.Order(tree, folder, found, {found[0].path: [["test_rule.py"], [], []]})


@pytest.mark.parametrize("jobs", [1, 2])
def test_several_at_a_time_say_the_same_as_one_after_the_other(tree: Path, tmp_path: Path, jobs: int) -> None:
    results = list(several.tried(order(tree, tmp_path / "copies"), jobs))
    assert [(verdict.mutant.change, verdict.killed_by) for verdict, _ in results] == [
        (CHANGES[0], "test_rule.py::test_least"),
        (CHANGES[1], None),
        (CHANGES[2], "test_rule.py::test_least"),
    ]
    assert len(list((tmp_path / "copies").iterdir())) == jobs


@pytest.mark.parametrize("jobs", [1, 2])
def test_several_at_a_time_are_not_tried_either_where_tests_fail_without_a_mutant(
    tree: Path, tmp_path: Path, jobs: int
) -> None:
    (tree / "test_rule.py").write_text("import pytest\n\n@pytest.mark.parametrize('n', range(9))\ndef test(n): 1 / 0\n")
    with pytest.raises(NotGreen, match="without any mutant"):
        list(several.tried(order(tree, tmp_path / "copies"), jobs))


def test_what_runs_of_several_is_ended_with_them(tree: Path, tmp_path: Path) -> None:
    """The second mutant's test hangs; who closes early, as Ctrl-C does, leaves no process behind."""
    hangs = (
        "import os, pathlib, time\n\nfrom telegraf_plugin.rule import least\n\n"
        "def test_least():\n    if least([3, 1, 9], 4) != 1:\n        return\n"
        f"    if 'time < now' in pathlib.Path('telegraf_plugin/rule.py').read_text():\n"
        f"        pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()))\n        time.sleep(100)\n"
    )
    (tree / "test_rule.py").write_text(hangs)
    results = several.tried(order(tree, tmp_path / "copies"), 2)
    next(results)
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), "the test that hangs", 30.0)
    results.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
