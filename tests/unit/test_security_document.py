"""SECURITY.md and docs/guarantees.md name a test for each claim; that they are there is tested here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.model import test_rules as rules

ROOT = Path(__file__).parents[2]
SECURITY = (ROOT / "SECURITY.md").read_text("utf-8")
GUARANTEES = (ROOT / "docs" / "guarantees.md").read_text("utf-8")
FOLDERS = {"U": "unit", "E": "engines", "M": "model"}
STORIES = {story.__name__ for story in rules.TOLD} | set(rules.RULES)


def cells(document: str) -> Iterator[tuple[str, str]]:
    """Yield each claim of the document's tables that has a test, and the cell that names it."""
    for line in document.splitlines():
        found = line.strip("| ").split(" | ")
        if line.startswith("| ") and re.match(r"[UEM] `", found[-1]):
            yield found[0], found[-1]


def missing(cell: str) -> list[str]:
    """Return what a cell names and is not there."""
    folder, file, text, found = "", "", "", []
    for kind, name in re.findall(r"(?:\b([UEM]) )?`([^`]+)`", cell):
        if kind or name.endswith((".py", ".yaml")):
            folder, file = FOLDERS.get(kind, folder), name
            path = ROOT / "tests" / folder / file
            text = path.read_text("utf-8") if path.is_file() else ""
            found += [] if path.is_file() else [f"{folder}/{file}"]
        elif name.startswith("test_") or folder != "model":
            cases = path.parent / "config_cases" / f"{name}.bad.yaml"
            found += [] if f"def {name}(" in text or cases.is_file() else [f"{folder}/{file}: {name}"]
        elif file == "test_rules.py":
            found += [] if name in STORIES else [f"{folder}/{file}: {name}"]
    return found


@pytest.mark.parametrize(("document", "claims"), [(SECURITY, 35), (GUARANTEES, 24)], ids=["security", "guarantees"])
def test_every_test_that_a_document_names_is_where_it_says(document: str, claims: int) -> None:
    named = list(cells(document))
    assert len(named) >= claims
    assert [name for _, cell in named for name in missing(cell)] == []


@pytest.mark.parametrize("document", [SECURITY, GUARANTEES], ids=["security", "guarantees"])
def test_every_claim_names_a_test(document: str) -> None:
    """In tables whose last column is for the tests."""
    bare, shown = [], False
    for line in document.splitlines():
        shown = bool(re.search(r"\| (Test|Shown by) \|$", line)) or (shown and line.startswith("|"))
        if shown and not re.search(r"\| (Test|Shown by) \|$|^\|---", line) and not re.search(r"\| [UEM] `test_", line):
            bare.append(line)
    assert [line for line in bare if "config_cases/" not in line] == []


def test_each_promise_of_the_readme_has_its_tests() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    promises = re.findall(r"^\| ([1-9]) \| \*\*", readme.split("\n## What it promises")[1], re.MULTILINE)
    assert promises == re.findall(r"^\| ([1-9]) ", GUARANTEES, re.MULTILINE) == list("123456")


def test_what_is_not_there_is_found() -> None:
    assert missing("U `test_nowhere.py`") == ["unit/test_nowhere.py"]
    assert missing("U `test_security_document.py`: `test_nobody`") == ["unit/test_security_document.py: test_nobody"]
    assert missing("M `test_rules.py`: `no rule`, `sweep`") == ["model/test_rules.py: no rule"]
    assert missing("U `config_cases/nothing.bad.yaml`") == ["unit/config_cases/nothing.bad.yaml"]
