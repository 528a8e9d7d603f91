"""The goals, as ratios within one run: what was measured, what is to be reached, and how far it is short."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lab.bench.contenders import (
    CAT_FIELD,
    CAT_WIDE,
    FLUX_FIELD,
    FLUX_WIDE,
    INFLUXQL_FIELD,
    INFLUXQL_WIDE,
    SCRIPT,
)
from lab.bench.results import Results, Run, median

COLLECTORS = (FLUX_FIELD, FLUX_WIDE, INFLUXQL_FIELD, INFLUXQL_WIDE)


@dataclass(frozen=True)
class Goal:
    """One goal: `measured` is to be `bound` at least, or at the most. Both are of `unit`, "" for a ratio."""

    name: str
    measured: float
    bound: float
    at_least: bool
    unit: str = ""

    @property
    def reached(self) -> bool:
        """True where it is."""
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound

    @property
    def short(self) -> float:
        """By what part of the bound it falls short; 0 where it is reached."""
        return 0.0 if self.reached else abs(self.measured - self.bound) / self.bound

    @property
    def verdict(self) -> str:
        """In words."""
        return "reached" if self.reached else f"short by {self.short:.0%}"


def _ratio(results: Results, above: str, below: str, of: Callable[[Run], float]) -> float | None:
    one, other = results.ways.get(above), results.ways.get(below)
    return median(one, of) / median(other, of) if one and other and median(other, of) else None


def _found(results: Results) -> Iterator[tuple[str, float | None, float, bool, str]]:
    def rate(run: Run) -> float:
        return run.rate

    def source(run: Run) -> float:
        return run.processor("source")

    yield "with `field`, of `cat`", _ratio(results, INFLUXQL_FIELD, CAT_FIELD, rate), 0.95, True, ""
    yield "wide by InfluxQL, of `cat`", _ratio(results, INFLUXQL_WIDE, CAT_WIDE, rate), 0.95, True, ""
    yield "wide by Flux, of `cat`", _ratio(results, FLUX_WIDE, CAT_WIDE, rate), 0.75, True, ""
    yield "wide, times the script", _ratio(results, INFLUXQL_WIDE, SCRIPT, rate), 12, True, ""
    spared = _ratio(results, INFLUXQL_WIDE, FLUX_WIDE, source)
    yield "source's processor seconds, InfluxQL against Flux", spared, 0.25, False, ""
    wide = results.ways.get(INFLUXQL_WIDE)
    spent = median(wide, lambda run: run.processor("plugin")) if wide else None
    yield "plugin's processor seconds a million values, wide", spent, 0.7, False, "s"
    runs = [each for name in COLLECTORS for each in results.ways.get(name, [])]
    runs += [each for part in (results.size, results.streams) for several in part.values() for each in several]
    peak = max((each.use["plugin"].memory for each in runs), default=None)
    yield "plugin's peak memory at any backlog", peak, 45, False, "MiB"
    steady, idle = results.steady, results.idle
    yield "a tick's points: from tick to readable in central", steady.get("delay"), 1.2, False, "s"
    used = steady["plugin"] * 1000 if steady else None
    yield "a tick's points: processor time of the plugin", used, 40, False, "ms"
    yield "idle streams on two sources: processor time of the plugin a cycle", idle.get("plugin"), 1.5, False, "s"


def goals(results: Results) -> list[Goal]:
    """Return the goals for which something was measured."""
    found = _found(results)
    return [
        Goal(name, measured, bound, least, unit) for name, measured, bound, least, unit in found if measured is not None
    ]
