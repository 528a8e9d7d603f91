"""`.env`: what is accepted is read as Docker Compose and python-dotenv read it; what is not, is told by line.

`dotenv_cases/texts.jsonl` holds files, `compose.jsonl` what Compose's own reader made of each (engines/dotenv).
"""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.config.dotenv import NotDotenv, decoded, parsed, quoted

CASES = Path(__file__).parent / "dotenv_cases"
TEXTS: list[str] = [json.loads(line) for line in (CASES / "texts.jsonl").read_text().splitlines()]
COMPOSE: list[dict[str, str] | None] = [json.loads(line) for line in (CASES / "compose.jsonl").read_text().splitlines()]
ACCEPTED = TEXTS.index("A=it$prod")
"""So many of the texts, the first ones, are accepted."""
PIECES = st.sampled_from([*"ab$#'\"\\ \t=\n{}é\u00a0\u2003\r", "A=", "\nB=", "='", '="', "' #", " #", "export "])
VALUES = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=20) | st.text("a'\"\\$# `", max_size=8)


def podman_reads(text: str) -> dict[str, str | None]:
    """What podman-compose makes of it, which reads by python-dotenv."""
    return dict(dotenv_values(stream=io.StringIO(text), interpolate=True))


def both_agree(text: str) -> bool:
    """python-dotenv, unlike Compose, replaces ${...} in all quotes, has no \\$, and keeps a byte order mark."""
    return "${" not in text and "\\$" not in text and not text.startswith("\ufeff")


@pytest.mark.parametrize(("text", "compose"), list(zip(TEXTS, COMPOSE, strict=True))[:ACCEPTED])
def test_what_is_accepted_others_read_alike(text: str, compose: dict[str, str] | None) -> None:
    read = parsed(text.removeprefix("\ufeff"))
    assert read == compose
    if both_agree(text):
        assert read == podman_reads(text)


@pytest.mark.parametrize("text", TEXTS[ACCEPTED:])
def test_what_could_be_meant_otherwise_is_refused_by_line_and_without_its_value(text: str) -> None:
    with pytest.raises(NotDotenv) as refused:
        parsed("#\n" + text.replace("a", "swordfish"))
    first = refused.value.problems[0]
    assert first.path in ("line 2", "line 3")
    assert "swordfish" not in str(refused.value)


@given(st.lists(PIECES, max_size=14).map("".join))
def test_whatever_is_accepted_python_dotenv_reads_alike(text: str) -> None:
    try:
        read = parsed(text)
    except NotDotenv:
        return
    if both_agree(text):
        assert read == podman_reads(text)


@given(VALUES)
def test_every_value_on_one_line_can_be_said(value: str) -> None:
    line = f"NAME={quoted(value)}"
    assert parsed(line) == {"NAME": value}
    assert parsed(f"{line}\r\nOTHER=1\r\n") == {"NAME": value, "OTHER": "1"}
    if both_agree(line):
        assert podman_reads(line) == {"NAME": value}


@pytest.mark.parametrize("value", ["a\nb", "a\r", "\0", "\x85"])
def test_a_value_that_cannot_be_said_is_told(value: str) -> None:
    with pytest.raises(ValueError, match="control character"):
        quoted(value)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("ORG=it$prod", "ORG: a $ would be taken for a variable; write the value in single quotes: NAME='...'"),
        ("ORG=Büro #1", "ORG: a # there begins a comment; write the value in quotes, NAME='...'"),
        ("ORG='jane's'", "ORG: there is text behind the closing single quote; a value that holds one stands in double"),
        ('ORG="a', "ORG: the double quote at its beginning is not closed on this line"),
        ('ORG="C:\\temp"', "ORG: a backslash stands before a character that needs none; in double quotes write \\\\"),
        ("ORG='a\\'", "ORG: two backslashes, or one at the end, in single quotes are read in two ways; in double"),
        ("export ORG=a", "expected NAME=value, without export"),
        ("ORG = a", "ORG: expected NAME=value, without a space before the ="),
        ("ORG", "expected NAME=value, or a comment behind a #"),
        ("A=1\nORG=a\nORG=b", "ORG: stands in line 2 already; only one can hold"),
    ],
)
def test_a_refusal_says_how_it_is_written(line: str, told: str) -> None:
    with pytest.raises(NotDotenv) as refused:
        parsed(line)
    (problem,) = refused.value.problems
    assert problem.message.startswith(told)


def test_all_lines_are_told_of_at_once() -> None:
    with pytest.raises(NotDotenv) as refused:
        parsed("A=$\nB=b\nC='\n")
    assert [problem.path for problem in refused.value.problems] == ["line 1", "line 3"]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_windows_files_in_utf_8_are_read(encoding: str, newline: str) -> None:
    text = newline.join(["# Büro", "A='Büro #1'", 'B="c"', "C=d", ""])
    assert parsed(decoded(text.encode(encoding))) == {"A": "Büro #1", "B": "c", "C": "d"}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_named(encoding: str) -> None:
    with pytest.raises(NotDotenv, match="is UTF-16: save it as UTF-8"):
        decoded("A=b\nC=d\n".encode(encoding))


def test_another_encoding_is_named_by_its_line() -> None:
    with pytest.raises(NotDotenv, match="line 2: is not UTF-8"):
        decoded("A=b\nB=Büro\n".encode("latin-1"))
