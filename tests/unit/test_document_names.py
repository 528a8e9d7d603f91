"""The symbols and files of the code that documents cite are there, a class with the member that is named."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.unit.test_lint import ROOT

PLACES = ("telegraf_plugin", "lab", "tests")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
SYMBOL = re.compile(r"(?:[a-z_]+\.)*_?[A-Z]+[a-z][A-Za-z]*(?:\.[A-Za-z_]+)?|(?:[a-z_]+\.)+[A-Z_]+|[A-Z]+(?:_[A-Z]+)+")
"""A class, perhaps behind its module, perhaps with a member; a constant."""
FILE = re.compile(r"[\w./-]+/[\w.-]+\.(?:py|md|yaml|toml|conf|service|svg|txt)|[\w-]+\.py")
OTHERS = re.compile(
    r"(?:COLLECTOR|HEALTH|INFLUX|INFLUXDB|KAFKA|SERVER|HTTPS?|NO|SSL|LOG|DEMO|BENCH|PYTEST|TELEGRAF|CONTRIBUTING|SECURITY)_\w+"
    r"|VmHWM|MemoryMax|[KMG]iB|Dockerfile|Date|Point"
)
"""Variables of the environment, and names of other programs."""
PATTERNS = {"docs/decisions/NNNN-short-title.md", "config/queries.secrets.yaml"}  # the latter: of earlier versions
FILES = [
    str(file.relative_to(ROOT))
    for place in ROOT.iterdir()
    if not place.name.startswith(".")
    for file in (place.rglob("*") if place.is_dir() else [place])
]


def trees() -> list[tuple[Path, ast.Module]]:
    files = (file for place in PLACES for file in (ROOT / place).rglob("*.py"))
    return [(file, ast.parse(file.read_text())) for file in files]


MODULES: dict[str, set[str]] = {}
"""What each module, by its own name, has at its top."""
CLASSES: dict[str, set[str]] = {}
"""The members of each class, those of its bases among them."""
BASES: dict[str, set[str]] = {}

for file, tree in trees():
    stem = file.parent.name if file.stem == "__init__" else file.stem
    top = MODULES.setdefault(stem, set())
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            members = CLASSES.setdefault(node.name, set())
            BASES.setdefault(node.name, set()).update(base.id for base in node.bases if isinstance(base, ast.Name))
            for inner in ast.walk(node):
                if isinstance(inner, ast.FunctionDef):
                    members.add(inner.name)
                elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                    members.add(inner.id)
                elif isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store):
                    members.add(inner.attr)
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            top.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            top |= {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}
CONSTANTS: set[str] = set().union(*MODULES.values(), *CLASSES.values())


def members_of(name: str) -> set[str]:
    """Return what a class has, also from its bases."""
    return CLASSES.get(name, set()).union(*(members_of(base) for base in BASES.get(name, ())))


def is_there(symbol: str) -> bool:
    """Say whether the code has a symbol, as documents write it."""
    parts = symbol.removesuffix("()").split(".")
    while len(parts) > 1 and parts[0] in MODULES and parts[1] in MODULES:
        parts = parts[1:]
    if parts[0] in MODULES and len(parts) > 1:
        if parts[1] not in MODULES[parts[0]]:
            return False
        parts = parts[1:]
    if len(parts) > 1:
        return parts[1] in members_of(parts[0])
    return parts[0] in CLASSES or parts[0] in CONSTANTS


def cited(document: Path) -> set[str]:
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.DOTALL | re.MULTILINE)
    return set(re.findall(r"`([^`\n]+)`", text))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_a_symbol_that_a_document_cites_is_in_the_code(document: Path) -> None:
    symbols = {each for each in cited(document) if SYMBOL.fullmatch(each) and not OTHERS.fullmatch(each)}
    assert {each for each in symbols if not is_there(each)} == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_a_file_that_a_document_cites_is_there(document: Path) -> None:
    files = {each for each in cited(document) if FILE.fullmatch(each) and not each.startswith("/")} - PATTERNS
    assert {each for each in files if not any(f"/{file}".endswith(f"/{each}") for file in FILES)} == set()


def test_what_is_not_there_is_found() -> None:
    assert is_there("Course.next")
    assert is_there("plan.EMPTY_COPIES")
    assert is_there("stream.course.Course")
    assert is_there("Course.invalidate")  # of a base
    assert [each for each in ("Course.nothing", "plan.NOTHING_OF_IT", "stream.course.Nothing") if is_there(each)] == []
