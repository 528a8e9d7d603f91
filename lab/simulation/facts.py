"""What came of a simulation as plain figures, which are kept as JSON: tables and pictures are made of them alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from statistics import quantiles
from typing import Any

from lab.simulation.meter import PEAKS, Load, Series, Wait
from lab.simulation.setting import Setting
from lab.simulation.world import Outcome
from telegraf_plugin.stream.units import HOUR, MINUTE, SECOND

LAST = 10
"""The last minutes, of which is told what an interval takes when all is calm."""
Facts = dict[str, Any]
"""One simulation's: the keys are those that `facts` gives."""


def facts(setting: Setting, simulated: list[int], outcome: Outcome) -> Facts:
    """Return the figures of an outcome, of the shards that were `simulated`: times in seconds, series by the hour."""
    meters = outcome.meters
    intervals = setting.length // setting.interval
    return {
        "setting": {**asdict(setting), "simulated": simulated},
        "wrong": outcome.wrong,
        "streams": _largest(meters.streams, setting),
        "stream_ticks": meters.stream_ticks,
        "ticks": meters.ticks,
        "values_a_second": outcome.values_a_second,
        "events": outcome.events,
        "core": {"seconds": meters.core_seconds, "events": meters.core_events, "vain": meters.vain},
        "live": _wait(meters.live, setting),
        "history": _wait(meters.history, setting),
        "buffered": outcome.most_buffered,
        "sites": _sites(outcome.loads.values(), intervals),
        "central": {
            "requests": outcome.central.requests / intervals,
            "points": outcome.central.points / intervals,
            "peak_requests": outcome.central.peak_requests,
            "peak_points": outcome.central.peak_points,
        },
        "hours": {
            name: _hours(getattr(meters, name))
            for name in (
                "asked_sources",
                "asked_central",
                "read_sources",
                "read_central",
                "written",
                "lacking",
                "streams",
            )
        },
        "minutes": {name: list(getattr(meters, name).values) for name in PEAKS},
        "troubles": [
            {
                "kind": each.kind,
                "name": each.name,
                "start": (each.start - setting.begin) / SECOND,
                "lasted": (each.stop - each.start) / SECOND,
                "lacked": each.lacked,
                "took": each.took / SECOND if each.took is not None else None,
            }
            for each in sorted(outcome.troubles, key=lambda each: each.start)
            if each.sites
        ],
        "last": {
            name: sum(getattr(meters, name).values[-1 - LAST : -1]) / (LAST * MINUTE / setting.interval)
            for name in ("asked_sources", "asked_central", "read_sources", "read_central", "written")
        },
    }


def _wait(wait: Wait, setting: Setting) -> Facts:
    return {
        "longest": wait.longest / SECOND,
        "mean": wait.mean / SECOND,
        "count": wait.count,
        "of_each": [value / SECOND for value in _spread(list(wait.of_each.values()))],
        "whose": wait.whose,
        "when": (wait.when - setting.begin) / SECOND if wait.when else None,
    }


def _sites(loads: Iterable[Load], intervals: int) -> Facts:
    """Return what sites are asked an interval: in the middle, by the busiest twentieth, and at the most."""
    found = list(loads)
    return {
        "requests": _spread([load.requests / intervals for load in found]),
        "points": _spread([load.points / intervals for load in found]),
        "peak_requests": _spread([load.peak_requests for load in found]),
        "peak_points": _spread([load.peak_points for load in found]),
    }


def _spread(values: Sequence[float]) -> list[float]:
    """Return median, 95th hundredth and largest of `values`."""
    if len(values) < 2:
        return [*values, 0.0][:1] * 3
    hundredths = quantiles(values, n=100, method="inclusive")
    return [hundredths[49], hundredths[94], max(values)]


def _hours(series: Series) -> list[int]:
    return [sum(series.values[first : first + HOUR // MINUTE]) for first in range(0, len(series.values) - 1, 60)]


def _largest(series: Series, setting: Setting) -> int:
    """Return how many streams there were at the end."""
    last = setting.interval // MINUTE or 1
    return sum(series.values[-1 - last : -1])
