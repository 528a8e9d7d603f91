"""One place says the version; what else names it, and what carries it into log, metrics and `status`, says the same."""

from __future__ import annotations

import logging
import re
import tomllib

import pytest

from telegraf_plugin import __version__
from telegraf_plugin.audit import Audit
from telegraf_plugin.cli import main
from telegraf_plugin.commands.last_word import told_version
from telegraf_plugin.config.load import load
from tests.unit.test_lint import ROOT, SETTINGS

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_package_takes_it_from_the_one_place() -> None:
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert "version" not in PROJECT["project"]
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "telegraf_plugin/__init__.py"


def test_the_changelog_has_it_as_the_newest_that_is_released() -> None:
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    released = re.fullmatch(r"\[(.+)\] - \d{4}-\d\d-\d\d", headings[1])
    assert released is not None, headings[1]
    assert released[1] == __version__


def test_the_image_is_labelled_with_it() -> None:
    label = re.search(r'image\.version="(.*)"', (ROOT / "Dockerfile").read_text())
    assert label is not None
    assert label[1] == __version__


def test_both_programs_say_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert (ended.value.code, main(["start", "--version"])) == (0, 0)
    assert capsys.readouterr().out.splitlines()[:2] == [f"data-collector {__version__}"] * 2


def test_the_log_begins_with_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    Audit(load(ROOT / "config" / "queries.yaml", SETTINGS)).started()
    assert caplog.messages[0].startswith(f"collector started: version {__version__}, reading POD-8 at ")


def test_status_says_which_collector_runs_and_whether_it_is_another_than_the_command() -> None:
    assert told_version(__version__) == f"data-collector {__version__}"
    assert (
        told_version("9.9.9")
        == f"the running collector is of version 9.9.9; this command is data-collector {__version__}"
    )
    assert "not told in central" in told_version(None)
