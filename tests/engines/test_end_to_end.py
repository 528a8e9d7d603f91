"""The whole way, with the shipped files: two real sources, a real Telegraf, a real central; every point compared."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest

from lab.expect import difference, expected_points
from lab.feed import EXCLUDED_FIELD, pod_30_batch
from lab.loopback import free_port, wait_until
from lab.points import FieldType, Point
from lab.site import POD_8, POD_30, Buckets, Site
from lab.telegraf import TelegrafProcess, work_folder
from tests.engines.plugin_process import LEDGER

INTERVAL_S = 3
READ = ("cpu", "mem", "disk", "net")
RENAMED = Buckets(
    telegraf="system metrics, Rack=1", pods="Behälter ✓ pods", power="Strom, $5 (all) #1", metrics="eigene Metriken"
)


def pod_8_lines(at: int) -> bytes:
    """System metrics with hosts of all kinds, every type and its limits, text that wants escaping, odd nanoseconds."""
    text = r'"tab\\there \"quoted\", back\\slash = 1, grüße 漢字 🙂, ' + "line\nfeed" + r'"'
    lines = [
        f"cpu,host=POD-8,cpu=cpu-total usage_idle=97.30000000000001,usage_user=0.1 {at + 1}",
        f"cpu,host=POD-8,cpu=cpu0 usage_idle=1e-300,usage_user=-1.7976931348623157e308 {at + 123_456_789}",
        f"cpu,host=POD-30 usage_idle=5e-324,usage_user=123456789.12345679 {at + 999_999_999}",
        f"cpu,cpu=cpu1 usage_idle=-0,usage_user=3 {at + 2}",
        f"cpu,host=POD-8x usage_idle=1 {at + 3}",
        f"cpu,host=xPOD-8 usage_idle=1 {at + 3}",
        f"cpu,host=pod_8 usage_idle=2 {at + 4}",
        f"cpu,host=POD-007 usage_idle=2 {at + 5}",
        f"mem total=9223372036854775807i,free=-9223372036854775808i,zero=0i,half=12u,all=18446744073709551615u {at}",
        f'mem,host=a\\ b\\,c\\=d online=true,swapping=false,note={text},empty="" {at + 7}',
        f'mem,host=POD-8 note="# not a comment" {at + 8}',
        f"disk,host=POD-8,path=/,label=\\ Daten\\,\\ alt\\=1,fs=ext4 used=1i {at + 9}",
        f"disk,host=POD-8,path=C:\\Users\\x used=1i,inodes\\ free\\,\\=\\ now=2i,größe=3i {at + 10}",
        f"net,host=POD-8,interface=eth0 bytes_recv=1u {at + 11}",
        f"net,host=POD-8,interface=eth0 bytes_recv=2u {at + 12}",
        # Not in the list:
        f"swap,host=POD-8 used=1i {at}",
        f"cpu_extra,host=POD-8 usage_idle=1 {at}",
        f"CPU,host=POD-8 usage_idle=1 {at}",
        f"collector_health,host=POD-8 healthy=0i {at}",
    ]
    return "\n".join(lines).encode() + b"\n"


def pods_lines(at: int) -> bytes:
    """What a whole bucket may hold: names that look like the collector's own, tags that look like the added ones."""
    lines = [
        f"collector_health,host=POD-30 healthy=0i,streams=1i {at}",
        f"collector_health healthy=0i {at + 1}",
        f"collector_x value=1 {at}",
        f"internal_agent,host=n metrics_gathered=1i {at}",
        f"tagged,field=own,source_bucket=elsewhere,source=me value=1 {at}",
        f"tagged,field=own,exported_field=mine,host=POD-30 value=2 {at}",
        f"tagged,result=r,table=t,telegraf=x value=3 {at}",
        f"measure\\ ment\\,\\ ümlaut,ta\\ g\\=x=y value=1i {at + 5}",
        f'cpu,host=POD-30 usage_idle=1,{EXCLUDED_FIELD}="stays, it is not power" {at}',
    ]
    return "\n".join(lines).encode() + b"\n"


@dataclass
class Landing:
    """What was in the sources, and what central holds after several cycles."""

    site: Site
    collector: TelegrafProcess
    health: list[int]
    source: dict[str, set[Point]]
    central: dict[str, set[Point]]


@pytest.fixture(scope="module", params=[Buckets(), RENAMED], ids=["readme-names", "renamed"])
def landing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Landing]:
    folder = work_folder(tmp_path_factory.mktemp("landing") / "work")
    with Site(request.param) as site:
        names = site.buckets
        at = (time.time_ns() // 10**9 - 120) * 10**9
        site.pod_8.write(names.telegraf, pod_8_lines(at))
        site.pod_30.write(names.pods, pods_lines(at))
        for reading in range(20):
            batch = pod_30_batch(at + reading * 1_000_000_000)
            site.pod_30.write(names.power, batch.power)
            site.pod_30.write(names.pods, batch.pods)
        start, stop = at - 60 * 10**9, at + 3600 * 10**9
        port = free_port()
        collector = TelegrafProcess(folder / "telegraf.conf", site.environment(INTERVAL_S, port), cwd=folder)
        with collector:
            source = {
                names.telegraf: site.pod_8.points(names.telegraf, start, stop),
                names.pods: site.pod_30.points(names.pods, start, stop),
                names.power: site.pod_30.points(names.power, start, stop),
            }
            collector.wait_for_log(r"cycle: [1-9]\d* points read", timeout_s=30)
            after = len(collector.log())
            # One more cycle: counts on both sides are compared, and what differed would be sent again.
            collector.wait_for_log("cycle: ", timeout_s=30, after=after)
            with suppress(TimeoutError):  # the tests say by name what did not come
                wait_until(lambda: TelegrafProcess.health(port) == 200, "health 200", 10)
            health: list[int] = []  # from the first good one on

            def landed() -> bool:
                health.append(TelegrafProcess.health(port))
                metrics = {p.measurement for p in site.central.points(names.metrics, start, stop)}
                passing = [point for point in source[names.pods] if point.measurement != "collector_health"]
                arrived = len(site.central.points(names.pods, start, stop)) >= len(passing)
                return arrived and {"collector_health", "internal_agent"} <= metrics and len(health) > 20

            with suppress(TimeoutError):
                wait_until(landed, "points and metrics in central", 20)
            central = {
                name: {
                    p for p in site.central.points(name, start, stop) if p.measurement != LEDGER or name not in source
                }
                for name in (*source, names.metrics)
            }
            yield Landing(site, collector, health, source, central)


def test_every_point_of_the_listed_measurements_of_pod_8_lands_as_it_was(landing: Landing) -> None:
    bucket = landing.site.buckets.telegraf
    selected = {point for point in landing.source[bucket] if point.measurement in READ}
    assert {point.type for point in selected} == set(FieldType)
    assert len(selected) == 28
    assert difference(expected_points(selected, POD_8, bucket), landing.central[bucket]) == ""


def test_every_point_of_the_pods_bucket_lands_whatever_its_measurement(landing: Landing) -> None:
    bucket = landing.site.buckets.pods
    assert {"collector_health", "collector_x", "internal_agent", "kubernetes_node"} <= {
        point.measurement for point in landing.source[bucket]
    }
    # But for what would be taken for the collector's own.
    passing = {point for point in landing.source[bucket] if point.measurement != "collector_health"}
    assert difference(expected_points(passing, POD_30, bucket), landing.central[bucket]) == ""


def test_every_point_of_power_lands_but_the_excluded_field(landing: Landing) -> None:
    bucket = landing.site.buckets.power
    assert EXCLUDED_FIELD in {point.field for point in landing.source[bucket]}
    expected = expected_points(landing.source[bucket], POD_30, bucket, exclude_fields=[EXCLUDED_FIELD])
    assert difference(expected, landing.central[bucket]) == ""
    assert EXCLUDED_FIELD not in {point.field for point in landing.central[bucket]}
    assert EXCLUDED_FIELD not in {point.tag("field") for point in landing.central[bucket]}


def test_hosts_are_renamed_and_only_whole_names(landing: Landing) -> None:
    names = landing.site.buckets
    hosts = {point.tag("host") for point in landing.central[names.telegraf]}
    assert hosts == {"pod_8", "pod_30", "pod_007", "POD-8x", "xPOD-8", "a b,c=d"}
    assert {point.tag("host") for point in landing.central[names.power]} == {"pod_30"}


def test_measurements_that_are_not_listed_stay_away(landing: Landing) -> None:
    there = {point.measurement for point in landing.source[landing.site.buckets.telegraf]}
    assert {"swap", "cpu_extra", "CPU", "collector_health"} <= there
    landed = {point.measurement for point in landing.central[landing.site.buckets.telegraf]}
    assert landed == set(READ)


def test_metrics_hold_the_collectors_and_telegrafs_own_and_no_data(landing: Landing) -> None:
    metrics = landing.central[landing.site.buckets.metrics]
    names = {point.measurement for point in metrics}
    assert {"collector_health", "collector_stream", "collector_source", "collector_cycle"} <= names
    assert {"internal_agent", "internal_write", "internal_gather"} <= names
    assert all(name.startswith(("collector_", "internal_")) for name in names)
    assert "collector_x" not in names
    assert [point for point in metrics if point.tag("source_bucket") is not None] == []


def test_the_collectors_metrics_count_what_landed(landing: Landing) -> None:
    names = landing.site.buckets
    for source, bucket in ((POD_8, names.telegraf), (POD_30, names.pods), (POD_30, names.power)):
        sent = {
            int(point.value)
            for point in landing.central[names.metrics]
            if point.measurement == "collector_stream"
            and point.field == "points_sent_total"
            and (point.tag("source"), point.tag("bucket")) == (source, bucket)
        }
        assert sent - {0} == {len(landing.central[bucket])}, (source, bucket)  # 0: while its first mark was on its way


def test_a_source_that_holds_bad_health_of_another_collector_does_not_touch_ours(landing: Landing) -> None:
    own = [
        point
        for point in landing.central[landing.site.buckets.metrics]
        if point.measurement == "collector_health" and point.field == "healthy"
    ]
    answers = [point.value for point in sorted(own, key=lambda point: point.time_ns)]
    assert answers[-1] == "1"
    assert "0" not in answers[answers.index("1") :]  # once the first points had landed
    assert set(landing.health) == {200}


def test_nothing_is_said_to_be_wrong(landing: Landing) -> None:
    lines = [line for line in landing.collector.log().splitlines() if " E! " in line or " W! " in line]
    # Telegraf says that one at every start.
    said = [line for line in lines if "W! Strict environment variable handling is the new default" not in line]
    # Until the first marks and points have landed.
    why = "its first mark has not arrived|central has lacked points|central is slow"
    first = rf"W! \[inputs.execd\] cycle: .*; failing: .*({why})"
    own = r"W! .*points cannot pass \(own_measurement\): of collector_health"
    assert [line for line in said if not re.search(f"{first}|{own}", line)] == []
    assert len(said) <= 4
