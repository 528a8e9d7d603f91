"""What the doctor says of a server's version: what it is, what it lacks, and whether it is another than was said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from telegraf_plugin.config import Source
from telegraf_plugin.stream.definition import ReadWay

NEEDED = (2, 2)
"""Of InfluxDB 2; from then on Flux has `types`, which `aggregate` and strings with a carriage return need."""
NEEDED_V1 = (1, 6)
"""Of InfluxDB 1.x: older ones were not tried."""
FLUX_V1 = (1, 11)
"""Of InfluxDB 1.x, likewise, for what is asked for in Flux."""
_WHERE = "docs/sources.md"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with a version, and what to do; `bad`: it cannot be read so."""

    bad: bool
    found: str
    remedy: str


def of_source(source: Source, told: str) -> Iterator[Verdict]:
    """Yield what is wrong with a source that calls itself `told` (`v2.9.1`, `1.6.7~rc0`, `dev`)."""
    version = _number(told)
    if version is None:
        return
    if not source.server.v1:
        yield from _of_v2(version, told, "give username, password, and the database of each stream", source.name)
    elif version >= (3, 0):
        yield _unsupported(told)
    elif version >= (2, 0):
        remedy = "give org, token and buckets in place of username, password and databases"
        yield Verdict(True, f"{told} is no InfluxDB 1.x, as {source.name}'s keys say", remedy)
    elif version < NEEDED_V1:
        yield Verdict(
            False, f"{told} is older than {_text(NEEDED_V1)}", f"run 1.6 or newer: it was not tried ({_WHERE})"
        )
    elif version < FLUX_V1 and (by_flux := _by_flux(source)):
        remedy = f"run InfluxDB {_text(FLUX_V1)} or newer with flux-enabled = true, or leave {by_flux} out"
        yield Verdict(True, f"{told} has no Flux that {by_flux} could use", remedy)


def of_central(told: str) -> Iterator[Verdict]:
    """Yield what is wrong with a central that calls itself `told`."""
    version = _number(told)
    if version is not None:
        yield from _of_v2(version, told, "central has to be an InfluxDB 2", "central")


def _of_v2(version: tuple[int, int], told: str, of_v1: str, name: str) -> Iterator[Verdict]:
    if version >= (3, 0):
        yield _unsupported(told)
    elif version < (2, 0):
        yield Verdict(True, f"{told} is no InfluxDB 2, as {name}'s keys say", f"{of_v1} ({_WHERE})")
    elif version < NEEDED:
        remedy = f"run InfluxDB {_text(NEEDED)} or newer; before that Flux has no types, which aggregate needs"
        yield Verdict(False, f"{told} is older than {_text(NEEDED)}", remedy)


def _by_flux(source: Source) -> str:
    """Say for which of its keys a source is asked in Flux; empty for none."""
    keys = [
        *(["read: flux"] if source.server.read is ReadWay.FLUX else []),
        *(["aggregate"] if any(stream.aggregate for stream in source.streams) else []),
        *(["flux"] if any(stream.flux for stream in source.streams) else []),
    ]
    return ", ".join(keys)


def _unsupported(told: str) -> Verdict:
    return Verdict(True, f"{told} is not supported", f"see what to use for it: {_WHERE}")


def _number(told: str) -> tuple[int, int] | None:
    match = re.match(r"v?(\d+)\.(\d+)", told)
    return (int(match[1]), int(match[2])) if match is not None else None


def _text(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))
