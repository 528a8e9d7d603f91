"""A third site, added by `add-source` as a new user would: its data lands in central, until it is taken out.

Two ways: a bucket whose name is new to central, with tokens in `.env`; and a bucket that is called as another source's,
with tokens as files.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab import engines
from lab.expect import difference, expected_points
from lab.influxd import InfluxServer
from lab.loopback import free_port, wait_until
from lab.points import Point
from lab.process import Process
from lab.site import Site
from telegraf_plugin.config.dotenv import quoted
from tests.engines.operator_site import HOUR, PROGRAM

SECOND = 1_000_000_000
PATH = {"PATH": os.pathsep.join([str(PROGRAM.parent), os.defpath])}
TAGS = ("host", "source_bucket", "field", "source")


@pytest.fixture
def pod_31() -> Iterator[InfluxServer]:
    with InfluxServer("cold", "cooling") as server:
        server.create_bucket("telegraf")
        yield server


@pytest.fixture
def clone(site: Site, tmp_path: Path) -> Path:
    """A clone whose `.env` is filled in for POD-8, POD-30 and central."""
    folder = tmp_path / "clone"
    shutil.copytree(engines.REPOSITORY / "config", folder / "config")
    for name in ("telegraf.conf", "docker-compose.secrets.yaml"):
        shutil.copy(engines.REPOSITORY / name, folder / name)
    # telegraf on PATH is what a user has; the tests' one is found wherever it is.
    (folder / "bin").mkdir()
    (folder / "bin" / "telegraf").symlink_to(engines.telegraf())
    settings(folder, site.environment(1, free_port()))
    return folder


def settings(folder: Path, env: dict[str, str]) -> None:
    (folder / ".env").write_text("".join(f"{name}={quoted(value)}\n" for name, value in env.items()))


def run(folder: Path, *words: str, given: str = "", status: int | None = 0) -> str:
    """Run `data-collector` in the clone with nothing but a PATH, as from a fresh shell."""
    env = {"PATH": os.pathsep.join([str(folder / "bin"), PATH["PATH"]])}
    ended = subprocess.run(
        [str(PROGRAM), *words],
        cwd=folder,
        env=env,
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert status is None or ended.returncode == status, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


@contextmanager
def running(folder: Path) -> Iterator[Process]:
    env = {"PATH": os.pathsep.join([str(folder / "bin"), PATH["PATH"]])}
    collector = Process([str(PROGRAM), "start"], env, folder, folder / "telegraf.log")
    collector.start()
    try:
        yield collector
    finally:
        collector.stop()


def written(server: InfluxServer, bucket: str, measurement: str) -> set[Point]:
    """Write points of all types into the bucket, of the last minute; return those that it has."""
    now = time.time_ns()
    fields = 'temp=20.5,fans=3i,big=18446744073709551615u,on=true,note="Kühl, 1"'
    lines = [f"{measurement},room=r{number % 3} {fields} {now - number * SECOND}" for number in range(60)]
    lines.append(f"{measurement},host=POD-31 temp=1 {now}")
    server.write(bucket, "\n".join(lines).encode())
    return {point for point in server.points(bucket, now - HOUR, now + HOUR) if point.measurement == measurement}


def landed(central: InfluxServer, bucket: str, measurement: str) -> set[Point]:
    now = time.time_ns()
    found = central.points(bucket, now - HOUR, now + HOUR)
    return {point for point in found if point.measurement == measurement}


def test_a_bucket_of_a_new_name_lands_and_goes_on_until_it_is_taken_out(
    site: Site, pod_31: InfluxServer, clone: Path
) -> None:
    before = {name: (clone / name).read_text() for name in (".env", "telegraf.conf", "config/queries.yaml")}
    words = ("add-source", "POD-31", "--url", pod_31.url, "--org", "cold", "--bucket", "cooling")
    assert "nothing was written" in run(clone, *words)
    done = run(clone, *words, "--write", "--token", "-", given=pod_31.token_for(read=["cooling"]))
    assert f"{clone}" not in done
    # What is left to do, as it is said: a bucket, a token of central's, and where that goes.
    assert "influx bucket create --name=cooling --retention=0" in done
    site.central.create_bucket("cooling")
    landing = [*(site.buckets.telegraf, site.buckets.pods, site.buckets.power, site.buckets.metrics), "cooling"]
    env = (clone / ".env").read_text()
    token = site.central.token_for(read=landing, write=landing)
    (clone / ".env").write_text(env.replace(quoted(site.central_token), quoted(token)))
    assert run(clone, "check") == "nothing to change in config/queries.yaml with telegraf.conf\n"
    assert "POD-31" in run(clone, "doctor", "POD-31")
    with running(clone):
        expected = expected_points(written(pod_31, "cooling", "climate"), "POD-31", "cooling")

        def same() -> bool:
            return landed(site.central, "cooling", "climate") == expected

        try:
            wait_until(same, "POD-31's points", 60, every_s=0.5)
        except TimeoutError:
            pytest.fail(difference(expected, landed(site.central, "cooling", "climate")))
        wait_until(lambda: '"ok"' in run(clone, "status", "POD-31", "--json", status=None), "a good status", 60, 0.5)
        # Taken out while it runs: the collector goes on with what it was started with until it is started anew.
        run(clone, "remove-source", "POD-31", "--write")
    assert run(clone, "check") == "nothing to change in config/queries.yaml with telegraf.conf\n"
    before[".env"] = before[".env"].replace(quoted(site.central_token), quoted(token))
    assert {name: (clone / name).read_text() for name in before} == before
    with running(clone):
        own = written(site.pod_8, site.buckets.telegraf, "mem")
        others = expected_points(own, "POD-8", site.buckets.telegraf)
        wait_until(lambda: landed(site.central, site.buckets.telegraf, "mem") >= others, "POD-8's points", 60)
    assert landed(site.central, "cooling", "climate") == expected  # what was copied stays


def test_a_bucket_that_is_called_as_anothers_lands_beside_it_with_tokens_as_files(
    site: Site, pod_31: InfluxServer, clone: Path
) -> None:
    secrets = clone / "secrets"
    secrets.mkdir()
    env = site.environment(1, free_port())
    for name in ("INFLUXDB_CENTRAL", "SERVER_A", "SERVER_B"):
        file = name.removeprefix("INFLUXDB_").lower()
        (secrets / f"{file}_token").write_text(env.pop(f"{name}_TOKEN"))
    settings(clone, {**env, "COLLECTOR_SECRETS": "secrets"})
    words = ("--url", pod_31.url, "--org", "cold", "--bucket", "telegraf", "--template", "system_metrics")
    given = pod_31.token_for(read=["telegraf"])
    done = run(clone, "add-source", "POD-31", *words, "--write", "--token", "-", given=given)
    assert "At central" not in done
    assert "Mind that POD-8/telegraf gets the tag source too" in done
    assert (secrets / "server_c_token").read_text() == given
    assert run(clone, "check") == "nothing to change in config/queries.yaml with telegraf.conf\n"
    with running(clone):
        # The very same series and times at both.
        mine = expected_points(written(pod_31, "telegraf", "disk"), "POD-31", "telegraf", TAGS)
        others = expected_points(written(site.pod_8, site.buckets.telegraf, "disk"), "POD-8", "telegraf", TAGS)

        def both() -> bool:
            return landed(site.central, site.buckets.telegraf, "disk") == mine | others

        try:
            wait_until(both, "the points of both", 60, every_s=0.5)
        except TimeoutError:
            pytest.fail(difference(mine | others, landed(site.central, site.buckets.telegraf, "disk")))
