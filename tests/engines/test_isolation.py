"""A source in trouble, of whatever kind, leaves the others on time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from lab.influxd import InfluxServer
from lab.loopback import HOST, free_port, wait_until
from tests.behaviours import chunked, hang, refusal, reset, table
from tests.engines.landing import Landing
from tests.engines.plugin_process import LEDGER, PluginProcess, queries, source
from tests.fakes import BlackHole, FakeSource
from tests.meddler import Meddler

TICKS = 5


@contextmanager
def hanging() -> Iterator[str]:
    with FakeSource(hang, same=True) as fake:
        yield fake.url


@contextmanager
def dribbling() -> Iterator[str]:
    pieces = [bytes([byte]) for byte in table(values=["1.5"] * 50)]
    with FakeSource(chunked(*pieces, every_s=0.2), same=True) as fake:
        yield fake.url


@contextmanager
def refusing() -> Iterator[str]:
    yield f"http://{HOST}:{free_port()}"


@contextmanager
def swallowing() -> Iterator[str]:
    with BlackHole() as hole:
        yield hole.url


@contextmanager
def resetting() -> Iterator[str]:
    with FakeSource(reset, same=True) as fake:
        yield fake.url


@contextmanager
def overloaded() -> Iterator[str]:
    with FakeSource(refusal(503, "too busy", {"Retry-After": "1"}), same=True) as fake:
        yield fake.url


@pytest.mark.parametrize("trouble", [hanging, dribbling, refusing, swallowing, resetting, overloaded])
@pytest.mark.parametrize("first", [True, False], ids=["listed-first", "listed-last"])
def test_data_of_a_good_source_comes_with_each_tick_whatever_another_does(
    trouble: Callable[[], AbstractContextManager[str]], first: bool, influx: InfluxServer, tmp_path: Path
) -> None:
    bucket = f"{trouble.__name__} {first}"
    influx.create_bucket(bucket)
    # Ticks read the last 15 s again: it must be younger at the last one, also where all of this takes its time.
    influx.write(bucket, b"power watts=1.5 %d" % (time.time_ns() - 2 * 10**9))
    with trouble() as url:
        good = source("good", influx.url, {"bucket": bucket}, token="${GOOD_TOKEN}")
        bad = source("bad", url)
        document = queries(*([bad, good] if first else [good, bad]))
        env = {"GOOD_TOKEN": influx.token_for(read=[bucket])}
        with PluginProcess(tmp_path, document, env) as plugin:
            plugin.ready()
            took = []
            for number in range(1, TICKS + 1):
                at = plugin.tick()
                plugin.wait_for_log("^I! read good/.* 1 points read, 1 sent", count=number, timeout_s=3)
                wait_until(lambda n=number: len(plugin.of("power")) == n, f"point {number}", 3, 0.01)  # type: ignore[misc]
                took.append(time.monotonic() - at)
            # To wait for the other would cost its timeouts at every tick, 5 s and more; one may be late by itself.
            assert sorted(took)[TICKS // 2] < 1.0, f"{took}\n{plugin.stderr}"


def test_a_late_source_is_said_to_be_late_and_the_other_healthy(influx: InfluxServer, tmp_path: Path) -> None:
    with FakeSource(hang) as fake:
        good = source("good", influx.url, token="${GOOD_TOKEN}")
        with PluginProcess(tmp_path, queries(good, source("bad", fake.url)), {"GOOD_TOKEN": influx.token}) as plugin:
            plugin.ready().tick()
            plugin.wait_for_log("^I! read good/data")

            def well() -> dict[str, int]:
                return {line.tags["source"]: line.fields["healthy"] for line in plugin.of("collector_stream")}

            plugin.tick_until(lambda: well().get("good"), "good health of the good one")
            assert well() == {"good": 1, "bad": 0}
            sources = {line.tags["source"]: line.fields for line in plugin.of("collector_source")}
            assert (sources["good"]["late"], sources["bad"]["late"]) == (0, 1)
            assert (
                plugin.of("collector_health")[-1].fields.items() >= {"healthy": 0, "streams": 2, "failing": 1}.items()
            )


def test_a_slow_ledger_in_one_bucket_of_central_holds_up_no_other(pod: InfluxServer, tmp_path: Path) -> None:
    """Before: one thread read the ledgers in turn, and what had landed beside the slow one was called lacking."""
    pod.create_bucket("slow")
    document = queries(source("POD-8", pod.url, {"bucket": "data", "start": "-20s"}, {"bucket": "slow"}))
    holding, held, go_on = threading.Event(), threading.Event(), threading.Event()
    with Landing() as landing:
        name = landing.bucket("slow").encode()

        def answer(path: str, body: bytes) -> None:
            # What asks for all but the ledger has a != in it: that is a thread of the source's.
            if holding.is_set() and name in body and LEDGER.encode() in body and b"!=" not in body:
                held.set()
                go_on.wait(30)

        with Meddler(landing.server.url, answer) as between:
            document = landing.place(document, {})
            document["central"]["url"] = between.url
            with PluginProcess(tmp_path, document, {"TOKEN": pod.token}, landing=landing) as plugin:
                plugin.ready()

                def seen(stream: str) -> int:
                    """When (Unix ns) the newest of a stream's marks was made that the plugin knows to be there."""
                    for bucket in ("data", "slow"):
                        pod.write(bucket, b"power watts=1.5 %d" % time.time_ns())
                    marks = [line for line in plugin.of(LEDGER) if line.tags["stream"] == stream]
                    return max((int(m.fields["base"].partition("@")[0] or 0) for m in marks), default=0)

                plugin.tick_until(lambda: seen("data") and seen("slow"), "marks of both that are back")
                holding.set()
                plugin.tick_until(held.is_set, "a question for the ledger of the slow one")
                since = time.time_ns()
                try:
                    plugin.tick_until(lambda: seen("data") > since, "marks of the other that are back", 8)
                    assert seen("slow") < since
                    assert not plugin.logged("cannot read the ledger|has lacked points")
                finally:
                    go_on.set()


def test_only_one_query_at_a_time_goes_to_a_source_unless_set_otherwise(tmp_path: Path) -> None:
    streams = [{"bucket": name, "lookback": "1s"} for name in ("a", "b", "c")]
    for allowed in (1, 2):
        with FakeSource(hang) as fake:
            folder = tmp_path / str(allowed)
            folder.mkdir()
            # concurrent_queries: 1 is also the default, which is what stands here for it.
            keys: dict[str, Any] = {} if allowed == 1 else {"concurrent_queries": allowed}
            document = queries(source("bad", fake.url, *streams, **keys, timeouts={"read": "1s"}))
            with PluginProcess(folder, document) as plugin:
                plugin.ready().tick()
                plugin.wait_for_log("^E! failed bad/")  # by now every query that may run was sent
                before = [r.at for r in fake.requests if r.at < fake.requests[0].at + 0.8]
                assert len(before) == allowed
