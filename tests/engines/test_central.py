"""What central would refuse: noticed by looking into it, named, and nobody else's trouble."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lab.influxd import InfluxServer
from lab.loopback import HOST, HttpRefused, free_port, wait_until
from telegraf_plugin.stream.block import Block, FieldType
from telegraf_plugin.stream.mapping import MetadataTag, TagMapper
from telegraf_plugin.telegraf.line_protocol import MAX_STRING_BYTES, LineMapper, encode
from tests.engines.landing import Landing
from tests.engines.plugin_process import PluginProcess, queries, run_once, source

SECOND = 1_000_000_000
HOUR_S = 3600


@pytest.fixture
def landing(central: InfluxServer) -> Iterator[Landing]:
    """Into central's buckets of the same names as the sources'."""
    with Landing(central, names_as_they_are=True) as landing:
        yield landing


def test_what_central_is_too_short_lived_for_is_not_sent(
    tmp_path: Path, pod: InfluxServer, central: InfluxServer, landing: Landing
) -> None:
    pod.create_bucket("brief")
    central.create_bucket("brief", retention_s=HOUR_S)
    now = time.time_ns()
    old, new = now - 2 * HOUR_S * SECOND, now - 60 * SECOND
    pod.write("brief", f"m v=1 {old}\nm v=2 {new}\n".encode())
    document = queries(source("POD-1", pod.url, {"bucket": "brief", "start": "-3h"}))
    with PluginProcess(tmp_path, document, env={"TOKEN": pod.token}, landing=landing) as plugin:
        plugin.ready().tick_until(plugin.healthy, "good health")
        wait_until(lambda: plugin.of("m"), "the point", 10)
        plugin.cycle()
        assert {line.time_ns for line in plugin.of("m")} == {new}
        # The hour that central keeps is all that there is to do.
        wait_until(lambda: plugin.of("collector_stream")[-1].fields["left_seconds"] < HOUR_S, "the work", 10)
        assert landing.refused == []


def test_a_central_that_is_away_is_said_once_and_nothing_is_printed(tmp_path: Path, pod: InfluxServer) -> None:
    at = time.time_ns() - 20 * SECOND
    pod.write("data", f"m v=1 {at}\n".encode())
    document = queries(source("POD-1", pod.url, {"bucket": "data", "lookback": "1m"}))
    document["central"]["url"] = away = f"http://{HOST}:{free_port()}"
    with PluginProcess(tmp_path, document, env={"TOKEN": pod.token}) as plugin:
        plugin.ready()
        for cycles in range(1, 4):
            plugin.tick()
            plugin.wait_for_log(f"cannot read the ledger in central's bucket data at {away}: .*refused")
            time.sleep(1)
            plugin.wait_for_health(cycles - 1)
        assert len(plugin.logged("cannot read the ledger in central's bucket data ")) == 1, plugin.stderr
        assert plugin.of("collector_health")[-1].fields["healthy"] == 0
        assert "the ledger in central cannot be read" in plugin.logged("cycle: ")[-1]
        assert {line.measurement for line in plugin.lines if "source_bucket" in line.tags} == set()


def lines_of(block: Block) -> bytes:
    """The lines for a block; none where they are held back."""
    mapped = LineMapper(TagMapper("POD-1", "typed", (MetadataTag.SOURCE_BUCKET,))).mapped(block)
    return encode(mapped) if mapped is not None else b""


@pytest.mark.parametrize("field", [b"f", b"a longer field, with = to be escaped"])
def test_the_encoders_limit_for_keys_is_influxdbs_own(central: InfluxServer, field: bytes) -> None:
    def lines(length: int) -> bytes:
        """The lines for a series whose measurement is so long."""
        return lines_of(Block(b"m" * length, (), field, FieldType.FLOAT, [b"%d" % time.time_ns()], [b"1"]))

    longest = max(length for length in range(65_300, 65_540) if lines(length))
    central.write("metrics", lines(longest))
    one_more = lines(longest).replace(b"m", b"mm", 1)
    with pytest.raises(HttpRefused) as refused:
        central.write("metrics", one_more)
    assert refused.value.status == 400  # for which Telegraf would drop the whole batch


def test_the_encoders_limit_for_strings_is_influxdbs_own(central: InfluxServer) -> None:
    longest = Block(b"m", (), b"s", FieldType.STRING, [b"%d" % time.time_ns()], [b'"' * MAX_STRING_BYTES])
    line = lines_of(longest)
    central.write("metrics", line)
    with pytest.raises(HttpRefused, match="too long"):
        central.write("metrics", line.replace(b'"', b'"x', 1))
    assert lines_of(replace(longest, values=[longest.values[0] + b"x"])) == b""


def test_names_that_lost_a_carriage_return_are_dropped_and_their_neighbours_pass(
    tmp_path: Path, pod: InfluxServer
) -> None:
    pod.create_bucket("names")
    at = time.time_ns() - 20 * SECOND
    tags = [b"a\rb", b"ab", b"a\\,\rc", b"a\\,d"]  # two have lost one; one of them stands in quotes for its comma too
    pod.write("names", b"".join(b"m,t=%b v=%d %d\n" % (tag, number, at) for number, tag in enumerate(tags)))
    document = queries(source("POD-1", pod.url, {"bucket": "names", "lookback": "1m", "start": "-1m"}))
    run = run_once(tmp_path, document, env={"TOKEN": pod.token})
    assert {(line.tags["t"], line.fields["v"]) for line in run.of("m")} == {("ab", 1.0), ("a,d", 3.0)}
    (dropped,) = run.of("collector_dropped")
    assert dropped.tags["reason"] == "unwritable_name"
    assert dropped.fields["points_total"] == 2


def test_rows_of_a_flux_outside_of_what_was_asked_are_an_error(tmp_path: Path, pod: InfluxServer) -> None:
    pod.create_bucket("far")
    now = time.time_ns()
    pod.write("far", f"m v=1 {now - 2 * HOUR_S * SECOND}\nm v=2 {now - 60 * SECOND}\n".encode())
    flux = "start_ = start\nfrom(bucket: bucket) |> range(start: -3h, stop: stop)"
    document = queries(source("POD-1", pod.url, {"bucket": "far", "lookback": "5m", "flux": flux}))
    run = run_once(tmp_path, document, env={"TOKEN": pod.token})
    (error,) = run.errors
    assert re.search(r"failed POD-1/far .*yields rows outside of \[start, stop\).*; .*range", error)
    assert run.of("m") == []
    assert run.stream("POD-1/far")["healthy"] == 0
