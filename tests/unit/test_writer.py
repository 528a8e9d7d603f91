"""The one writer of standard output: whole lines, together, until nobody reads them; and nothing but lines."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from telegraf_plugin.errors import OutputClosed
from telegraf_plugin.telegraf.writer import LineWriter, unread


class Pipe:
    """A writer and all that its reader has taken."""

    def __init__(self) -> None:
        self.reader, self.descriptor = os.pipe()
        self.writer = LineWriter(self.descriptor)
        self.received = b""
        self._taking = threading.Thread(target=self._take, daemon=True)

    def take(self) -> None:
        """Begin to read."""
        self._taking.start()

    def whole(self) -> bytes:
        """Close the writing end and return all that was written."""
        os.close(self.descriptor)
        self._taking.join(10.0)
        assert not self._taking.is_alive()
        return self.received

    def _take(self) -> None:
        while taken := os.read(self.reader, 4096):
            self.received += taken


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    opened = Pipe()
    yield opened
    os.close(opened.reader)


def short_writes(monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    """Let the system take at most `length` bytes at a time, as it may."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:length]))


def soon(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + 10.0
    while not holds() and time.monotonic() < end:
        time.sleep(0.002)
    return holds()


def test_lines_of_one_call_stay_together_whatever_threads_write(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    short_writes(monkeypatch, 1000)  # or the kernel might keep each call together by itself
    pipe.take()
    calls, lines_a_call = 30, 200

    def write(thread: int) -> None:
        for call in range(calls):
            pipe.writer.write(b"".join(b"m,t=%d c=%di,n=%di 1\n" % (thread, call, n) for n in range(lines_a_call)))

    threads = [threading.Thread(target=write, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30.0)
    lines = pipe.whole().splitlines(keepends=True)
    assert len(lines) == 4 * calls * lines_a_call
    together = [b"".join(lines[at : at + lines_a_call]) for at in range(0, len(lines), lines_a_call)]
    expected = {
        b"".join(b"m,t=%d c=%di,n=%di 1\n" % (thread, call, n) for n in range(lines_a_call))
        for thread in range(4)
        for call in range(calls)
    }
    assert set(together) == expected


@pytest.mark.parametrize("length", [1, 7, 4096])
def test_what_the_system_takes_in_pieces_arrives_whole(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    short_writes(monkeypatch, length)
    content = b"".join(b"m f=%di 1\n" % n for n in range(500))
    pipe.take()
    pipe.writer.write(content)
    assert pipe.whole() == content


def test_nothing_is_written_for_nothing(pipe: Pipe) -> None:
    pipe.writer.write(b"")
    pipe.take()
    assert pipe.whole() == b""


def test_a_reader_that_is_gone_is_said_each_time(pipe: Pipe) -> None:
    reader, descriptor = os.pipe()
    writer = LineWriter(descriptor)
    os.close(reader)
    with pytest.raises(OutputClosed, match="standard output is closed: Broken pipe"):
        writer.write(b"m f=1 1\n")
    with pytest.raises(OutputClosed, match=r"^standard output is closed$"):  # not tried any more
        writer.write(b"m f=2 2\n")
    os.close(descriptor)


def test_a_reader_that_goes_in_mid_write_ends_the_write(pipe: Pipe) -> None:
    reader, descriptor = os.pipe()
    writer = LineWriter(descriptor)
    ended: list[Exception] = []

    def write() -> None:
        try:
            writer.write(b"m f=1 1\n" * 100_000)  # more than a pipe holds
        except OutputClosed as closed:
            ended.append(closed)

    thread = threading.Thread(target=write)
    thread.start()
    assert os.read(reader, 1) == b"m"
    os.close(reader)
    thread.join(10.0)
    assert not thread.is_alive()
    assert [str(error) for error in ended] == ["standard output is closed: Broken pipe"]
    os.close(descriptor)


def test_close_waits_until_the_reader_has_taken_everything(pipe: Pipe) -> None:
    pipe.writer.write(b"m f=1 1\n" * 1000)
    assert unread(pipe.descriptor) == 8000
    pipe.take()
    assert pipe.writer.close(10.0)
    assert unread(pipe.descriptor) == 0


def test_close_gives_up_on_a_reader_that_does_not_read(pipe: Pipe) -> None:
    pipe.writer.write(b"m f=1 1\n")
    assert not pipe.writer.close(0.02)
    assert unread(pipe.descriptor) == 8


def writing(pipe: Pipe, content: bytes) -> tuple[threading.Thread, list[str]]:
    """Begin to write in a thread, which gets more of it than a pipe holds; the list gets what it is refused with."""
    refusals: list[str] = []

    def write() -> None:
        try:
            pipe.writer.write(content)
        except OutputClosed as closed:
            refusals.append(str(closed))

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    return thread, refusals


def test_close_lets_the_write_in_hand_finish(pipe: Pipe) -> None:
    thread, refusals = writing(pipe, b"m f=1 1\n" * 100_000)
    first = os.read(pipe.reader, 1)  # it is in hand now
    pipe.take()
    assert pipe.writer.close(10.0)
    thread.join(10.0)
    assert (len(first + pipe.whole()), refusals, pipe.writer.whole) == (800_000, [], True)


def test_a_write_that_does_not_end_is_cut_off_and_no_other_follows_it(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    short_writes(monkeypatch, 1000)
    thread, refusals = writing(pipe, b"m f=1 1\n" * 100_000)
    assert soon(lambda: unread(pipe.descriptor) >= 64_000)  # the pipe is full, the write is stuck
    other, refused = writing(pipe, b"glued f=1 1\n")  # waits for its turn
    assert not pipe.writer.close(0.02)
    assert not pipe.writer.whole
    pipe.take()
    thread.join(10.0)
    other.join(10.0)
    received = pipe.whole()
    assert b"glued" not in received
    assert len(received) < 70_000
    assert refusals == ["standard output is closed, and the reader has not taken all lines"]
    assert refused == ["standard output is closed"]
    with pytest.raises(OutputClosed):
        pipe.writer.write(b"glued f=1 1\n")


def test_a_writer_whose_reader_is_only_slow_is_whole(pipe: Pipe) -> None:
    pipe.writer.write(b"m f=1 1\n")
    assert not pipe.writer.close(0.02)
    assert pipe.writer.whole


def test_close_of_what_is_no_pipe_does_not_wait() -> None:
    descriptor = os.open("/dev/null", os.O_WRONLY)
    writer = LineWriter(descriptor)
    writer.write(b"m f=1 1\n")
    assert writer.close(10.0)
    os.close(descriptor)


def test_after_close_nothing_is_written(pipe: Pipe) -> None:
    assert pipe.writer.close(1.0)
    with pytest.raises(OutputClosed):
        pipe.writer.write(b"m f=1 1\n")
    pipe.take()
    assert pipe.whole() == b""


def test_whatever_else_prints_stays_away_from_the_lines() -> None:
    code = """
import os, subprocess, sys, warnings
from telegraf_plugin.telegraf.writer import LineWriter
print("buffered before", flush=True)
writer = LineWriter.take_stdout()
assert sys.stdout is sys.stderr
writer.write(b"m f=1 1\\n")
print("print")
sys.stdout.write("sys.stdout\\n")
sys.__stdout__.write("sys.__stdout__\\n")
sys.__stdout__.flush()
os.write(1, b"descriptor 1\\n")
subprocess.run(["echo", "child"])
warnings.warn("warning")
writer.write(b"m f=2 2\\n")
assert writer.close(5.0)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert run.stdout == "buffered before\nm f=1 1\nm f=2 2\n"
    for word in ("print", "sys.stdout", "sys.__stdout__", "descriptor 1", "child", "warning"):
        assert word in run.stderr


def test_lines_written_right_before_the_end_arrive() -> None:
    code = """
from telegraf_plugin.telegraf.writer import LineWriter
writer = LineWriter.take_stdout()
writer.write(b"m f=1 1\\n" * 200_000)
assert writer.close(20.0)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=30, check=True)
    assert run.stdout == b"m f=1 1\n" * 200_000
