"""The rendered manifests, run: two shards, one of them killed, a third one added. All points land, none twice.

They are rendered by what docs/kubernetes.md has typed. What a cluster does and podman does not: `tests.image.kube`.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from lab.containers.servers import LANDING, ORGS, Server
from lab.loopback import free_port, http_status, wait_until
from telegraf_plugin.config.shards import by_shard
from tests.image.conftest import DEMO
from tests.image.containers import Compose, inspect, podman
from tests.image.kube import Cluster, container
from tests.image.landing import STREAMS, Stream, assert_all_landed
from tests.kubernetes.rendered import one, pod
from tests.kubernetes.steps import Site

COOLING = "cooling"
# On POD-30's server; for the third shard, which would have nothing to take over of the other two sources.
THIRD = Stream("POD-31", "pod-30", COOLING)
ALL = (*STREAMS, THIRD)
# Within so long the slowest feeder, of pods, has written.
FEED_NS = 20 * 10**9


class Shards:
    """The site as its StatefulSet's controller runs it, by podman."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site = site
        self.cluster = Cluster(folder, f"{DEMO}_default")
        self.ports: dict[str, int] = {}
        self.began_ns = time.time_ns()

    def follow(self) -> None:
        """Bring about what was applied: all pods at once, anew (`Parallel`, 100 %)."""
        shown = self.site.applied()
        workload = one(shown, "StatefulSet")
        maps = [each for each in shown if each["kind"] == "ConfigMap"]
        for number in range(1, workload["spec"]["replicas"] + 1):
            made = pod(workload, number)
            port = self.ports[made["metadata"]["name"]] = free_port()
            self.cluster.play(made, maps, self.site.secret(), port)

    def ready(self, name: str) -> bool:
        """What the readinessProbe finds."""
        return http_status(f"http://127.0.0.1:{self.ports[name]}/health") == 200

    def wait_until_ready(self) -> None:
        for name in self.ports:
            try:
                wait_until(lambda name=name: self.ready(name), f"{name} ready", 90, every_s=0.5)  # type: ignore[misc]
            except TimeoutError as late:
                pytest.fail(f"{late}\n{podman('logs', '--tail', '50', container(name))}")

    def shares(self) -> dict[int, list[str]]:
        """The sources that each shard has read, by its own log."""
        logs = {
            number: podman("exec", container(name), "cat", "/app/logs/collector.log")
            for number, name in enumerate(sorted(self.ports), 1)
        }
        sources = dict.fromkeys(stream.source for stream in ALL)
        return {number: [name for name in sources if f" read {name}/" in log] for number, log in logs.items()}


@pytest.fixture(scope="module")
def shards(
    demo: Compose, image: str, servers: Mapping[str, Server], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shards]:
    names = ("central_token", "server_a_token", "server_b_token")
    tokens = {name: demo.shell("feed-b", f"cat /run/tokens/{name}") for name in names}
    # From here on the pods alone are to bring the data.
    podman("stop", "--ignore", "--time", "10", demo.container("data-collector"))
    settings = {
        "INFLUXDB_CENTRAL_URL": f"http://{DEMO}_central_1:8086",
        "SERVER_A_URL": f"http://{DEMO}_pod-8_1:8086",
        "SERVER_B_URL": f"http://{DEMO}_pod-30_1:8086",
        "COLLECTOR_INTERVAL": "5",
    }
    site = Site(tmp_path_factory.mktemp("site"), settings, tokens)
    site.apply()
    podman("tag", image, one(site.applied(), "StatefulSet")["spec"]["template"]["spec"]["containers"][0]["image"])
    shards = Shards(site, tmp_path_factory.mktemp("cluster"))
    try:
        shards.follow()
        yield shards
    finally:
        shards.cluster.close()


def test_two_shards_share_the_sources_and_all_lands(shards: Shards, servers: Mapping[str, Server]) -> None:
    shards.wait_until_ready()
    wait_until(lambda: time.time_ns() > shards.began_ns + FEED_NS, "what the slowest feeder writes", 30)
    points = assert_all_landed(servers, shards.began_ns, time.time_ns())
    assert shards.shares() == by_shard(["POD-8", "POD-30"], 2)
    print(f"\nkubernetes: two shards, {points} points, all equal")


def test_the_pod_is_what_the_manifest_says(shards: Shards) -> None:
    for name in shards.ports:
        found = inspect(container(name))
        assert found["HostConfig"]["ReadonlyRootfs"]
        assert found["HostConfig"]["Memory"] == 2**30
        state = podman("exec", container(name), "cat", "/proc/1/status")
        assert "Uid:\t10001\t10001\t10001\t10001" in state
        assert "CapEff:\t0000000000000000" in state
        assert "NoNewPrivs:\t1" in state
        environments = podman(
            "exec", container(name), "sh", "-c", "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline | tr '\\0' '\\n'"
        )
        assert f"COLLECTOR_SHARD={name[-1]}/2" in environments
        assert not [token for token in shards.site.tokens() if token in environments]
    assert "POD-30/power_monitoring" in podman("exec", container("data-collector-1"), "data-collector", "status")


def test_one_shard_that_is_killed_is_started_again_and_loses_nothing(
    shards: Shards, servers: Mapping[str, Server]
) -> None:
    name, other = sorted(shards.ports)
    killed_ns = time.time_ns()
    os.kill(int(inspect(container(name))["State"]["Pid"]), signal.SIGKILL)
    wait_until(lambda: inspect(container(name))["RestartCount"] == 1, "its container started again", 60, every_s=0.5)
    assert inspect(container(other))["RestartCount"] == 0
    shards.wait_until_ready()
    wait_until(lambda: time.time_ns() > killed_ns + FEED_NS, "what the slowest feeder writes", 30)
    points = assert_all_landed(servers, shards.began_ns, time.time_ns())
    print(f"\nkubernetes: one of two killed, {points} points, all equal")


def test_a_site_and_a_third_shard_are_added_and_all_lands(shards: Shards, servers: Mapping[str, Server]) -> None:
    for server in (servers["pod-30"], servers["central"]):
        server.create_bucket(COOLING)
    pod_30, central = servers["pod-30"], servers["central"]
    shards.site.add_source(
        THIRD.source,
        f"http://{DEMO}_pod-30_1:8086",
        ORGS[THIRD.server],
        pod_30.token_for(read=(COOLING,)),
        central.token_for(read=(*LANDING, COOLING), write=(*LANDING, COOLING)),
    )
    write_cooling(pod_30)
    shards.follow()
    assert_all_landed(servers, shards.began_ns, time.time_ns(), streams=ALL)
    assert shards.shares() == by_shard(["POD-8", "POD-30", "POD-31"], 2)

    shards.site.grow()
    write_cooling(pod_30)
    shards.follow()
    shards.wait_until_ready()
    write_cooling(pod_30)
    grown_ns = time.time_ns()
    wait_until(lambda: time.time_ns() > grown_ns + FEED_NS, "what the slowest feeder writes", 30)
    points = assert_all_landed(servers, shards.began_ns, time.time_ns(), streams=ALL)
    expected = by_shard(["POD-8", "POD-30", "POD-31"], 3)
    assert expected[3] == ["POD-31"]
    assert shards.shares() == expected
    print(f"\nkubernetes: a site and a third shard added, {points} points, all equal")


def write_cooling(server: Server) -> None:
    """Write two minutes of it, up to now: a reading a second."""
    now = time.time_ns()
    lines = [f"cooling,rack=r{at % 3} flow={at}.5,pumps={at}i {now - at * 10**9}" for at in range(120)]
    server.write(COOLING, "\n".join(lines).encode())
