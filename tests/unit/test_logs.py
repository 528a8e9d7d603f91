"""What stands in the log: one line a record, with its prefix, bounded, without a token, by its level."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.telegraf.logs import LEVELS, MAX_LINE_BYTES, OneLine, StderrHandler, set_up
from tests.unit.logs_bench import TOKEN, line, record

# A record's line


@pytest.mark.parametrize(
    ("level", "prefix"),
    [
        (logging.DEBUG, "D! "),
        (logging.INFO, "I! "),
        (logging.WARNING, "W! "),
        (logging.ERROR, "E! "),
        (logging.CRITICAL, "E! "),
    ],
)
def test_a_line_on_standard_error_begins_with_telegrafs_prefix(
    capfd: pytest.CaptureFixture[str], level: int, prefix: str
) -> None:
    handler = StderrHandler()
    handler.setFormatter(OneLine("%(message)s", []))
    handler.handle(record("read %d points", 5, level=level))
    assert capfd.readouterr().err == f"{prefix}read 5 points\n"


def test_a_file_line_has_time_and_level(tmp_path: Path, logging_restored: None) -> None:
    set_up("INFO", tmp_path / "logs" / "collector.log", [])
    logging.getLogger("telegraf_plugin.plugin").warning("what")
    text = (tmp_path / "logs" / "collector.log").read_text()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ WARNING what\n", text)


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("a\nb", "a | b"),
        ("a\r\nb", "a\\r | b"),
        ("a\tb", "a\\tb"),
        ("a\x00\x1b[31mb\x7f", "a\\x00\\x1b[31mb\\x7f"),
        ("a\x85b\u2028c\u2029d", "a\\x85b\\u2028c\\u2029d"),
        ("a\u202eb", "a\\u202eb"),
        ("a\ud800b", "a\\ud800b"),
        ("grün 🙂", "grün 🙂"),
    ],
)
def test_what_would_break_a_line_or_a_terminal_is_escaped(message: str, shown: str) -> None:
    assert line(message) == shown


@given(st.text(st.characters(), max_size=300), st.integers(1, 40))
def test_whatever_is_logged_makes_one_bounded_line(message: str, times: int) -> None:
    shown = line(message * times)
    assert shown.isprintable()
    assert len(shown.splitlines()) == (1 if message else 0)
    assert len(shown.encode()) <= MAX_LINE_BYTES


@pytest.mark.parametrize("character", ["x", "ü", "🙂", "\x00"])
def test_a_long_line_is_cut_to_8_kib_and_says_so(character: str) -> None:
    assert MAX_LINE_BYTES == 8192
    shown = line(character * 100_000)
    assert shown.endswith(" ... [cut]")
    assert 8192 - 20 < len(shown.encode()) <= 8192 - len("I! \n")
    assert shown.startswith(ascii(character)[1:-1] if character == "\x00" else character)


def test_a_line_that_just_fits_is_not_cut() -> None:
    assert line("x" * MAX_LINE_BYTES) == "x" * MAX_LINE_BYTES


def test_a_traceback_stands_on_its_records_line() -> None:
    try:
        raise KeyError("missing")
    except KeyError:
        failed = record("failed")
        failed.exc_info = sys.exc_info()
    shown = OneLine("%(message)s", []).format(failed)
    assert re.fullmatch(r"failed \| Traceback .* \|     raise KeyError\(\"missing\"\) \| KeyError: 'missing'", shown)


# Secrets


def test_a_token_is_blotted_out_wherever_it_stands() -> None:
    try:
        try:
            raise ValueError(f"header {TOKEN}")
        except ValueError as error:
            raise KeyError({"Authorization": f"Token {TOKEN}"}) from error
    except KeyError:
        failed = record("%s and %r of " + TOKEN, TOKEN, {"token": TOKEN})
        failed.exc_info = sys.exc_info()
    shown = OneLine("%(message)s", [TOKEN]).format(failed)
    assert TOKEN not in shown
    assert shown.startswith("[token] and {'token': '[token]'} of [token] | Traceback ")
    assert "'Token [token]'" in shown
    assert "header [token]" in shown


def test_a_token_is_taken_literally() -> None:
    assert line("aa.bb(c)* [x]+", "aa.bb(c)*") == "[token] [x]+"
    assert line("aaxbbcc", "aa.bb(c)*") == "aaxbbcc"


def test_a_token_across_the_cut_is_blotted_out_whole() -> None:
    for before in range(MAX_LINE_BYTES - 60, MAX_LINE_BYTES):
        assert "token-that" not in line("x" * before + TOKEN + "y" * 100, TOKEN)


def test_a_short_word_is_no_secret() -> None:
    assert line("the list of the buckets", "the", "list") == "the list of the buckets"


def test_a_token_that_begins_like_another_is_blotted_out_whole() -> None:
    tokens = [TOKEN[:length] for length in range(8, len(TOKEN) + 1)]  # a set of as many is hardly sorted by chance
    assert line(f"x {TOKEN} y", *tokens) == "x [token] y"


def test_tokens_are_blotted_out_in_both_places(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], logging_restored: None
) -> None:
    set_up("DEBUG", tmp_path / "collector.log", [TOKEN])
    logging.getLogger("telegraf_plugin").debug("asked with %s", TOKEN)
    logging.getLogger("urllib3").warning("asked with %s", TOKEN)
    told = capfd.readouterr().err
    assert told == "D! asked with [token]\nW! asked with [token]\n"
    kept = (tmp_path / "collector.log").read_text()
    assert kept.count("asked with [token]\n") == 2
    assert TOKEN not in kept


# Levels


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("DEBUG", ["D! debug", "I! info", "W! warning", "E! error"]),
        ("INFO", ["I! info", "W! warning", "E! error"]),
        ("WARN", ["W! warning", "E! error"]),
        ("WARNING", ["W! warning", "E! error"]),
        ("ERROR", ["E! error"]),
    ],
)
def test_a_level_shows_itself_and_what_is_worse(
    capfd: pytest.CaptureFixture[str], logging_restored: None, level: str, shown: list[str]
) -> None:
    set_up(level, None, [])
    log = logging.getLogger("telegraf_plugin.plugin")
    for name in ("debug", "info", "warning", "error"):
        getattr(log, name)(name)
    assert capfd.readouterr().err.splitlines() == shown


def test_every_level_has_its_test() -> None:
    assert set(LEVELS) == {"DEBUG", "INFO", "WARN", "WARNING", "ERROR"}


def test_libraries_are_heard_from_warnings_on(capfd: pytest.CaptureFixture[str], logging_restored: None) -> None:
    set_up("DEBUG", None, [])
    library = logging.getLogger("urllib3.connectionpool")
    library.debug("Starting new connection")
    library.warning("Connection pool is full")
    assert capfd.readouterr().err == "W! Connection pool is full\n"


# What the process says unasked


def said_by(code: str) -> list[str]:
    """The lines on standard error of a Python process that runs `code` after `set_up`."""
    begin = f"from telegraf_plugin.telegraf.logs import set_up\nset_up('INFO', None, [{TOKEN!r}])\n"
    run = subprocess.run([sys.executable, "-c", begin + code], capture_output=True, text=True, timeout=30, check=False)
    assert run.stdout == ""
    return run.stderr.splitlines()


def test_an_uncaught_exception_in_a_thread_is_one_line() -> None:
    (line,) = said_by(
        f"import threading\ndef fail():\n    raise ValueError({TOKEN!r})\n"
        "thread = threading.Thread(target=fail)\nthread.start()\nthread.join()\n"
    )
    assert line.startswith("E! unexpected ValueError; please report this | Traceback ")
    assert line.endswith("ValueError: [token]")


def test_an_uncaught_exception_of_the_process_is_one_line() -> None:
    (line,) = said_by(f"raise ValueError({TOKEN!r})")
    assert line.startswith("E! unexpected ValueError; please report this | Traceback ")
    assert line.endswith("ValueError: [token]")


def test_a_warning_is_a_log_line() -> None:
    lines = said_by("import warnings\nwarnings.warn('this will go away', FutureWarning)")
    assert [line for line in lines if line.startswith("W! ") and "FutureWarning: this will go away" in line] == lines
    assert len(lines) == 1
