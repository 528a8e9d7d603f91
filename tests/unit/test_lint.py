"""The lint: the shipped files are clean, and each rule tells what it is for, with the line to write.

`lint_cases/` holds small edits of the shipped files for each rule, and exactly what is found in what they make. Writing
the line of each finding in the edit's place must make the files clean again, unless the case says `mends = false`.
"""

from __future__ import annotations

import re
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from telegraf_plugin.config.load import load
from telegraf_plugin.errors import ConfigurationError
from telegraf_plugin.lint import File, Finding, lint, read
from telegraf_plugin.lint.durations import duration
from telegraf_plugin.lint.glob import matches
from telegraf_plugin.lint.rules import RULES
from telegraf_plugin.stream.units import SECOND

ROOT = Path(__file__).parents[2]
CASES = sorted((Path(__file__).parent / "lint_cases").glob("*.toml"))
FILES = {"telegraf.conf": File.TELEGRAF, "config/queries.yaml": File.QUERIES}
SECRET = "swordfish-swordfish"
IN_FLIGHT = 100_000


def settings() -> dict[str, str]:
    """The variables of .env.example, with tokens."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    found = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {name: SECRET if name.endswith("TOKEN") else value for name, value in found.items()}


SETTINGS = settings()


def case(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text())


def edited(of: Mapping[str, Any], edits: list[dict[str, str]], folder: Path) -> tuple[Path, Path, dict[str, str]]:
    """Write the shipped files with `edits` into `folder`; return queries.yaml, telegraf.conf and the environment.

    `of["telegraf"]` is the shipped file that stands for telegraf.conf.
    """
    for name in FILES:
        text = (ROOT / (of.get("telegraf", name) if name == "telegraf.conf" else name)).read_text()
        for edit in edits:
            if edit.get("file", "telegraf.conf") == name:
                assert text.count(edit["find"]) >= 1, edit["find"]
                text = text.replace(edit["find"], edit["edit"], 1)
        (folder / Path(name).name).write_text(text)
    environment = {**SETTINGS, **of.get("environment", {})}
    environment = {name: value for name, value in environment.items() if value != ""}
    return folder / "queries.yaml", folder / "telegraf.conf", environment


def linted(file: Path, edits: list[dict[str, str]] | None = None) -> dict[Finding, str]:
    of = case(file)
    with tempfile.TemporaryDirectory() as folder:
        queries, conf, environment = edited(of, of.get("edits", []) if edits is None else edits, Path(folder))
        return lint(load(queries, environment), read(conf, environment), IN_FLIGHT)


def written(edit: str, write: str) -> str:
    """Do what a finding says, in the piece that a case has edited: replace the key's line, else add it."""
    lines = edit.split("\n")
    indent = re.match(r" *", lines[-1]).group()  # type: ignore[union-attr]
    if match := re.fullmatch(r"leave out (\w+)", write):
        lines = [line for line in lines if not line.strip().startswith(f"{match[1]} =")]
        return "\n".join(lines)
    new = [indent + line for line in write.split("\n")] if write.startswith("metadata_tags") else write.split("\n")
    if write.startswith("["):
        if not write.startswith("[[") and (header := write.split("\n", 1)[0]) in edit:
            edit = re.sub(rf" *{re.escape(header)}\n[^\n]*", "", edit)
        return "\n".join([edit, *new])
    key = re.match(r"(\w+)( =|:)", write)
    assert key is not None, write
    places = [number for number, line in enumerate(lines) if line.strip().startswith(key.group())]
    if places:
        place = places[-1]
        start = re.match(r" *", lines[place]).group()  # type: ignore[union-attr]
        lines[place] = start + write
        return "\n".join(lines)
    return "\n".join([*lines, *new])


def test_the_shipped_files_are_clean(tmp_path: Path) -> None:
    queries, conf, environment = edited({}, [], tmp_path)
    assert lint(load(queries, environment), read(conf, environment), IN_FLIGHT) == {}


def test_the_shipped_files_for_kafka_are_clean(tmp_path: Path) -> None:
    of = {"telegraf": "deploy/kafka/site.conf", "environment": {"KAFKA_BROKER": "kafka:9092"}}
    queries, conf, environment = edited(of, [], tmp_path)
    assert lint(load(queries, environment), read(conf, environment), IN_FLIGHT) == {}


def test_the_shipped_files_are_clean_without_the_optional_variables(tmp_path: Path) -> None:
    queries, conf, environment = edited({}, [], tmp_path)
    for name in ("COLLECTOR_INTERVAL", "HEALTH_CHECK_PORT", "LOG_LEVEL"):
        del environment[name]
    assert lint(load(queries, environment), read(conf, environment), IN_FLIGHT) == {}


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_an_edit_gives_exactly_its_findings(file: Path) -> None:
    found = [
        {
            "rule": rule,
            "file": finding.file.value,
            "key": finding.key,
            "why": finding.why,
            "write": finding.write,
            **({"hint": True} if finding.hint else {}),
        }
        for finding, rule in linted(file).items()
    ]
    assert found == case(file).get("findings", [])


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_writing_the_lines_of_the_findings_makes_the_files_clean(file: Path) -> None:
    of = case(file)
    if not of.get("mends", True):
        return
    edits = [dict(edit) for edit in of["edits"]]
    for finding in of.get("findings", []):
        names = {name for name, kind in FILES.items() if kind.value == finding["file"]}
        places = [edit for edit in edits if edit.get("file", "telegraf.conf") in names]
        conf = ROOT / of.get("telegraf", "telegraf.conf")
        place = places[-1] if places else {"find": conf.read_text()}
        if not places:
            place["edit"] = conf.read_text()
            edits.append(place)
        place["edit"] = written(place["edit"], finding["write"])
    assert linted(file, edits) == {}


def test_every_rule_has_a_case() -> None:
    told = {finding["rule"] for file in CASES for finding in case(file).get("findings", [])}
    assert told == set(RULES)


def test_no_token_is_in_a_repr(tmp_path: Path) -> None:
    _, conf, environment = edited({}, [], tmp_path)
    assert SECRET not in repr(read(conf, environment))


def test_a_missing_file_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        read(tmp_path / "none.conf", {})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("60s", 60 * SECOND),
        ("1m30s", 90 * SECOND),
        ("1.5h", 5400 * SECOND),
        ("1d", 86_400 * SECOND),
        ("250ms", SECOND // 4),
        (10, 10 * SECOND),
        (2.5, 5 * SECOND // 2),
        ("10", 10 * SECOND),
        ("", 0),
        ("-1s", -SECOND),
        ("${UNSET}s", None),
        ("1 s", None),
        ("s", None),
        (True, None),
        ([], None),
        ("nan", None),
        ("inf", None),
    ],
)
def test_a_duration_is_read_as_telegraf_reads_it(value: object, expected: int | None) -> None:
    assert duration(value) == expected


@pytest.mark.parametrize("pattern", ["[", "[]*", "{a*", "[a-ce]*", "[a-"])
def test_a_malformed_pattern_takes_nothing(pattern: str) -> None:
    assert not matches(["*", pattern], "a")
