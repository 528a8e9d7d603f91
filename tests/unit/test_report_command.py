"""`data-collector report` on the command line: whole files, clear errors, exit statuses as of the other commands."""

from __future__ import annotations

import stat
from argparse import Namespace
from pathlib import Path
from typing import cast

import pytest

from telegraf_plugin import cli
from telegraf_plugin.commands.ending import UNUSABLE, Unusable
from telegraf_plugin.commands.session import Session
from telegraf_plugin.errors import CentralError
from telegraf_plugin.report import command
from telegraf_plugin.report.facts import Facts
from telegraf_plugin.report.gather import Gathering
from tests.unit.report_bench import facts, well
from tests.unit.test_lint import ROOT, SETTINGS

WELL = facts(well("telegraf", 1.0, 1.0))
AWAY = CentralError("connection refused", "is it up?")


class Outcomes:
    """A gathering that gives one outcome after the other; Ctrl-C behind the last."""

    def __init__(self, *outcomes: Facts | CentralError) -> None:
        self.left = list(outcomes)

    def facts(self, _now: int, _renewed: float | None) -> Facts:
        outcome = self.left.pop(0)
        if isinstance(outcome, CentralError):
            raise outcome
        return outcome


def written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *outcomes: Facts | CentralError, watch: float | None = None
) -> int:
    """Run the command with these outcomes, each a look; returns the exit status."""
    gathering = Outcomes(*outcomes)

    def pause(_seconds: float) -> None:
        if not gathering.left:
            raise KeyboardInterrupt

    class Site:
        def chosen(self, _names: object) -> list[object]:
            return []

    monkeypatch.setattr(command, "Gathering", lambda *_: cast(Gathering, gathering))
    monkeypatch.setattr(command, "_tokens", lambda _session: ["s3cret-token"])
    monkeypatch.setattr("telegraf_plugin.report.command.time.sleep", pause)
    options = Namespace(streams=[], days=14, output=tmp_path / "report.html", watch=watch)
    return command._report(cast(Session, Site()), options)


def test_the_exit_status_says_whether_all_is_well(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert written(monkeypatch, tmp_path, WELL) == 0
    assert written(monkeypatch, tmp_path, facts()) == 1
    assert "2 of 3 streams not well" in (tmp_path / "report.html").read_text()


def test_central_away_is_said_with_what_to_do_and_no_file_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(CentralError):
        written(monkeypatch, tmp_path, AWAY)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_watched_stays_while_central_is_away_and_is_written_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert written(monkeypatch, tmp_path, WELL, AWAY, facts(), watch=60) == 1
    said = capsys.readouterr().err.splitlines()
    assert said[1].startswith("E! central: connection refused; is it up?; ")
    assert said[1].endswith("stays as it is until central answers")
    assert said[2].endswith("not all streams are well")


def test_the_file_is_replaced_as_a_whole_and_can_be_read_by_a_web_server(tmp_path: Path) -> None:
    place = tmp_path / "report.html"
    place.write_text("old")
    with place.open() as reader:
        command.replace(place, b"new")
        assert reader.read() == "old"  # whoever has it open goes on with all of the old one
    assert place.read_text() == "new"
    assert stat.S_IMODE(place.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [place]


def test_a_place_that_cannot_be_written_is_named_with_what_to_do_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=r"report\.html cannot be written: No such file or directory; create its folder"):
        command.replace(tmp_path / "away" / "report.html", b"x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(Unusable, match="folder cannot be written: Is a directory"):
        command.replace(tmp_path / "folder", b"x")
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]


def test_no_token_is_in_the_file_whatever_a_server_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    leaking = facts(notes=("it said: s3cret-token",))
    written(monkeypatch, tmp_path, leaking)
    text = (tmp_path / "report.html").read_text()
    assert "s3cret-token" not in text
    assert "it said: (a token, not shown)" in text
    assert command.without("a&amp;b-token", ["a&b-token"]) == "(a token, not shown)"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--days", "0"], "expected a whole number, 1 or more"),
        (["--days", "401"], "--days 401: 400 at most"),
        (["--watch", "0.5"], "expected a number of seconds, 1 or more"),
        (["--watch", "60", "--output", "-"], "give --output a file"),
        (["POD-9"], "no stream or source is called 'POD-9'"),
        (["--ouput", "x"], "did you mean --output?"),
    ],
)
def test_what_cannot_be_is_said(
    words: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLLECTOR_ENV_FILE", "")
    monkeypatch.chdir(ROOT)
    try:
        status = cli.main(["report", *words])
    except SystemExit as ended:
        status = cast(int, ended.code)
    assert status == UNUSABLE
    assert said in capsys.readouterr().err
