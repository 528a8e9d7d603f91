"""queries.yaml and the environment to a `Config`, or to everything that is wrong with them at once. No network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from telegraf_plugin.config.model import Config, Credential, Server, Source, Timeouts
from telegraf_plugin.config.schema import (
    QueriesFile,
    RoutableTags,
    SelectionSection,
    ServerSection,
    SourceSection,
    StreamSection,
)
from telegraf_plugin.config.variables import substitute
from telegraf_plugin.config.yaml_file import read_yaml
from telegraf_plugin.errors import ConfigurationError, Problem
from telegraf_plugin.stream.definition import Aggregate, StreamDefinition

_DEFAULT_LOOKBACK = 5 * 60 * 1_000_000_000
_EXPECTED = {
    "missing": "is missing",
    "extra_forbidden": "is not a key that is known here",
    "string_type": "expected text; write it in quotes",
    "list_type": "expected a list",
    "dict_type": "expected keys and values",
    "model_type": "expected keys and values",
    "model_attributes_type": "expected keys and values",
    "int_type": "expected a whole number",
    "too_short": "expected at least one entry",
    "string_too_short": "expected text that is not empty",
}


def load(path: Path, environment: Mapping[str, str]) -> Config:
    """Return the configuration that the file at `path` and the variables of `environment` make.

    Raises ConfigurationError with every problem, each by its key path.
    """
    problems: list[Problem] = []
    raw = substitute(read_yaml(path), environment, problems)
    try:
        parsed = QueriesFile.model_validate(raw)
    except ValidationError as error:
        known = {problem.path for problem in problems}
        problems += [found for found in _explain(error) if found.path not in known]
        # A token that was refused above must not be reported a second time, as missing.
        problems = [p for p in problems if not (p.message.startswith("expected either") and f"{p.path}.token" in known)]
        raise ConfigurationError(str(path), problems) from None
    config = _Builder(parsed, problems).build()
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
            elif part not in _UNION_MARKS:
                path += f".{part}" if path else part
        kind, context = found["type"], found.get("ctx", {})
        if kind == "value_error":
            message = str(context["error"])
        elif kind == "enum":
            message = f"expected one of {context['expected']}"
        elif kind in ("greater_than_equal", "less_than_equal"):
            message = f"expected a number from 1 to 16 ({found['msg'].lower()})"
        else:
            message = _EXPECTED.get(kind, found["msg"])
        problems.setdefault(path, Problem(path, message))
    return list(problems.values())


# What pydantic adds to a location to say which member of a union it tried.
_UNION_MARKS = frozenset(
    (
        "constrained-str",
        "function-after[_name(), str]",
        "list[function-after[_name(), str]]",
    )
)


class _Builder:
    """Builds the domain's types from a file whose form is right; finds what only shows across keys."""

    def __init__(self, file: QueriesFile, problems: list[Problem]) -> None:
        self._file = file
        self._problems = problems

    def build(self) -> Config:
        sources = []
        for number, section in enumerate(self._file.sources):
            path = f"sources[{number}]"
            streams = [self._stream(section, n, f"{path}.streams[{n}]") for n in range(len(section.streams))]
            self._unique([stream.name for stream in streams], path + ".streams[{}].name", "stream of this source")
            timeouts = section.timeouts
            sources.append(
                Source(
                    name=section.name,
                    server=self._server(section, path),
                    streams=tuple(streams),
                    concurrent_queries=section.concurrent_queries,
                    timeouts=Timeouts(timeouts.connect / 1e9, timeouts.read / 1e9, timeouts.query / 1e9),
                )
            )
        self._unique([source.name for source in sources], "sources[{}].name", "source")
        return Config(self._server(self._file.central, "central"), tuple(sources))

    def _unique(self, names: list[str], path: str, what: str) -> None:
        for number, name in enumerate(names):
            if name in names[:number]:
                message = f"another {what} is called {name!r} already; give each its own name"
                self._problems.append(Problem(path.format(number), message))

    def _server(self, section: ServerSection, path: str) -> Server:
        token = section.token.get_secret_value() if section.token else None
        credential = Credential(token, section.token_file)
        try:
            credential.read()
        except ValueError as error:
            key = "token" if section.token_file is None else "token_file"
            self._problems.append(Problem(f"{path}.{key}", str(error)))
        return Server(section.url, section.org, credential)

    def _stream(self, source: SourceSection, number: int, path: str) -> StreamDefinition:
        section = source.streams[number]
        chosen = self._selection(section, path)
        filters = ("measurements", "exclude_fields", "tags", "aggregate")
        if chosen.flux is not None and any(getattr(chosen, key) is not None for key in filters):
            self._problems.append(Problem(f"{path}.flux", f"expected without {', '.join(filters)}: the query filters"))
        if chosen.flux is not None and not {"start", "stop"} <= set(_words(chosen.flux)):
            message = "expected |> range(start: start, stop: stop) in it: the collector sets both"
            self._problems.append(Problem(f"{path}.flux", message))
        metadata_tags: RoutableTags = chosen.metadata_tags or self._file.metadata_tags
        tags = {key: [value] if isinstance(value, str) else value for key, value in (chosen.tags or {}).items()}
        return StreamDefinition(
            source=source.name,
            name=section.name or section.bucket.replace("/", "_"),
            bucket=section.bucket,
            central_bucket=section.central_bucket or section.bucket,
            measurements=tuple(chosen.measurements or ()),
            exclude_fields=tuple(chosen.exclude_fields or ()),
            tags=tuple((key, tuple(values)) for key, values in tags.items()),
            aggregate=Aggregate(chosen.aggregate.every, chosen.aggregate.fn) if chosen.aggregate else None,
            flux=chosen.flux,
            lookback=chosen.lookback or _DEFAULT_LOOKBACK,
            metadata_tags=tuple(metadata_tags),
        )

    def _selection(self, section: StreamSection, path: str) -> SelectionSection:
        """Return the stream's keys over its template's."""
        template = SelectionSection()
        if section.template is not None:
            if section.template not in self._file.templates:
                names = ", ".join(sorted(self._file.templates)) or "none"
                message = f"no template is called {section.template!r}; there are: {names}"
                self._problems.append(Problem(f"{path}.template", message))
            template = self._file.templates.get(section.template, template)
        keys = SelectionSection.model_fields
        own = {key: getattr(section, key) for key in keys if getattr(section, key) is not None}
        return template.model_copy(update=own)


def _words(flux: str) -> list[str]:
    return "".join(character if character.isalnum() or character == "_" else " " for character in flux).split()
