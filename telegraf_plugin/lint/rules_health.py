"""Rules of outputs.health, which answers for the collector. Pure."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from textwrap import indent

from telegraf_plugin.config.settings import silence as silence_for
from telegraf_plugin.lint.durations import shown
from telegraf_plugin.lint.finding import File, Finding
from telegraf_plugin.lint.reach import Metric, Reach, reach
from telegraf_plugin.lint.rules_routing import TAGDROP
from telegraf_plugin.lint.subject import Subject, own_metric, plugin_inputs
from telegraf_plugin.lint.telegraf_conf import Table, TelegrafConf
from telegraf_plugin.stream.names import HEALTH
from telegraf_plugin.stream.units import SECOND

_INTERVAL = 10 * SECOND
_BAD_STATUS = 400
_FIELD = "healthy"
_PATIENCE = 300 * SECOND
"""A dead man's time above both this and ten intervals tells nobody in time."""
_HEALTH = f"""\
[[outputs.health]]
  service_address = "http://:${{HEALTH_CHECK_PORT:-5000}}"
  default_status = 503
  max_time_between_metrics = "${{HEALTH_MAX_SILENCE:-150s}}"
  namepass = ["{HEALTH}"]
{indent(TAGDROP.format(name="health"), "  ")}
  [[outputs.health.compares]]
    field = "{_FIELD}"
    eq = 1.0
  [[outputs.health.contains]]
    field = "{_FIELD}\""""


def health_answers(subject: Subject) -> Iterator[Finding]:
    """There is one, and it says 503 until it knows better."""
    outputs = subject.health_outputs
    if not outputs:
        yield Finding(File.TELEGRAF, "outputs.health", "nothing answers for the collector's health", _HEALTH)
    for output in outputs:
        if (output.number("default_status") or 200) < _BAD_STATUS:
            why = "until the first cycle has gone well Telegraf would answer 200"
            yield Finding(File.TELEGRAF, output.key("default_status"), why, "default_status = 503")


def health_is_fed_by_the_status_alone(subject: Subject) -> Iterator[Finding]:
    """The last batch alone decides: any other metric in it would."""
    for output in subject.health_outputs:
        if set(output.texts("namepass")) != {HEALTH} or reach(output, own_metric(HEALTH)) is not Reach.ALWAYS:
            why = "the last batch alone decides, so it must hold nothing but the one status metric, and always that"
            yield Finding(File.TELEGRAF, output.key("namepass"), why, f'namepass = ["{HEALTH}"]')
        data = [Metric(HEALTH, {"source_bucket": stream.bucket}) for stream in subject.config.streams]
        if any(reach(output, metric) is not Reach.NEVER for metric in data):
            why = f"a measurement of a source that happens to be called {HEALTH} would decide"
            yield Finding(File.TELEGRAF, output.key("tagdrop"), why, TAGDROP.format(name="health"))


def health_judges_the_status(subject: Subject) -> Iterator[Finding]:
    """`healthy` must be there, and 1."""
    for output in subject.health_outputs:
        if not any(_tells(compare) for compare in output.tables("compares")):
            why = f"the field {_FIELD} is 1 while every stream is read, else 0; nothing compares it"
            write = f'[[outputs.health.compares]]\n  field = "{_FIELD}"\n  eq = 1.0'
            yield Finding(File.TELEGRAF, output.key("compares"), why, write)
        if not any(contain.text("field") == _FIELD for contain in output.tables("contains")):
            why = f"a metric without the field {_FIELD} passes every comparison"
            write = f'[[outputs.health.contains]]\n  field = "{_FIELD}"'
            yield Finding(File.TELEGRAF, output.key("contains"), why, write)


def silence_is_noticed_in_time(subject: Subject) -> Iterator[Finding]:
    """A plugin that hangs says nothing; only the time since its last word tells."""
    for output in subject.health_outputs:
        interval = interval_of(subject.conf)
        silence = output.duration("max_time_between_metrics") or 0
        least, most = 2 * interval, max(10 * interval, _PATIENCE)
        if silence <= 0:
            why = "without it the answer stays 200 for ever when the plugin hangs"
        elif silence < least:
            why = (
                f"the status comes every {shown(interval)}: within {shown(silence)} it is easily late, and health flaps"
            )
        elif silence > most:
            why = (
                f"the status comes every {shown(interval)}: a plugin that hangs would go unnoticed for {shown(silence)}"
            )
        else:
            continue
        write = f'max_time_between_metrics = "{shown(silence_for(interval))}"'
        yield Finding(File.TELEGRAF, output.key("max_time_between_metrics"), why, write)


def interval_of(conf: TelegrafConf) -> int:
    """Return how often (ns) the plugin is told to read."""
    found = [plugin.duration("interval") for plugin in plugin_inputs(conf)]
    return next(filter(None, found), conf.agent.duration("interval") or _INTERVAL)


def _tells(compare: Table) -> bool:
    """Say whether a comparison passes for 1 and fails for 0."""
    if compare.text("field") != _FIELD:
        return False
    return _passes(compare, 1) and not _passes(compare, 0)


def _passes(compare: Table, value: int) -> bool:
    bounds = ((name, compare.number(name)) for name in ("gt", "ge", "lt", "le", "eq", "ne"))
    return all(bool(getattr(operator, name)(value, bound)) for name, bound in bounds if bound is not None)
