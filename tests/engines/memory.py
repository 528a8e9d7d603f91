"""What the plugin may take, and what it took."""

from __future__ import annotations

import os
import re
from pathlib import Path

LIMIT_MIB = 64e6 / 2**20
"""64 MB, the plugin's share of the container's memory."""


def peak_mib(pid: int) -> float:
    """The most memory that a process has had so far (MiB), its libraries' pages included."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found.group(1)) / 1024


def cpu_seconds(pid: int) -> float:
    """What a process has taken of the processor so far (s)."""
    numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(numbers[11]) + int(numbers[12])) / os.sysconf("SC_CLK_TCK")
