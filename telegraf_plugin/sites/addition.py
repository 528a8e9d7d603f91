"""A source added to the files: what each of them has to say of it, put where such things stand there. Pure.

queries.yaml   its block; and `source` among the tags of streams whose buckets are called alike
.env           its variables, the token's empty until it is there
telegraf.conf  an output for each central bucket that has none, or its bucket in the list of one that has
docker-compose.secrets.yaml   where tokens are Compose's files: the token's, in both lists
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from telegraf_plugin.config.cross import DEFAULT_POLICY
from telegraf_plugin.config.model import Config
from telegraf_plugin.config.variables import token_file
from telegraf_plugin.lint.reach import Metric, Reach, reach
from telegraf_plugin.lint.subject import is_kafka
from telegraf_plugin.lint.telegraf_conf import TelegrafConf
from telegraf_plugin.sites import settings_text, yaml_text
from telegraf_plugin.sites.files import Files, Impossible, free_prefix, named, references, subject
from telegraf_plugin.sites.outputs import NewStream, Routed, outputs_of, with_outputs
from telegraf_plugin.sites.yaml_text import NotEditable, YamlText
from telegraf_plugin.stream.mapping import MetadataTag
from telegraf_plugin.stream.names import LEDGER

_SECRETS = ("token", "password")


@dataclass(frozen=True, slots=True)
class NewSource:
    """A source to be added. `variables`: how its variables begin, empty for the next free letter (SERVER_C).

    An InfluxDB 1.x, whose streams have a database, has no `org`; `username` is empty where it asks for none.
    """

    name: str
    url: str
    org: str
    streams: tuple[NewStream, ...]
    variables: str = ""
    start: str = ""
    username: str = ""

    @property
    def v1(self) -> bool:
        """Whether it is an InfluxDB 1.x."""
        return any(stream.database for stream in self.streams)

    @property
    def keys(self) -> tuple[str, ...]:
        """What queries.yaml says of the server, by a variable each; the last one is the secret, if there is one."""
        if not self.v1:
            return "url", "org", "token"
        return ("url", "username", "password") if self.username else ("url",)


@dataclass(frozen=True, slots=True)
class Addition:
    """The `files` as they are to be, and what else is to be done.

    `variables` are new, without the token's, `token` is that one's name (a password's at an InfluxDB 1.x, empty where
    it asks for none), `central_buckets` are new to central, `shared` are streams of others that get the tag `source`.
    """

    files: Files
    variables: Mapping[str, str]
    token: str
    central_buckets: tuple[str, ...]
    shared: tuple[str, ...] = ()
    lines: Sequence[str] = field(default=(), repr=False)
    """Those for `.env`."""


def added(
    files: Files,
    new: NewSource,
    config: Config,
    conf: TelegrafConf,
    environment: Mapping[str, str],
    token_files: bool,
    compose: bool,
) -> Addition:
    """Return what the files are with the source `new`.

    `config` and `conf` are what they say now, by `environment`. `token_files`: tokens are files, `compose`: Compose's.
    Raises Impossible, NotEditable (with the file's name), NotDotenv.
    """
    if any(source.name == new.name for source in config.sources):
        raise Impossible(f"a source is called {new.name!r} already; data-collector remove-source takes it out")
    raw = YamlText(files.queries).meaning()
    of_telegraf = tomllib.loads(files.telegraf.replace("\r\n", "\n"))
    names = {*environment, *files.variables(), *references(raw), *references(of_telegraf)}
    prefix = new.variables or free_prefix(names)
    taken = [name for name in sorted(names) if name.startswith(f"{prefix}_")]
    if taken:
        raise Impossible(f"the variable {taken[0]} is there already; give another beginning: --variables")
    buckets = [each.bucket for each in new.streams]
    twice = next((bucket for bucket in buckets if buckets.count(bucket) > 1), None)
    if twice is not None:
        raise Impossible(f"the bucket {twice} is named twice")
    streams = [_routed(number, each, prefix, config, conf) for number, each in enumerate(new.streams)]
    variables = {f"{prefix}_{key.upper()}": getattr(new, key) for key in new.keys if key not in _SECRETS}
    variables |= {stream.variable: stream.new.name for stream in streams}
    for number, stream in enumerate(streams):
        _name_central(
            stream, f"{prefix}_CENTRAL_BUCKET{f'_{number + 1}' if number else ''}", of_telegraf, conf, variables
        )
    shared = _shared(streams, config, raw)
    token = next((f"{prefix}_{key.upper()}" for key in new.keys if key in _SECRETS), "")
    reader, read = ("user", "database") if new.v1 else ("token", "bucket")
    lines = settings_text.lines_of(
        variables if token_files or not token else {**variables, token: ""},
        f"{settings_text.comment(new.name)} The {reader} reads its {read}{'s' * (len(streams) > 1)}.",
    )
    changed = Files(
        _queries(files.queries, raw, new, prefix, streams, config, shared),
        with_outputs(files.telegraf, of_telegraf, new.name, streams, subject(config, conf)),
        settings_text.with_lines(files.settings, lines) if files.settings is not None else None,
        _compose(files.compose, token_file(token))
        if compose and files.compose is not None and token
        else files.compose,
    )
    known = {config.metrics_bucket, *(stream.central_bucket for stream in config.streams)}
    landing = tuple(dict.fromkeys(stream.central for stream in streams if stream.central not in known))
    return Addition(changed, variables, token, landing, tuple(config.streams[n].label for n in shared), lines)


def _routed(number: int, new: NewStream, prefix: str, config: Config, conf: TelegrafConf) -> Routed:
    """Return a stream with the output that takes its bucket, if there is one. Raises Impossible."""
    metric = Metric(LEDGER, {MetadataTag.SOURCE_BUCKET.value: new.bucket})
    outputs = [each for each in subject(config, conf).data_outputs if reach(each, metric) is not Reach.NEVER]
    variable = f"{prefix}_{'DATABASE' if new.database else 'BUCKET'}{f'_{number + 1}' if number else ''}"
    if not outputs and (new.central_bucket or new.name) == config.metrics_bucket:
        what = "is for the collector's own metrics, and data belongs in another: give it --central-bucket"
        raise Impossible(f"central's bucket {config.metrics_bucket} {what}")
    if not outputs:
        return Routed(new, variable, new.central_bucket or new.name, None)
    goes = outputs[0].text("bucket")
    if is_kafka(outputs[0]):  # which bucket of central that is, the reader knows, and the streams that go there
        there = (stream.central_bucket for stream in config.streams if stream.bucket == new.bucket)
        goes = next(there, new.central_bucket or new.name)
    if new.central_bucket not in (None, goes):
        raise Impossible(
            f"telegraf.conf takes every source bucket called {new.bucket} to central's {goes} ({outputs[0].path}): "
            f"--central-bucket {goes}, or leave it out"
        )
    return Routed(new, variable, goes, outputs[0])


def _name_central(
    stream: Routed, variable: str, raw: Mapping[str, Any], conf: TelegrafConf, variables: dict[str, str]
) -> None:
    """Say how the central bucket is written: by the variable that holds it already, else by one of its own."""
    held = {
        output.text("bucket"): entry["bucket"]
        for output, entry in zip(conf.outputs_named("influxdb_v2"), outputs_of(raw), strict=True)
        if re.fullmatch(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}", str(entry.get("bucket", "")))
    }
    if stream.central == stream.new.name:
        stream.central_written = f"${{{stream.variable}}}"
    elif stream.central in held:
        stream.central_written = held[stream.central]
    else:
        known = next(
            (name for name, value in variables.items() if value == stream.central and "CENTRAL" in name), variable
        )
        variables[known] = stream.central
        stream.central_written = f"${{{known}}}"


def _shared(streams: list[Routed], config: Config, raw: Any) -> tuple[int, ...]:
    """Give `source` to streams whose points would be like another source's; return which of the others need it too."""
    landing = {(stream.new.bucket, stream.central) for stream in streams}
    others = [number for number, each in enumerate(config.streams) if (each.bucket, each.central_bucket) in landing]
    alike = {(config.streams[number].bucket, config.streams[number].central_bucket) for number in others}
    for stream in streams:
        inherited = _inherited(raw, stream.new.template)
        if (stream.new.bucket, stream.central) in alike and MetadataTag.SOURCE.value not in inherited:
            stream.tags = (*inherited, MetadataTag.SOURCE.value)
    return tuple(number for number in others if MetadataTag.SOURCE not in config.streams[number].metadata_tags)


def _inherited(raw: Any, template: str | None) -> tuple[str, ...]:
    """Return the tags that a stream of this template has, if it says none."""
    of_template = (raw.get("templates") or {}).get(template) or {}
    default = [tag.value for tag in (MetadataTag.HOST, MetadataTag.SOURCE_BUCKET, MetadataTag.FIELD)]
    return tuple(of_template.get("metadata_tags") or raw.get("metadata_tags") or default)


def _queries(
    text: str, raw: Any, new: NewSource, prefix: str, streams: list[Routed], config: Config, shared: tuple[int, ...]
) -> str:
    edited = YamlText(text)
    expected = deepcopy(raw)
    with named("queries.yaml"):
        for source, entry in ((s, e) for s, of in enumerate(config.sources) for e in range(len(of.streams))):
            stream = config.sources[source].streams[entry]
            if config.streams.index(stream) in shared:
                tags = [*(tag.value for tag in stream.metadata_tags), MetadataTag.SOURCE.value]
                edited.set(("sources", source, "streams", entry), "metadata_tags", f"[{', '.join(tags)}]")
                expected["sources"][source]["streams"][entry]["metadata_tags"] = tags
        block = [f"name: {word(new.name)}"]
        block += [f'{key}: "${{{prefix}_{key.upper()}}}"' for key in new.keys]
        block.append("streams:")
        for each in streams:
            block.append(f'  - {"database" if each.new.database else "bucket"}: "${{{each.variable}}}"')
            if each.new.database and each.new.policy != DEFAULT_POLICY:
                block.append(f"    retention_policy: {word(each.new.policy)}")
            if each.new.template:
                block.append(f"    template: {word(each.new.template)}")
            if each.central != each.new.bucket:
                block.append(f'    central_bucket: "{each.central_written}"')
            if new.start:
                block.append(f"    start: {json.dumps(new.start)}")
            if each.tags:
                block.append(f"    metadata_tags: [{', '.join(each.tags)}]")
        edited.append(("sources",), block)
        expected["sources"].append(yaml.safe_load("\n".join(block)))
        yaml_text.same(edited, expected)
    return edited.text


def _compose(text: str, name: str) -> str:
    """Return docker-compose.secrets.yaml with a further token, in the service's list and in that of the files."""
    edited = YamlText(text)
    expected = edited.meaning()
    with named("docker-compose.secrets.yaml"):
        try:
            service = expected["services"]["data-collector"]["secrets"]
            folder = str(Path(expected["secrets"]["central_token"]["file"]).parent)
        except (KeyError, TypeError):
            raise NotEditable("has no service data-collector with a secret central_token") from None
        file = f"{'./' if not folder.startswith(('/', '.')) else ''}{folder}/{name}"
        edited.append(("services", "data-collector", "secrets"), [name])
        edited.put(("secrets",), [f"{name}:", f"  file: {word(file)}"])
        service.append(name)
        expected["secrets"][name] = {"file": file}
        yaml_text.same(edited, expected)
    return edited.text


def word(text: str) -> str:
    """Return `text` as it is written in YAML: bare where that is the same, else in double quotes."""
    text = text.replace("${", "$${")
    if re.fullmatch(r"[A-Za-z./][A-Za-z0-9_./-]*", text) and yaml.safe_load(text) == text:
        return text
    return json.dumps(text, ensure_ascii=False)
