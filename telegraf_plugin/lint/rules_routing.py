"""Rules of the way from a stream to its central bucket, and of the collector's own metrics to theirs. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from textwrap import indent

from telegraf_plugin.lint.finding import File, Finding
from telegraf_plugin.lint.glob import quoted
from telegraf_plugin.lint.reach import Reach, clauses, reach
from telegraf_plugin.lint.subject import (
    OWN_METRICS,
    Subject,
    address,
    is_kafka,
    metrics_of,
    own_metric,
    servers,
    stream_reach,
    takes_own_metrics,
)
from telegraf_plugin.lint.telegraf_conf import Plugin
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.names import LEDGER

TAGDROP = '[outputs.{name}.tagdrop]\n  source_bucket = ["*"]'
_OUTPUT = """\
[[outputs.influxdb_v2]]
  alias = {alias}
  urls = ["${{INFLUXDB_CENTRAL_URL}}"]
  token = "${{INFLUXDB_CENTRAL_TOKEN}}"
  organization = "${{INFLUXDB_CENTRAL_ORG}}"
  bucket = {bucket}
  influx_uint_support = true
  content_encoding = "gzip"
  timeout = "30s"
  log_level = "${{LOG_LEVEL:-INFO}}"
"""
_KAFKA_OUTPUT = """\
[[outputs.kafka]]
  alias = {alias}
  brokers = [{brokers}]
  version = "4.0.0"
  topic = {topic}
  routing_tag = "source_bucket"
  idempotent_writes = true
  required_acks = -1
  producer_timestamp = "now"
  max_message_bytes = 4194304
  compression_codec = 4
  startup_error_behavior = "retry"
  data_format = "influx"
  influx_uint_support = true
  log_level = "${{LOG_LEVEL:-INFO}}"
"""
_METRICS_FILTERS = '  namepass = ["collector_*", "internal_*"]\n' + indent(TAGDROP.format(name="influxdb_v2"), "  ")


def every_stream_reaches_one_output(subject: Subject) -> Iterator[Finding]:
    """Points that no output takes vanish without a word; those that two take are in central twice."""
    for _, _, stream in subject.streams():
        takers = subject.takers(stream)
        if not takers:
            yield _no_output(subject, stream)
        for output in takers[1:]:
            yield _second_output(subject, stream, takers[0], output)
        if takers:
            yield from _filtered(stream, takers[0])


def central_bucket_is_where_it_goes(subject: Subject) -> Iterator[Finding]:
    """central_bucket routes nothing: the plugin only looks there for what telegraf.conf should have brought."""
    for path, _, stream in subject.streams():
        takers = subject.takers(stream)
        if takers and not is_kafka(takers[0]) and takers[0].text("bucket") != stream.central_bucket:
            bucket = takers[0].text("bucket")
            if not bucket:
                why = f"it takes {stream.label} to a bucket without a name: central refuses it, and Telegraf drops it"
                yield Finding(File.TELEGRAF, takers[0].key("bucket"), why, f"bucket = {_toml(stream.central_bucket)}")
                continue
            why = (
                f"{stream.label} is looked for in the central bucket {stream.central_bucket}, where nothing would be "
                f"found: {takers[0].path} takes source_bucket {stream.bucket} to {bucket} (or change its tagpass)"
            )
            yield Finding(File.QUERIES, f"{path}.central_bucket", why, f"central_bucket: {_toml(bucket)}")


def outputs_write_to_the_central_of_queries(subject: Subject) -> Iterator[Finding]:
    """The plugin asks `central` of queries.yaml what has landed; telegraf.conf must write to the same."""
    central = subject.config.central
    first = {takers[0].path for _, _, stream in subject.streams() if (takers := subject.takers(stream))}
    second = {
        taker.path for _, _, stream in subject.streams() for taker in subject.takers(stream)[1:] if servers(taker)
    } - first
    for output in subject.data_outputs:
        if output.path in second or is_kafka(output):
            continue  # where nobody is asked what has landed, or who writes to central is another Telegraf
        if servers(output) != {address(central.url)}:
            why = "the plugin asks central.url of queries.yaml what has landed; this should be the same server"
            yield Finding(File.TELEGRAF, output.key("urls"), why, f"urls = [{_toml(central.url)}]", True)
        if output.text("organization") != central.org:
            why = "the plugin asks central.org of queries.yaml what has landed; this should be the same organisation"
            yield Finding(File.TELEGRAF, output.key("organization"), why, f"organization = {_toml(central.org)}", True)


def own_metrics_have_an_output(subject: Subject) -> Iterator[Finding]:
    """Somewhere the collector's own metrics must go, and nothing of the data with them."""
    outputs = subject.metrics_outputs
    if not outputs:
        block = _OUTPUT.format(alias='"metrics"', bucket='"${INFLUXDB_CENTRAL_BUCKET}"') + _METRICS_FILTERS
        why = "no output of its own takes the collector's metrics: nobody would see what it drops, or that it is behind"
        yield Finding(File.TELEGRAF, "outputs.influxdb_v2", why, block)
        return
    for output in outputs:
        if any(stream_reach(output, stream) is not Reach.NEVER for stream in subject.config.streams):
            why = (
                f"it takes data too (what has a source_bucket, such as the measurement {LEDGER}): "
                "own metrics and data belong in buckets of their own"
            )
            yield Finding(File.TELEGRAF, output.key("tagdrop"), why, TAGDROP.format(name=output.name))
    missing = [
        name for name in OWN_METRICS if all(reach(output, own_metric(name)) is not Reach.ALWAYS for output in outputs)
    ]
    if missing:
        why = f"own metrics that no output takes vanish without a word: {', '.join(missing)}"
        yield Finding(File.TELEGRAF, outputs[0].key("namepass"), why, 'namepass = ["collector_*", "internal_*"]')


def data_outputs_take_data_only(subject: Subject) -> Iterator[Finding]:
    """An output without tagpass takes the collector's own metrics as well."""
    for output in subject.data_outputs:
        if takes_own_metrics(output):
            why = (
                "it also takes metrics that have no source_bucket, the collector's own: they would stand among the data"
            )
            buckets = _buckets(subject, output)
            if buckets:
                yield Finding(File.TELEGRAF, output.key("tagpass"), why, _tagpass(output, buckets))


def _no_output(subject: Subject, stream: StreamDefinition) -> Finding:
    vanish = "its points would vanish without a word"
    for output in subject.data_outputs:
        if output.text("bucket") != stream.central_bucket:
            continue
        for key in (key for key, found in clauses(output, metrics_of(stream)[-1]) if found is Reach.NEVER):
            if key == "tagpass":
                why = f"it does not take source_bucket {stream.bucket} ({stream.label}), nor does another: {vanish}"
                others = [name for name in output.table("tagpass").texts("source_bucket") if name != stream.bucket]
                known = (*others, quoted(stream.bucket))
                return Finding(File.TELEGRAF, output.key("tagpass.source_bucket"), why, _line(known))
            why = f"it keeps out {stream.label}, and no other output takes that: {vanish}"
            return Finding(File.TELEGRAF, output.key(key), why, f"leave out {key}")
    kafka = next(iter(subject.kafka_outputs), None)
    name, block = ("kafka", _KAFKA_OUTPUT) if kafka is not None else ("influxdb_v2", _OUTPUT)
    block = block.format(
        alias=_toml(stream.central_bucket),
        bucket=_toml(stream.central_bucket),
        topic=_toml(f"collector.{re.sub('[^A-Za-z0-9._-]', '_', stream.central_bucket)}"),
        brokers=", ".join(map(_toml, kafka.texts("brokers"))) if kafka is not None else "",
    )
    block += f"  [outputs.{name}.tagpass]\n    {_line([quoted(stream.bucket)])}"
    why = f"no output takes source_bucket {stream.bucket} ({stream.label}): {vanish}"
    if kafka is not None:
        why += ". Its topic needs its reader at central too (docs/kafka.md)"
    return Finding(File.TELEGRAF, f"outputs.{name}", why, block)


def _second_output(subject: Subject, stream: StreamDefinition, first: Plugin, output: Plugin) -> Finding:
    if servers(output) and not servers(output) & servers(first):
        why = f"it takes source_bucket {stream.bucket} ({stream.label}) to another server as well, of which nothing is "
        why += "proved: what that one does not take in time, or refuses, is lost there"
        return Finding(File.TELEGRAF, output.path, why, "nothing, if a second destination is meant", hint=True)
    why = f"it takes source_bucket {stream.bucket} ({stream.label}) as {first.path} does: the same points in two places"
    others = [bucket for bucket in _buckets(subject, output) if bucket != stream.bucket]
    if others:
        return Finding(File.TELEGRAF, output.key("tagpass"), why, _tagpass(output, others))
    return Finding(File.TELEGRAF, output.path, why, "leave out this output, or give it a tagpass of its own")


def _filtered(stream: StreamDefinition, output: Plugin) -> Iterator[Finding]:
    """Yield the filters of the stream's output that would take a part of it only."""
    for key in ("namepass", "namedrop", "tagpass", "tagdrop", "metricpass"):
        missed = [
            metric
            for metric in metrics_of(stream)
            if any(found is not Reach.ALWAYS for clause, found in clauses(output, metric) if clause == key)
        ]
        if not missed:
            continue
        names = ", ".join(metric.measurement or "any measurement" for metric in missed)
        why = f"it can keep out {names} of {stream.label}, which then vanishes without a word"
        if any(metric.measurement == LEDGER for metric in missed):
            why += f"; {LEDGER} is how the plugin learns what has landed"
        write = f"leave out {key}"
        if key == "tagpass":
            write = _tagpass(output, list(dict.fromkeys([*output.table(key).texts("source_bucket"), stream.bucket])))
        yield Finding(File.TELEGRAF, output.key(key), why, write)


def _buckets(subject: Subject, output: Plugin) -> list[str]:
    """Return the source buckets that the output should take, by the streams' central buckets."""
    streams = subject.config.streams
    return sorted({stream.bucket for stream in streams if stream.central_bucket == output.text("bucket")})


def _tagpass(output: Plugin, buckets: Iterable[str]) -> str:
    return f"[outputs.{output.name}.tagpass]\n  {_line(map(quoted, buckets))}"


def _line(buckets: Iterable[str]) -> str:
    return f"source_bucket = [{', '.join(map(_toml, buckets))}]"


def _toml(text: str) -> str:
    """Return a string as TOML and YAML both write it."""
    return json.dumps(text, ensure_ascii=False)
