"""Two collectors with the same files share the sources: each is read by one of them, and both are well."""

from __future__ import annotations

import time
from pathlib import Path

from lab.influxd import InfluxServer
from telegraf_plugin.config.shards import by_shard
from tests.engines.plugin_process import PluginProcess, queries, source


def test_each_source_is_read_by_the_collector_that_it_falls_to(influx: InfluxServer, tmp_path: Path) -> None:
    names = [f"POD-{number}" for number in range(1, 5)]
    for name in names:
        influx.create_bucket(name)
        influx.write(name, b"power,pod=%s watts=1.5 %d" % (name.encode(), time.time_ns() - 2 * 10**9))
    document = queries(*(source(name, influx.url, {"bucket": name}, token="${POD_TOKEN}") for name in names))
    read: dict[int, set[str]] = {}
    for number in (1, 2):
        (folder := tmp_path / str(number)).mkdir()
        env = {"POD_TOKEN": influx.token_for(read=names), "COLLECTOR_SHARD": f"{number}/2"}
        with PluginProcess(folder, document, env) as plugin:
            plugin.ready().tick_until(plugin.healthy, "health")
            read[number] = {line.tags["pod"] for line in plugin.of("power")}
            [health] = {line.tags["shard"] for line in plugin.of("collector_health")}
            assert health == f"{number}/2"
            assert {line.fields["shard"] for line in plugin.of("collector_stream")} == {health}
            assert {line.tags["source"] for line in plugin.of("collector_stream")} == read[number]

    assert read == {number: set(share) for number, share in by_shard(names, 2).items()}
    assert all(read.values())


def test_a_collector_to_which_no_source_falls_is_well_and_says_so(influx: InfluxServer, tmp_path: Path) -> None:
    empty = next(number for number, share in by_shard(["POD-8"], 2).items() if not share)
    document = queries(source("POD-8", influx.url, token="${POD_TOKEN}"))
    env = {"POD_TOKEN": influx.token, "COLLECTOR_SHARD": f"{empty}/2"}
    with PluginProcess(tmp_path, document, env) as plugin:
        plugin.cycle()
        assert plugin.healthy()
        plugin.wait_for_log("no source falls to this shard")
        assert not plugin.of("collector_stream")
