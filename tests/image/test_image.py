"""What the image is: what it runs as, what it says of itself, and what was left out of it."""

from __future__ import annotations

import re
import tomllib

from lab.engines import REPOSITORY
from tests.image.containers import inspect, podman

BASE = re.search(r"^FROM (telegraf:\S+)$", (REPOSITORY / "Dockerfile").read_text(), re.MULTILINE)


def inside(image: str, command: str) -> str:
    return podman("run", "--rm", "--user", "0", "--entrypoint", "sh", image, "-c", command)


def test_it_is_not_root_and_has_a_health_check(image: str) -> None:
    found = inspect(image)
    config = found["Config"]
    assert config["User"] == "10001:10001"
    # Where Docker has it, or podman.
    assert (config.get("Healthcheck") or found["Healthcheck"])["Test"] == ["CMD", "/app/scripts/healthcheck"]
    assert config["Entrypoint"] == ["/app/scripts/collector"]


def test_its_labels_say_what_it_is(image: str) -> None:
    labels = inspect(image)["Config"]["Labels"]
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert BASE
    assert labels["org.opencontainers.image.title"] == project["name"]
    assert labels["org.opencontainers.image.version"] == project["version"]
    assert labels["org.opencontainers.image.licenses"] == project["license"]
    assert labels["org.opencontainers.image.base.name"] == BASE[1]


def test_no_compiler_installer_or_cache_is_left(image: str) -> None:
    programs = "for name in gcc cc g++ make pip pip3 hatchling git; do command -v $name; done; true"
    assert inside(image, programs) == ""
    left = "find /root/.cache /var/lib/apt/lists /var/cache/apt /build /opt/build /tmp -type f 2>/dev/null || true"
    assert inside(image, left) == ""


def test_all_of_it_can_be_read_by_its_user_and_written_by_root_only(image: str) -> None:
    assert inside(image, "find /app /opt/collector ! -perm -o+r ! -type l") == ""
    assert inside(image, "find /app /opt/collector ! -user root ! -path /app/logs") == ""


def test_its_size_over_the_base(image: str) -> None:
    assert BASE
    over = (int(inspect(image)["Size"]) - int(inspect(f"docker.io/library/{BASE[1]}")["Size"])) / 1e6
    print(f"\nimage: {over:.1f} MB over the base")
    assert 20 < over < 90
