"""The tokens that `data-collector permissions` describes are enough, and those of all these tests have no more.

The commands it prints run here against real servers; in place of the `influx` program stands one that knows just the
options that are used, as influx 2.7 documents them, and asks the servers the same.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from lab.engines import REPOSITORY
from lab.influxd import InfluxServer
from lab.loopback import HttpRefused, free_port, wait_until
from lab.site import Buckets, Site
from lab.telegraf import TelegrafProcess, work_folder
from tests.engines.plugin_process import PROGRAM
from tests.engines.test_end_to_end import RENAMED

INFLUX = """\
#!{python}
import argparse, json, os, sys
from urllib.parse import urlencode
sys.path.insert(0, {repository!r})
from lab.loopback import open_url

def ask(method, path, document=None):
    headers = {{"Authorization": "Token " + os.environ["INFLUX_TOKEN"], "Content-Type": "application/json"}}
    body = None if document is None else json.dumps(document).encode()
    with open_url(method, os.environ["INFLUX_HOST"] + path, body, headers) as reply:
        return json.loads(reply.read())

parser = argparse.ArgumentParser(allow_abbrev=False)
commands = parser.add_subparsers(required=True)
listing = commands.add_parser("bucket").add_subparsers(required=True).add_parser("list", allow_abbrev=False)
listing.add_argument("--name", required=True)
listing.add_argument("--hide-headers", action="store_true", required=True)
creation = commands.add_parser("auth").add_subparsers(required=True).add_parser("create", allow_abbrev=False)
creation.add_argument("--description")
creation.add_argument("--read-bucket", action="append", default=[])
creation.add_argument("--write-bucket", action="append", default=[])
options = parser.parse_args()
org = os.environ["INFLUX_ORG"]
if "name" in options:
    (bucket,) = ask("GET", "/api/v2/buckets?" + urlencode({{"org": org, "name": options.name}}))["buckets"]
    print(bucket["id"], bucket["name"], sep="\\t")
else:
    (found,) = ask("GET", "/api/v2/orgs?" + urlencode({{"org": org}}))["orgs"]
    permissions = [
        {{"action": action, "resource": {{"type": "buckets", "id": identity, "orgID": found["id"]}}}}
        for action, identities in (("read", options.read_bucket), ("write", options.write_bucket))
        for identity in identities
    ]
    made = ask("POST", "/api/v2/authorizations",
        {{"orgID": found["id"], "description": options.description, "permissions": permissions}})
    print(made["token"])
"""


def permissions(env: Mapping[str, str], *arguments: str) -> str:
    command = [str(PROGRAM), "permissions", "--config", str(REPOSITORY / "config" / "queries.yaml"), *arguments]
    return subprocess.run(command, env=dict(env), check=True, capture_output=True, text=True, timeout=30).stdout


def without_tokens(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if "TOKEN" not in name}


@pytest.mark.parametrize("buckets", [Buckets(), RENAMED], ids=["shipped", "renamed"])
def test_the_tokens_of_the_end_to_end_tests_have_just_the_permissions_that_are_printed(buckets: Buckets) -> None:
    with Site(buckets) as site:
        found = json.loads(permissions(without_tokens(site.environment(60, 5000)), "--json"))["tokens"]
        held = {
            "central": site.central.permissions_of(site.central_token),
            "POD-8": site.pod_8.permissions_of(site.pod_8_token),
            "POD-30": site.pod_30.permissions_of(site.pod_30_token),
        }
    needed = {
        token["server"]: {(action, bucket) for action in ("read", "write") for bucket in token[action]}
        for token in found
    }
    assert held == needed


def made(folder: Path, server: InfluxServer, commands: str) -> list[str]:
    """Run the printed commands with the server's operator token; return the tokens that they made."""
    program = folder / "influx"
    program.write_text(INFLUX.format(python=sys.executable, repository=str(REPOSITORY)))
    program.chmod(0o755)
    env = {"PATH": f"{folder}:{os.defpath}", "INFLUX_TOKEN": server.token}
    ended = subprocess.run(
        ["sh", "-eu"], input=commands, env=env, text=True, capture_output=True, check=False, timeout=60
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.split()


def test_the_collector_works_with_tokens_that_the_printed_commands_made(tmp_path: Path) -> None:
    with Site(RENAMED) as site:
        env = without_tokens(site.environment(2, port := free_port()))
        (pod_8,) = made(tmp_path, site.pod_8, permissions(env, "POD-8"))
        (pod_30,) = made(tmp_path, site.pod_30, permissions(env, "POD-30"))
        reads, writes = made(tmp_path, site.central, permissions(env, "--separate", "central"))
        env |= {"SERVER_A_TOKEN": pod_8, "SERVER_B_TOKEN": pod_30, "INFLUXDB_CENTRAL_TOKEN": writes, "READS": reads}
        folder = work_folder(tmp_path / "work")
        shipped = (REPOSITORY / "config" / "queries.yaml").read_text()
        (folder / "mine.yaml").write_text(shipped.replace("${INFLUXDB_CENTRAL_TOKEN}", "${READS}"))
        env["COLLECTOR_QUERIES"] = "mine.yaml"
        now = time.time_ns()
        site.pod_8.write(RENAMED.telegraf, f"cpu,host=POD-8 usage_idle=1 {now}".encode())
        site.pod_30.write(RENAMED.pods, f"pods value=1 {now}".encode())
        site.pod_30.write(RENAMED.power, f"power watts=1 {now}".encode())
        log = folder / "telegraf.log"
        with TelegrafProcess(folder / "telegraf.conf", env, folder, log):
            wait_until(lambda: TelegrafProcess.health(port) == 200, "health")
            for bucket in (RENAMED.telegraf, RENAMED.pods, RENAMED.power):
                wait_until(lambda name=bucket: site.central.points(name, now - 1, now + 1), f"points in {bucket}")  # type: ignore[misc]
            hour = 3600 * 10**9
            wait_until(lambda: site.central.points(RENAMED.metrics, now - hour, now + hour), "own metrics")
        text = log.read_text()
        for sign in (" 401", " 403", " 404", "cannot look into central", "E! "):
            assert sign not in text, text
        check_that_no_more_is_allowed(site, reads, pod_8)


def check_that_no_more_is_allowed(site: Site, reads: str, pod_8: str) -> None:
    """The tokens that only read cannot write, and the source's sees no other bucket."""
    for server, token, bucket in ((site.central, reads, RENAMED.metrics), (site.pod_8, pod_8, RENAMED.telegraf)):
        kept, server.token = server.token, token
        try:
            with pytest.raises(HttpRefused) as refused:
                server.write(bucket, b"m f=1")
            assert refused.value.status == 403
            with pytest.raises(HttpRefused):
                server.create_bucket("another")
        finally:
            server.token = kept
