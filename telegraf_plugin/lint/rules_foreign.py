"""Rules of a file that has inputs and outputs beside the collector's, as a Telegraf's that exists already. Pure.

They are tolerated. What is told is where they would get what is the collector's, or it what is theirs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from telegraf_plugin.lint.finding import File, Finding
from telegraf_plugin.lint.reach import Reach, reach
from telegraf_plugin.lint.rules_health import interval_of
from telegraf_plugin.lint.rules_routing import TAGDROP
from telegraf_plugin.lint.subject import Subject, metrics_of, names_own_metrics, own_metric, plugin_inputs
from telegraf_plugin.lint.telegraf_conf import Plugin
from telegraf_plugin.stream import names
from telegraf_plugin.stream.mapping import MetadataTag

_ROUTE = MetadataTag.SOURCE_BUCKET.value
_OWN = "collector_"
_HARMLESS = ("discard",)


def other_outputs_take_nothing_of_ours(subject: Subject) -> Iterator[Finding]:
    """An output of another purpose, which often has no filter, takes neither the data nor the collector's metrics."""
    for output in subject.foreign_outputs:
        if output.name in _HARMLESS:
            continue
        own = max(reach(output, own_metric(name)) for name in names.METRICS)
        if own is Reach.ALWAYS and not names_own_metrics(output):
            why = "it is not the collector's, and takes the collector's own metrics, which nobody looks for there"
            write = f"namedrop = {json.dumps([*output.texts('namedrop'), f'{_OWN}*'], ensure_ascii=False)}"
            yield Finding(File.TELEGRAF, output.key("namedrop"), why, write)
        yield from _takes_data(subject, output)


def _takes_data(subject: Subject, output: Plugin) -> Iterator[Finding]:
    found: dict[Reach, list[str]] = {Reach.ALWAYS: [], Reach.SOMETIMES: []}
    # Data is never called so (`stream.names`): that much it may drop, and still takes all of the data.
    others = tuple(name for name in output.texts("namedrop") if not name.startswith(_OWN))
    filtered = replace(output, settings={**output.settings, "namedrop": others})
    for stream in subject.config.streams:
        if reached := max(reach(filtered, metric) for metric in metrics_of(stream)[:-1]):  # the last one: its marks
            found[reached].append(stream.label)
    for reached, labels in found.items():
        if not labels:
            continue
        sure = reached is Reach.ALWAYS
        why = (
            f"it is not the collector's, and {'takes' if sure else 'may take'} what is copied of {', '.join(labels)}: "
            "every point, and all that is copied of history, would go there as well"
        )
        write = TAGDROP.format(name=output.name)
        if output.table("tagdrop"):
            write = write.splitlines()[1].strip()
        yield Finding(File.TELEGRAF, output.key("tagdrop"), why, write, hint=not sure)
        return


def other_inputs_are_not_taken_for_ours(subject: Subject) -> Iterator[Finding]:
    """What another input brings has neither the tag by which data is routed nor a name of the collector's metrics."""
    ours = {plugin.path for plugin in plugin_inputs(subject.conf)}
    for other in subject.conf.inputs:
        if other.path in ours:
            continue
        if _ROUTE in other.table("tags"):
            why = (
                f"by {_ROUTE} its points would go where the copied data goes, and nothing at a source would equal them"
            )
            yield Finding(File.TELEGRAF, other.key(f"tags.{_ROUTE}"), why, f"leave out {_ROUTE}")
        for key in ("name_override", "name_prefix"):
            if other.text(key).startswith(_OWN):
                why = "its points would be taken for the collector's own metrics, by which health is answered"
                yield Finding(File.TELEGRAF, other.key(key), why, f"leave out {key}")


def ticks_come_in_time(subject: Subject) -> Iterator[Finding]:
    """A jitter puts each tick off by chance; the collector reckons with its interval."""
    agent, interval = subject.conf.agent, interval_of(subject.conf)
    for execd in plugin_inputs(subject.conf):
        holder = execd if "collection_jitter" in execd else agent
        if (holder.duration("collection_jitter") or 0) > interval // 4:
            why = (
                "each tick is put off by up to that much, above a quarter of the interval: health takes it for a hang, "
                "and streams for late; the input's own holds for it alone"
            )
            yield Finding(File.TELEGRAF, execd.key("collection_jitter"), why, 'collection_jitter = "0s"')
