"""Rules of outputs to Kafka, which another Telegraf reads and writes into central (docs/kafka.md). Pure.

A mark speaks for the lines before it. Kafka keeps an order within one partition of one topic only.
"""

from __future__ import annotations

from collections.abc import Iterator

from telegraf_plugin.lint.finding import File, Finding
from telegraf_plugin.lint.subject import Subject
from telegraf_plugin.lint.telegraf_conf import Plugin
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.mapping import MetadataTag

LONGEST_MESSAGE = 4 * 1024 * 1024
"""Bytes of the longest line, and more: a text of 1 MiB, each of whose bytes may be escaped, and its keys."""
_TELEGRAFS_LONGEST = 1024 * 1024
_SOURCE_BUCKET, _SOURCE = MetadataTag.SOURCE_BUCKET.value, MetadataTag.SOURCE.value
_OVERTAKEN = "a mark would overtake the lines that it speaks for"


def kafka_keeps_order_and_all(subject: Subject) -> Iterator[Finding]:
    """Lines and marks of a stream keep one order on their way over Kafka, and nothing is dropped there."""
    for output in subject.kafka_outputs:
        streams = [stream for _, _, stream in subject.streams() if subject.takers(stream)[:1] == [output]]
        if streams:
            yield from _order(output, streams)
            yield from _kept(output)


def _order(output: Plugin, streams: list[StreamDefinition]) -> Iterator[Finding]:
    known = {_SOURCE_BUCKET}
    if all(MetadataTag.SOURCE in stream.metadata_tags for stream in streams):
        known.add(_SOURCE)
    tag, key = output.text("routing_tag"), output.text("routing_key")
    if tag not in known and (tag or key in ("", "random")):
        why = f"it is not on every line and every mark of a stream: they go to several partitions, and {_OVERTAKEN}"
        if tag == _SOURCE:
            why += f" (it is with {_SOURCE} in metadata_tags of queries.yaml)"
        yield Finding(File.TELEGRAF, output.key("routing_tag"), why, f'routing_tag = "{_SOURCE_BUCKET}"')
    if (topic := output.text("topic_tag")) and topic not in known:
        why = f"by it the lines and the marks of a stream go to several topics, and {_OVERTAKEN}"
        yield Finding(File.TELEGRAF, output.key("topic_tag"), why, "leave out topic_tag")
    suffix = output.table("topic_suffix")
    if suffix.text("method") == "measurement" or not known.issuperset(suffix.texts("keys")):
        why = f"by it the lines and the marks of a stream go to several topics, and {_OVERTAKEN}"
        yield Finding(File.TELEGRAF, output.key("topic_suffix"), why, "leave out topic_suffix")
    if not output.flag("idempotent_writes"):
        why = "several requests are on their way at a time: what has to be sent again lands behind what came later"
        yield Finding(File.TELEGRAF, output.key("idempotent_writes"), why, "idempotent_writes = true")


def _kept(output: Plugin) -> Iterator[Finding]:
    acks = output.number("required_acks")
    if acks is not None and acks != -1:
        why = "what only a broker that is lost had taken is gone, and has to be read at the source again"
        yield Finding(File.TELEGRAF, output.key("required_acks"), why, "required_acks = -1")
    if output.text("producer_timestamp") != "now":
        why = "Kafka deletes by it: of history, what is older than the topic's retention is gone before it is read"
        yield Finding(File.TELEGRAF, output.key("producer_timestamp"), why, 'producer_timestamp = "now"')
    if (output.number("max_message_bytes") or _TELEGRAFS_LONGEST) < LONGEST_MESSAGE:
        why = "one line that is longer, a text of 1 MiB, takes its whole batch with it"
        yield Finding(File.TELEGRAF, output.key("max_message_bytes"), why, f"max_message_bytes = {LONGEST_MESSAGE}")
    if output.text("data_format") not in ("", "influx"):
        why = "no other format keeps names, tags, types and nanoseconds as they are"
        yield Finding(File.TELEGRAF, output.key("data_format"), why, 'data_format = "influx"')
