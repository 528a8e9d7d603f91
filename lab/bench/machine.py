"""What it was measured on: machine, versions, date, and how loaded it was when it began."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from lab import engines


def machine() -> dict[str, str]:
    """Return names and texts, no name of the machine among them."""
    cpu = re.search(r"^model name\s*:\s*(.*)", _text("/proc/cpuinfo"), re.M)
    memory = re.search(r"^MemTotal:\s+(\d+)", _text("/proc/meminfo"), re.M)
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _said(["git", "-C", str(engines.REPOSITORY), "describe", "--always", "--dirty"]),
        "processor": f"{len(os.sched_getaffinity(0))} x {cpu[1] if cpu else platform.machine()}",
        "memory": f"{int(memory[1]) / 2**20:.0f} GiB" if memory else "not known",
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "telegraf": _version(engines.telegraf(), "--version", engines.REPOSITORY / "scripts/engines"),
        "influxd": _version(engines.influxd(), "version", engines.REPOSITORY / "engines/influxd/go.mod"),
        "load before": f"{os.getloadavg()[0]:.1f}",
    }


def _text(file: str) -> str:
    try:
        return Path(file).read_text()
    except OSError:
        return ""


def _said(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "not known"


def _version(program: Path, ask: str, pinned: Path) -> str:
    """Return what the program says; one that was built by scripts/engines does not know, and is what that pins."""
    told = re.search(r"\bv?(\d+\.\d+\.\d+\S*)", _said([str(program), ask]))
    pin = re.search(r"(?:telegraf_version=|influxdb/v2 )v(\S+)", _text(str(pinned)))
    return told[1] if told else f"{pin[1]}, built by scripts/engines" if pin else "not known"
