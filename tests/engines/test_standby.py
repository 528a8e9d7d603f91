"""Two collectors with the same files, one of which stands by: it prints nothing until the other one is gone."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

from lab.influxd import InfluxServer
from lab.loopback import wait_until
from tests.engines.landing import Landing
from tests.engines.plugin_process import PluginProcess, queries, source

INTERVAL_S = 2
BUCKET = "of two collectors"
TELEGRAF = f"""\
[agent]
  interval = "{INTERVAL_S}s"
[[inputs.execd]]
  command = ["data-collector"]
  signal = "STDIN"
"""


def test_the_second_prints_nothing_until_the_first_is_killed_and_then_all_that_is_new(
    influx: InfluxServer, tmp_path: Path
) -> None:
    influx.create_bucket(BUCKET)
    document = queries(source("POD-8", influx.url, {"bucket": BUCKET, "start": "-60s"}))
    env = {"TOKEN": influx.token_for(read=[BUCKET]), "COLLECTOR_STANDBY": "yes"}
    with ExitStack() as stack:
        first, second = (_collector(tmp_path / name, document, env, stack) for name in ("first", "second"))
        second.wait_for_log("standing by: run [0-9a-f]{8} on .* holds the lease")

        def both() -> None:
            for plugin in (first, second):
                if plugin.popen.poll() is None:
                    plugin.tick()
            _write(influx)

        _until(both, lambda: len(first.data) > 3 and first.healthy() and second.healthy(), "both to be well")
        assert not second.data
        assert not second.of("collector_ledger")
        assert second.of("collector_health")[-1].tags == {"role": "standby"}
        assert {line.tags["role"] for line in second.of("collector_lease")} == {"standby"}

        killed = time.monotonic()
        first.popen.kill()
        first.popen.wait()
        _until(both, lambda: second.data, "the second to take over")
        assert time.monotonic() - killed < 3 * INTERVAL_S + 1  # a second for the tick of this loop
        _write(influx)
        newest = time.time_ns()
        _until(both, lambda: _landed(second, newest) == _at(influx, newest), "all that was written to have landed")
        assert second.healthy()
        assert second.of("collector_lease")[-1].tags["role"] == "active"
        second.end_of_input()
        assert second.wait() == 0
        assert second.of("collector_lease")[-1].tags["role"] == "over"


def _collector(folder: Path, document: dict[str, object], env: dict[str, str], stack: ExitStack) -> PluginProcess:
    folder.mkdir()
    (folder / "telegraf.conf").write_text(TELEGRAF)
    landing = stack.enter_context(Landing(names_as_they_are=True))
    plugin = stack.enter_context(PluginProcess(folder, document, env, landing=landing))
    plugin.tick()
    plugin.wait_for_log("the lease")
    return plugin


def _until(act: object, probe: object, what: str) -> None:
    """Do `act` each second until `probe`."""
    deadline = time.monotonic() + 30
    while True:
        act()  # type: ignore[operator]
        try:
            wait_until(probe, what, 1.0, 0.05)  # type: ignore[arg-type]
            return
        except TimeoutError:
            if time.monotonic() > deadline:
                raise


def _write(influx: InfluxServer) -> None:
    influx.write(BUCKET, b"power,pod=8 watts=1.5 %d" % (time.time_ns() // 10**6 * 10**6))


def _at(server: InfluxServer, newest: int) -> list[int]:
    return sorted(point.time_ns for point in server.points(BUCKET, newest - 120 * 10**9, newest))


def _landed(plugin: PluginProcess, newest: int) -> list[int]:
    points = plugin.landing.server.points(BUCKET, newest - 120 * 10**9, newest)
    return sorted(point.time_ns for point in points if point.measurement == "power")
