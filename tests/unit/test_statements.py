"""What documents and commands said once, and was not so, is said no more: each of these stood there."""

from __future__ import annotations

import pytest

from telegraf_plugin import cli
from tests.unit.test_lint import ROOT

FILES = [
    *(ROOT / name for name in ("README.md", "SECURITY.md", "CONTRIBUTING.md", "Makefile")),
    *ROOT.glob("docs/*.md"),
    *ROOT.glob("telegraf_plugin/**/*.py"),
]
UNTRUE = {
    "central lacks its points since": "the program says: central has lacked points of it for",
    "by more than 3 s": "clocks are warned of from 2 s on",
    "by itself after queries.yaml": "a changed file is looked for at a tick, and a token file when a token is refused",
    "up to here everything is proved": "what is held, or extra, is not",
    "status says why": "the log and collector_held do",
    "40 of them": "influxdb-client takes 15 MiB over urllib3, as measured",
    "InfluxDB 2.x": "types needs 2.2, isNumeric 2.5",
    "never asked for": "a time that was asked for may have been proved, and be gone since",
    "to read a source touches": "central is read as well, by the same port",
    "# what CI runs": "CI runs more than make check",
    "Everything that CI checks": "CI runs more than make check",
}


@pytest.mark.parametrize("phrase", UNTRUE)
def test_what_was_said_and_was_not_so_is_said_no_more(phrase: str) -> None:
    told = [str(file.relative_to(ROOT)) for file in FILES if phrase in " ".join(file.read_text().split())]
    assert told == [], UNTRUE[phrase]


def test_the_end_of_a_backfill_is_told_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """By default it ends where the stream begins, or what is proved does; not now."""
    with pytest.raises(SystemExit):
        cli.main(["backfill", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "likewise; now unless set" not in said
    assert "--to TIME likewise; " in said
