"""What the image is: what it runs as, what it says of itself, and what was left out of it."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

from lab.engines import REPOSITORY
from telegraf_plugin import __version__
from tests.image.conftest import fresh_clone
from tests.image.containers import inspect, podman
from tests.unit.test_lint import SETTINGS

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
    assert labels["org.opencontainers.image.version"] == __version__
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


def test_a_site_is_added_by_the_image_to_the_hosts_files(image: str, tmp_path: Path) -> None:
    """As docs/operations.md has it: with nothing installed on the host, as the user whose files they are."""
    document = (REPOSITORY / "docs" / "operations.md").read_text()
    (shown,) = re.findall(r"    docker run ((?:.*\\\n)*.*)", document)
    words = (
        shown.replace("\\\n", " ")
        .replace('"$(id -u):$(id -g)"', "1234:1234")
        .replace('"$PWD:/site"', f"{tmp_path}/c:/site")
    )
    clone = fresh_clone(tmp_path / "c")
    (clone / ".env").write_text("".join(f"{name}={value}\n" for name, value in SETTINGS.items()))
    (clone / ".env").chmod(0o600)
    for path in (clone, *clone.rglob("*")):
        os.chown(path, 1234, 1234)
    before = (clone / "config" / "queries.yaml").read_text()
    assert "nothing was written: the same with --write does it" in podman("run", *words.split())
    assert (clone / "config" / "queries.yaml").read_text() == before
    podman("run", *words.split(), "--write")
    assert "POD-31" in (clone / "config" / "queries.yaml").read_text()
    changed = list(clone.rglob("*.bak"))
    assert len(changed) == 3
    assert {(file.stat().st_uid, file.stat().st_gid) for file in clone.rglob("*")} == {(1234, 1234)}


def test_its_size_over_the_base(image: str) -> None:
    assert BASE
    over = (int(inspect(image)["Size"]) - int(inspect(f"docker.io/library/{BASE[1]}")["Size"])) / 1e6
    print(f"\nimage: {over:.1f} MB over the base")
    assert 20 < over < 90
