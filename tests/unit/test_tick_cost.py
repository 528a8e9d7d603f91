"""What a tick costs goes by the number of streams, not by its square: counted in calls, not measured in seconds."""

from __future__ import annotations

import threading
from pathlib import Path
from types import FrameType

import pytest

import telegraf_plugin
from telegraf_plugin.stream.ledger import MarkId
from tests.unit.worker_bench import MARK, Bench, Echo

OURS = str(Path(telegraf_plugin.__file__).parent)
FEW, MANY = 30, 300


class Calls:
    """Counts the calls of the product's functions in threads that are started while it does."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        self.made += event == "call" and frame.f_code.co_filename.startswith(OURS)


class OwnEcho(Echo):
    """Tells a stream of the mark that was just printed, and no stream of all others: that is the watch's cost."""

    def write(self, lines: bytes) -> None:
        assert self.worker is not None
        for name, at, incarnation in MARK.findall(lines):
            self.worker.seen(f"POD-8/{name.decode()}", {MarkId(int(at), incarnation.decode())}, int(at))


def calls_a_tick(monkeypatch: pytest.MonkeyPatch, streams: int) -> int:
    """How many calls a worker's thread makes from a tick that finds two points of each stream to the end of it."""
    calls = Calls()
    threading.setprofile(calls)
    try:
        bench = Bench(monkeypatch, " ".join(f"s{number}" for number in range(streams)), 1, 10**6)
        own = OwnEcho()
        own.worker = bench.worker
        monkeypatch.setattr(bench.echo, "write", own.write)
        bench.start()
    finally:
        threading.setprofile(None)
    bench.tick()
    before = calls.made
    assert len(bench.tick()) >= streams
    return calls.made - before


def test_ten_times_the_streams_are_ten_times_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = (calls_a_tick(monkeypatch, streams) for streams in (FEW, MANY))
    assert few > 100 * FEW
    assert 0.8 * MANY / FEW < many / few < 1.2 * MANY / FEW
