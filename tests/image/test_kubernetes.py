"""The rendered manifests, run: two shards, one of them killed, a third one added. All points land, none twice.

What a cluster does and podman does not is said in `tests.image.kube`.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from lab.containers.servers import BUCKETS, LANDING, ORGS, Server
from lab.loopback import free_port, http_status, wait_until
from telegraf_plugin.config.shards import by_shard
from tests.image.conftest import DEMO
from tests.image.containers import Compose, inspect, podman
from tests.image.kube import Cluster, container, process
from tests.image.landing import Stream, assert_all_landed
from tests.kubernetes.rendered import Document, build, documents, one, pod
from tests.kubernetes.steps import Site

COOLING = "cooling"  # a third source, so that the third shard has something to take over
SOURCES = ("POD-8", "POD-30", "POD-31")
IMAGE = "registry.example.org/data-collector"
# What the slowest feeder, of pods, needs to write once.
FEED_S = 20


class Shards:
    """The StatefulSet: its pods are played as they are rendered."""

    def __init__(self, site: Site, cluster: Cluster) -> None:
        self.site = site
        self.cluster = cluster
        self.ports: dict[str, int] = {}
        self.began_ns = time.time_ns()

    def apply(self) -> None:
        """What `kubectl apply` leads to: every pod whose template changed is made anew, the highest one first."""
        shown = self.site.applied()
        workload = one(shown, "StatefulSet")
        maps = [each for each in shown if each["kind"] == "ConfigMap"]
        for number in range(workload["spec"]["replicas"], 0, -1):
            made = pod(workload, number)
            port = self.ports[made["metadata"]["name"]] = free_port()
            self.cluster.play(made, maps, port)

    def ready(self, name: str) -> bool:
        """What the readinessProbe finds."""
        return http_status(f"http://127.0.0.1:{self.ports[name]}/health") == 200

    def wait_until_ready(self) -> None:
        for name in self.ports:
            wait_until(lambda name=name: self.ready(name), f"{name} ready", 90, every_s=0.5)  # type: ignore[misc]

    def shares(self) -> dict[int, list[str]]:
        """The sources that each shard says it has, in `data-collector status`, by its own log."""
        found: dict[int, list[str]] = {}
        for number, name in enumerate(sorted(self.ports), 1):
            log = podman("exec", container(name), "cat", "/app/logs/collector.log")
            found[number] = [source for source in SOURCES if f" INFO read {source}/" in log]
        return found


@pytest.fixture(scope="module")
def cooling(servers: Mapping[str, Server]) -> dict[str, str]:
    """The bucket of the third source, which is POD-30's server, and in central; and the three tokens that read and write."""
    for name in ("pod-30", "central"):
        servers[name].create_bucket(COOLING)
    return {
        "server_c_token": servers["pod-30"].token_for(read=(COOLING,)),
        "central_token": servers["central"].token_for(read=(*LANDING, COOLING), write=(*LANDING, COOLING)),
    }


@pytest.fixture(scope="module")
def shards(
    demo: Compose, image: str, cooling: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shards]:
    names = ("server_a_token", "server_b_token")
    tokens = {**{name: demo.shell("feed-b", f"cat /run/tokens/{name}") for name in names}, **cooling}
    # From here on the pods alone are to bring the data.
    podman("stop", "--ignore", "--time", "10", demo.container("data-collector"))
    pod_30 = f"http://{DEMO}_pod-30_1:8086"
    site = Site(
        tmp_path_factory.mktemp("site"),
        {
            "INFLUXDB_CENTRAL_URL": f"http://{DEMO}_central_1:8086",
            "SERVER_A_URL": f"http://{DEMO}_pod-8_1:8086",
            "SERVER_B_URL": pod_30,
            "COLLECTOR_INTERVAL": "5",
        },
        tokens,
    )
    site.add_source("POD-31", pod_30, ORGS["pod-30"], COOLING)
    podman("tag", image, site.image())
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), f"{DEMO}_default", tokens)
    try:
        yield Shards(site, cluster)
    finally:
        cluster.close()
