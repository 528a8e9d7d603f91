"""Fixtures: a fresh clone, the demo in it, and the demo's servers as seen from this machine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.containers.servers import ORGS, Server
from lab.engines import REPOSITORY
from lab.loopback import free_port
from tests.image.containers import Compose, address, podman

DEMO = "data-collector-demo"
# What the demo must not read: with any of these it would collect nothing, or listen elsewhere.
POISON = """INFLUXDB_CENTRAL_URL=http://poison.invalid:1
INFLUXDB_CENTRAL_TOKEN=poison
SERVER_A_URL=http://poison.invalid:1
SERVER_A_TOKEN=poison
SERVER_B_TOKEN=poison
HEALTH_CHECK_PORT=1
COLLECTOR_INTERVAL=86400
"""


# What a checkout that was worked in has, and a fresh clone has not.
_NOT_CLONED = (
    ".git",
    ".venv",
    ".engines",
    ".env",
    "secrets",
    "dist",
    "*.log*",
    ".*_cache",
    ".hypothesis",
    "__pycache__",
)


def fresh_clone(folder: Path) -> Path:
    """The repository as a clone under umask 022 has it, in `folder`."""
    shutil.copytree(REPOSITORY, folder, ignore=shutil.ignore_patterns(*_NOT_CLONED), dirs_exist_ok=True)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
    return folder


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    """`compose.demo.yaml`, up."""
    clone = fresh_clone(tmp_path_factory.mktemp("demo"))
    (clone / ".env").write_text(POISON)
    ports = {"DEMO_CENTRAL_PORT": str(free_port()), "DEMO_HEALTH_PORT": str(free_port())}
    compose = Compose(DEMO, clone, ("compose.demo.yaml",), ports)
    try:
        compose.up()
        yield compose
    finally:
        compose.down()


@pytest.fixture(scope="session")
def servers(demo: Compose) -> dict[str, Server]:
    """The demo's servers by name, with their operator tokens."""
    return {
        name: Server(name, org, f"http://{address(demo.container(name))}:8086", operator_token(demo, name))
        for name, org in ORGS.items()
    }


def operator_token(demo: Compose, name: str) -> str:
    return podman("exec", demo.container("look"), "cat", f"/run/operators/{name}.token")


@pytest.fixture(scope="session")
def image(demo: Compose) -> str:
    """The image, built by the demo's `up`."""
    return "data-collector"
