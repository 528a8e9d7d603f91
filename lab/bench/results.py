"""What was measured, as it is kept in JSON: everything that table, plot and document are made of."""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.bench.landed import Landed
from lab.measured import Use


@dataclass(frozen=True)
class Run:
    """One run of one way: `seconds` until all its `values` could be read in central, `first` until one could."""

    values: int
    seconds: float
    first: float
    landed: Landed
    use: dict[str, Use]

    @property
    def rate(self) -> float:
        """Values a second, with the start."""
        return self.values / self.seconds

    @property
    def rate_running(self) -> float:
        """Values a second from the first one on, without the start. Raises ZeroDivisionError where that was all."""
        return self.values / (self.seconds - self.first)

    def processor(self, name: str) -> float:
        """Processor seconds of one process for a million values."""
        return self.use[name].processor / self.values * 1e6


@dataclass
class Results:
    """All that one `python -m lab.bench` measured. What was not asked for is empty."""

    machine: dict[str, str] = field(default_factory=dict)
    ways: dict[str, list[Run]] = field(default_factory=dict)
    size: dict[str, list[Run]] = field(default_factory=dict)
    streams: dict[str, list[Run]] = field(default_factory=dict)
    steady: dict[str, float] = field(default_factory=dict)
    idle: dict[str, float] = field(default_factory=dict)
    startup: dict[str, list[Run]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    """Parts that could not be measured, and why."""

    def write(self, file: Path) -> None:
        """Write it as JSON."""
        file.write_text(json.dumps(dataclasses.asdict(self), indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def read(cls, file: Path) -> Results:
        """Read what `write` wrote. Raises OSError, ValueError, KeyError, TypeError."""
        found: dict[str, Any] = json.loads(file.read_text())
        runs: dict[str, Any] = {
            part: {name: [_run(each) for each in several] for name, several in found.pop(part, {}).items()}
            for part in ("ways", "size", "streams", "startup")
        }
        return cls(**(runs | found))


def _run(found: dict[str, Any]) -> Run:
    use = {name: Use(**each) for name, each in found["use"].items()}
    return Run(found["values"], found["seconds"], found["first"], Landed(**found["landed"]), use)


def median(runs: list[Run], of: Callable[[Run], float]) -> float:
    """Return the median of something of all runs."""
    return statistics.median(map(of, runs))


def spread(runs: list[Run], of: Callable[[Run], float]) -> tuple[float, float]:
    """Return the least and the most of something of all runs."""
    return min(map(of, runs)), max(map(of, runs))
