"""Tables on a terminal, lines elsewhere; help with an example and exit statuses for each command."""

from __future__ import annotations

import io
import re

import pytest

from telegraf_plugin.cli import main
from telegraf_plugin.commands.tables import meter, write_table

COMMANDS = ("doctor", "status", "backfill", "verify", "preview")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_out_of_a_terminal_a_row_is_a_line_without_colour() -> None:
    out = io.StringIO()
    write_table(("A", "B"), [("x", "y\tz\x1b[31m")], out)
    assert out.getvalue() == "A\tB\nx\ty\\tz\\x1b[31m\n"


def test_nothing_is_no_heading() -> None:
    out = io.StringIO()
    write_table(("A", "B"), [], out)
    assert out.getvalue() == ""


def test_on_a_terminal_it_is_a_table_and_names_are_no_markup() -> None:
    out = Terminal()
    write_table(("A", "B"), [("outputs[power]", "[red]x\x1b[31m")], out)
    text = out.getvalue()
    assert "│" in text
    assert "outputs[power]" in text
    assert "[red]x\\x1b[31m" in text


def test_on_a_terminal_columns_that_say_nothing_are_left_out() -> None:
    out = Terminal()
    write_table(("A", "Empty", "B"), [("x", "-", "1"), ("y", "", "-")], out)
    assert "Empty" not in out.getvalue()
    assert "B" in out.getvalue()


def test_what_a_row_is_about_is_read_whole_where_others_can_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out = Terminal()
    others = ["2026-11-26 11:12:48Z"] * 4
    write_table(("Stream", *"ABCD"), [("POD-30/pod_monitoring", *others)], out)
    assert "│ POD-30/pod_monitoring │" in out.getvalue()


@pytest.mark.parametrize("columns", [100, 120, 150, 250])
@pytest.mark.parametrize("name", ["POD-30/power_monitoring", "a" * 39 + "/", "a" * 60])
def test_nothing_is_cut_off_at_the_terminals_edge(columns: int, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    out = Terminal()
    at, error = (
        "2026-11-26 16:01:57Z",
        "central lacks 1834 points of it for good: refused: it is float here and integer",
    )
    row = (name, "bad", at, "5 s", at, "61,000/s", "4 h", "40 s", "1,834", "0", "5 d 16 h", error)
    write_table([f"Heading {number}"[:9] for number in range(len(row))], [row], out)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue()).splitlines()
    assert max(map(len, lines)) <= columns
    assert {line[-1] for line in lines} == set("┓┃┩│┘")
    shown = "".join("".join(line.rstrip("│").rpartition("│")[2].split()) for line in lines if line.endswith("│"))
    assert "".join(error.split()) in shown
    assert any(name[:40] in line for line in lines)


def test_progress_is_shown_on_a_terminal_only(capsys: pytest.CaptureFixture[str]) -> None:
    with meter() as shown:
        shown.show("x", 1, 2)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_and_the_exit_statuses(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert f"examples:\n  data-collector {command}" in text
    assert "exit status: 0 " in text
    assert "--json" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_a_configuration_that_cannot_be_used_is_status_2(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = {"backfill": ["a/b", "--from=-1h"], "verify": ["--from=-1h"], "preview": ["a/b"]}.get(command, [])
    assert main([command, "--config", "/nowhere/queries.yaml", *arguments]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("E! /nowhere/queries.yaml: cannot be read")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_main_help_names_it(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert f"\n    {command} " in capsys.readouterr().out
