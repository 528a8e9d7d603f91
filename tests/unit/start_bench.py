"""A checkout of its own for scripts/collector, and a stand-in for Telegraf that says how it was started."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping
from pathlib import Path

from lab.engines import REPOSITORY

STAND_IN = """#!/bin/sh
case "$1 $2" in
'config check') exit 0 ;;
'version ') echo Telegraf 0.0.0; exit 0 ;;
esac
printf '%s\\n' "$@"
env
"""
"""It takes every configuration; what the real one says of them is tested in tests/engines."""
OWN = {"INFLUXDB_CENTRAL_TOKEN", "SERVER_A_TOKEN", "SERVER_B_TOKEN"}


def checkout(folder: Path) -> Path:
    """Make `folder` what scripts/collector needs of a clone, with a stand-in for Telegraf, and return it."""
    (folder / "scripts").mkdir(parents=True)
    for name in ("scripts/collector", "telegraf.conf"):
        shutil.copy(REPOSITORY / name, folder / name)
    shutil.copytree(REPOSITORY / "config", folder / "config")
    stand_in(folder / "bin" / "telegraf")
    return folder


def environment(folder: Path, env: Mapping[str, str] = {}) -> dict[str, str]:
    """Return `env` with a PATH to the stand-in and to this Python's data-collector, and nothing of the caller's."""
    path = os.pathsep.join([str(folder / "bin"), str(Path(sys.executable).parent), os.defpath])
    return {"PATH": path, **env}


def own_python(folder: Path) -> Path:
    """Make `.venv` in `folder`, as `make venv` does, with what is installed here; return its data-collector."""
    venv.create(folder / ".venv", symlinks=True)
    inside = sysconfig.get_path("purelib", "venv", {"base": str(folder / ".venv")})
    Path(inside, "here.pth").write_text(f"{REPOSITORY}\n{sysconfig.get_path('purelib')}\n")
    program = folder / ".venv" / "bin" / "data-collector"
    run = "import sys; from telegraf_plugin.cli import main; sys.exit(main())"
    program.write_text(f'#!/bin/sh\nexec "$(dirname "$0")/python" -c \'{run}\' "$@"\n')
    program.chmod(0o755)
    return program


def stand_in(file: Path, version: str = "0.0.0") -> Path:
    """Make `file` a stand-in for Telegraf of that `version`, and return it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(STAND_IN.replace("0.0.0", version))
    file.chmod(0o755)
    return file


def collector(
    folder: Path, *arguments: str, env: Mapping[str, str] = {}, program: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run scripts/collector of the checkout to its end."""
    return subprocess.run(
        [str(program or folder / "scripts" / "collector"), *arguments],
        env=environment(folder, env),
        cwd=folder.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def started(run: subprocess.CompletedProcess[str]) -> tuple[list[str], dict[str, str]]:
    """Return the arguments and the environment that Telegraf was started with."""
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    first = next(number for number, line in enumerate(lines) if "=" in line)
    return lines[:first], dict(line.split("=", 1) for line in lines[first:] if "=" in line)
