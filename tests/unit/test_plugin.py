"""What the plugin's one thread does for each read does not grow with the number of streams."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from telegraf_plugin.plugin import Plugin
from telegraf_plugin.stream.account import Account
from telegraf_plugin.stream.drops import Drops
from telegraf_plugin.stream.status import Attempt
from telegraf_plugin.telegraf.writer import LineWriter
from tests.unit.config_bench import BASE, CENTRAL_TOKEN, POD_TOKEN, loaded

ENVIRONMENT = {"CENTRAL_TOKEN": CENTRAL_TOKEN, "POD_TOKEN": POD_TOKEN}


@pytest.fixture
def writer() -> Iterator[LineWriter]:
    reading, writing = os.pipe()
    yield LineWriter(writing)
    os.close(reading)
    os.close(writing)


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
