"""The log: one line a record, with its prefix, bounded, without a token; where it cannot be written, all goes on."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.telegraf import logs
from telegraf_plugin.telegraf.logs import LEVELS, MAX_LINE_BYTES, FileHandler, OneLine, StderrHandler, set_up
from telegraf_plugin.telegraf.writer import unread

TOKEN = "token-that-nobody-may-see=="


@pytest.fixture
def logging_restored() -> Iterator[None]:
    """Leaves the process' logging as it was: `set_up` takes all of it."""
    root, own = logging.getLogger(), logging.getLogger("telegraf_plugin")
    handlers, level, own_level, raises = root.handlers[:], root.level, own.level, logging.raiseExceptions
    hooks = sys.excepthook, threading.excepthook
    yield
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers, root.level, logging.raiseExceptions = handlers, level, raises
    own.setLevel(own_level)
    logging.captureWarnings(False)
    sys.excepthook, threading.excepthook = hooks


def record(message: str, *arguments: object, level: int = logging.INFO) -> logging.LogRecord:
    return logging.LogRecord("telegraf_plugin", level, __file__, 1, message, arguments, None)


def line(message: str, *secrets: str) -> str:
    return OneLine("%(message)s", secrets).format(record(message))


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


# The file


def test_the_file_is_rotated_by_size_and_the_oldest_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logging_restored: None
) -> None:
    assert (logs.FILE_BYTES, logs.FILES_KEPT) == (10 * 1024 * 1024, 5)
    monkeypatch.setattr(logs, "FILE_BYTES", 1000)
    monkeypatch.setattr(logs, "FILES_KEPT", 2)
    handler = FileHandler(tmp_path / "collector.log", print)
    handler.setFormatter(OneLine("%(message)s", []))
    for number in range(100):
        handler.handle(record(f"{number:049d}"))  # 50 bytes with its end: 20 of them, less the one that would not fit
    handler.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["collector.log", "collector.log.1", "collector.log.2"]
    kept = [(tmp_path / name).read_text() for name in ("collector.log.2", "collector.log.1", "collector.log")]
    assert all(len(text) <= 1000 for text in kept)
    numbers = [int(number) for text in kept for number in text.split()]
    assert numbers == list(range(numbers[0], 100))
    assert numbers[0] > 40


def test_a_file_that_cannot_be_written_is_said_once_and_again_after_it_was_well(tmp_path: Path) -> None:
    said: list[str] = []
    handler = FileHandler(tmp_path / "collector.log", said.append)
    handler.setFormatter(OneLine("%(message)s", []))
    with (tmp_path / "well").open("w") as well:
        for _ in range(2):
            full = Path("/dev/full").open("w")  # noqa: SIM115 (a full disk, closed below)
            assert handler.stream is not None
            handler.stream.close()
            handler.stream = full
            for number in range(3):
                handler.handle(record(f"lost {number}"))
            with pytest.raises(OSError, match="No space left"):
                full.close()
            handler.stream = well
            handler.handle(record("kept"))
            handler.stream = (tmp_path / "other").open("w")
    handler.close()
    reason = f"the log file {tmp_path}/collector.log cannot be written ([Errno 28] No space left on device)"
    assert said == [f"{reason}; going on without"] * 2
    assert (tmp_path / "well").read_text() == "kept\nkept\n"


def test_a_file_that_cannot_be_opened_is_said_and_the_log_goes_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], logging_restored: None
) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    set_up("INFO", tmp_path / "logs" / "collector.log", [])
    logging.getLogger("telegraf_plugin").info("going on")
    first, second = capfd.readouterr().err.splitlines()
    assert re.fullmatch(rf"W! the log file {tmp_path}/logs/collector.log cannot be written \(.+\); going on .*", first)
    assert second == "I! going on"


def test_a_file_that_cannot_be_written_later_is_said_on_standard_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], logging_restored: None
) -> None:
    (tmp_path / "collector.log").symlink_to("/dev/full")
    set_up("INFO", tmp_path / "collector.log", [])
    log = logging.getLogger("telegraf_plugin")
    log.info("one")
    log.info("two")
    with pytest.raises(OSError, match="No space left"):
        logging.getLogger().handlers.pop().close()
    lines = capfd.readouterr().err.splitlines()
    assert [line for line in lines if not line.startswith("W! ")] == ["I! one", "I! two"]
    (complaint,) = [line for line in lines if line.startswith("W! ")]
    assert "cannot be written ([Errno 28] No space left on device)" in complaint


# Standard error


class Pipe:
    """A pipe in place of standard error."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reader, self.writer = os.pipe()
        monkeypatch.setattr(logs, "STDERR", self.writer)
        monkeypatch.setattr(logs, "STDERR_PATIENCE_MS", 0)
        self.handler = StderrHandler()
        self.handler.setFormatter(OneLine("%(message)s", []))

    def log(self, message: str) -> None:
        self.handler.handle(record(message))

    def lines(self) -> list[str]:
        """What came so far."""
        waiting = unread(self.writer)
        return os.read(self.reader, waiting).decode().splitlines(keepends=True) if waiting else []

    def close(self) -> None:
        for descriptor in (self.reader, self.writer):
            os.close(descriptor)


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipe]:
    opened = Pipe(monkeypatch)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    "length",
    [
        80,
        4000,
        8000,
    ],
)
def test_lines_for_which_standard_error_has_no_room_are_counted_and_none_is_half(pipe: Pipe, length: int) -> None:
    sent = [f"{number} ".ljust(length, "x") for number in range(3_000_000 // length // 10)]
    sent.insert(0, "x")  # one page of the pipe, so that a line of two pages finds room for a half in the end
    for message in sent:
        pipe.log(message)
    came = pipe.lines()
    pipe.log("there is room again")
    came += pipe.lines()
    pipe.log("and the last")
    came += pipe.lines()
    text = "".join(came)
    counted = [int(number) for number in re.findall(r"^W! (\d+) lines of this log were left out", text, re.MULTILINE)]
    got = [line for line in text.splitlines() if line.startswith("I! ") and "x" in line]
    assert got == [f"I! {message}" for message in sent[: len(got)]]  # whole, in order
    assert 0 < len(got) < len(sent)
    assert sum(counted) == len(sent) - len(got)
    assert text.endswith("I! there is room again\nI! and the last\n")


def test_a_standard_error_that_is_closed_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = Pipe(monkeypatch)
    os.close(pipe.reader)
    pipe.log("into the void")  # a broken pipe
    os.close(pipe.writer)
    pipe.log("into the void")  # a bad descriptor
    reader, writer = os.pipe()
    monkeypatch.setattr(logs, "STDERR", writer)
    pipe.log("heard again")
    assert os.read(reader, 4096).decode().endswith("I! heard again\n")
    os.close(reader)
    os.close(writer)
