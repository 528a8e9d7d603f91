"""`data-collector check`: exit statuses, the table, the lines, the JSON, and files that cannot be read."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lab.loopback import free_port
from telegraf_plugin.cli import main
from tests.unit.start_bench import STAND_IN
from tests.unit.test_lint import FILES, ROOT, SECRET, SETTINGS


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the shipped files and the variables that they need."""
    (tmp_path / "config").mkdir()
    for name in FILES:
        (tmp_path / name).write_text((ROOT / name).read_text())
    program = tmp_path / "bin" / "telegraf"  # the real one's opinion is tested in tests/engines
    program.parent.mkdir()
    program.write_text(STAND_IN)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(program.parent), os.defpath]))
    for name in list(os.environ):
        if re.match(r"INFLUXDB_|SERVER_|COLLECTOR_|HEALTH_|LOG_LEVEL", name):
            monkeypatch.delenv(name)
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HEALTH_CHECK_PORT", str(free_port()))  # what listens at 5000 is not these tests' business
    monkeypatch.chdir(tmp_path)
    return tmp_path


def spoil(folder: Path) -> None:
    conf = folder / "telegraf.conf"
    conf.write_text(conf.read_text().replace('  alias = "power"', '  alias = "power"\n  concurrent_writes = 4'))


def test_check_ends_with_0_and_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    assert capsys.readouterr() == ("nothing to change in config/queries.yaml with telegraf.conf\n", "")


def test_check_ends_with_1_and_the_lines_of_the_document(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(folder)
    assert main(["check"]) == 1
    told = capsys.readouterr()
    assert told.err == ""
    shown = "".join(f"    {line}\n" for line in told.out.splitlines())
    assert shown in (ROOT / "docs" / "configuration.md").read_text()


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
    conf.write_text(conf.read_text().replace(r"(\d+)", r"(\p{Nd}+)"))
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
    assert "examples:" in told
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
    assert told.err.startswith(f"E! telegraf.conf: {message}")
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
        "E! config/queries.yaml: metadatatags: is not a key that is known here; did you mean metadata_tags?\n"
        "E! telegraf.conf: cannot be read: No such file or directory\n"
        "E! 2 problems in the configuration; nothing was checked\n"
    )


def test_odd_tables_are_no_traceback(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = "agent = 3\noutputs = [1]\ninputs.execd = 'x'\nprocessors.regex = [[1]]\n[outputs2]\n[aggregators.x]\n"
    (folder / "telegraf.conf").write_text(odd)
    assert main(["check"]) == 1
    assert "no output takes source_bucket telegraf" in capsys.readouterr().out


def test_the_plugin_does_not_load_rich() -> None:
    program = "import sys, telegraf_plugin.cli, telegraf_plugin.lint; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
