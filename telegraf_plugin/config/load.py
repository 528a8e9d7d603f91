"""queries.yaml and the environment to a `Config`, or to everything that is wrong with them at once. No network."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from telegraf_plugin.config.circles import circles
from telegraf_plugin.config.cross import cross_check
from telegraf_plugin.config.model import Config, Credential, Login, Server, Source, Timeouts
from telegraf_plugin.config.schema import (
    AggregateSection,
    CentralSection,
    QueriesFile,
    QuietHoursSection,
    RenameSection,
    SelectionSection,
    ServerSection,
    SourceSection,
    StreamSection,
    TimeoutsSection,
)
from telegraf_plugin.config.values import RANGES
from telegraf_plugin.config.variables import substitute, tokens_as_files
from telegraf_plugin.config.yaml_file import read_yaml, shown
from telegraf_plugin.errors import ConfigurationError, Problem
from telegraf_plugin.stream.definition import Aggregate, Start, StreamDefinition
from telegraf_plugin.stream.mapping import MetadataTag
from telegraf_plugin.stream.naming import AS_THEY_ARE, Naming
from telegraf_plugin.stream.quiet_hours import QuietHours
from telegraf_plugin.stream.restraint import Restraint
from telegraf_plugin.stream.units import MINUTE
from telegraf_plugin.transport import Tls, Transport, proxy_for

_DEFAULT_LOOKBACK = 5 * MINUTE
_DEFAULT_START = _DEFAULT_LOOKBACK
_CREDENTIALS = ("token", "token_file", "password", "password_file")
_EXPECTED = {
    "missing": "is missing",
    "invalid_key": "expected text as a key; write it in quotes",
    "extra_forbidden": "is not a key that is known here",
    "string_type": "expected text; write it in quotes",
    "list_type": "expected a list",
    "dict_type": "expected keys and values",
    "model_type": "expected keys and values",
    "model_attributes_type": "expected keys and values",
    "int_type": "expected a whole number",
    "bool_type": "expected true or false",
    "too_short": "expected at least one entry",
    "string_too_short": "expected text that is not empty",
}


def load(path: Path, environment: Mapping[str, str], tokens: bool = True) -> Config:
    """Return the configuration that the file at `path` and the variables of `environment` make.

    Without `tokens` there may be none yet, and none is looked at. Raises ConfigurationError with every problem, each
    by its key path.
    """
    return made_of(read_yaml(path), path, environment, tokens)


def made_of(value: Any, path: Path, environment: Mapping[str, str], tokens: bool = True) -> Config:
    """Return the same of a file whose YAML means `value`; `path` is where it stands, for messages."""
    problems: list[Problem] = []
    raw = substitute(tokens_as_files(value, environment), environment, problems)
    problems += cross_check(raw)
    known = {problem.path for problem in problems}
    try:
        config = _config(QueriesFile.model_validate(raw), environment)
        unreadable = [*_unreadable_tokens(config), *_unusable_transports(config, environment)]
        problems += [found for found in unreadable if not {found.path, found.path.rpartition(".")[0]} & known]
        problems += [*_indistinct(config), *circles(config)]
    except ValidationError as error:
        # What was refused above is None here, and must not be reported a second time.
        problems += [found for found in _explain(error) if found.path not in known]
    if not tokens:
        problems = [found for found in problems if found.path.rpartition(".")[2] not in _CREDENTIALS]
    if problems:
        raise ConfigurationError(str(path), problems)
    return config


def _explain(error: ValidationError) -> list[Problem]:
    """Say what pydantic found in our words: by key path, and without the value, which may be a secret."""
    problems: dict[str, Problem] = {}
    for found in error.errors(include_url=False, include_input=False, include_context=True):
        path = ""
        for part in found["loc"]:
            if isinstance(part, int):
                path += f"[{part}]"
            elif part == "[key]":
                path += part
            else:
                path += f".{shown(part)}" if path else shown(part)
        kind, context = found["type"], found.get("ctx", {})
        if kind == "value_error":
            message = str(context["error"])
        elif kind == "enum":
            message = f"expected one of {context['expected']}"
        elif kind in ("greater_than_equal", "less_than_equal"):
            low, high = RANGES[str(found["loc"][-1])]
            message = f"expected a number from {low} to {high}"
        else:
            message = _EXPECTED.get(kind, found["msg"])
        if kind == "extra_forbidden":
            message += _did_you_mean(str(found["loc"][-1]))
        problems.setdefault(path, Problem(path, message))
    return list(problems.values())


def _did_you_mean(key: str) -> str:
    sections = (
        QueriesFile,
        CentralSection,
        SourceSection,
        StreamSection,
        AggregateSection,
        TimeoutsSection,
        QuietHoursSection,
        RenameSection,
    )
    known = sorted({name for section in sections for name in section.model_fields})
    return "".join(
        f"; did you mean {close}?" for close in get_close_matches(key, known, 1, cutoff=0.75) if close != key
    )


def _config(file: QueriesFile, environment: Mapping[str, str]) -> Config:
    """Return the domain's types for a file in which nothing is wrong."""
    sources = tuple(
        Source(
            name=section.name,
            server=_server(section, environment),
            streams=tuple(_stream(file, section, stream) for stream in section.streams),
            concurrent_queries=section.concurrent_queries,
            timeouts=Timeouts(*(getattr(section.timeouts, key) / 1e9 for key in ("connect", "read", "query"))),
            restraint=Restraint(section.max_points_per_second, _quiet(section)),
        )
        for section in file.sources
    )
    return Config(
        central=_server(file.central, environment),
        sources=sources,
        metrics_bucket=file.central.metrics_bucket,
        max_in_flight=file.max_in_flight,
        max_in_flight_bytes=file.max_in_flight_size,
        sweep=file.sweep,
    )


def _quiet(section: SourceSection) -> QuietHours | None:
    quiet = section.quiet_hours
    return QuietHours(quiet.zone, tuple(quiet.hours)) if quiet is not None else None


def _naming(section: RenameSection | None) -> Naming:
    if section is None:
        return AS_THEY_ARE
    return Naming(*(tuple(sorted(names.items())) for names in (section.measurements, section.fields)))


def _indistinct(config: Config) -> list[Problem]:
    """Find streams whose points could not be told apart in central: each would take the other's for its own."""
    problems = []
    sources: dict[tuple[str, str], list[str]] = {}
    for stream in config.streams:
        sources.setdefault((stream.bucket, stream.central_bucket), []).append(stream.source)
    for number, source in enumerate(config.sources):
        for at, stream in enumerate(source.streams):
            others = [name for name in sources[stream.bucket, stream.central_bucket] if name != source.name]
            if not others or MetadataTag.SOURCE in stream.metadata_tags:
                continue
            text = f"expected source among them: {others[0]} has a bucket {stream.bucket} as well, and in central"
            text += f" ({stream.central_bucket}) their points could not be told apart"
            problems.append(Problem(f"sources[{number}].streams[{at}].metadata_tags", text))
    return problems


def _server(section: ServerSection, environment: Mapping[str, str]) -> Server:
    credential: Credential | Login = Credential(_secret(section.token), section.token_file)
    if isinstance(section, SourceSection) and section.streams[0].database is not None:
        credential = Login(section.username or "", _secret(section.password), section.password_file)
    tls = Tls(
        section.tls_ca, section.tls_cert, section.tls_key, section.tls_server_name, not section.insecure_skip_verify
    )
    proxy = None
    with suppress(ValueError):  # reported by `_unusable_transports`
        proxy = proxy_for(section.url, environment)
    transport = Transport(tls, proxy, section.compression)
    return Server(section.url, section.org or "", credential, transport, section.read)


def _secret(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value else None


def _servers(config: Config) -> list[tuple[str, Server]]:
    """Return all servers by their key path."""
    sources = ((f"sources[{number}]", source.server) for number, source in enumerate(config.sources))
    return [("central", config.central), *sources]


def _unusable_transports(config: Config, environment: Mapping[str, str]) -> list[Problem]:
    problems = []
    for path, server in _servers(config):
        problems += [Problem(f"{path}.{key}", message) for key, message in server.transport.tls.problems()]
        try:
            proxy_for(server.url, environment)
        except ValueError as error:
            problems.append(Problem(f"{path}.url", str(error)))
    return problems


def _unreadable_tokens(config: Config) -> list[Problem]:
    problems = []
    for path, server in _servers(config):
        if server.credential == Credential():
            continue  # reported already
        try:
            server.credential.read()
        except ValueError as error:
            key = "password" if server.v1 else "token"
            problems.append(Problem(f"{path}.{key if server.credential.file is None else f'{key}_file'}", str(error)))
    return problems


def _stream(file: QueriesFile, source: SourceSection, section: StreamSection) -> StreamDefinition:
    """Return one stream: its own keys over its template's."""
    template = file.templates.get(section.template or "", SelectionSection())
    own = {key: value for key in SelectionSection.model_fields if (value := getattr(section, key)) is not None}
    chosen = template.model_copy(update=own)
    bucket = f"{section.database}/{section.retention_policy}" if section.database else section.bucket or ""
    return StreamDefinition(
        source=source.name,
        name=section.name or bucket.replace("/", "_"),
        bucket=bucket,
        central_bucket=section.central_bucket or bucket,
        measurements=tuple(chosen.measurements or ()),
        exclude_fields=tuple(chosen.exclude_fields or ()),
        tags=tuple((key, tuple(values)) for key, values in (chosen.tags or {}).items()),
        aggregate=Aggregate(chosen.aggregate.every, chosen.aggregate.fn) if chosen.aggregate else None,
        flux=chosen.flux,
        naming=_naming(chosen.rename),
        lookback=chosen.lookback or _DEFAULT_LOOKBACK,
        metadata_tags=tuple(chosen.metadata_tags or file.metadata_tags),
        start=chosen.start or Start(ago=_DEFAULT_START),
        max_lag=chosen.max_lag,
        rewritten_tags=tuple(file.rewritten_tags),
    )
