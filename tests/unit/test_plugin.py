"""What the plugin's one thread does for each read does not grow with the number of streams."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from telegraf_plugin.plugin import Plugin
from telegraf_plugin.stream.account import Account
from telegraf_plugin.stream.drops import Drops
from telegraf_plugin.stream.status import Attempt
from telegraf_plugin.stream.units import SECOND
from telegraf_plugin.telegraf.writer import LineWriter
from tests.unit.config_bench import BASE, CENTRAL_TOKEN, POD_TOKEN, loaded
from tests.unit.test_status import IN_TIME

ENVIRONMENT = {"CENTRAL_TOKEN": CENTRAL_TOKEN, "POD_TOKEN": POD_TOKEN}


@pytest.fixture
def pipe() -> Iterator[tuple[int, LineWriter]]:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    yield reading, LineWriter(writing)
    os.close(reading)
    os.close(writing)


@pytest.fixture
def writer(pipe: tuple[int, LineWriter]) -> LineWriter:
    return pipe[1]


@pytest.mark.parametrize("streams", [1, 100])
def test_a_read_asks_for_its_own_streams_progress_alone(
    streams: int, tmp_path: Path, writer: LineWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    progress = Account.progress

    def counted(account: Account, *at: object) -> object:
        asked.append(account.stream.label)
        return progress(account, *at)  # type: ignore[arg-type]

    monkeypatch.setattr(Account, "progress", counted)
    config = loaded(tmp_path, BASE + "".join(f"      - bucket: b{n}\n" for n in range(1, streams)), ENVIRONMENT)
    plugin = Plugin(config, writer)
    assert len(config.streams) == streams
    for stream in config.streams:
        plugin._record(Attempt(stream, 0, 1, 1, 1, Drops(), 0.1))
    assert asked == [stream.label for stream in config.streams]


@pytest.mark.parametrize(("lag", "told"), [(2, b""), (3, b"healthy=0i")])
def test_what_is_behind_is_told_at_the_tick(
    lag: int, told: bytes, tmp_path: Path, pipe: tuple[int, LineWriter], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its cycle may last until the next one: a thread that waits for a central that hangs ends none."""
    reading, writer = pipe
    plugin = Plugin(loaded(tmp_path, BASE, ENVIRONMENT), writer, interval=60 * SECOND)
    (stream,) = plugin._board.streams
    monkeypatch.setattr(Account, "progress", lambda *_: replace(IN_TIME, lag=60 * SECOND))
    plugin._record(Attempt(plugin._board.streams[stream].stream, 0, 1, 1, 1, Drops(), 0.1))
    plugin._publish(b"x\n")
    assert os.read(reading, 65536) == b"x\n"
    monkeypatch.setattr(Account, "progress", lambda *_: replace(IN_TIME, lag=lag * 60 * SECOND))
    plugin._tick()
    plugin._publish(b"y\n")
    found = os.read(reading, 65536)
    assert found.endswith(b"y\n")
    assert told in found
    assert told or found == b"y\n"


def test_what_was_not_read_by_the_second_tick_of_a_start_is_not_called_slow(
    tmp_path: Path, writer: LineWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger and the first mark took their time; health would be bad for an interval after a reload."""
    monkeypatch.setattr(Account, "progress", lambda *_: IN_TIME)
    plugin = Plugin(loaded(tmp_path, BASE, ENVIRONMENT), writer, interval=10 * SECOND)
    (label,) = plugin._board.streams
    for worker in plugin._workers:
        monkeypatch.setattr(type(worker), "late", property(lambda _: {label}))
    plugin._tick()
    plugin._tick()
    assert not plugin._board.streams[label].late
    plugin._began -= 21  # the start is over
    plugin._tick()
    assert plugin._board.streams[label].late
