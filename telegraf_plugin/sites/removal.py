"""A source taken out of the files, with all that nothing else needs: variables, outputs, its token's entry. Pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from telegraf_plugin.config.model import Config
from telegraf_plugin.config.variables import token_file
from telegraf_plugin.lint.telegraf_conf import TelegrafConf
from telegraf_plugin.sites import settings_text, yaml_text
from telegraf_plugin.sites.files import Files, Impossible, named, references, subject
from telegraf_plugin.sites.outputs import without_buckets
from telegraf_plugin.sites.yaml_text import YamlText
from telegraf_plugin.stream.mapping import MetadataTag

_TOKEN = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Removal:
    """The `files` as they are to be, the `variables` that nothing asks for any more, and the token's file, if any.

    `tagged`: streams of others that keep the tag `source`, without another one whose points it would tell apart.
    """

    files: Files
    variables: tuple[str, ...]
    token_file: str
    tagged: tuple[str, ...] = ()


def removed(files: Files, name: str, config: Config, conf: TelegrafConf, compose: bool) -> Removal:
    """Return what the files are without the source called `name`; `compose`: its token may be one of Compose's files.

    `config` and `conf` are what they say now. Raises Impossible, NotEditable (with the file's name), NotDotenv.
    """
    number = next((number for number, source in enumerate(config.sources) if source.name == name), None)
    assert number is not None, "the caller has looked"
    if len(config.sources) == 1:
        raise Impossible(f"{name} is the only source, and a collector without one has nothing to do: stop it instead")
    raw = YamlText(files.queries).meaning()
    of_telegraf = tomllib.loads(files.telegraf.replace("\r\n", "\n"))
    block = raw["sources"][number]
    queries = _queries(files.queries, raw, number)
    kept = {stream.bucket for source in config.sources if source.name != name for stream in source.streams}
    gone = {stream.bucket for stream in config.sources[number].streams} - kept
    telegraf = without_buckets(files.telegraf, of_telegraf, gone, subject(config, conf))
    before = {*references(block), *references(of_telegraf)}
    after = {
        *references(YamlText(queries).meaning()),
        *references(tomllib.loads(telegraf.replace("\r\n", "\n"))),
    }
    variables = tuple(sorted(before - after))
    secret = _secret(block)
    return Removal(
        Files(
            queries,
            telegraf,
            settings_text.without(files.settings, variables, settings_text.comment(name))
            if files.settings is not None
            else None,
            _compose(files.compose, secret) if compose and files.compose is not None and secret else files.compose,
        ),
        variables,
        secret,
        _tagged(config, number),
    )


def _tagged(config: Config, number: int) -> tuple[str, ...]:
    """Return the streams that have the tag `source`, as far as is seen, for the source of that number alone."""
    landing = {(stream.bucket, stream.central_bucket) for stream in config.sources[number].streams}
    rest = [stream for place, source in enumerate(config.sources) if place != number for stream in source.streams]
    places = [(stream.bucket, stream.central_bucket) for stream in rest]
    return tuple(
        stream.label
        for stream, place in zip(rest, places, strict=True)
        if place in landing and places.count(place) == 1 and MetadataTag.SOURCE in stream.metadata_tags
    )


def _queries(text: str, raw: Any, number: int) -> str:
    edited = YamlText(text)
    expected = deepcopy(raw)
    with named("queries.yaml"):
        edited.remove(("sources",), number)
        del expected["sources"][number]
        yaml_text.same(edited, expected)
    return edited.text


def _secret(block: Mapping[str, Any]) -> str:
    """Return what the file with the source's token, or password, is called, as `tokens_as_files` or its key has it."""
    for key in ("token", "password"):
        token = _TOKEN.fullmatch(str(block.get(key, "")))
        name = token_file(token[1]) if token is not None else Path(str(block.get(f"{key}_file", ""))).name
        if name:
            return name
    return ""


def _compose(text: str, name: str) -> str:
    """Return docker-compose.secrets.yaml without the token's file `name`, where it has that."""
    edited = YamlText(text)
    expected = edited.meaning()
    with named("docker-compose.secrets.yaml"):
        try:
            used = expected["services"]["data-collector"]["secrets"]
            if name in used:
                edited.remove(("services", "data-collector", "secrets"), used.index(name))
                used.remove(name)
            if name in expected["secrets"]:
                edited.drop(("secrets",), name)
                del expected["secrets"][name]
        except (KeyError, TypeError):
            return text
        yaml_text.same(edited, expected)
    return edited.text
