"""`.env` edited as text: a source's lines put in behind the others', taken out again, and shown without tokens."""

from __future__ import annotations

import pytest

from telegraf_plugin.config.dotenv import parsed
from telegraf_plugin.sites.settings_text import lines_of, shown, with_lines, without
from tests.unit.test_lint import ROOT

SHIPPED = (ROOT / ".env.example").read_text()
NEW = {"SERVER_C_URL": "http://c:1", "SERVER_C_ORG": "Büro #1", "SERVER_C_TOKEN": ""}


@pytest.mark.parametrize(
    "text", [SHIPPED, "A=1\nSERVER_A_URL=x\n", "A=1\n", "SERVER_A_URL=x\n\nA=1\n", "SERVER_A_URL=x\nA=1\n"]
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_what_is_put_in_can_be_taken_out_again(text: str, ending: str) -> None:
    text = text.replace("\n", ending)
    edited = with_lines(text, lines_of(NEW, "Source C."))
    assert parsed(edited) == parsed(text) | NEW
    assert edited.count("\r\n") == (edited.count("\n") if ending == "\r\n" else 0)
    assert without(edited, NEW, "Source C.") == text


@pytest.mark.parametrize("text", ["", "A=1", "SERVER_A_URL=x"])
def test_a_file_without_an_end_of_its_last_line(text: str) -> None:
    edited = with_lines(text, lines_of(NEW, "Source C."))
    assert parsed(edited) == parsed(text) | NEW
    assert edited.endswith("SERVER_C_TOKEN=\n")


def test_they_stand_with_the_other_sources() -> None:
    lines = with_lines(SHIPPED, lines_of(NEW, "Source C.")).split("\n")
    at = lines.index("# Source C.")
    assert lines[at - 2 : at] == ["SERVER_B_BUCKET_2=power_monitoring", ""]
    assert lines[at + 4 : at + 6] == ["", "# Seconds between two reads of the sources."]


def test_a_comment_that_is_about_other_lines_stays() -> None:
    text = "# one\nA=1\nB=2\n\n# two\n#SERVER_X_URL=off\nC=3\n\n# three\nD=4\n"
    assert without(text, {"A"}, "Source C.") == text.replace("A=1\n", "")
    assert without(text, {"A", "B"}, "Source C.") == "# two\n#SERVER_X_URL=off\nC=3\n\n# three\nD=4\n"
    assert without(text, {"C"}, "Source C.") == "# one\nA=1\nB=2\n\n# two\n#SERVER_X_URL=off\n\n# three\nD=4\n"
    assert without(text, {"E"}, "Source C.") == text


def test_no_token_is_shown() -> None:
    text = "SERVER_A_TOKEN=abc\n  MY_TOKEN_2='x y'\r\nDB_PASSWORD=z\nSERVER_B_TOKEN=\nURL=http://a\n"
    expected = "SERVER_A_TOKEN=[token]\n  MY_TOKEN_2=[token]\r\nDB_PASSWORD=[token]\nSERVER_B_TOKEN=\nURL=http://a\n"
    assert shown(text) == expected
