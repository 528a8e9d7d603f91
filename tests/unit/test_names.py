"""The collector's own measurements have one home, and what is emitted, looked for and described are those."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import telegraf_plugin
from telegraf_plugin.lint.subject import OWN_METRICS
from telegraf_plugin.stream import ledger, names, pause, request
from tests.unit.test_lint import ROOT

NAME = re.compile(r"collector_[a-z]+")


def test_no_other_module_says_a_name_by_itself() -> None:
    found = []
    for file in sorted(Path(telegraf_plugin.__file__).parent.rglob("*.py")):
        if file.name == "names.py":
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and NAME.fullmatch(node.value):
                found.append((file.name, node.value))
    assert found == []


def test_a_name_that_the_code_or_the_documents_mention_is_one_of_them() -> None:
    files = [*Path(telegraf_plugin.__file__).parent.rglob("*.py"), *ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    mentioned = {name for file in files for name in re.findall(r"\bcollector_[a-z]+\b(?!\.log)", file.read_text())}
    assert mentioned - set(names.OWN) == set()


def test_the_lint_knows_all_of_them() -> None:
    assert set(names.METRICS) < set(OWN_METRICS)
    assert (ledger.MEASUREMENT, request.MEASUREMENT, pause.MEASUREMENT) == names.BESIDE_DATA
    assert len(set(names.OWN)) == len(names.OWN) == len(names.METRICS) + len(names.BESIDE_DATA)
