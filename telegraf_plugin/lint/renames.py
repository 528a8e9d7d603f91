"""What of telegraf.conf's processors concerns a stream's tags, as rules that `stream.renames` computes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from telegraf_plugin.config import Config
from telegraf_plugin.errors import Problem
from telegraf_plugin.lint.glob import matches
from telegraf_plugin.lint.reach import Reach, reach
from telegraf_plugin.lint.subject import metrics_of
from telegraf_plugin.lint.telegraf_conf import Plugin, Table, TelegrafConf
from telegraf_plugin.stream import renames
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.renames import NotComparable, TagRule, value_in_central
from telegraf_plugin.stream.selection import crossing, meeting, refusal

__all__ = ["NotComparable", "changes", "check", "compiled", "in_order", "regex_rules", "renamed", "with_renames"]

compiled = renames.compiled

_TAGS_STAY = ("printer",)


def in_order(processors: Sequence[Plugin]) -> list[Plugin]:
    """Return the processors in the order in which metrics pass them, as far as it is that of the file."""
    return sorted(processors, key=lambda plugin: plugin.number("order") or 0)


def regex_rules(processors: Sequence[Plugin], key: str) -> list[Table]:
    """Return the rules of processors.regex that change the tag `key`, in the order in which they are applied."""
    rules = [rule for plugin in in_order(processors) if plugin.name == "regex" for rule in plugin.tables("tags")]
    return [rule for rule in rules if changes(rule, key)]


def changes(rule: Table, key: str) -> bool:
    """Say whether the rule, one of `processors.regex.tags`, writes the tag `key`."""
    result = rule.text("result_key")
    return result == key if result else matches([rule.text("key")], key)


def renamed(value: str, rules: Sequence[Table]) -> str:
    """Return the tag's value behind all the rules, which change it by itself. Raises NotComparable."""
    read = [replace(_rule(rule), key="tag", result_key="tag") for rule in rules]
    return dict(renames.changed(read, ((b"tag", value.encode()),))).get(b"tag", b"").decode()


def with_renames(config: Config, conf: TelegrafConf | None, why_none: str = "") -> Config:
    """Return `config` whose streams know what Telegraf makes of their tags; `check` says which cannot be run so.

    Without `conf`, for the reason `why_none`, and where a processor cannot be computed, `rewritten_tags` are left out
    of the comparison as the file says, and the stream knows the reason.
    """
    sources = (
        replace(source, streams=tuple(_with_renames(stream, conf, why_none) for stream in source.streams))
        for source in config.sources
    )
    return replace(config, sources=tuple(sources))


def _with_renames(stream: StreamDefinition, conf: TelegrafConf | None, why_none: str) -> StreamDefinition:
    try:
        if conf is None:
            raise NotComparable(why_none)
        rules = tuple(_rules(conf, stream))
        value_in_central(rules, "source_bucket", stream.bucket)
    except NotComparable as error:
        return replace(stream, uncomputed=str(error))
    return replace(stream, renames=rules, rewritten_tags=())


def _rules(conf: TelegrafConf, stream: StreamDefinition) -> Iterator[TagRule]:
    """Yield what changes the tags of the stream's points, in order. Raises NotComparable."""
    points = metrics_of(stream)[:-1]  # the last one are its marks
    for plugin in in_order(conf.processors):
        reached = {reach(plugin, metric) for metric in points}
        if reached == {Reach.NEVER} or plugin.name in _TAGS_STAY:
            continue
        if plugin.name != "regex":
            raise NotComparable(f"telegraf.conf: {plugin.path} cannot be computed")
        tables = plugin.tables("tags")
        if tables and reached != {Reach.ALWAYS}:
            raise NotComparable(f"telegraf.conf: {plugin.path} sees a part of the stream's points only")
        if plugin.tables("tag_rename"):
            raise NotComparable(f"telegraf.conf: {plugin.path} renames tags' keys (tag_rename)")
        for table in tables:
            rule = _rule(table)
            try:
                rule.check()
            except NotComparable as error:
                raise NotComparable(f"telegraf.conf: {table.path}: {error}") from None
            yield rule


def _rule(table: Table) -> TagRule:
    key, pattern, replacement, result = map(table.text, ("key", "pattern", "replacement", "result_key"))
    return TagRule(key, pattern, replacement, result, bool(table.flag("append")))


def check(config: Config) -> list[Problem]:
    """Return why streams of `config`, which know their renames, cannot be run: none could be proved."""
    problems = []
    for number, source in enumerate(config.sources):
        for at, stream in enumerate(source.streams):
            path = f"sources[{number}].streams[{at}].tags"
            if why := refusal(stream):
                problems.append(Problem(path, why))
                continue
            for other in source.streams[:at]:
                if crossed := crossing(other, stream):
                    text = (
                        f"{crossed} in central ({stream.central_bucket}): {other.name} and this stream would take each"
                    )
                    text += " other's points for their own; rename them to names of their own, or alike in both"
                    problems.append(Problem(f"sources[{number}].streams[{at}].rename", text))
                if not refusal(other) and (met := meeting(other, stream)):
                    text = f"{met} in central ({stream.central_bucket}): {other.name} and this stream would overwrite"
                    text += " each other's points, and take them for their own; write a rename that keeps them apart"
                    problems.append(Problem(path, text))
    return problems
