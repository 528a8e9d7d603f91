"""Rules of inputs.execd, which starts the plugin and reads its lines. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from telegraf_plugin.lint.finding import File, Finding
from telegraf_plugin.lint.rules_outputs import CHANGES, changed
from telegraf_plugin.lint.subject import Subject, plugin_inputs

_EXECD = """\
[[inputs.execd]]
  command = ["data-collector", "--config", "config/queries.yaml"]
  signal = "STDIN"
  restart_delay = "5s"
  buffer_size = "1MiB"
  data_format = "influx"
  influx_parser_type = "upstream"
  log_level = "${LOG_LEVEL:-INFO}\""""
_FILTERS = ("namepass", "namedrop", "tagpass", "tagdrop", "metricpass")
_REASONS = {
    "signal": ("STDIN", "a tick is a newline on standard input; without it the plugin is never told to read"),
    "data_format": ("influx", "the plugin prints line protocol"),
    "influx_parser_type": (
        "upstream",
        "the default parser makes a wrong point of a line that is cut short when the plugin dies; this one drops it",
    ),
}


def the_plugin_runs_once(subject: Subject) -> Iterator[Finding]:
    """One inputs.execd starts the plugin."""
    found = plugin_inputs(subject.conf)
    if not found:
        why = "no inputs.execd starts data-collector: nothing would be read"
        yield Finding(File.TELEGRAF, "inputs.execd", why, _EXECD)
    for second in found[1:]:
        why = f"{found[0].path} starts the plugin already: two would read everything twice and contradict each other"
        yield Finding(File.TELEGRAF, second.path, why, "leave out this input")


def lines_are_read_as_printed(subject: Subject) -> Iterator[Finding]:
    """Signal and parser fit the plugin, and nothing is left out or added on the way in."""
    for execd in plugin_inputs(subject.conf):
        for key, (value, why) in _REASONS.items():
            if execd.text(key) != value:
                yield Finding(File.TELEGRAF, execd.key(key), why, f'{key} = "{value}"')
        yield from changed(execd, (*CHANGES, *_FILTERS))


def times_stay_exact(subject: Subject) -> Iterator[Finding]:
    """A precision of the input rounds the times of points that others measured."""
    for execd in plugin_inputs(subject.conf):
        if execd.duration("precision") or ("precision" in execd and execd.duration("precision") is None):
            why = "it rounds the points' times: points fall on each other, and none is where the source has it"
            yield Finding(File.TELEGRAF, execd.key("precision"), why, "leave out precision")
        if execd.text("time_source") not in ("", "metric"):
            why = "points would get the time at which they were copied instead of their own"
            yield Finding(File.TELEGRAF, execd.key("time_source"), why, 'time_source = "metric"')
