"""Telegraf's signals: newlines are ticks, and those that nobody has served yet are one; the end of input is the end."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import pytest

from telegraf_plugin.telegraf.execd import TickReader

TAKEN = "taken"  # in a script: the plugin begins to serve the last tick


class Events:
    """What a reader said, in order, and when it has said the last of it."""

    def __init__(self, descriptor: int) -> None:
        self.said: list[str] = []
        self._ended = threading.Event()
        self.ticked = threading.Semaphore(0)
        self.reader = TickReader(descriptor, self._tick, self._end)

    def _tick(self) -> None:
        self.said.append("tick")
        self.ticked.release()

    def _end(self) -> None:
        self.said.append("end")
        self._ended.set()

    def whole(self) -> list[str]:
        """All that was said, when the end has come."""
        assert self._ended.wait(10.0)
        return self.said


def scripted(monkeypatch: pytest.MonkeyPatch, script: list[bytes | str]) -> list[str]:
    """What a reader says to `script`: each piece is read when all before it has been dealt with."""
    events = Events(-1)
    pieces = iter(script)

    def read(_descriptor: int, _length: int) -> bytes:
        for piece in pieces:
            if isinstance(piece, bytes):
                return piece
            events.reader.taken()
        return b""

    monkeypatch.setattr(os, "read", read)
    events.reader.start()
    return events.whole()


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ([], ["end"]),
        ([b"\n"], ["tick", "end"]),
        ([b"\n\n\n"], ["tick", "end"]),
        ([b"\n", b"\n", b"\n"], ["tick", "end"]),
        ([b"\n", TAKEN, b"\n"], ["tick", "tick", "end"]),
        ([b"\n", b"\n", TAKEN, b"\n", b"\n"], ["tick", "tick", "end"]),
        ([b"\n\n", TAKEN, TAKEN, b"\n"], ["tick", "tick", "end"]),
        ([b"no newline"], ["end"]),
        ([b"\r", b" ", b"\0"], ["end"]),
        ([b"ignored\n"], ["tick", "end"]),
        ([b"in two ", b"pieces\n"], ["tick", "end"]),
    ],
)
def test_newlines_that_nobody_has_served_yet_are_one_tick(
    monkeypatch: pytest.MonkeyPatch, script: list[bytes | str], said: list[str]
) -> None:
    assert scripted(monkeypatch, script) == said


def test_a_descriptor_that_cannot_be_read_is_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(writer)
    os.close(reader)
    events = Events(reader)
    events.reader.start()
    assert events.whole() == ["end"]


def test_ticks_come_through_a_pipe_until_it_is_closed() -> None:
    reader, writer = os.pipe()
    events = Events(reader)
    events.reader.start()
    for _ in range(3):
        os.write(writer, b"\n")
        assert events.ticked.acquire(timeout=10.0)
        events.reader.taken()
    os.close(writer)
    assert events.whole() == ["tick", "tick", "tick", "end"]
    os.close(reader)


def test_the_end_comes_once_and_behind_a_tick_that_waits() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"\n\n")
    os.close(writer)
    events = Events(reader)
    start: Callable[[], None] = events.reader.start
    start()
    assert events.whole() == ["tick", "end"]
    os.close(reader)
