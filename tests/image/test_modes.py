"""docker-compose.yaml as the ops team runs it, from a fresh clone: with tokens in .env, and with tokens as files."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from lab.containers.servers import BUCKETS, ORGS, Server
from lab.loopback import free_port, http_status, wait_until
from tests.image.conftest import DEMO, fresh_clone
from tests.image.containers import Compose, PodmanFailed, inspect, podman, status
from tests.image.landing import assert_all_landed

SERVICE = "data-collector"
# `docker stop` gives so many seconds before it kills.
GRACE_S = 10
TOKENS = {
    "INFLUXDB_CENTRAL_TOKEN": "central_token",
    "SERVER_A_TOKEN": "server_a_token",
    "SERVER_B_TOKEN": "server_b_token",
}


class Ops:
    """The ops team's clone: its compose project, its tokens and its health."""

    def __init__(self, mode: str, folder: Path, tokens: Mapping[str, str]) -> None:
        self.mode = mode
        self.folder = folder
        self.tokens = dict(tokens)
        self.port = free_port()
        self.first_ns = 0
        files = ["docker-compose.yaml", "network.yaml"]
        if mode == "secrets":
            files.insert(1, "docker-compose.secrets.yaml")
        self.compose = Compose(f"image-{mode}", folder, tuple(files))
        self._settle()

    def _settle(self) -> None:
        central, pod_8, pod_30 = (f"http://{DEMO}_{name}_1:8086" for name in ("central", "pod-8", "pod-30"))
        values = {
            "INFLUXDB_CENTRAL_URL": central,
            "INFLUXDB_CENTRAL_ORG": ORGS["central"],
            "INFLUXDB_CENTRAL_BUCKET": BUCKETS.metrics,
            "SERVER_A_URL": pod_8,
            "SERVER_A_ORG": ORGS["pod-8"],
            "SERVER_A_BUCKET": BUCKETS.telegraf,
            "SERVER_B_URL": pod_30,
            "SERVER_B_ORG": ORGS["pod-30"],
            "SERVER_B_BUCKET": BUCKETS.pods,
            "SERVER_B_BUCKET_2": BUCKETS.power,
            "COLLECTOR_INTERVAL": "5",
            "HEALTH_CHECK_PORT": str(self.port),
        }
        for variable, file in TOKENS.items():
            values[variable] = self.tokens[file] if self.mode == "env" else ""
            if self.mode == "secrets":
                (self.folder / "secrets").mkdir(mode=0o700, exist_ok=True)
                secret = self.folder / "secrets" / file
                secret.write_text(self.tokens[file])
                secret.chmod(0o400)
        (self.folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in values.items()))
        (self.folder / ".env").chmod(0o600)
        # Where the demo's servers are; the only thing that differs from what the ops team runs.
        (self.folder / "network.yaml").write_text(f"networks: {{default: {{name: {DEMO}_default, external: true}}}}\n")

    @property
    def container(self) -> str:
        return self.compose.container(SERVICE)

    def wait_until_well(self) -> None:
        url = f"http://127.0.0.1:{self.port}/health"
        wait_until(lambda: http_status(url) == 200, "health 200", 90, every_s=0.5)


@pytest.fixture(scope="module", params=["env", "secrets"])
def ops(
    request: pytest.FixtureRequest, demo: Compose, image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ops]:
    tokens = {file: demo.shell("feed-b", f"cat /run/tokens/{file}") for file in TOKENS.values()}
    # From here on the ops team's collector alone is to bring the data.
    podman("stop", "--ignore", "--time", str(GRACE_S), demo.container(SERVICE))
    ops = Ops(request.param, fresh_clone(tmp_path_factory.mktemp(f"clone-{request.param}")), tokens)
    try:
        ops.first_ns = time.time_ns()
        ops.compose.up()
        yield ops
    finally:
        ops.compose.down()


def test_data_lands_and_health_answers(ops: Ops, servers: Mapping[str, Server]) -> None:
    ops.wait_until_well()
    # Health can be good before the slowest feeder, of pods, has written once.
    time.sleep(max((ops.first_ns - time.time_ns()) / 1e9 + 20, 0))
    print(f"\n{ops.mode}: {assert_all_landed(servers, ops.first_ns, time.time_ns())} points, all equal")
    assert status("healthcheck", "run", ops.container) == 0


def test_it_has_no_rights_and_writes_to_logs_and_tmp_only(ops: Ops) -> None:
    state = dict(line.split(":\t", 1) for line in ops.compose.shell(SERVICE, "cat /proc/1/status").splitlines())
    assert state["Uid"].split() == ["10001"] * 4
    assert state["Name"] == "telegraf"
    assert {state[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert state["NoNewPrivs"] == "1"
    for file in ("/x", "/app/x", "/app/config/x", "/opt/collector/x", "/usr/x", "/var/x", "/run/x"):
        with pytest.raises(PodmanFailed, match="Read-only file system"):
            ops.compose.shell(SERVICE, f"touch {file}")
    ops.compose.shell(SERVICE, "touch /tmp/x /app/logs/x && rm /tmp/x /app/logs/x")
    found = inspect(ops.container)
    writable = {mount["Destination"] for mount in found["Mounts"] if mount["RW"]}
    assert writable == {"/app/logs"}
    host = found["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["Memory"] == 2**30
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert "INFO read POD-8/" in (ops.folder / "logs" / "collector.log").read_text()


def test_stop_and_start_lose_nothing(ops: Ops, servers: Mapping[str, Server]) -> None:
    begun = time.monotonic()
    podman("stop", "--time", str(GRACE_S), ops.container, timeout_s=60)
    took = time.monotonic() - begun
    assert took < GRACE_S
    # 0 and not 137: it ended by itself.
    assert inspect(ops.container)["State"]["ExitCode"] == 0
    time.sleep(5)  # the sources go on meanwhile
    podman("start", ops.container)
    ops.wait_until_well()
    points = assert_all_landed(servers, ops.first_ns, time.time_ns())
    print(f"\n{ops.mode}: stopped in {took:.1f} s; {points} points, all equal")


def test_a_command_works_in_the_container(ops: Ops) -> None:
    """As docs/operations.md says: docker compose exec data-collector data-collector status."""
    ops.wait_until_well()
    told = ops.compose.shell(SERVICE, "data-collector status")
    assert "POD-30/power_monitoring" in told
    assert "nothing to change" in ops.compose.shell(SERVICE, "data-collector check")
    ops.compose.shell(SERVICE, "data-collector report")  # to logs, which are the host's: docs/report.md
    assert "POD-30/power_monitoring" in (ops.folder / "logs" / "report.html").read_text()


def test_a_configuration_that_cannot_be_used_is_said_once_and_waited_for(ops: Ops) -> None:
    queries = ops.folder / "config" / "queries.yaml"
    whole = queries.read_text()
    podman("stop", "--time", str(GRACE_S), ops.container, timeout_s=60)
    queries.write_text(whole.replace("metadata_tags:", "metadatatags:"))
    podman("start", ops.container)
    wait_until(lambda: "waiting until" in podman("logs", ops.container), "the reason in the log", 60, every_s=0.5)
    time.sleep(5)  # a policy that starts it again would have done so by now
    assert podman("logs", ops.container).count("metadatatags: is not a key that is known here") == 1
    assert inspect(ops.container)["State"]["Running"]
    assert status("healthcheck", "run", ops.container) != 0
    queries.write_text(whole)
    ops.wait_until_well()


def test_where_the_tokens_are_seen(ops: Ops) -> None:
    containers = ops.compose.containers()
    secrets = [ops.tokens[file] for file in TOKENS.values()]
    environments = "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline | tr '\\0' '\\n'"
    places = {
        "inspect": "\n".join(podman("inspect", name) for name in containers),
        "environment": ops.compose.shell(SERVICE, environments),
        "image": podman("inspect", SERVICE) + podman("history", "--no-trunc", "--format", "json", SERVICE),
        "log": "\n".join(podman("logs", name) for name in containers),
        "log file": (ops.folder / "logs" / "collector.log").read_text(),
    }
    seen = {place for place, text in places.items() if any(token in text for token in secrets)}
    # What docs/containers.md says of the two modes.
    assert seen == ({"inspect", "environment"} if ops.mode == "env" else set()), json.dumps(sorted(seen))
