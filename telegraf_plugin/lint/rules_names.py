"""Rules of the processors: names that fall together, and what must come through as it was printed. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations_with_replacement

from telegraf_plugin.lint.finding import File, Finding
from telegraf_plugin.lint.reach import Reach, reach
from telegraf_plugin.lint.renames import NotComparable, changes, compiled, regex_rules, renamed
from telegraf_plugin.lint.rules_routing import TAGDROP
from telegraf_plugin.lint.subject import Subject, metrics_of
from telegraf_plugin.lint.telegraf_conf import Plugin, Table
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.mapping import MetadataTag
from telegraf_plugin.stream.names import LEDGER
from telegraf_plugin.stream.selection import named_in_central

_HOST = MetadataTag.HOST.value
_PROTECTED = ("source_bucket", "source", "field")
_ROUTES = "it would change {key}, by which points are routed and proved"
_HARMLESS = ("printer",)

Entry = tuple[str, StreamDefinition]


def renames_can_be_judged(subject: Subject) -> Iterator[Finding]:
    """Say where a pattern is beyond what can be computed here."""
    for rule in regex_rules(subject.conf.processors, _HOST):
        try:
            compiled(rule.text("pattern"))
        except NotComparable:
            why = "what this pattern makes of hosts cannot be told offline: see that no two become one"
            yield Finding(
                File.TELEGRAF, rule.key("pattern"), why, "a pattern of plain characters, classes and groups", True
            )


def no_two_hosts_become_one(subject: Subject) -> Iterator[Finding]:
    """Two hosts that are renamed to one name make one series of two: one's points overwrite the other's."""
    rules = regex_rules(subject.conf.processors, _HOST)
    groups: dict[tuple[str, str], list[Entry]] = {}
    for path, _, stream in subject.streams():
        groups.setdefault((stream.central_bucket, stream.bucket), []).append((path, stream))
    try:
        for entries in groups.values():
            for first, second in combinations_with_replacement(entries, 2):
                if _may_meet(first[1], second[1]):
                    yield from _same_name(first, second, rules)
        yield from _sources_of_one_name(subject, rules)
    except NotComparable:
        return  # told by renames_can_be_judged


def _same_name(first: Entry, second: Entry, rules: list[Table]) -> Iterator[Finding]:
    (_, one), (_, other) = first, second
    both = ((a, b) for a in _hosts(one) for b in _hosts(other) if renamed(a, rules) == renamed(b, rules))
    pairs = sorted((a, b) for a, b in both if a < b)
    if not pairs:
        return
    a, b = pairs[0]
    why = f"host {a} of {one.label} and host {b} of {other.label} are both {renamed(a, rules)} {_meet(other)}"
    write = f"a pattern that does not make one name of {a} and {b}"
    yield Finding(File.TELEGRAF, rules[0].key("pattern"), why, write)


def _sources_of_one_name(subject: Subject, rules: list[Table]) -> Iterator[Finding]:
    """Say where two sources get one name although their series stay two, by bucket or measurement."""
    seen: dict[str, StreamDefinition] = {}
    for path, source, stream in subject.streams():
        if source.name not in _hosts(stream) or MetadataTag.SOURCE in stream.metadata_tags:
            continue
        name = renamed(source.name, rules)
        first = seen.setdefault(name, stream)
        if first.source != source.name:
            why = (
                f"{first.source} and {source.name} are both called {name} in central; "
                "only bucket and measurement tell them apart"
            )
            yield Finding(File.QUERIES, f"{path}.metadata_tags", why, _with_source(stream), True)


def _meet(stream: StreamDefinition) -> str:
    bucket = stream.central_bucket
    return f"in the central bucket {bucket}: where measurement and tags are equal one overwrites the other"


def _hosts(stream: StreamDefinition) -> set[str]:
    """Return the hosts that the stream is known to bring: those it selects, else the source's name."""
    selected = dict(stream.tags).get(_HOST)
    if selected is not None and stream.flux is None:
        return set(selected)
    return {stream.source} if MetadataTag.HOST in stream.metadata_tags else set()


def _may_meet(one: StreamDefinition, other: StreamDefinition) -> bool:
    """Say whether points of two streams can have the same series in central but for their host.

    Those of two sources cannot: where their buckets are called alike, the configuration is refused without `source`.
    """
    tags, others = (set(stream.metadata_tags) - {MetadataTag.HOST} for stream in (one, other))
    if one.source != other.source or tags != others:
        return False
    if one.flux is not None or other.flux is not None:
        return True
    measurements = [set(named_in_central(each).measurements) for each in (one, other)]
    if all(measurements) and not measurements[0] & measurements[1]:
        return False
    selected = dict(other.tags)
    return all(key == _HOST or key not in selected or set(values) & set(selected[key]) for key, values in one.tags)


def _with_source(stream: StreamDefinition) -> str:
    tags = [tag.value for tag in stream.metadata_tags]
    return f"metadata_tags: [{', '.join([*tags, MetadataTag.SOURCE.value])}]"


def processors_keep_what_proves(subject: Subject) -> Iterator[Finding]:
    """What the plugin printed must come to central with the tags and values that it was printed with."""
    metrics = [metric for stream in subject.config.streams for metric in metrics_of(stream)]
    for plugin in (*subject.conf.processors, *subject.conf.aggregators):
        if all(reach(plugin, metric) is Reach.NEVER for metric in metrics) or plugin.name in _HARMLESS:
            continue
        kind = plugin.path.partition(".")[0]
        if kind == "processors" and plugin.name == "regex":
            yield from _regex(plugin)
        elif kind == "processors" and plugin.name == "override":
            yield from _override(plugin)
        else:
            why = (
                f"data passes it, and what it changes, adds or drops (the measurement {LEDGER} with it) is no longer "
                "what the plugin printed; let it see the collector's own metrics only"
            )
            write = TAGDROP.format(name=plugin.name).replace("[outputs", f"[{kind}")
            yield Finding(File.TELEGRAF, plugin.key("tagdrop"), why, write)


def _regex(plugin: Plugin) -> Iterator[Finding]:
    for rule in plugin.tables("tags"):
        keys = [key for key in _PROTECTED if changes(rule, key) or f"<{key}>" in rule.text("pattern")]
        if keys:
            yield Finding(File.TELEGRAF, rule.key("key"), _ROUTES.format(key=", ".join(keys)), "leave out this rule")
        if rule.text("result_key") == _HOST and rule.text("key") != _HOST:
            why = "every point's host would be made of another tag: hosts of their own are lost, series become one"
            yield Finding(File.TELEGRAF, rule.key("result_key"), why, 'key = "host", without result_key')
    for rule in plugin.tables("tag_rename"):
        for key in (*_PROTECTED, _HOST):
            if _may_match(rule.text("pattern"), key):
                yield Finding(File.TELEGRAF, rule.key("pattern"), _ROUTES.format(key=key), "leave out this rule")
    for name in ("fields", "field_rename", "metric_rename"):
        for rule in plugin.tables(name):
            why = "it changes values or names: central would not hold what the source does, and the plugin not find it"
            yield Finding(File.TELEGRAF, rule.path, why, "leave out this rule")


def _override(plugin: Plugin) -> Iterator[Finding]:
    for key in (*_PROTECTED, _HOST):
        if key in plugin.table("tags"):
            yield Finding(File.TELEGRAF, plugin.key(f"tags.{key}"), _ROUTES.format(key=key), f"leave out {key}")
    if others := [key for key in plugin.table("tags").settings if key not in (*_PROTECTED, _HOST)]:
        why = f"it would add {', '.join(others)} to what is copied: series that no source has"
        yield Finding(
            File.TELEGRAF, plugin.key("tagdrop"), why, TAGDROP.format(name="override").replace("outputs", "processors")
        )
    for key in ("name_override", "name_prefix", "name_suffix"):
        if plugin.text(key):
            why = f"it would change the measurements, {LEDGER} with them, by which the plugin learns what has landed"
            yield Finding(File.TELEGRAF, plugin.key(key), why, f"leave out {key}")


def _may_match(pattern: str, text: str) -> bool:
    try:
        return compiled(pattern).search(text) is not None
    except NotComparable:
        return True
