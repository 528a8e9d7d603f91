"""docs/kafka.md, done as it says, with a real Kafka: what leaves the source is in central as it was, faults or not.

The commands are the document's, but for addresses, one replica in place of three, and systemctl.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from lab.engines import ENGINES, REPOSITORY
from lab.expect import difference, expected_points
from lab.influxd import InfluxServer
from lab.kafka import Kafka
from lab.loopback import free_port, wait_until
from lab.points import Point
from lab.site import POD_30, Site
from lab.telegraf import TelegrafProcess, program_path
from tests.engines.corpus import SECOND, STRINGS, corpus, passes

DOCUMENT = (REPOSITORY / "docs" / "kafka.md").read_text()
TOPICS, CENTRAL, SITE = re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL)
(SECURED,) = re.findall(r"```toml\n(.*?)```", DOCUMENT, re.DOTALL)
(LOOK,) = re.findall(r"^    (kafka-consumer-groups.*)$", DOCUMENT, re.MULTILINE)
PODS = "pod_monitoring"
EDITS = {
    "        template: pods": "        template: pods\n        start: -20m\n        lookback: 20m",
}

pytestmark = pytest.mark.kafka


@dataclass(frozen=True)
class Installed:
    """Both sides as the document makes them: `root` stands for / at central's, `home` is the site's folder."""

    root: Path
    home: Path
    site: Site
    kafka: Kafka
    reader: TelegrafProcess
    collector: TelegrafProcess

    def lacking(self, at: int) -> str:
        """What central does not hold of the source's corpus; empty when all is equal."""
        expected = expected_points((p for p in points(self.site.pod_30, at) if passes(p, at)), POD_30, PODS)
        return difference(expected, {p for p in points(self.site.central, at) if p.measurement != "collector_ledger"})


def points(server: InfluxServer, at: int) -> set[Point]:
    return server.points(PODS, at - 60 * SECOND, at + 60 * SECOND)


def variables(file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


def shell(text: str, cwd: Path, root: Path, kafka: Kafka) -> str:
    """What the document's commands say, with the places of this test."""
    programs = root / "programs"
    if not programs.exists():
        programs.mkdir()
        for tool in ("topics", "consumer-groups"):
            script = programs / f"kafka-{tool}.sh"
            script.write_text(f'#!/bin/sh\nexec {ENGINES / "kafka"} {tool} "$@"\n')
            script.chmod(0o755)
        for left_out in ("systemctl", "scripts"):
            (programs / left_out).write_text("#!/bin/sh\n")
            (programs / left_out).chmod(0o755)
    text = re.sub(r"(?<![\w/])/etc/", f"{root}/etc/", text.replace("kafka:9092", kafka.brokers))
    text = text.replace("--replication-factor 3", "--replication-factor 1").replace("replicas=2", "replicas=1")
    text = text.replace("scripts/collector", "scripts")  # the test starts Telegraf itself
    path = f"{programs}{os.pathsep}{program_path()}"
    ended = subprocess.run(
        ["bash", "-euc", text], cwd=cwd, env={"PATH": path}, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def installed(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    root, home = tmp_path_factory.mktemp("central"), tmp_path_factory.mktemp("site")
    for folder in (root / "etc/telegraf", root / "etc/default", home / "config", home / "logs"):
        folder.mkdir(parents=True)
    (home / "deploy").symlink_to(REPOSITORY / "deploy")
    queries = (REPOSITORY / "config" / "queries.yaml").read_text()
    for old, new in EDITS.items():
        assert queries.count(old) == 1
        queries = queries.replace(old, new)
    (home / "config" / "queries.yaml").write_text(queries)
    writes = site.environment(10, free_port())
    # The site reads central, and the reader writes there.
    reading = site.central.token_for(read=[PODS, "telegraf", "power_monitoring", "metrics"])
    reads = site.environment(2, free_port()) | {"INFLUXDB_CENTRAL_TOKEN": reading}
    with Kafka(auto_create_topics_enable="false") as kafka:
        shell(TOPICS, home, root, kafka)
        (home / ".env").write_text("".join(f"{name}={value}\n" for name, value in writes.items()))
        shell(CENTRAL, home, root, kafka)
        (home / ".env").write_text("".join(f"{name}={value}\n" for name, value in reads.items()))
        assert "nothing to change" in shell(SITE, home, root, kafka)
        with (
            TelegrafProcess(
                root / "etc/telegraf/telegraf.conf", variables(root / "etc/default/telegraf"), root
            ) as reader,
            TelegrafProcess(home / "telegraf.conf", variables(home / ".env"), home) as collector,
        ):
            yield Installed(root, home, site, kafka, reader, collector)


def wait_equal(installed: Installed, at: int, timeout_s: float = 150.0) -> None:
    try:
        wait_until(lambda: not installed.lacking(at), "central to hold what the source does", timeout_s, 0.5)
    except TimeoutError:
        logs = f"{installed.reader.log_tail(10)}\n{installed.collector.log_tail(10)}"
        raise AssertionError(f"{installed.lacking(at)}\n{logs}") from None


def test_every_point_is_in_central_as_it_was_and_through_faults(installed: Installed) -> None:
    at = (time.time_ns() // SECOND - 120) * SECOND
    server = installed.site.pod_30
    server.write(PODS, corpus(at))
    wait_equal(installed, at)
    longest = {len(p.value) for p in points(installed.site.central, at) if p.measurement == "text"}
    assert max(longest) == max(map(len, STRINGS)) == 2**20

    # The reader is killed with what it has not written, the broker with what it holds; meanwhile points go on.
    node = installed.kafka.nodes[0]
    installed.reader.kill()
    server.write(PODS, "\n".join(f"later,k=v v={n}i {at + n * 1000 + 7}" for n in range(500)).encode())
    installed.collector.wait_for_log("cycle: ", after=len(installed.collector.log()))
    node.kill()
    server.write(PODS, "\n".join(f"latest,k=v v={n}i {at + n * 1000 + 9}" for n in range(500)).encode())
    node.start()
    installed.reader.start()
    wait_equal(installed, at)
    said = shell(
        LOOK.replace("collector.telegraf", f"collector.{PODS}"), installed.home, installed.root, installed.kafka
    )
    ends = [int(line.split()[4]) for line in said.splitlines() if line.startswith("collector.")]
    assert sum(end > 0 for end in ends) == 1, said  # one key, one partition
    log = installed.collector.log()
    assert "another collector" not in log
    assert re.search(r"[EW]! .*telegraf\.conf: ", log) is None


def test_carriage_returns_and_own_metrics_arrive(installed: Installed) -> None:
    at = (time.time_ns() // SECOND - 60) * SECOND
    value = 'lone\\rreturn"\\\\'.replace("\\r", "\r").replace('"', '\\"')
    installed.site.pod_30.write(PODS, f'returned,k=v v="{value}" {at}'.encode())
    flux = (
        f'import "strings"\nfrom(bucket: "{PODS}") |> range(start: -1h)'
        ' |> filter(fn: (r) => r._measurement == "returned")'
        r' |> map(fn: (r) => ({r with _value: strings.replaceAll(v: r._value, t: "\r", u: "%0d")}))'
    )
    wait_until(lambda: "lone%0dreturn" in installed.site.central.query_csv(flux), "the text with its return", 60.0, 0.5)

    def own() -> set[str]:
        now = time.time_ns()
        return {p.measurement for p in installed.site.central.points("metrics", now - 3600 * SECOND, now + SECOND)}

    wait_until(lambda: {"collector_health", "collector_stream", "internal_write"} <= own(), "own metrics", 60.0, 0.5)


def test_settings_for_a_secured_broker_are_telegrafs(tmp_path: Path) -> None:
    authority = tmp_path / "kafka-ca.pem"
    trustme.CA().cert_pem.write_to_path(str(authority))
    secured = SECURED.replace("/etc/telegraf/kafka-ca.pem", str(authority))
    for kind, rest in (("outputs.kafka", 'topic = "t"'), ("inputs.kafka_consumer", 'topics = ["t"]')):
        conf = tmp_path / "telegraf.conf"
        other = "[[outputs.discard]]\n" if kind.startswith("inputs") else "[[inputs.mem]]\n"
        conf.write_text(f"{other}[[{kind}]]\n{secured}{rest}\n")
        command = [str(ENGINES / "telegraf"), "config", "check", "--strict-env-handling", "--config", str(conf)]
        ended = subprocess.run(
            command, env={"KAFKA_PASSWORD": "x"}, capture_output=True, text=True, timeout=30, check=False
        )
        assert ended.returncode == 0, ended.stderr
        conf.write_text(conf.read_text().replace("sasl_username", "sasl_user_name"))
        ended = subprocess.run(command, env={}, capture_output=True, text=True, timeout=30, check=False)
        assert "sasl_user_name" in ended.stderr
