"""`data-collector check`: the shipped files are clean, and each rule tells what it is for, with the line to write.

`lint_cases/` holds small edits of the shipped files for each rule, and exactly what is found in what they make. Writing
the line of each finding in the edit's place must make the files clean again, unless the case says `mends = false`.
"""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import tempfile
import threading
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from telegraf_plugin.cli import main
from telegraf_plugin.config import load
from telegraf_plugin.errors import ConfigurationError
from telegraf_plugin.lint import File, Finding, lint, read
from telegraf_plugin.lint.rules import RULES

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
    """Write the shipped files with `edits` into `folder`; return queries.yaml, telegraf.conf and the environment."""
    for name in FILES:
        text = (ROOT / name).read_text()
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
        place = places[-1] if places else {"find": (conf := ROOT / "telegraf.conf").read_text()}
        if not places:
            place["edit"] = conf.read_text()
            edits.append(place)
        place["edit"] = written(place["edit"], finding["write"])
    assert linted(file, edits) == {}


def test_every_rule_has_a_case() -> None:
    told = {finding["rule"] for file in CASES for finding in case(file).get("findings", [])}
    assert told == set(RULES)


# The command


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the shipped files and the variables that they need."""
    (tmp_path / "config").mkdir()
    for name in FILES:
        (tmp_path / name).write_text((ROOT / name).read_text())
    for name in list(os.environ):
        if re.match(r"INFLUXDB_|SERVER_|COLLECTOR_|HEALTH_|LOG_LEVEL", name):
            monkeypatch.delenv(name)
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def spoil(folder: Path) -> None:
    conf = folder / "telegraf.conf"
    conf.write_text(conf.read_text().replace('  alias = "power"', '  alias = "power"\n  concurrent_writes = 4'))


def test_check_ends_with_0_and_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    assert capsys.readouterr() == ("nothing to change in config/queries.yaml with telegraf.conf\n", "")


def test_check_ends_with_1_and_the_lines_of_the_readme(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(folder)
    assert main(["check"]) == 1
    told = capsys.readouterr()
    assert told.err == ""
    shown = "".join(f"    {line}\n" for line in told.out.splitlines())
    assert shown in (ROOT / "README.md").read_text()


def test_check_takes_other_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(folder)
    (folder / "telegraf.conf").rename(folder / "other.conf")
    (folder / "config" / "queries.yaml").rename(folder / "other.yaml")
    assert main(["check", "--config", "other.yaml", "--telegraf-config", "other.conf"]) == 1
    assert capsys.readouterr().out.startswith("other.conf: outputs.influxdb_v2[power].concurrent_writes: ")


def test_check_gives_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(folder)
    assert main(["check", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    (finding,) = told["findings"]
    assert (told["clean"], finding["rule"], finding["write"]) == (False, "refusal", "concurrent_writes = 1")
    assert set(finding) == {"rule", "file", "key", "why", "write", "hint"}
    (folder / "telegraf.conf").write_text((ROOT / "telegraf.conf").read_text())
    assert main(["check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"clean": True, "findings": []}


def test_a_hint_is_told_and_does_not_count(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conf = folder / "telegraf.conf"
    conf.write_text(conf.read_text().replace(r"(\d+)", "([[:digit:]]+)"))
    assert main(["check"]) == 0
    told = capsys.readouterr().out
    assert "hint: " in told
    assert told.endswith("nothing to change in config/queries.yaml with telegraf.conf; 1 hint\n")


def test_check_makes_a_table_on_a_terminal(folder: Path) -> None:
    spoil(folder)
    ours, theirs = pty.openpty()
    told: list[bytes] = []

    def drain() -> None:
        try:
            while piece := os.read(ours, 65536):
                told.append(piece)
        except OSError:  # Linux: the other end is closed
            pass

    reader = threading.Thread(target=drain)
    reader.start()
    run = subprocess.run(
        [sys.executable, "-m", "telegraf_plugin", "check"],
        env={**os.environ, "COLUMNS": "160", "TERM": "xterm"},
        stdout=theirs,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
    )
    os.close(theirs)
    reader.join(30)
    os.close(ours)
    assert (run.returncode, run.stderr) == (1, b"")
    text = b"".join(told).decode()
    assert "┃" in text
    assert "concurrent_writes = 1" in text
    assert "1 finding in config/queries.yaml with telegraf.conf" in text


def test_check_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["check", "--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert "example:" in told
    assert "exit status: 0 " in told


BAD: dict[str, tuple[str | bytes, str]] = {
    "cut": (f'[agent\ntoken = "{SECRET}"\n', "is not TOML: "),
    "open": (f'token = "{SECRET}\n', "is not TOML: "),
    "twice": (f'a."{SECRET}" = 1\na."{SECRET}" = 2\n', "is not TOML: "),
    "inline": (f'a = {{"{SECRET}" = 1, "{SECRET}" = 2}}\n', "is not TOML: "),
    "bare": (f"token = {SECRET}\n", "is not TOML: "),
    "binary": (b"\xff\xfe", "is not UTF-8 (byte 0); save it as UTF-8"),
    "deep": ("a = " + "[" * 5000, "is nested too deeply"),
    "large": (b"#" * (1024 * 1024 + 1), "is larger than 1,048,576 bytes"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_ends_with_2_and_repeats_nothing(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, message = BAD[name]
    (folder / "telegraf.conf").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert main(["check"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"telegraf.conf: {message}")
    assert "Traceback" not in told.err
    assert SECRET not in told.err
    assert main(["check", "--json"]) == 2
    told = capsys.readouterr()
    assert json.loads(told.out)["clean"] is False
    assert SECRET not in told.out + told.err


def test_both_files_are_told_of_at_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "telegraf.conf").unlink()
    queries = folder / "config" / "queries.yaml"
    queries.write_text(queries.read_text().replace("metadata_tags:", "metadatatags:"))
    assert main(["check"]) == 2
    assert capsys.readouterr().err == (
        "config/queries.yaml: metadatatags: is not a key that is known here; did you mean metadata_tags?\n"
        "telegraf.conf: cannot be read: No such file or directory\n"
        "the files cannot be checked until this is mended\n"
    )


def test_odd_tables_are_no_traceback(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = "agent = 3\noutputs = [1]\ninputs.execd = 'x'\nprocessors.regex = [[1]]\n[outputs2]\n[aggregators.x]\n"
    (folder / "telegraf.conf").write_text(odd)
    assert main(["check"]) == 1
    assert "no output takes source_bucket telegraf" in capsys.readouterr().out


def test_no_token_is_in_a_repr(tmp_path: Path) -> None:
    _, conf, environment = edited({}, [], tmp_path)
    assert SECRET not in repr(read(conf, environment))


def test_a_missing_file_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        read(tmp_path / "none.conf", {})


def test_the_plugin_does_not_load_rich() -> None:
    program = "import sys, telegraf_plugin.cli, telegraf_plugin.lint; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
