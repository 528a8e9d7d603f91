"""The outputs of telegraf.conf for new streams, and without those of streams that are gone; as text. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from telegraf_plugin.lint.glob import quoted
from telegraf_plugin.lint.subject import Subject
from telegraf_plugin.lint.telegraf_conf import Plugin
from telegraf_plugin.sites import toml_text
from telegraf_plugin.sites.files import named
from telegraf_plugin.sites.yaml_text import NotEditable

OUTPUT = "outputs.influxdb_v2"
_TAGPASS = f"{OUTPUT}.tagpass"
_SELECTION = (
    *("alias", "bucket", "namepass", "namedrop", "tagpass", "tagdrop", "metricpass"),
    *("fieldinclude", "fieldexclude", "fieldpass", "fielddrop", "taginclude", "tagexclude", "pass", "drop"),
)
"""Keys of an output that say what it takes and to where: a new one has its own."""
_MODEL = {
    "urls": ["${INFLUXDB_CENTRAL_URL}"],
    "token": "${INFLUXDB_CENTRAL_TOKEN}",
    "organization": "${INFLUXDB_CENTRAL_ORG}",
    "influx_uint_support": True,
    "content_encoding": "gzip",
    "timeout": "30s",
    "log_level": "${LOG_LEVEL:-INFO}",
}
"""What an output has where there is none to be taken for a model."""


@dataclass(frozen=True, slots=True)
class NewStream:
    """A bucket to be read; `central_bucket`: where it goes, None for where its name goes.

    Of an InfluxDB 1.x a `database` and its retention `policy`; the bucket is `database/policy` then.
    """

    bucket: str
    central_bucket: str | None = None
    template: str | None = None
    database: str = ""
    policy: str = ""

    @property
    def name(self) -> str:
        """What it is called at the source: what its variable holds, and what its bucket in central is called."""
        return self.database or self.bucket


@dataclass(slots=True)
class Routed:
    """A new stream, and what is written of it: the `variable` of its bucket, how its central bucket is written, tags.

    `output`: the one that takes its bucket already, None for none.
    """

    new: NewStream
    variable: str
    central: str
    output: Plugin | None
    central_written: str = ""
    tags: tuple[str, ...] = ()

    @property
    def pattern(self) -> str:
        """The entry of `tagpass` that takes the bucket: its variable, or a pattern where its name would be one."""
        pattern = quoted(self.new.bucket)
        if pattern != self.new.bucket:
            return pattern.replace("$", "$$")
        policy = f"/{self.new.policy}".replace("$", "$$") if self.new.database else ""
        return f"${{{self.variable}}}{policy}"


def with_outputs(text: str, raw: dict[str, Any], source: str, streams: list[Routed], subject: Subject) -> str:
    """Return telegraf.conf's `text`, which means `raw`, with an output for each of the `streams` that has none.

    `subject`: what the files say without them. Raises NotEditable.
    """
    expected = deepcopy(raw)
    data = {output.path for output in subject.data_outputs}
    landing = [output.text("bucket") if output.path in data else None for output in subject.influx_outputs]
    lacking = [stream for stream in streams if stream.output is None]
    with named("telegraf.conf"):
        if lacking and subject.kafka_outputs:
            buckets = ", ".join(stream.new.bucket for stream in lacking)
            raise NotEditable(f"sends lines over Kafka, and an output that takes {buckets} comes first (docs/kafka.md)")
        for central in dict.fromkeys(stream.central for stream in lacking):
            mine = [stream for stream in lacking if stream.central == central]
            if central in landing:
                text = _widened(text, landing.index(central), mine, expected)
                continue
            last = max((number for number, bucket in enumerate(landing) if bucket is not None), default=None)
            settings = _output(expected, last, mine)
            lines = [f"## {source}: {', '.join(stream.new.bucket for stream in mine)}.", *_block(settings)]
            text = toml_text.insert_behind(
                text, toml_text.blocks(text, OUTPUT)[last] if last is not None else None, lines
            )
            at = last + 1 if last is not None else len(landing)
            expected.setdefault("outputs", {}).setdefault("influxdb_v2", []).insert(at, settings)
            landing.insert(at, central)
        toml_text.same(text, expected)
    return text


def without_buckets(text: str, raw: dict[str, Any], buckets: set[str], subject: Subject) -> str:
    """Return telegraf.conf's `text`, which means `raw`, without the source `buckets`, which no stream has any more.

    An output that took nothing else goes. `subject`: what the files say with them. Raises NotEditable.
    """
    expected = deepcopy(raw)
    data = {output.path for output in subject.data_outputs}
    known = list(enumerate(subject.influx_outputs))
    patterns = {quoted(bucket) for bucket in buckets}
    with named("telegraf.conf"):
        for number, output in reversed(known):  # so that the numbers of those before stay
            taken = output.table("tagpass").texts("source_bucket")
            gone = [at for at, pattern in enumerate(taken) if pattern in patterns]
            if output.path not in data or not gone:
                continue
            block = toml_text.blocks(text, OUTPUT)[number]
            if len(gone) == len(taken) and len(output.table("tagpass").settings) == 1:
                text = toml_text.remove(text, block)
                del outputs_of(expected)[number]
                continue
            for at in reversed(gone):
                place = toml_text.list_at(text, block, _TAGPASS, "source_bucket")
                text = toml_text.without_entry(text, place, at)
                del outputs_of(expected)[number]["tagpass"]["source_bucket"][at]
        if not outputs_of(expected) and "influxdb_v2" in expected.get("outputs", {}):
            del expected["outputs"]["influxdb_v2"]
        toml_text.same(text, expected)
    return text


def outputs_of(raw: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the outputs into an InfluxDB 2 of what telegraf.conf means, variables not replaced."""
    found = raw.get("outputs", {}).get("influxdb_v2", [])
    return found if isinstance(found, list) else []


def _widened(text: str, number: int, streams: list[Routed], expected: dict[str, Any]) -> str:
    """Return `text` whose output with that number takes the `streams` as well; `expected` likewise."""
    for stream in streams:
        place = toml_text.list_at(text, toml_text.blocks(text, OUTPUT)[number], _TAGPASS, "source_bucket")
        text = toml_text.with_entry(text, place, toml_text.written(stream.pattern))
        outputs_of(expected)[number]["tagpass"]["source_bucket"].append(stream.pattern)
    return text


def _output(raw: dict[str, Any], model: int | None, streams: list[Routed]) -> dict[str, Any]:
    """Return the settings of a new output: those of its neighbour, but for what it takes and to where."""
    like = outputs_of(raw)[model] if model is not None else _MODEL
    aliases = {output.get("alias") for output in outputs_of(raw)}
    names = [streams[0].central, *(f"{streams[0].central}_{number}" for number in range(2, 1000))]
    settings: dict[str, Any] = {"alias": next(name.replace("$", "$$") for name in names if name not in aliases)}
    for key, value in like.items():
        if key not in _SELECTION:
            settings[key] = deepcopy(value)
        if key == "organization":
            settings["bucket"] = streams[0].central_written
    settings.setdefault("bucket", streams[0].central_written)
    return settings | {"tagpass": {"source_bucket": [stream.pattern for stream in streams]}}


def _block(settings: Mapping[str, Any]) -> list[str]:
    """Return the lines of an output, with a table of its own for each mapping in it."""
    lines = [f"[[{OUTPUT}]]"]
    lines += [f"  {key} = {toml_text.written(value)}" for key, value in settings.items() if not isinstance(value, dict)]
    for name, table in settings.items():
        if isinstance(table, dict):
            lines.append(f"  [{OUTPUT}.{name}]")
            lines += [f"    {toml_text.key(key)} = {toml_text.written(value)}" for key, value in table.items()]
    return lines
