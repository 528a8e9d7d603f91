"""What a rule looks at: both files, and what follows from the two together. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from telegraf_plugin.config import Config, Source
from telegraf_plugin.lint.reach import Metric, Reach, reach
from telegraf_plugin.lint.telegraf_conf import Plugin, TelegrafConf
from telegraf_plugin.stream import names
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.mapping import MetadataTag
from telegraf_plugin.stream.selection import named_in_central

OWN_METRICS = (*names.METRICS, "internal_write")
"""What the output of own metrics must take: the collector's, and Telegraf's of its writes."""
_PROGRAM, _MODULE = "data-collector", "telegraf_plugin"
_COLLECTORS = "collector_"


@dataclass(frozen=True, slots=True)
class Subject:
    """Both files; `max_in_flight`: lines that the plugin prints for one output before their mark is back."""

    config: Config
    conf: TelegrafConf
    max_in_flight: int

    def streams(self) -> Iterator[tuple[str, Source, StreamDefinition]]:
        """Yield each stream with its key path in queries.yaml and its source."""
        for number, source in enumerate(self.config.sources):
            for place, stream in enumerate(source.streams):
                yield f"sources[{number}].streams[{place}]", source, stream

    @property
    def influx_outputs(self) -> tuple[Plugin, ...]:
        """Return the outputs to an InfluxDB 2 that are the collector's; others may stand beside them.

        By what they say for it: they route by source_bucket, name its metrics, or write to a bucket of central's.
        """
        return tuple(filter(self._is_ours, self.conf.outputs_named("influxdb_v2")))

    @property
    def kafka_outputs(self) -> tuple[Plugin, ...]:
        """Return the outputs to Kafka that are the collector's: what reads there brings it into central."""
        return tuple(filter(self._is_ours, self.conf.outputs_named("kafka")))

    @property
    def health_outputs(self) -> tuple[Plugin, ...]:
        """Return the health outputs that are the collector's: they take its status, or judge by it."""
        return tuple(filter(_is_of_health, self.conf.outputs_named("health")))

    @property
    def foreign_outputs(self) -> tuple[Plugin, ...]:
        """Return the outputs that have nothing to do with the collector."""
        ours = {output.path for output in (*self._carriers, *self.health_outputs)}
        return tuple(output for output in self.conf.outputs if output.path not in ours)

    @property
    def _carriers(self) -> tuple[Plugin, ...]:
        return (*self.influx_outputs, *self.kafka_outputs)

    def _is_ours(self, output: Plugin) -> bool:
        if output.table("tagpass").texts(MetadataTag.SOURCE_BUCKET.value) or names_own_metrics(output):
            return True
        central = self.config.central.url.rstrip("/").lower()
        buckets = {self.config.metrics_bucket, *(stream.central_bucket for stream in self.config.streams)}
        return output.text("bucket") in buckets and central in {url.rstrip("/").lower() for url in output.texts("urls")}

    @property
    def metrics_outputs(self) -> tuple[Plugin, ...]:
        """Return the outputs that are there for the collector's own metrics."""
        central = {stream.central_bucket for stream in self.config.streams}
        return tuple(
            output
            for output in self._carriers
            if takes_own_metrics(output)
            and (
                output.text("bucket") not in central
                or all(stream_reach(output, stream) is Reach.NEVER for stream in self.config.streams)
            )
        )

    @property
    def data_outputs(self) -> tuple[Plugin, ...]:
        """Return the other ones."""
        metrics = {output.path for output in self.metrics_outputs}
        return tuple(output for output in self._carriers if output.path not in metrics)

    def takers(self, stream: StreamDefinition) -> list[Plugin]:
        """Return the data outputs that may take points of the stream, those to its place in central first.

        Outputs to Kafka are behind those: where they lead is said at central's side.
        """
        found = [output for output in self.data_outputs if stream_reach(output, stream) is not Reach.NEVER]
        central = address(self.config.central.url)
        return sorted(
            found, key=lambda output: (central not in servers(output), output.text("bucket") != stream.central_bucket)
        )


def servers(output: Plugin) -> set[str]:
    """Return the servers that an output writes to, Kafka's brokers too, as one can compare them."""
    return set(map(address, output.texts("urls"))) | set(output.texts("brokers"))


def is_kafka(output: Plugin) -> bool:
    """Say whether the output writes to Kafka: central and its bucket are told to what reads there."""
    return output.name == "kafka"


def address(url: str) -> str:
    """Return `url` as it can be compared: scheme and host count in any letters."""
    host, slash, path = url.rstrip("/").partition("://")[2].partition("/")
    return f"{url.partition('://')[0].lower()}://{host.lower()}{slash}{path}"


def metrics_of(stream: StreamDefinition) -> tuple[Metric, ...]:
    """Return what travels for one stream: its points, and its marks."""
    tags = {MetadataTag.SOURCE_BUCKET.value: stream.bucket}
    if MetadataTag.SOURCE in stream.metadata_tags:
        tags[MetadataTag.SOURCE.value] = stream.source
    points = tuple(Metric(name, tags) for name in (named_in_central(stream).measurements or (None,)))
    return (*points, Metric(names.LEDGER, tags))


def own_metric(name: str) -> Metric:
    """Return one of the collector's own metrics: they have no source_bucket."""
    return Metric(name, {}, absent=(MetadataTag.SOURCE_BUCKET.value,))


def stream_reach(output: Plugin, stream: StreamDefinition) -> Reach:
    """Say whether the output takes what travels for the stream."""
    found = {reach(output, metric) for metric in metrics_of(stream)}
    return found.pop() if len(found) == 1 else Reach.SOMETIMES


def plugin_inputs(conf: TelegrafConf) -> list[Plugin]:
    """Return the inputs that start the collector's plugin."""
    inputs = [plugin for plugin in conf.inputs if plugin.name == "execd"]
    return [plugin for plugin in inputs if any(map(_is_program, plugin.texts("command")))]


def _is_program(word: str) -> bool:
    return PurePosixPath(word).name == _PROGRAM or word == _MODULE


def names_own_metrics(output: Plugin) -> bool:
    """Say whether the output names the collector's own metrics: it takes them on purpose."""
    return any(pattern.startswith(_COLLECTORS) for pattern in output.texts("namepass"))


def _is_of_health(output: Plugin) -> bool:
    judged = (*output.tables("compares"), *output.tables("contains"))
    return reach(output, own_metric(names.HEALTH)) is not Reach.NEVER or any(
        each.text("field") == "healthy" for each in judged
    )


def takes_own_metrics(output: Plugin) -> bool:
    """Say whether the output takes any of the collector's own metrics."""
    return any(reach(output, own_metric(name)) is not Reach.NEVER for name in OWN_METRICS)
