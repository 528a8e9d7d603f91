"""What central would refuse: noticed by looking into it, named, and nobody else's trouble."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lab.influxd import InfluxServer
from lab.loopback import HttpRefused, wait_until
from telegraf_plugin.stream.block import Block, FieldType
from telegraf_plugin.stream.mapping import MetadataTag, TagMapper
from telegraf_plugin.telegraf.line_protocol import MAX_STRING_BYTES, LineEncoder
from tests.engines.plugin_process import PluginProcess, Section, queries, source

SECOND = 1_000_000_000
HOUR_S = 3600


@pytest.fixture(scope="module")
def pod() -> Iterator[InfluxServer]:
    with InfluxServer("o", "data") as server:
        yield server


@pytest.fixture(scope="module")
def central() -> Iterator[InfluxServer]:
    with InfluxServer("central", "metrics") as server:
        yield server


def copying(pod: InfluxServer, central: InfluxServer, bucket: str, lookback: str) -> Section:
    document = queries(source("POD-1", pod.url, {"bucket": bucket, "lookback": lookback}))
    document["central"]["url"] = central.url
    return document


def environment(pod: InfluxServer, central: InfluxServer) -> dict[str, str]:
    return {"TOKEN": pod.token, "CENTRAL_TOKEN": central.token}


def wait_for_cycles(plugin: PluginProcess, count: int) -> None:
    wait_until(lambda: len(plugin.of("collector_health")) >= count, f"{count} cycles", 20)


def test_a_field_of_another_type_in_central_is_named_with_both_types(
    tmp_path: Path, pod: InfluxServer, central: InfluxServer
) -> None:
    pod.create_bucket("typed")
    central.create_bucket("typed")
    at = time.time_ns() - 20 * SECOND
    pod.write("typed", f"rack,host=a current=1.5,steady=2 {at}\n".encode())
    # As another source, or an earlier collector, has left it there; `steady` has arrived as it is.
    central.write("typed", f"rack,host=b current=1i,steady=2 {at}\n".encode())
    document = copying(pod, central, "typed", "1m")
    with PluginProcess(tmp_path, document, env=environment(pod, central)) as plugin:
        plugin.ready()

        def named() -> bool:
            plugin.tick()
            return "refuses it (422)" in plugin.stderr

        wait_until(named, "the conflict in the log", 20, every_s=0.5)
        plugin.tick()
        wait_until(lambda: plugin.of("collector_conflict"), "the metric", 20)
        errors = [line for line in plugin.stderr.splitlines() if line.startswith("E! ")]
    assert len(errors) == 1
    for part in ("POD-1/typed", "'current'", "'rack'", "float here", "integer in central's bucket typed"):
        assert part in errors[0]
    line = plugin.of("collector_conflict")[0]
    assert line.tags == {"source": "POD-1", "stream": "typed", "measurement": "rack", "refused_field": "current"}
    assert line.fields == {"source_type": "float", "central_type": "integer"}


def test_what_central_is_too_short_lived_for_is_not_sent(
    tmp_path: Path, pod: InfluxServer, central: InfluxServer
) -> None:
    pod.create_bucket("brief")
    central.create_bucket("brief", retention_s=HOUR_S)
    now = time.time_ns()
    old, new = now - 2 * HOUR_S * SECOND, now - 60 * SECOND
    pod.write("brief", f"m v=1 {old}\nm v=2 {new}\n".encode())
    with PluginProcess(tmp_path, copying(pod, central, "brief", "3h"), env=environment(pod, central)) as plugin:
        plugin.ready()
        wait_until(lambda: "is not read" in plugin.stderr, "the warning", 20)
        plugin.tick()
        wait_for_cycles(plugin, 1)
        assert [line.time_ns for line in plugin.of("m")] == [new]
        assert "POD-1/brief looks back 3:00:00, but central keeps bucket brief for 1:00:00 only" in plugin.stderr


def test_a_central_that_is_away_is_said_once_and_the_sources_are_read(tmp_path: Path, pod: InfluxServer) -> None:
    at = time.time_ns() - 20 * SECOND
    pod.write("data", f"m v=1 {at}\n".encode())
    document = queries(source("POD-1", pod.url, {"bucket": "data", "lookback": "1m"}))
    with PluginProcess(tmp_path, document, env={"TOKEN": pod.token}) as plugin:
        plugin.ready()
        for cycles in range(1, 4):
            plugin.tick()
            wait_for_cycles(plugin, cycles)
        assert plugin.stderr.count("cannot look into central at http://127.0.0.1:9") == 1
        assert plugin.of("collector_health")[-1].fields["healthy"] == 1
        assert plugin.of("m")


@pytest.mark.parametrize("field", [b"f", b"a longer field, with = to be escaped"])
def test_the_encoders_limit_for_keys_is_influxdbs_own(central: InfluxServer, field: bytes) -> None:
    mapper = TagMapper("POD-1", "typed", (MetadataTag.SOURCE_BUCKET,))

    def lines(length: int) -> bytes:
        """The lines for a series whose measurement is so long; none where the encoder holds them back."""
        block = Block(b"m" * length, (), field, FieldType.FLOAT, [b"%d" % time.time_ns()], [b"1"])
        return LineEncoder(mapper).encode(block)

    longest = max(length for length in range(65_300, 65_540) if lines(length))
    central.write("metrics", lines(longest))
    one_more = lines(longest).replace(b"m", b"mm", 1)
    with pytest.raises(HttpRefused) as refused:
        central.write("metrics", one_more)
    assert refused.value.status == 400  # for which Telegraf would drop the whole batch


def test_the_encoders_limit_for_strings_is_influxdbs_own(central: InfluxServer) -> None:
    encoder = LineEncoder(TagMapper("POD-1", "typed", (MetadataTag.SOURCE_BUCKET,)))
    longest = Block(b"m", (), b"s", FieldType.STRING, [b"%d" % time.time_ns()], [b'"' * MAX_STRING_BYTES])
    line = encoder.encode(longest)
    central.write("metrics", line)
    with pytest.raises(HttpRefused, match="too long"):
        central.write("metrics", line.replace(b'"', b'"x', 1))
    assert encoder.encode(replace(longest, values=[longest.values[0] + b"x"])) == b""


def test_names_that_lost_a_carriage_return_are_dropped_and_their_neighbours_pass(
    tmp_path: Path, pod: InfluxServer, central: InfluxServer
) -> None:
    pod.create_bucket("names")
    at = time.time_ns() - 20 * SECOND
    tags = [b"a\rb", b"ab", b"a\\,\rc", b"a\\,d"]  # two have lost one; one of them stands in quotes for its comma too
    pod.write("names", b"".join(b"m,t=%b v=%d %d\n" % (tag, number, at) for number, tag in enumerate(tags)))
    document = queries(source("POD-1", pod.url, {"bucket": "names", "lookback": "1m"}))
    with PluginProcess(tmp_path, document, env=environment(pod, central)) as plugin:
        plugin.ready().tick()
        wait_for_cycles(plugin, 1)
        assert {(line.tags["t"], line.fields["v"]) for line in plugin.of("m")} == {("ab", 1.0), ("a,d", 3.0)}
        (dropped,) = plugin.of("collector_dropped")
    assert dropped.tags["reason"] == "unwritable_name"
    assert dropped.fields["points_total"] == 2


def test_rows_of_a_flux_that_central_is_too_short_lived_for_are_held(
    tmp_path: Path, pod: InfluxServer, central: InfluxServer
) -> None:
    pod.create_bucket("far")
    central.create_bucket("far", retention_s=HOUR_S)
    now = time.time_ns()
    pod.write("far", f"m v=1 {now - 2 * HOUR_S * SECOND}\nm v=2 {now - 60 * SECOND}\n".encode())
    flux = "start_ = start\nfrom(bucket: bucket) |> range(start: -3h, stop: stop)"
    document = queries(source("POD-1", pod.url, {"bucket": "far", "lookback": "5m", "flux": flux}))
    document["central"]["url"] = central.url
    with PluginProcess(tmp_path, document, env=environment(pod, central)) as plugin:
        plugin.ready()

        def held() -> bool:  # from the first cycle on after central has said how long it keeps the bucket
            plugin.tick()
            return bool(plugin.of("collector_dropped"))

        wait_until(held, "a point that is held", 20, every_s=0.5)
        dropped = plugin.of("collector_dropped")[0]
        assert dropped.tags["reason"] == "outside_retention"
        before = len(plugin.of("m"))
        cycles = len(plugin.of("collector_health"))
        plugin.tick()
        wait_for_cycles(plugin, cycles + 1)
        assert [line.fields["v"] for line in plugin.of("m")[before:]] == [2.0] * (len(plugin.of("m")) - before)
