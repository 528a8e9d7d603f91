"""Rules of the agent and of the data outputs: what loses, cuts, delays or changes points. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from telegraf_plugin.lint.durations import shown
from telegraf_plugin.lint.finding import File, Finding
from telegraf_plugin.lint.subject import Subject
from telegraf_plugin.lint.telegraf_conf import Table
from telegraf_plugin.stream.units import SECOND

_BUFFER_LIMIT = 10_000
_FLUSH_INTERVAL = 10 * SECOND
_FLUSH_WITHIN, _JITTER_WITHIN = SECOND, SECOND // 10
CHANGES = (
    *("name_override", "name_prefix", "name_suffix", "tags"),
    *("fieldinclude", "fieldexclude", "fieldpass", "fielddrop", "pass", "drop", "taginclude", "tagexclude"),
)
"""Settings of any plugin by which a point is no longer what its source has."""


def variables_are_set(subject: Subject) -> Iterator[Finding]:
    """Telegraf leaves `${NAME}` as it is when NAME is not set, and writes to a bucket that is called so."""
    for key, name in subject.conf.unset:
        why = f"the environment variable {name} is not set: Telegraf takes the text itself for the value"
        yield Finding(File.TELEGRAF, key, why, f"{name}=... in .env")


def buffer_holds_what_is_in_flight(subject: Subject) -> Iterator[Finding]:
    """What overflows an output's buffer is dropped, the oldest first."""
    need = 2 * subject.max_in_flight
    told: set[str] = set()
    for output in subject.data_outputs:
        own = output.number("metric_buffer_limit")
        limit = own or subject.conf.agent.number("metric_buffer_limit") or _BUFFER_LIMIT
        key = (output if own else subject.conf.agent).key("metric_buffer_limit")
        if limit < need and key not in told:
            told.add(key)
            why = (
                f"{limit:,.0f} is less than twice the {subject.max_in_flight:,} lines that may be in flight "
                "(max_in_flight): what overflows is dropped, the oldest first"
            )
            yield Finding(File.TELEGRAF, key, why, f"metric_buffer_limit = {need}")


def nothing_is_lost_on_refusal(subject: Subject) -> Iterator[Finding]:
    """bucket_tag and concurrent writes lose what central refuses for a while."""
    lost = "what central refuses for a while (429, 503) is lost without a word"
    for output in subject.influx_outputs:
        if output.text("bucket_tag"):
            why = f"with it, {lost}; use one output a bucket, with a tagpass"
            yield Finding(File.TELEGRAF, output.key("bucket_tag"), why, "leave out bucket_tag")
        if (output.number("concurrent_writes") or 1) > 1:
            why = f"above 1, {lost}, and a mark can overtake the lines that it speaks for"
            yield Finding(File.TELEGRAF, output.key("concurrent_writes"), why, "concurrent_writes = 1")


def unsigned_values_stay(subject: Subject) -> Iterator[Finding]:
    """Without influx_uint_support unsigned values become int64."""
    for output in subject.data_outputs:
        if not output.flag("influx_uint_support"):
            why = "unsigned values become integers, and what is above 9,223,372,036,854,775,807 is clipped to that"
            yield Finding(File.TELEGRAF, output.key("influx_uint_support"), why, "influx_uint_support = true")


def batches_do_not_wait(subject: Subject) -> Iterator[Finding]:
    """The rest of a batch, the mark at its end above all, waits for flush_interval."""
    agent = subject.conf.agent
    told: set[str] = set()
    for output in (*subject.data_outputs, *subject.health_outputs):
        for name, default in (("flush_interval", _FLUSH_INTERVAL), ("flush_jitter", 0)):
            own = output.duration(name)
            found = own or agent.duration(name) or default
            key = (output if own else agent).key(name)
            if found > (_FLUSH_WITHIN if name == "flush_interval" else _JITTER_WITHIN) and key not in told:
                told.add(key)
                why = f"the end of what was read, and the health status, wait up to {shown(found)} for being written"
                yield Finding(File.TELEGRAF, key, why, f'{name} = "{"1s" if name == "flush_interval" else "0s"}"')


def hosts_are_the_sources(subject: Subject) -> Iterator[Finding]:
    """Nothing of this machine is added to points of others."""
    conf = subject.conf
    if not conf.agent.flag("omit_hostname"):
        why = "points and own metrics without a host would get this machine's name for one"
        yield Finding(File.TELEGRAF, conf.agent.key("omit_hostname"), why, "omit_hostname = true")
    for table in conf.global_tags:
        for key in table.settings:
            why = "it is added to every point that has no such tag: series that no source has"
            yield Finding(File.TELEGRAF, table.key(key), why, f"leave out {key}")


def ports_exist(subject: Subject) -> Iterator[Finding]:
    """A port is a number from 1 to 65535; what is none is found by nobody who asks."""
    for output in subject.health_outputs:
        if output.text("service_address") and not _port(output.text("service_address")):
            why = "it names no port from 1 to 65535, perhaps by HEALTH_CHECK_PORT: nothing would answer for health"
            yield Finding(File.TELEGRAF, output.key("service_address"), why, 'service_address = "http://:5000"')
    for output in subject.influx_outputs:
        wrong = [url for url in output.texts("urls") if _port(url) is None]
        if wrong:
            why = f"{wrong[0]} names no port from 1 to 65535: nothing would be written"
            yield Finding(File.TELEGRAF, output.key("urls"), why, f'urls = ["{subject.config.central.url}"]')


def _port(url: str) -> int | None:
    """Return the port of `url`, 0 when it names none, None when it is none that there can be."""
    try:
        port = urlsplit(url).port
    except ValueError:
        return None
    return None if port == 0 else port or 0


def processors_after_aggregators_is_said(subject: Subject) -> Iterator[Finding]:
    """Telegraf 1.40 changes the default, and warns until it is said."""
    if subject.conf.agent.flag("skip_processors_after_aggregators") is None:
        key = subject.conf.agent.key("skip_processors_after_aggregators")
        why = "Telegraf 1.40 changes its default; until it is said, Telegraf warns at every start"
        yield Finding(File.TELEGRAF, key, why, "skip_processors_after_aggregators = true")


def outputs_change_nothing(subject: Subject) -> Iterator[Finding]:
    """An output writes points as the plugin printed them."""
    for output in subject.data_outputs:
        yield from changed(output, CHANGES)
        if output.flag("influx_omit_timestamp"):
            why = "points would get central's time of arrival instead of their own"
            yield Finding(File.TELEGRAF, output.key("influx_omit_timestamp"), why, "influx_omit_timestamp = false")


def changed(plugin: Table, keys: tuple[str, ...]) -> Iterator[Finding]:
    """Yield a finding for each of the keys that the plugin has."""
    for key in keys:
        if plugin.settings.get(key):
            why = "it changes or leaves out what was read: central would not hold what the source does"
            yield Finding(File.TELEGRAF, plugin.key(key), why, f"leave out {key}")
