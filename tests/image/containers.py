"""`Compose`: one compose project run by podman-compose, and what can be seen of its containers."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SHIM = Path(__file__).parent / "podman"
# podman without systemd says these of every container that has a health check; `healthcheck run` works all the same.
_NOISE = ("systemd connection", "failed to connect to syslog")


class PodmanFailed(RuntimeError):
    """A command of podman ended badly; its output is in the message."""


def podman(*arguments: str, timeout_s: float = 60) -> str:
    """The output of a podman command, both streams. Raises PodmanFailed."""
    return _run(["podman", *arguments], None, None, timeout_s)


def status(*arguments: str, timeout_s: float = 60) -> int:
    """The exit status of a podman command."""
    try:
        _run(["podman", *arguments], None, None, timeout_s)
    except PodmanFailed as failed:
        return int(failed.args[1])
    return 0


def _run(command: Sequence[str], folder: Path | None, env: Mapping[str, str] | None, timeout_s: float) -> str:
    run = subprocess.run(
        command,
        cwd=folder,
        env=None if env is None else {**os.environ, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=timeout_s,
        check=False,
    )
    output = "\n".join(line for line in run.stdout.splitlines() if not any(noise in line for noise in _NOISE))
    if run.returncode:
        raise PodmanFailed(f"{' '.join(command)}: {output}", run.returncode)
    return output


@dataclass(frozen=True)
class Compose:
    """The compose `files` of `folder` as project `name`, with `env` for their variables."""

    name: str
    folder: Path
    files: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, timeout_s: float = 1200) -> str:
        """Run podman-compose. Raises PodmanFailed."""
        files = [part for file in self.files for part in ("--file", file)]
        command = ["podman-compose", "--podman-path", str(SHIM), "--project-name", self.name, *files, *arguments]
        return _run(command, self.folder, self.env, timeout_s)

    def up(self) -> None:
        """Build and start, detached. podman-compose ends well whatever happened: each container is looked at."""
        said = self.run("up", "--detach")
        for container in self.containers():
            state = inspect(container)["State"]
            if not state["Running"] and (state["Status"] != "exited" or state["ExitCode"]):
                raise PodmanFailed(f"{container}: {state}\n{said}\n{podman('logs', container)}", 1)

    def down(self) -> None:
        """End and remove everything, volumes too."""
        self.run("down", "--volumes", "--timeout", "5")

    def container(self, service: str) -> str:
        """The container's name."""
        return f"{self.name}_{service}_1"

    def containers(self) -> list[str]:
        """The names of all its containers, ended ones too."""
        return podman("ps", "--all", "--filter", f"name={self.name}_", "--format", "{{.Names}}").split()

    def logs(self, service: str) -> str:
        """What the service's container printed."""
        return podman("logs", self.container(service))

    def shell(self, service: str, command: str) -> str:
        """The output of a shell command in the service's container. Raises PodmanFailed."""
        return podman("exec", self.container(service), "sh", "-c", command)


def inspect(container: str) -> dict[str, Any]:
    """`podman inspect` of a container or an image."""
    found: list[dict[str, Any]] = json.loads(podman("inspect", container))
    return found[0]


def address(container: str) -> str:
    """A container's IP address."""
    networks = inspect(container)["NetworkSettings"]["Networks"]
    return str(next(iter(networks.values()))["IPAddress"])
