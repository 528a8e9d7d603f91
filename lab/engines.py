"""Where the bench's programs are: `.engines/bin` of the repository, made by `make engines`."""

from __future__ import annotations

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
ENGINES = REPOSITORY / ".engines" / "bin"


class EnginesMissing(RuntimeError):
    """A program of the bench is not there."""


def telegraf() -> Path:
    """The telegraf program. Raises EnginesMissing."""
    return _engine("telegraf")


def influxd() -> Path:
    """The influxd program. Raises EnginesMissing."""
    return _engine("influxd")


def influxd_v1(version: str) -> Path:
    """The influxd program of InfluxDB `1.13` or `1.6`. Raises EnginesMissing."""
    return _engine(f"influxd-{version}", "scripts/engines --all")


def kafka() -> Path:
    """Kafka's own programs, by their names behind it. Raises EnginesMissing."""
    return _engine("kafka", "scripts/engines --all")


def _engine(name: str, run: str = "make engines") -> Path:
    path = ENGINES / name
    if not path.exists():  # a symlink to a cache that was emptied counts as missing
        raise EnginesMissing(f"{name} is not at .engines/bin/{name}: run {run}")
    return path
