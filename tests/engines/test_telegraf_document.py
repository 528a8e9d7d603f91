"""docs/telegraf.md, done as it says: the collector inside a Telegraf that has inputs, outputs and an agent of its own.

Its commands to install are run by `tests/release`; systemctl is the test's own start of Telegraf.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.engines import REPOSITORY
from lab.loopback import free_port, wait_until
from lab.site import Site
from lab.telegraf import TelegrafProcess, program_path
from tests.engines.operator_site import PROGRAM

DOCUMENT = (REPOSITORY / "docs" / "telegraf.md").read_text()
TOML = re.findall(r"```toml\n(.*?)```", DOCUMENT, re.DOTALL)
SHELL = re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL)
COMMANDS = re.findall(r"^    ((?:/opt|curl|systemctl|tail).*?)(?: +#.*)?$", DOCUMENT, re.MULTILINE)
SECOND = 10**9


@dataclass(frozen=True)
class Host:
    """A host with that Telegraf: `root` stands for /, `env` is what its service gives."""

    root: Path
    site: Site
    env: dict[str, str]

    def here(self, text: str) -> str:
        """`text` of the document with the places, the server and the port of this host."""
        text = text.replace("/opt/data-collector/bin/data-collector", str(PROGRAM))
        text = re.sub(r"(?<![\w/])(/etc/|/var/)", rf"{self.root}\1", text)
        text = text.replace("http://hosts.example.org:8086", self.site.central.url)
        text = text.replace('organization = "hosts"', f'organization = "{self.site.central.org}"')
        return text.replace("localhost:5000", f"localhost:{self.env['HEALTH_CHECK_PORT']}")

    def run(self, words: list[str]) -> subprocess.CompletedProcess[str]:
        """What the command says and how it ends; its environment has no more than a path."""
        env = {"PATH": program_path()}
        return subprocess.run(words, cwd=self.root, env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, site: Site) -> Host:
    root = tmp_path_factory.mktemp("host")
    for folder in ("etc/telegraf/telegraf.d", "etc/data-collector", "etc/default", "var/log/telegraf"):
        (root / folder).mkdir(parents=True)
    site.central.create_bucket("hosts")
    env = site.environment(1, free_port()) | {"HOSTS_TOKEN": site.central.token_for(write=["hosts"])}
    made = Host(root, site, env)
    shutil.copy(REPOSITORY / "config" / "queries.yaml", root / "etc/data-collector")
    block = (REPOSITORY / "config" / "inside-telegraf.conf").read_text()
    (root / "etc/telegraf/telegraf.d/data-collector.conf").write_text(made.here(block))
    (other,) = (text for text in TOML if "[agent]" in text)
    (root / "etc/telegraf/telegraf.conf").write_text(made.here(other))
    (root / "etc/default/telegraf").write_text("".join(f"{name}={value}\n" for name, value in env.items()))
    return made


@pytest.fixture(scope="module")
def running(host: Host) -> Iterator[TelegrafProcess]:
    """What `systemctl restart telegraf` starts."""
    conf = host.root / "etc/telegraf/telegraf.conf"
    # Where the plugin looks by itself is /etc/telegraf; here it is told, as the document says.
    env = host.env | {"TELEGRAF_CONFIG_PATH": str(conf)}
    with TelegrafProcess(conf, env, host.root, directories=[conf.parent / "telegraf.d"]) as telegraf:
        yield telegraf


def test_the_block_that_is_shown_is_the_files() -> None:
    lines = (REPOSITORY / "config" / "inside-telegraf.conf").read_text().splitlines()
    shown = [block for block in TOML if "[agent]" not in block]
    assert len(shown) == 2
    for block in shown:
        assert [line for line in block.splitlines() if line not in lines] == []


def test_the_settings_are_taken_as_shipped(tmp_path: Path) -> None:
    (typed,) = (text for text in SHELL if "/etc/default" in text)
    (tmp_path / "etc/default").mkdir(parents=True)
    shutil.copy(REPOSITORY / ".env.example", tmp_path)
    typed = typed.replace("/etc/", f"{tmp_path}/etc/")
    subprocess.run(["sh", "-euc", typed], cwd=tmp_path, check=True, timeout=30)
    made = tmp_path / "etc/default/telegraf"
    assert made.stat().st_mode & 0o777 == 0o600
    assert "INFLUXDB_CENTRAL_TOKEN=" in made.read_text().splitlines()


def test_check_and_doctor_find_nothing_and_what_is_left_out_is_told_as_shown(host: Host) -> None:
    check, doctor = (shlex.split(host.here(line)) for line in COMMANDS if " --config " in line)
    clean = host.run(check)
    files = "/etc/data-collector/queries.yaml with /etc/telegraf/telegraf.conf"
    assert (clean.returncode, clean.stdout) == (0, host.here(f"nothing to change in {files}\n"))
    assert clean.stderr == ""
    conf = host.root / "etc/telegraf/telegraf.conf"
    whole = conf.read_text()
    conf.write_text("".join(whole.splitlines(keepends=True)[:-2]))
    told = host.run(check)
    conf.write_text(whole)
    shown = re.findall(r"^    /etc/telegraf/telegraf.conf: .*?(?=\n\n)", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert (told.returncode, [told.stdout.rstrip()]) == (1, [host.here(textwrap.dedent(text)) for text in shown])
    looked = host.run(doctor)
    assert looked.returncode == 0, looked.stdout


def test_both_run_in_one_telegraf_and_neither_gets_what_is_the_others(host: Host, running: TelegrafProcess) -> None:
    site, now = host.site, time.time_ns()
    lines = [f"cpu,host=POD-8 usage_idle={number}.5 {now - number * SECOND - 123}" for number in range(1, 30)]
    site.pod_8.write("telegraf", "\n".join(lines).encode())
    port = int(host.env["HEALTH_CHECK_PORT"])
    wait_until(lambda: TelegrafProcess.health(port) == 200, "good health", 60, every_s=0.5)
    span = (now - 3600 * SECOND, now + 3600 * SECOND)

    def landed() -> set[int]:
        return {p.time_ns for p in site.central.points("telegraf", *span) if p.measurement == "cpu"}

    # To the nanosecond, though the agent's precision is a second.
    wait_until(lambda: len(landed()) == 29, "all points in central", 30, every_s=0.5)
    assert landed() == {now - number * SECOND - 123 for number in range(1, 30)}
    wait_until(lambda: list(site.central.points("hosts", *span)), "the host's own points", 60, every_s=0.5)
    copied = [point for point in site.central.points("telegraf", *span) if point.measurement == "cpu"]
    assert {(point.tag("host"), point.tag("dc")) for point in copied} == {("pod_8", None)}
    own = list(site.central.points("hosts", *span))
    assert {point.tag("host") for point in own} == {"web-1"}
    assert {point.tag("dc") for point in own} == {"jakarta"}
    names = {point.measurement for point in own}
    assert {name for name in names if not name.startswith("internal_")} <= {"cpu", "mem"}
    words = [
        "preview",
        "POD-8/telegraf",
        "--from",
        "-1h",
        "--json",
        "--env-file",
        str(host.root / "etc/default/telegraf"),
    ]
    words += ["--config", host.here("/etc/data-collector/queries.yaml")]
    seen = host.run([str(PROGRAM), *words, "--telegraf-config", host.here("/etc/telegraf/telegraf.conf")])
    after = json.loads(seen.stdout)["after"]
    assert {re.findall(r"host=([^, ]+)", each["line"])[0] for each in after} == {"pod_8"}
    assert {tuple(out["output"] for out in each["outputs"]) for each in after} == {("outputs.influxdb_v2[system]",)}
    metrics = {point.measurement for point in site.central.points("metrics", *span)}
    assert "collector_health" in metrics
    assert all(name.startswith(("collector_", "internal_")) for name in metrics)


def test_what_is_typed_to_look_works(host: Host, running: TelegrafProcess) -> None:
    typed = [line for line in COMMANDS if line.startswith(("curl", "tail"))]
    assert [line.split()[0] for line in typed] == ["curl", "tail"]
    wait_until(
        lambda: TelegrafProcess.health(int(host.env["HEALTH_CHECK_PORT"])) == 200, "good health", 60, every_s=0.5
    )
    health, log = (host.run(shlex.split(host.here(line))) for line in typed)
    assert health.stdout.startswith("HTTP/1.1 200 OK")
    assert "cycle: " in log.stdout
    # What the plugin's own look at the files would tell stands in its log: nothing.
    whole = (host.root / "var/log/telegraf/collector.log").read_text()
    assert "; write: " not in whole
    assert "left out of the proof" not in whole


def test_all_that_the_document_types_is_run() -> None:
    outside = re.sub(r"^```.*?^```", "", DOCUMENT, flags=re.DOTALL | re.MULTILINE)
    typed = [line.strip() for line in outside.splitlines() if re.match(r"    \S", line)]
    told = [line for line in typed if not any(line.startswith(command) for command in COMMANDS)]
    assert [line.split(":")[0] for line in told] == [  # what check tells, above
        "/etc/telegraf/telegraf.conf",
        "1 finding in /etc/data-collector/queries.yaml with /etc/telegraf/telegraf.conf",
    ]
    assert len(SHELL) == 2
    assert os.access(PROGRAM, os.X_OK)
