"""Whether a plugin's filters (namepass, tagpass and the like) take a metric of which not everything is known. Pure.

Telegraf's rule (`models/filter.go`): a metric must pass the names *and* the tags *and* `metricpass`; of several keys in
`tagpass` one that fits is enough, of several in `tagdrop` one that fits drops.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

from telegraf_plugin.lint.glob import everything, matches
from telegraf_plugin.lint.telegraf_conf import Table


class Reach(IntEnum):
    """How many of the metrics that a `Metric` stands for are taken."""

    NEVER = 0
    SOMETIMES = 1
    ALWAYS = 2


@dataclass(frozen=True, slots=True)
class Metric:
    """What is known of some metrics: their `measurement` (None: any), some `tags`, and tags that they do not have."""

    measurement: str | None
    tags: Mapping[str, str]
    absent: tuple[str, ...] = ()


def reach(plugin: Table, metric: Metric) -> Reach:
    """Say whether the filters of `plugin` take the metric."""
    return min((found for _, found in clauses(plugin, metric)), default=Reach.ALWAYS)


def clauses(plugin: Table, metric: Metric) -> Iterator[tuple[str, Reach]]:
    """Yield each filter that the plugin has, and what it takes by itself."""
    if names := plugin.texts("namepass"):
        yield "namepass", _named(names, plugin.text("namepass_separator"), metric)
    if names := plugin.texts("namedrop"):
        yield "namedrop", _not(_named(names, plugin.text("namedrop_separator"), metric))
    if plugin.table("tagpass"):
        yield "tagpass", _tagged(plugin.table("tagpass"), metric)
    if plugin.table("tagdrop"):
        yield "tagdrop", _not(_tagged(plugin.table("tagdrop"), metric))
    if plugin.text("metricpass"):
        yield "metricpass", Reach.SOMETIMES  # an expression: not computed here


def _named(patterns: tuple[str, ...], separators: str, metric: Metric) -> Reach:
    if metric.measurement is None:
        return Reach.ALWAYS if everything(patterns, separators) else Reach.SOMETIMES
    return Reach.ALWAYS if matches(patterns, metric.measurement, separators) else Reach.NEVER


def _tagged(filters: Table, metric: Metric) -> Reach:
    """Say whether any key of `filters` fits a tag."""
    found = Reach.NEVER
    for key in filters.settings:
        patterns = filters.texts(key)
        if key in metric.tags:
            found = max(found, Reach.ALWAYS if matches(patterns, metric.tags[key]) else Reach.NEVER)
        elif key not in metric.absent and patterns:
            found = max(found, Reach.SOMETIMES)
    return found


def _not(reached: Reach) -> Reach:
    return Reach(Reach.ALWAYS - reached)
