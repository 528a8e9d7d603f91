"""What the plugin's one thread does for each read does not grow with the number of streams."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from telegraf_plugin.plugin import LAG_INTERVALS, Plugin
from telegraf_plugin.stream.account import Account
from telegraf_plugin.stream.drops import Drops
from telegraf_plugin.stream.status import Attempt
from telegraf_plugin.stream.units import SECOND
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


@pytest.mark.parametrize("seconds", [1, 10, 300])
def test_every_bound_of_health_follows_the_interval(seconds: int, tmp_path: Path, writer: LineWriter) -> None:
    own = "      - {bucket: own, max_lag: 7m}\n"
    plugin = Plugin(loaded(tmp_path, BASE + own, ENVIRONMENT), writer, interval=seconds * SECOND)
    plugin._take_progress()
    patient, one_of_its_own = plugin._board.streams.values()
    assert (patient.max_lag, patient.patience) == (LAG_INTERVALS * seconds * SECOND, 2 * seconds * SECOND)
    assert (one_of_its_own.max_lag, one_of_its_own.patience) == (420 * SECOND, 2 * seconds * SECOND)
