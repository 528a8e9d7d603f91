"""Commands in threads: a source that hangs holds up nobody but itself, and there are no more than may be."""

from __future__ import annotations

import queue
import threading
from dataclasses import replace
from typing import cast

import pytest

from telegraf_plugin.config import Source as ConfiguredSource
from telegraf_plugin.execution import executor as executor_module
from telegraf_plugin.execution.executor import Executor, Told
from telegraf_plugin.influxdb.central import CentralReader
from telegraf_plugin.stream import jobs
from telegraf_plugin.stream.commands import LookUp, MarkPrinted, Outcome, Probe, StreamJob
from telegraf_plugin.stream.status import Effort
from telegraf_plugin.telegraf.inflight import InFlightWindow
from telegraf_plugin.telegraf.writer import LineWriter
from tests.unit.config_bench import BASE, CENTRAL_TOKEN, POD_TOKEN, loaded
from tests.unit.core_bench import BEGIN
from tests.unit.executor_bench import WHOLE, Central, Output, Source, command
from tests.unit.test_inflight import soon


class Threads:
    """An executor with stubs for its servers."""

    def __init__(self, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sources: dict[str, Source] = {}
        self.output, self.central = Output(), Central()
        self.told: queue.SimpleQueue[Told] = queue.SimpleQueue()
        self.closed = threading.Event()
        config = loaded(tmp_path, BASE, {"CENTRAL_TOKEN": CENTRAL_TOKEN, "POD_TOKEN": POD_TOKEN})  # type: ignore[arg-type]
        (source,) = config.sources
        both = tuple(
            replace(source, name=name, streams=tuple(replace(each, source=name) for each in source.streams))
            for name in ("POD-8", "POD-30")
        )
        config = replace(config, sources=both)
        self.streams = {each.name: each.streams[0] for each in both}

        def reader(of: ConfiguredSource, client: str) -> Source:
            assert client == of.name
            return self.sources.setdefault(client, Source())

        monkeypatch.setattr(executor_module, "client_of", lambda each: each.name)
        monkeypatch.setattr(executor_module, "reader_of", reader)
        windows = {each.central_bucket: InFlightWindow(1000) for each in config.streams}
        self.executor = Executor(
            config,
            cast(CentralReader, self.central),
            windows,
            cast(LineWriter, self.output),
            self.told.put,
            self.closed.set,
        )

    def submit(self, job: StreamJob, source: str = "POD-8") -> None:
        self.executor.submit(command(job, self.streams[source]))

    def next(self) -> Told:
        """What is told next, but of marks."""
        while isinstance(told := self.told.get(timeout=10), MarkPrinted):
            pass
        return told


@pytest.fixture
def threads(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> Threads:
    return Threads(tmp_path, monkeypatch)


def test_a_source_that_hangs_holds_up_nobody_but_itself(threads: Threads) -> None:
    threads.sources["POD-8"].hangs = threading.Event()
    for _ in range(10):
        threads.submit(Probe(BEGIN))
    threads.submit(Probe(BEGIN), "POD-30")
    told = threads.next()
    assert isinstance(told, Outcome)
    assert told.command.stream.source == "POD-30"
    threads.executor.submit(LookUp("b"))
    assert not isinstance(threads.next(), Outcome)
    threads.sources["POD-8"].hangs.set()
    for _ in range(10):
        assert isinstance(threads.next(), Outcome)
    with pytest.raises(queue.Empty):
        threads.told.get(timeout=0.02)  # one outcome for each


def test_a_source_has_as_many_in_hand_as_may_be_and_one_more(threads: Threads) -> None:
    threads.sources["POD-8"].hangs = threading.Event()
    for _ in range(50):
        threads.submit(Probe(BEGIN))
    threads.submit(Probe(BEGIN), "POD-30")
    threads.next()
    assert len(threads.executor._pool.threads("POD-8")) == 2  # a query at a time, and how a bucket is kept
    threads.sources["POD-8"].hangs.set()


def test_when_nobody_reads_the_lines_that_is_said(threads: Threads) -> None:
    threads.output.closed = True
    threads.submit(jobs.Copy(WHOLE, live=True))
    assert threads.closed.wait(10)


def test_it_tells_what_was_asked_for_and_who_is_waited_for(threads: Threads) -> None:
    assert threads.executor.look("") == (Effort(5, 6), False)
    assert threads.executor.look("POD-8") == (Effort(3, 4), False)
    threads.sources["POD-8"].hangs = threading.Event()
    threads.submit(Probe(BEGIN))
    assert soon(lambda: bool(threads.executor._pool.threads("POD-8")))
    threads.central.asking |= threads.executor._pool.threads("POD-8")
    assert soon(lambda: threads.executor.look("POD-8")[1])
    threads.sources["POD-8"].hangs.set()
