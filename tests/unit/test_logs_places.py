"""Where the log goes: a file, and standard error; where one of them cannot take it, all goes on."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from telegraf_plugin.telegraf import logs
from telegraf_plugin.telegraf.logs import FileHandler, OneLine, StderrHandler, set_up
from telegraf_plugin.telegraf.writer import unread
from tests.unit.logs_bench import record

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
