"""SECURITY.md names a test for each claim; that they are there is tested here."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "SECURITY.md").read_text("utf-8")


def test_every_test_that_the_document_names_is_where_it_says() -> None:
    named = 0
    folder, text = "", ""
    for kind, file, test in re.findall(r"\b([UE]) (?=`)|`(test_\w+\.py)`|`(test_\w+)`", DOCUMENT):
        folder = {"U": "unit", "E": "engines"}.get(kind, folder)
        if file:
            text = (ROOT / "tests" / folder / file).read_text("utf-8")
        if test:
            named += 1
            assert f"def {test}(" in text, (folder, test)
    assert named > 20


def test_every_case_that_the_document_names_is_there() -> None:
    (case,) = re.findall(r"`config_cases/(.*?)`", DOCUMENT)
    cases = ROOT / "tests" / "unit" / "config_cases"
    for name in (case, "alias_bomb.bad.yaml", "deep_nesting.bad.yaml"):
        assert (cases / name).is_file()
