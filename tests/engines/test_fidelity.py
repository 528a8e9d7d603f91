"""What leaves a source arrives in central as it was: a corpus through real influxd, plugin, Telegraf and influxd."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from lab.expect import METADATA_TAGS, difference, expected_points
from lab.loopback import free_port, wait_until
from lab.points import FieldType, Point
from lab.site import POD_8, POD_30, Site
from lab.telegraf import TelegrafProcess, work_folder
from tests.engines.corpus import (
    FLOATS,
    INTEGERS,
    NAMES,
    SECOND,
    STRINGS,
    UNSIGNED,
    WITH_RETURNS,
    corpus,
    lost,
    passes,
    twins,
)
from tests.engines.shard_groups import (
    DAY,
    changing,
    last_midnight,
    last_monday,
    points_of,
    read_by_hour,
    set_shard_duration,
)

PODS, TELEGRAF, POWER = "pod_monitoring", "telegraf", "power_monitoring"


@dataclass
class Landing:
    """What was written to the sources, and what became of it."""

    at: int
    site: Site
    log: str
    pods: set[Point]
    central: dict[str, set[Point]]
    changed: dict[str, set[Point]]
    tags: tuple[str, ...]


def configuration(site: Site, way: str, tags: tuple[str, ...]) -> dict[str, Any]:
    """A queries.yaml: the pods' bucket whole, and two whose history spans shard groups.

    All is read in one language, and `tags` are added.
    """
    return {
        "metadata_tags": list(tags),
        "central": {
            "url": "${INFLUXDB_CENTRAL_URL}",
            "org": "${INFLUXDB_CENTRAL_ORG}",
            "token": "${INFLUXDB_CENTRAL_TOKEN}",
        },
        "sources": [
            {
                "name": POD_8,
                "url": site.pod_8.url,
                "org": site.pod_8.org,
                "token": "${SERVER_A_TOKEN}",
                "read": way,
                "streams": [{"bucket": TELEGRAF, "start": "-9d"}],
            },
            {
                "name": POD_30,
                "url": site.pod_30.url,
                "org": site.pod_30.org,
                "token": "${SERVER_B_TOKEN}",
                "read": way,
                "streams": [{"bucket": PODS, "lookback": "20m", "start": "-20m"}, {"bucket": POWER, "start": "-3d"}],
            },
        ],
    }


WAYS = [("flux", METADATA_TAGS), ("flux", METADATA_TAGS[:2]), ("influxql", METADATA_TAGS[:2])]
"""With `field` by InfluxQL is what most other tests are read by."""


@pytest.fixture(scope="module", params=WAYS, ids=["flux-with-field", "flux-wide", "influxql-wide"])
def landing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Landing]:
    way: str
    tags: tuple[str, ...]
    way, tags = request.param
    folder = work_folder(tmp_path_factory.mktemp("fidelity") / "work")
    with Site() as site:
        # Power: groups of a day at first, of a week later; the old ones keep their ends. Central's allow both types.
        site.pod_30.drop_bucket(POWER)
        site.pod_30.create_bucket(POWER, shard_group_s=86_400)
        site.central.drop_bucket(POWER)
        site.central.create_bucket(POWER, shard_group_s=86_400)
        site.pod_30_token = site.pod_30.token_for(read=[PODS, POWER])
        buckets = [TELEGRAF, PODS, POWER, "metrics"]
        site.central_token = site.central.token_for(read=buckets, write=buckets)

        now = time.time_ns()
        before, after, weekly = changing(last_monday(now))
        site.pod_8.write(TELEGRAF, "\n".join([*before, *after]).encode())
        before, after, resized = changing(last_midnight(now))
        site.pod_30.write(POWER, "\n".join(before).encode())
        set_shard_duration(site.pod_30, POWER, 7 * 86_400)
        site.pod_30.write(POWER, "\n".join(after).encode())
        at = (time.time_ns() // SECOND - 120) * SECOND
        site.pod_30.write(PODS, corpus(at))
        site.pod_30.write(PODS, lost(at))
        site.pod_30.write(PODS, twins(at))
        start, stop = at - 60 * SECOND, at + 60 * SECOND
        pods = site.pod_30.points(PODS, start, stop)

        (folder / "own.yaml").write_text(yaml.safe_dump(configuration(site, way, tags)))
        env = site.environment(10, free_port()) | {"COLLECTOR_QUERIES": str(folder / "own.yaml")}
        collector = TelegrafProcess(folder / "telegraf.conf", env, cwd=folder)
        with collector:
            expected = {p for p in pods if passes(p, at)}

            def landed() -> bool:
                here = len(site.central.points(PODS, start, stop)) >= len(expected)
                return here and all(
                    len(read_by_hour(site.central, bucket, now - 9 * DAY, now)) >= 6 for bucket in (TELEGRAF, POWER)
                )

            with suppress(TimeoutError):  # the tests say by name what did not come
                wait_until(landed, "points in central", 60, every_s=0.5)
            # One more cycle: counts on both sides are compared, and what differed would be sent again.
            collector.wait_for_log("cycle: ", timeout_s=40, after=len(collector.log()))
            log = collector.log()
        central = {PODS: site.central.points(PODS, start, stop)}
        central |= {bucket: read_by_hour(site.central, bucket, now - 9 * DAY, now) for bucket in (TELEGRAF, POWER)}
        central["metrics"] = site.central.points("metrics", at, time.time_ns() + SECOND)
        yield Landing(at, site, log, pods, central, {TELEGRAF: weekly, POWER: resized}, tags)


def texts(landing: Landing, measurement: str) -> dict[int, str]:
    """Strings in central by time, with their carriage returns, which Flux's CSV would lose."""
    flux = (
        'import "strings"\n'
        f'from(bucket: "{PODS}") |> range(start: time(v: {landing.at - SECOND}), stop: time(v: {landing.at + SECOND}))'
        f' |> filter(fn: (r) => r._measurement == "{measurement}")'
        r' |> map(fn: (r) => ({r with _value: strings.replaceAll(v: strings.replaceAll(v: r._value, t: "%", u: "%25"),'
        r' t: "\r", u: "%0d")}))'
    )
    return {
        point.time_ns - landing.at: point.value.replace("%0d", "\r").replace("%25", "%")
        for point in points_of(landing.site.central, flux)
    }


def test_the_corpus_is_in_the_source(landing: Landing) -> None:
    measurements = {point.measurement for point in landing.pods}
    assert set(NAMES) <= measurements
    assert {"float", "text", "wide", "sparse", "many", "hidden", "twin", "bytes"} <= measurements
    assert {point.type for point in landing.pods} == set(FieldType)
    assert len(landing.pods) > 5_500


def test_every_point_lands_as_it_was_and_nothing_else(landing: Landing) -> None:
    expected = expected_points((p for p in landing.pods if passes(p, landing.at)), POD_30, PODS, landing.tags)
    assert difference(expected, landing.central[PODS]) == ""


def values(landing: Landing, measurement: str) -> list[str]:
    found = [point for point in landing.central[PODS] if point.measurement == measurement]
    return [point.value for point in sorted(found, key=lambda point: point.time_ns)]


def test_floats_arrive_to_the_last_bit(landing: Landing) -> None:
    assert [float(value).hex() for value in values(landing, "float")] == [float(value).hex() for value in FLOATS]


def test_integers_arrive_to_their_limits(landing: Landing) -> None:
    assert values(landing, "integer") == list(map(str, INTEGERS))
    assert values(landing, "unsigned") == list(map(str, UNSIGNED))


def test_strings_arrive_byte_by_byte(landing: Landing) -> None:
    found = texts(landing, "text")
    assert {n: len(value) for n, value in found.items()} == {n: len(value) for n, value in enumerate(STRINGS)}
    assert found == dict(enumerate(STRINGS))


def test_carriage_returns_arrive(landing: Landing) -> None:
    assert texts(landing, "returns") == dict(enumerate(WITH_RETURNS))


def test_odd_names_arrive_in_every_place(landing: Landing) -> None:
    points = landing.central[PODS]
    assert {p.measurement for p in points if p.field == "in_measurement"} == set(NAMES)
    keys = {key for p in points if p.field == "in_key" for key, _ in p.tags}
    assert keys == {*NAMES, *landing.tags}
    assert {p.tag("k") for p in points if p.field == "in_value"} == set(NAMES)
    assert set(NAMES) <= {p.field for p in points if p.measurement == "names"}
    fields = {str(p.tag("field")) for p in points if p.measurement == "names"}
    assert set(NAMES) <= fields if "field" in landing.tags else fields == {"None"}


def test_own_tags_are_kept_as_exported(landing: Landing) -> None:
    tags = {p.value: dict(p.tags) for p in landing.central[PODS] if p.measurement == "own"}
    added = {"source_bucket": PODS} | ({"field": "v"} if "field" in landing.tags else {})
    own = {"exported_source_bucket": "b", "source": "c"}
    if "field" in landing.tags:
        assert tags["1"] == {**added, "host": "pod_30", "exported_field": "a", **own}
        assert tags["2"] == {**added, "host": "h", "exported_field": "b", "exported_exported_field": "a"}
    else:
        assert tags["1"] == {**added, "host": "pod_30", "field": "a", **own}
        assert tags["2"] == {**added, "host": "h", "field": "a", "exported_field": "b"}
    assert tags["4"] == {**added, "host": "pod_7"}
    kept = sorted(value for key, value in tags["3"].items() if key.startswith("exported_"))
    assert kept == ["x", "y", "z"][0 if "field" in landing.tags else 1 :]


@pytest.mark.parametrize(
    ("reason", "count", "names"),
    [
        ("shadowed_tag", 2, "hidden"),
        ("unwritable_name", 1, "tabbed"),
        ("not_utf8", 1, "bytes"),
        ("overwritten", 2, "twin"),
    ],
)
def test_what_cannot_pass_is_counted_and_named_once(landing: Landing, reason: str, count: int, names: str) -> None:
    told = re.findall(rf"W! .*{POD_30}/{PODS}: points cannot pass \({reason}\): of (.*?); ", landing.log)
    assert any(names in series for series in told)
    assert len(set(told)) == len(told)  # once each, whatever the number of cycles
    metrics = [
        p for p in landing.central["metrics"] if p.measurement == "collector_dropped" and p.tag("reason") == reason
    ]
    assert {p.tag("stream") for p in metrics} == {PODS}
    assert all(int(p.value) % count == 0 and int(p.value) > 0 for p in metrics if p.field == "points_total")
    assert {names in p.value for p in metrics if p.field == "example"} == {True}


def test_both_series_that_meet_are_named_and_the_first_is_kept(landing: Landing) -> None:
    named = [line for line in landing.log.splitlines() if "of twin,host=POD-30,k=v v and twin,k=v v; " in line]
    assert len(named) == 1
    assert "metadata_tags" in named[0]
    found = {p.time_ns - landing.at: int(p.value) for p in landing.central[PODS] if p.measurement == "twin"}
    assert found == {0: 1, 1: 3, 2: 4}


def test_a_carriage_return_does_not_bring_an_overwritten_point_back(landing: Landing) -> None:
    assert texts(landing, "twin_text") == {0: "kept\rback"}


@pytest.mark.parametrize(("bucket", "source_name"), [(TELEGRAF, POD_8), (POWER, POD_30)], ids=["monday", "resized"])
def test_a_field_of_two_types_arrives_whole(landing: Landing, bucket: str, source_name: str) -> None:
    expected = expected_points(landing.changed[bucket], source_name, bucket, landing.tags)
    assert {point.type for point in expected} == {FieldType.INTEGER, FieldType.FLOAT}
    assert difference(expected, landing.central[bucket]) == ""
